/**
 * Pages of CppComet on a real node: what is published anywhere arrives at them as the same value, and theirs anywhere.
 *
 * Owns that for both generations of pages over both of their transports. The pages are the tests' own (comet-client.ts) and
 * digest frames as the original's script is described to, which is where values can get lost. What that format itself can
 * not carry is said at the tests: a bare text that is JSON is its value, and bytes that are no UTF-8 are none.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import {
  type CometPage,
  type CometPageOptions,
  cometTransports,
  openCometPage,
} from '../support/comet-client.ts'
import { applicationOf, startCometNode } from '../support/comet-node.ts'
import { holdsAsync } from '../support/holds.ts'
import type { TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { openClient, openPublisher, ops } from '../support/wire.ts'

const RUNS = 40
/** For each of those who can publish. */
const RUNS_EACH = 12
const VERSIONS = ['4.08', '3.25']

/** Pieces of texts that break careless encoders, besides those that fast-check thinks of. */
const nasty = fc
  .array(
    fc.constantFrom(
      '"',
      '/',
      '{',
      '}',
      '1',
      'A::',
      ';',
      '\n',
      '\r',
      '\t',
      '\0',
      'é',
      '😀',
      '\u2028',
      ' ',
      'null',
    ),
    {
      maxLength: 8,
    },
  )
  .map((pieces) => pieces.join(''))
const quotes = fc
  .array(fc.constantFrom('\\', "'", '"', 'n', 'u0027'), { maxLength: 6 })
  .map((pieces) => pieces.join(''))
const texts = fc.oneof(nasty, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))

/** As JSON says it: −0 is 0 there. */
const values = fc
  .oneof(fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }), texts, fc.dictionary(texts, texts))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter((value) => !JSON.stringify(value).includes('__proto__')) // MessagePack readers leave it out

test('values and texts arrive at pages as they are, whoever published them', async (t) => {
  const node = await startCometNode(t)
  const stage = await openStage(t, node)
  const source = fc.constantFrom(...Object.keys(stage.sources))
  const published = fc.record({ source, value: values })
  await holdsAsync(
    fc.asyncProperty(fc.array(published, { minLength: 1, maxLength: 5 }), async (list) => {
      for (const { source, value } of list) await stage.publish(source, value)
      await stage.allHave(list.map(({ value }) => value))
    }),
    RUNS,
  )
})

test('backslashes and apostrophes arrive at pages as they are, whoever published them', async (t) => {
  const node = await startCometNode(t)
  const stage = await openStage(t, node)
  for (const source of Object.keys(stage.sources)) {
    await holdsAsync(
      fc.asyncProperty(fc.array(quotes, { minLength: 1, maxLength: 5 }), async (list) => {
        for (const value of list) await stage.publish(source, { [value]: value })
        await stage.allHave(list.map((value) => ({ [value]: value })))
      }),
      RUNS_EACH,
    )
  }
})

test('bare texts of pages arrive as that text, or as the value that they are', async (t) => {
  const node = await startCometNode(t)
  const stage = await openStage(t, node)
  await holdsAsync(
    fc.asyncProperty(fc.array(fc.oneof(texts, quotes), { minLength: 1, maxLength: 5 }), async (list) => {
      for (const text of list) await stage.say(text)
      await stage.allHave(list.map(meant))
    }),
    RUNS,
  )
})

test('what pages publish arrives at other clients as the value that they sent', async (t) => {
  const node = await startCometNode(t)
  const native = await openClient(node.wsUrl)
  t.after(() => native.close())
  await native.ok({ subscribe: { channel: 'web_in' } })
  const pages = [
    await openCometPage(t, node.publicPort),
    await openCometPage(t, node.publicPort, { version: '3.25' }),
  ]
  let count = 0
  await holdsAsync(
    fc.asyncProperty(fc.array(fc.oneof(values, quotes), { minLength: 1, maxLength: 5 }), async (list) => {
      for (const value of list) {
        pages[count % pages.length]?.publish('web_in', `e${count}`, value)
        count++
        await native.received('web_in', count)
      }
      const came = native.publications.slice(-list.length)
      assert.deepEqual(
        came.map(({ data, event }) => [data, event]),
        list.map((value, n) => [value, `e${count - list.length + n}`]),
      )
    }),
    RUNS,
  )
})

