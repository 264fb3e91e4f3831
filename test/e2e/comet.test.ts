/**
 * CppComet's browser protocol on a real node, beside clients of the node's own: what the recorded conversations do not show.
 *
 * Owns the order of what comes first, lists of pipes in quick succession, tenants, who may come in, and polls between which
 * nothing is lost. Over bare TCP and plain HTTP.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CometFields, cometPath, dialComet, openComet, upgradeRequest } from '../support/comet-line.ts'
import { applicationOf, startCometNode } from '../support/comet-node.ts'
import type { TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { counter, type Fields, openClient } from '../support/wire.ts'

const object = (text: string): Fields => JSON.parse(text) as Fields

test('page is greeted before anything else, what waited comes next, and comes once', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  await app.setKey('7', 'hash7')
  const count = 60
  for (let n = 0; n < count; n++) await app.toUser('7', 'pm', { n })
  const login = { key: 'hash7', user: 7 }
  const line = await dialComet(t, node.publicPort, upgradeRequest(cometPath(login)))
  const [greeting = '', ...waited] = await line.texts(count + 1)
  assert.deepEqual([object(greeting).event, object(greeting).authorized], ['serverInfo', 'true'])
  const expected = Array.from({ length: count }, (_, n) => ['msg', true, `{"n":${n}}`])
  assert.deepEqual(
    waited.map(object).map(({ pipe, fromQueue, data }) => [pipe, fromQueue, data]),
    expected,
  )
  await app.inboxIsEmpty('7')
  await line.hangUp()
  await until(async () => (await stats(node)).connections === 0, { what: 'the page to be gone' })
  const again = await openComet(t, node.publicPort, login)
  assert.deepEqual((await again.settled()).frames, [])
})

test('list of pipes is never overtaken by the next one', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const line = await openComet(t, node.publicPort)
  for (let n = 0; n < 20; n++) line.say(`subscription\nweb_a${n}\nweb_b${n}`)
  line.say('subscription\nweb_b19\nweb_last')
  await line.settled()
  for (const pipe of ['web_a19', 'web_b18', 'web_b19', 'web_last']) await app.publish(pipe, 'e', pipe)
  const { frames } = await line.settled(2)
  assert.equal(frames.length, 2)
  assert.equal((await stats(node)).subscriptions, 2)
})

test('pipe that stays on the list is neither left nor joined', async (t) => {
  const node = await startCometNode(t)
  const watcher = await openComet(t, node.publicPort, { uuid: 'watcher' })
  watcher.say('subscription\ntrack_room')
  await watcher.settled()
  const line = await openComet(t, node.publicPort, { uuid: 'other' })
  for (const list of ['track_room', 'track_room\nweb_x', 'web_y\ntrack_room', 'web_y']) {
    line.say(`subscription\n${list}`)
    await line.settled()
  }
  const texts = await watcher.texts(2)
  assert.deepEqual(
    texts.map(object).map(({ event }) => event),
    ['subscription', 'unsubscription'],
  )
  assert.deepEqual((await watcher.settled()).frames, [])
})

test('pipes and users of one tenant are not those of another', async (t) => {
  const node = await startCometNode(t)
  await applicationOf(node).setKey('7', 'hash7')
  const first = await openComet(t, node.publicPort)
  const second = await openComet(t, node.publicPort, { tenant: 2 })
  for (const line of [first, second]) {
    line.say('subscription\nweb_room')
    await line.settled()
  }
  second.say('web_pipe2\nweb_room\ne\n*\n1')
  const [report = ''] = await second.texts(1)
  assert.equal((object(report).data as Fields).number_messages, 0)
  assert.deepEqual((await first.settled()).frames, [])
  const stranger = { key: 'hash7', user: 7, tenant: 2 }
  const line = await dialComet(t, node.publicPort, upgradeRequest(cometPath(stranger)))
  assert.equal(object((await line.texts(1))[0] ?? '').authorized, 'false')
})

test('pages and other clients share channels, senders and lists of who is there', async (t) => {
  const node = await startCometNode(t)
  await applicationOf(node).setKey('7', 'hash7')
  const native = await openClient(node.wsUrl)
  t.after(() => native.close())
  await native.ok({ subscribe: { channel: 'track_room' } })
  await native.ok({ subscribe: { channel: 'web_room' } })
  const line = await openComet(t, node.publicPort, { key: 'hash7', user: 7, uuid: 'page' })
  line.say('subscription\ntrack_room\nweb_room')
  await line.settled()
  const [joined] = await native.received('track_room', 1)
  assert.deepEqual([joined?.event, joined?.data], ['subscription', { user_id: 7, uuid: 'page' }])
  const presence = await native.ok({ presence: { channel: 'track_room' } })
  const sessions = (presence.clients as { session: string; user: string }[]).map(({ session }) => session)
  assert.ok(sessions.some((session) => session.startsWith('page~')))
  line.say('web_pipe2\nweb_room\nhi\n*\n{"a":1}')
  const [published] = await native.received('web_room', 1)
  assert.deepEqual([published?.user, published?.event, published?.data], ['7', 'hi', { a: 1 }])
  await line.settled()
  await native.ok({ publish: { channel: 'web_room', data: 'text', event: 'back' } })
  const { data, event, user_id } = object((await line.texts(1))[0] ?? '')
  assert.deepEqual([data, event, user_id], ['"text"', 'back', 0])
})

test('rules of the operator decide who may subscribe, publish and count', async (t) => {
  const rules = JSON.stringify([
    { match: 'web_closed', publish: 'nobody', presence: 'off' },
    { match: 'web_users', subscribe: 'user' },
    { match: 'open', publish: 'anyone' },
  ])
  const node = await startCometNode(t, ['--channels', rules])
  const line = await openComet(t, node.publicPort)
  line.say('web_pipe2\nweb_closed\ne\n*\n1')
  line.say('pipe_count\nweb_closed\nm\n')
  line.say('web_pipe2\nopen\ne\n*\n1')
  line.say('subscription\nweb_users\nweb_x')
  const texts = await line.texts(3)
  assert.match(texts[0] ?? '', /\[pipe_msg2\] Invalid channel name/)
  assert.match(texts[1] ?? '', /\[pipe_count\] Invalid channel name/)
  assert.match(texts[2] ?? '', /"pipe":"_answer_to_open"/)
  await line.settled()
  assert.equal((await stats(node)).subscriptions, 1)
})

test('node that asks for tokens lets in no page without a login', async (t) => {
  const secret = 'a secret of sixteen bytes'
  const node = await startCometNode(t, ['--token-secret', secret])
  await applicationOf(node).setKey('7', 'hash7')
  const stranger = await dialComet(t, node.publicPort, upgradeRequest(cometPath()))
  const { frames, end } = await stranger.dropped()
  assert.deepEqual([frames.length, end], [1, 'dropped'])
  assert.match(String(frames[0]), /"error_code":401/)
  const poll = await (await pollOnce(node)).text()
  assert.match(poll, /"error_code":401/)
  await openComet(t, node.publicPort, { key: 'hash7', user: 7 })
})

test('node that does not serve CppComet serves nothing of it', async (t) => {
  const node = await startCometNode(t, ['--no-comet'])
  assert.equal((await pollOnce(node)).status, 404)
  assert.equal((await fetch(`${node.publicUrl}/info`)).status, 404)
  const line = await dialComet(t, node.publicPort, upgradeRequest(cometPath()))
  assert.match(await line.upgraded(), /^HTTP\/1\.1 404 /)
})

test('limits of connections refuse a page before its upgrade, and a poll with the same status', async (t) => {
  const node = await startCometNode(t, ['--max-connections', '1'])
  const line = await openComet(t, node.publicPort)
  const other = await dialComet(t, node.publicPort, upgradeRequest(cometPath()))
  assert.match(await other.upgraded(), /^HTTP\/1\.1 503 /)
  assert.equal((await pollOnce(node)).status, 503)
  await line.hangUp()
  await until(async () => (await pollOnce(node)).status === 200, { what: 'room for a poll' })
})

test('script of a page is sent its fix only where the operator and the page say so', async (t) => {
  const node = await startCometNode(t, ['--comet-restart-fix'])
  for (const [version, waits] of [
    ['4.08', false],
    ['3.25', true],
  ] as const) {
    const line = await dialComet(t, node.publicPort, upgradeRequest(cometPath({ version })))
    const [greeting = '', script = ''] = await line.texts(2)
    assert.equal(object(greeting).event, 'serverInfo')
    const { data, jscode } = object(script)
    assert.equal(data, '', 'pages drop what has no data')
    assert.equal(String(jscode).includes('}, 1500)'), waits)
  }
  const path = cometPath().replace('&api=js', '')
  const other = await dialComet(t, node.publicPort, upgradeRequest(path))
  assert.equal((await other.settled(1)).frames.length, 1)
  const without = await startCometNode(t)
  const line = await dialComet(t, without.publicPort, upgradeRequest(cometPath()))
  assert.equal((await line.settled(1)).frames.length, 1)
})

test('polls get what came between them, in order and once', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const lines = poller(node, 'web_x\nweb_y')
  assert.deepEqual(
    (await lines()).map(({ event }) => event),
    ['serverInfo'],
  )
  const got: unknown[] = []
  const count = 200
  const publishing = (async () => {
    for (let n = 0; n < count; n++) await app.publish(n % 2 === 0 ? 'web_x' : 'web_y', 'e', n)
  })()
  await until(
    async () => {
      const { connections } = await stats(node)
      assert.equal(connections, 1)
      for (const { data } of await lines()) got.push(Number(data))
      return got.length >= count
    },
    { withinMs: 20_000, what: () => `${count} messages, ${got.length} came` },
  )
  await publishing
  const own = (rest: number) => got.filter((n) => Number(n) % 2 === rest)
  const all = Array.from({ length: count }, (_, n) => n)
  assert.deepEqual([own(0), own(1)], [all.filter((n) => n % 2 === 0), all.filter((n) => n % 2 === 1)])
  assert.equal(got.length, count)
})

test('newer poll of a page takes over, and the older is answered empty', async (t) => {
  const node = await startCometNode(t)
  const lines = poller(node, 'web_x')
  await lines()
  const older = lines()
  await pollsCame(node, 2, 'web_x')
  const newer = lines()
  assert.deepEqual(await older, [])
  await applicationOf(node).publish('web_x', 'e', 'for the newer')
  assert.deepEqual(
    (await newer).map(({ data }) => data),
    ['"for the newer"'],
  )
})

test('messages that waited for a user stay until the poll after the one that brought them', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  await app.setKey('7', 'hash7')
  await app.toUser('7', 'pm', 'while away')
  const lines = poller(node, '', { key: 'hash7', user: 7 })
  const came = [...(await lines()), ...(await lines())]
  assert.deepEqual(
    came.map(({ event }) => event),
    ['serverInfo', 'pm'],
  )
  assert.equal((await waiting(node)).length, 1)
  const third = lines()
  await app.inboxIsEmpty('7')
  await app.toUser('7', 'pm', 'here')
  assert.deepEqual(
    (await third).map(({ data, fromQueue }) => [data, fromQueue]),
    [['"here"', undefined]],
  )
})

test('poll of a user whose key is taken back is over, and the next is nobody', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  await app.setKey('7', 'hash7')
  const lines = poller(node, 'private_x', { key: 'hash7', user: 7 })
  await lines()
  const held = lines()
  await pollsCame(node, 2, 'private_x')
  await app.call('users/key/remove', { user: '7' })
  assert.deepEqual(await held, [])
  assert.equal((await lines())[0]?.authorized, 'false')
})

test('poll without a name of its browser is a session of its own', async (t) => {
  const node = await startCometNode(t, ['--poll-hold-ms', '500'])
  for (let poll = 0; poll < 3; poll++) {
    const lines = await poller(node, 'web_x', { uuid: '' })()
    assert.deepEqual(
      lines.map(({ event }) => event),
      ['serverInfo'],
    )
  }
  assert.equal((await stats(node)).connections, 0)
})

test('metrics tell pages over sockets and over polls apart', async (t) => {
  const node = await startCometNode(t)
  await openComet(t, node.publicPort)
  await poller(node, '')()
  for (const transport of ['comet', 'comet-poll']) {
    assert.equal(await counter(node.internalUrl, 'encke_connections_total', { transport }), 1, transport)
  }
})

function pollOnce(node: TestNode, body = '', fields: CometFields = {}): Promise<Response> {
  return fetch(node.publicUrl + cometPath({ prefix: '/', ...fields }), { method: 'POST', body })
}

/** Polls, one answer at a time. */
function poller(node: TestNode, pipes: string, fields: CometFields = {}) {
  return async (): Promise<Fields[]> => {
    const response = await pollOnce(node, pipes, fields)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('access-control-allow-origin'), '*')
    const text = await response.text()
    return text === '' ? [] : text.split('\n').map(object)
  }
}

/** Until the node has `count` polls, all with the same body: two under way at once may come in any order. */
async function pollsCame(node: TestNode, count: number, body: string): Promise<void> {
  const received = () => counter(node.internalUrl, 'encke_received_bytes_total', { transport: 'comet-poll' })
  await until(async () => (await received()) === count * body.length, { what: `${count} polls to come` })
}

async function stats(node: TestNode): Promise<{ connections: number; subscriptions: number }> {
  const response = await fetch(`${node.internalUrl}/api/stats`)
  return ((await response.json()) as { counts: { connections: number; subscriptions: number } }).counts
}

async function waiting(node: TestNode): Promise<readonly unknown[]> {
  const response = await fetch(`${node.internalUrl}/api/users/7/inbox`)
  return ((await response.json()) as { messages: readonly unknown[] }).messages
}