test('page that logs in is known by name, over either transport', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  await app.setKey('7', 'hash7')
  for (const transport of cometTransports) {
    await app.toUser('7', 'pm', `before ${transport}`)
    for (const version of VERSIONS) {
      const page = await openCometPage(t, node.publicPort, {
        transport,
        version,
        key: 'hash7',
        user: 7,
        uuid: `${transport}-${version}`,
        pipes: ['private_x'],
      })
      assert.deepEqual([page.isAuthorized(), page.realKey()], [true, 'hash7'])
      await app.toUser('7', 'pm', { text: version })
      const isFirst = version === VERSIONS[0]
      const mail = await page.received('msg.pm', isFirst ? 2 : 1)
      assert.deepEqual(
        mail.map(({ data }) => data),
        [...(isFirst ? [`before ${transport}`] : []), { text: version }],
      )
      await app.inboxIsEmpty('7') // what was acknowledged for the page does not come again
      await app.publish('private_x', 'e', 'secret')
      assert.equal((await page.received('private_x', 1))[0]?.data, 'secret')
      await page.close()
      await until(async () => (await online(node, '7')) === (transport === 'poll'), {
        what: 'the user to be away, or as a poller to be kept for a while',
      })
    }
  }
})

test('messages that waited all come, once and in order, to all pages of their user', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const waiting = Array.from({ length: 60 }, (_, n) => `message ${n}`)
  for (const transport of cometTransports) {
    for (const version of VERSIONS) {
      const user = `${7 + 2 * cometTransports.indexOf(transport) + VERSIONS.indexOf(version)}`
      const login = { key: `hash${user}`, user }
      await app.setKey(user, login.key)
      for (const text of waiting) await app.toUser(user, 'pm', text)
      const page = await openCometPage(t, node.publicPort, {
        transport,
        version,
        ...login,
        uuid: `first${user}`,
      })
      const came = await page.received('msg', waiting.length)
      assert.deepEqual(
        came.map(({ data }) => data),
        waiting,
      )
      await app.inboxIsEmpty(user)
      const others = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          openCometPage(t, node.publicPort, { ...login, uuid: `other${n}` }),
        ),
      )
      await app.toUser(user, 'pm', 'for all')
      for (const one of [page, ...others]) {
        await until(() => one.messages.at(-1)?.data === 'for all', { what: 'the last message' })
        assert.equal(one.messages.length, one === page ? waiting.length + 1 : 1)
      }
    }
  }
})

test('pages of two tenants share no pipe, no user and no key', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const [one, two] = [app, applicationOf(node, 2)]
  await one.setKey('7', 'hash-of-one')
  await two.setKey('7', 'hash-of-two')
  const pages = await Promise.all(
    [1, 2].map((tenant) =>
      openCometPage(t, node.publicPort, { tenant, user: 7, key: 'hash-of-two', pipes: ['web_x', 'track_x'] }),
    ),
  )
  assert.deepEqual(
    pages.map((page) => [page.isAuthorized(), page.realKey()]),
    [
      [false, ''],
      [true, 'hash-of-two'],
    ],
  )
  for (const [n, application] of [one, two].entries()) {
    await application.publish('web_x', 'e', `of tenant ${n + 1}`)
    await application.toUser('7', 'pm', `to 7 of tenant ${n + 1}`)
  }
  pages[0]?.publish('web_x', 'e', 'not to myself')
  const [first, second] = pages
  assert.ok(first && second)
  assert.equal((await first.received('web_x', 1))[0]?.data, 'of tenant 1')
  assert.equal((await second.received('web_x', 1))[0]?.data, 'of tenant 2')
  assert.equal((await second.received('msg', 1))[0]?.data, 'to 7 of tenant 2')
  const report = (await first.received('_answer_to_web_x', 1))[0]?.data
  assert.equal((report as { number_messages: number }).number_messages, 0)
  for (const [n, page] of pages.entries()) {
    page.say(`pipe_count\ntrack_x\n123456789${n}\n`)
    assert.deepEqual((await page.answer(`123456789${n}`)).data, { user_in_pipe: 1 })
    assert.equal(page.messages.filter(({ signals }) => signals.includes('web_x')).length, 1)
  }
})

test('page asks for counts, lists, logs and texts of users, and is called back', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  await app.call('channels/settings', { channel: 'web_kept', historySize: 10 })
  await app.publish('web_kept', 'e', 'one')
  await app.publish('web_kept', 'e', { two: 2 })
  await app.call('users/data', { user: '17', data: 'a text of 17' })
  const page = await openCometPage(t, node.publicPort, { pipes: ['track_room', 'web_kept'] })
  const old = await openCometPage(t, node.publicPort, { pipes: ['track_room'], version: '3.25', uuid: 'old' })
  for (const [n, one] of [page, old].entries()) {
    one.say(`pipe_count\ntrack_room\n123456789${n}\n`)
    assert.deepEqual((await one.answer(`123456789${n}`)).data, { user_in_pipe: 2 })
    one.say(`user_data\n223456789${n}\n17`)
    assert.deepEqual((await one.answer(`223456789${n}`)).data, { user_data: 'a text of 17', user_id: 17 })
  }
  page.say('track_pipe_users\ntrack_room\n3234567890')
  const { data: there } = await page.answer('3234567890')
  assert.deepEqual(uuids(there), ['old', '0123456789abcdefghijklmnopqrstuv'], 'who came last is first')
  old.say('track_pipe_users\ntrack_room\n3234567891')
  const answer = await old.answer('3234567891')
  assert.deepEqual([uuids(answer.data), answer.pipe], [uuids(there), 'track_room'])

  page.say('pipe_log\nweb_kept\n4234567890\n')
  const kept = await page.received('web_kept', 2)
  assert.deepEqual(
    kept.map(({ data, history, userId }) => [data, history, userId]),
    [
      ['one', true, 0],
      [{ two: 2 }, true, 0],
    ],
  )
  old.say('pipe_log\nweb_kept\n4234567891\n')
  const first = await old.answer('4234567891')
  assert.deepEqual([first.data, first.history], ['one', true])
})

/** Pages of both generations over both transports, and everyone who can publish to them. */
async function openStage(t: TestContext, node: TestNode) {
  const channel = 'web_any'
  const open = (more: CometPageOptions) =>
    openCometPage(t, node.publicPort, {
      pipes: [channel],
      uuid: `${more.transport}-${more.version}`,
      ...more,
    })
  const pages: CometPage[] = []
  for (const transport of cometTransports) {
    for (const version of VERSIONS) pages.push(await open({ transport, version }))
  }
  const app = applicationOf(node)
  const sender = await openCometPage(t, node.publicPort, { uuid: 'sender' })
  const native = await openClient(node.wsUrl)
  const msgpack = await openClient(node.wsUrl, { format: 'msgpack' })
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => Promise.all([native.close(), msgpack.close(), line.close()]))
  let seq = 1
  let count = 0

  const publishBinary = async (data: unknown): Promise<void> => {
    seq++
    line.send(ops.publish, seq, channel, data)
    await line.answer(seq - 1)
  }
  const sources: Record<string, (value: unknown) => Promise<unknown>> = {
    http: (value) => app.publish(channel, 'e', value),
    value: publishBinary,
    json: (value) => publishBinary(Buffer.from(JSON.stringify(value))),
    native: (data) => native.ok({ publish: { channel, data } }),
    msgpack: (data) => msgpack.ok({ publish: { channel, data } }),
    page: (value) => say(JSON.stringify(value)),
  }

  /** Resolves once the node has reported on it. */
  async function say(text: string): Promise<void> {
    const before = sender.messages.length
    sender.say(`web_pipe2\n${channel}\ne\n*\n${text}`)
    await until(() => sender.messages.length > before, { what: 'the report' })
    const report = sender.messages.at(-1)
    assert.equal((report?.data as { number_messages: number }).number_messages, pages.length)
  }

  return {
    pages,
    sources,
    say,
    publish: (source: string, value: unknown) => sources[source]?.(value),
    async allHave(list: readonly unknown[]): Promise<void> {
      count += list.length
      for (const page of pages) {
        const came = await page.received(channel, count)
        assert.deepEqual(
          came.slice(count - list.length).map(({ data }) => data),
          list,
        )
        assert.deepEqual(page.dropped, [])
      }
    },
  }
}

/** What a bare text is to everyone: the value if it is JSON, else itself. */
function meant(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // no JSON, so a text
  }
}

async function online({ internalUrl }: TestNode, user: string): Promise<boolean> {
  const response = await fetch(`${internalUrl}/api/users/${user}`)
  return ((await response.json()) as { readonly online: boolean }).online
}

function uuids(list: unknown): string[] {
  return (list as { readonly uuid: string }[]).map(({ uuid }) => uuid)
}
