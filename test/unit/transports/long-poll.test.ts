/**
 * Tests of src/transports/long-poll.ts, from a request to its answer: what came between two polls, polls that replace
 * each other or vanish while their commands run, the place of a session, large answers, and capsules that were revoked.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { VerifyToken } from '../../../src/core/tokens.ts'
import { answerOf, type HttpRoutes, httpRoutes, offsetsOn } from '../../support/http-routes.ts'

const LINGER_MS = 15_000
/** The sweep looks that often for sessions without a poll. */
const SWEEP_MS = 250

const at = (offset: number) => ({ epoch: 'k3', offset })

const verifyToken: VerifyToken = (user) => ({ tenant: 1, user, grants: [], untilSecond: 0 })

describe('a poll without positions', () => {
  // Such a poll took it that the client had everything that was published, so what came between it and the poll before
  // it was passed over without a word where a channel had more than one subscriber.
  for (const others of [0, 1, 2]) {
    test(`poll without positions gets what came between two polls, beside ${others} others`, async (t) => {
      const node = httpRoutes(t)
      for (let n = 0; n < others; n++) await node.enter(['news'])
      const capsule = await node.enter(['news'])
      await node.publish('news', 'a')
      await node.publish('news', 'b')
      await node.settle()
      const first = await node.ask('/poll', { capsule, commands: [{ id: 3, ping: {} }] })
      assert.deepEqual(offsetsOn('news', first.messages), [1, 2])
      const waiting = await node.send('/poll', { capsule })
      await node.publish('news', 'c')
      await node.settle()
      assert.deepEqual(offsetsOn('news', answerOf(waiting).messages), [3])
    })
  }

  test('poll without positions waits when nothing came', async (t) => {
    const node = httpRoutes(t)
    await node.enter(['news'])
    const capsule = await node.enter(['news'])
    assert.equal((await node.send('/poll', { capsule })).answered, null)
  })
})

describe('a poll whose commands take their time', () => {
  // What was published while the commands of a poll ran stayed behind for the next poll when the connection broke, which
  // recovered it as well: it came twice.
  test('poll that vanishes leaves nothing that the next one gets twice', async (t) => {
    const node = httpRoutes(t)
    await node.enter(['news'])
    const capsule = await node.enter(['news'])
    const release = node.holdCommands()
    const gone = await node.send('/poll', {
      capsule,
      positions: { news: at(0) },
      commands: [{ id: 3, ping: {} }],
    })
    await node.publish('news', 'a')
    await node.publish('news', 'b')
    await node.settle()
    gone.leave()
    release()
    await node.settle()
    const { messages } = await node.ask('/poll', { capsule, positions: { news: at(0) } })
    assert.deepEqual(offsetsOn('news', messages), [1, 2])
  })

  // The older poll brought the session back to where its client had been before, once its commands were done.
  test('poll that was replaced does not bring the session back to its older positions', async (t) => {
    const node = httpRoutes(t)
    const capsule = await node.enter(['news', 'log'])
    const positions = { news: at(0), log: at(0) }
    const waiting = await node.send('/poll', { capsule, positions })
    await node.publish('news', 'a')
    await node.settle()
    assert.deepEqual(offsetsOn('news', answerOf(waiting).messages), [1])
    const release = node.holdCommands()
    const older = await node.send('/poll', { capsule, positions, commands: [{ id: 3, ping: {} }] })
    const newer = await node.send('/poll', { capsule, positions: { news: at(1), log: at(0), more: at(0) } })
    assert.deepEqual(answerOf(older).messages.at(-1)?.bye?.code, 3012)
    release()
    await node.settle()
    await node.publish('more', 'b')
    await node.settle()
    const { messages } = newer.answered === null ? assert.fail('no answer') : answerOf(newer)
    assert.deepEqual(offsetsOn('news', messages), [])
    const next = await node.ask('/poll', { capsule, positions: { news: at(1), log: at(0), more: at(0) } })
    assert.deepEqual(offsetsOn('more', next.messages), [1], 'it still holds what the newer poll named')
  })
})

describe('a poll after an answer that was lost', () => {
  const rules = [{ match: 'room', presence: 'list' }] as const

  // A notice of who came and left that was in the lost answer was never told again.
  test('poll from before an answer is told to ask who is there, and gets it again', async (t) => {
    const node = httpRoutes(t, { rules })
    const capsule = await node.enter(['room'])
    const positions = { room: at(0) }
    const waiting = await node.send('/poll', { capsule, positions })
    await node.publish('room', 'a')
    await node.settle()
    assert.deepEqual(offsetsOn('room', answerOf(waiting).messages), [1])
    const { messages } = await node.ask('/poll', { capsule, positions })
    assert.deepEqual(offsetsOn('room', messages), [1])
    assert.deepEqual(
      messages.flatMap(({ presence }) => presence ?? []),
      [{ count: 1, stale: true }],
    )
  })

  test('poll from where the last answer left the client is told nothing', async (t) => {
    const node = httpRoutes(t, { rules })
    const capsule = await node.enter(['room'])
    const waiting = await node.send('/poll', { capsule, positions: { room: at(0) } })
    await node.publish('room', 'a')
    await node.settle()
    assert.deepEqual(offsetsOn('room', answerOf(waiting).messages), [1])
    assert.equal((await node.send('/poll', { capsule, positions: { room: at(1) } })).answered, null)
  })
})

describe('the place of a poll session', () => {
  const first = { commands: [{ id: 1, connect: {} }] }

  // Only polls that waited were counted: whoever never waited opened sessions, each with its channels, without end.
  test('poll session holds its place among the connections until it ends', async (t) => {
    const node = httpRoutes(t, { maxConnections: 2, sessionLingerMs: LINGER_MS })
    const capsule = await node.enter()
    await node.enter()
    assert.equal((await node.ask('/poll', first)).error, 'CONNECTION_LIMIT')
    const waiting = await node.send('/poll', { capsule })
    assert.equal(waiting.answered, null, 'a session has its place already')
    node.clock.turn(LINGER_MS + SWEEP_MS)
    assert.equal((await node.ask('/poll', first)).status, '200 OK', 'the place of the one that never polled')
    assert.equal((await node.ask('/poll', first)).error, 'CONNECTION_LIMIT')
  })

  test('poll session holds its place among the connections of its address', async (t) => {
    const node = httpRoutes(t, { maxConnectionsPerIp: 1, sessionLingerMs: LINGER_MS })
    const capsule = await node.enter()
    const refused = await node.ask('/poll', first)
    assert.deepEqual([refused.status, refused.error], ['429 Too Many Requests', 'CONNECTION_IP_LIMIT'])
    assert.equal((await node.send('/poll', { capsule })).answered, null)
    node.clock.turn(25_000 + LINGER_MS + 2 * SWEEP_MS)
    assert.equal((await node.ask('/poll', first)).status, '200 OK')
  })

  test('poll session that is resumed here takes a place like any other', async (t) => {
    const node = httpRoutes(t, { maxConnections: 1 })
    const capsule =
      node.capsules.seal({ session: 'n9-1', tenant: 1, user: '', grants: [], untilMs: 0 }) ??
      assert.fail('too long')
    await node.enter()
    assert.equal((await node.ask('/poll', { capsule })).error, 'CONNECTION_LIMIT')
    assert.equal(node.hub.counts().sessions, 1)
  })
})

describe('large answers to a poll', () => {
  const MAX_POLL_BYTES = 20_000
  const ITEMS = 30
  const ITEM_BYTES = 1_000

  // A request of 4 KB with 98 commands was answered with 98 MiB, from memory.
  test('poll that asks for many histories gets some, and is told that the others were too much', async (t) => {
    const node = httpRoutes(t, {
      rules: [{ match: 'log', historySize: ITEMS, presence: 'list' }],
      maxPollBytes: MAX_POLL_BYTES,
    })
    for (let n = 0; n < ITEMS; n++) await node.publish('log', 'x'.repeat(ITEM_BYTES))
    const exchange = await node.send('/poll', {
      commands: [
        { id: 1, connect: {} },
        ...Array.from({ length: 98 }, (_, n) => ({ id: n + 2, history: { channel: 'log' } })),
        { id: 100, presence: { channel: 'log' } },
        { id: 101, users: { ids: ['17'] } },
        { id: 102, ping: {} },
      ],
    })
    const { messages } = answerOf(exchange)
    assert.deepEqual(
      messages.map(({ id, error }) => [id, error?.name ?? 'ok']),
      [
        [1, 'ok'],
        [2, 'ok'],
        ...Array.from({ length: 97 }, (_, n) => [n + 3, 'BUSY']),
        [100, 'BUSY'],
        [101, 'BUSY'],
        [102, 'ok'],
      ],
    )
    const bytes = exchange.answered?.body.length ?? 0
    assert.ok(bytes < MAX_POLL_BYTES + ITEMS * (ITEM_BYTES + 100) + 100 * 200, `${bytes} bytes`)
  })
})

describe('a capsule that was revoked', () => {
  const goodbye = { code: 4501, reason: 'account closed' }
  const ping = { commands: [{ id: 9, ping: {} }] }

  async function statusesOf(node: HttpRoutes, capsule: string): Promise<string[]> {
    const poll = await node.ask('/poll', { capsule, ...ping })
    const command = await node.ask('/command', { capsule, ...ping })
    const stream = await node.send('/sse', { capsule })
    return [poll.error, command.error, stream.answered === null ? 'open' : answerOf(stream).error]
  }

  // Who had been told to stay away went on with the capsule, for up to ten minutes.
  test('capsules of a user who is to stay away are no good any more, over any route', async (t) => {
    const node = httpRoutes(t, { verifyToken })
    const here = await node.enter([], { token: '17' })
    const elsewhere =
      node.capsules.seal({ session: 'n9-1', tenant: 1, user: '17', grants: [], untilMs: 0 }) ?? ''
    const other = await node.enter([], { token: '18' })
    assert.equal(await node.broker.disconnect({ tenant: 1, user: '17' }, goodbye), 1)
    await node.settle()
    const last = await node.ask('/poll', { capsule: here })
    assert.deepEqual(last.messages, [{ bye: goodbye }])
    const invalid = ['CAPSULE_INVALID', 'CAPSULE_INVALID', 'CAPSULE_INVALID']
    assert.deepEqual(await statusesOf(node, here), invalid)
    assert.deepEqual(await statusesOf(node, elsewhere), invalid)
    assert.deepEqual(await statusesOf(node, other), ['', '', 'open'])
  })

  test('capsule of a session that is to stay away is no good, the user’s others are', async (t) => {
    const node = httpRoutes(t, { verifyToken })
    const capsule = await node.enter([], { token: '17' })
    const other = await node.enter([], { token: '17' })
    const opened = node.capsules.open(capsule)
    const session = 'failed' in opened ? assert.fail(opened.message) : opened.session
    await node.broker.disconnect({ tenant: 1, session }, goodbye)
    await node.settle()
    await node.ask('/poll', { capsule })
    assert.equal((await node.ask('/poll', { capsule })).error, 'CAPSULE_INVALID')
    assert.equal((await node.ask('/poll', { capsule: other, ...ping })).error, '')
  })

  test('capsule of a user who may come back is as good as before', async (t) => {
    const node = httpRoutes(t, { verifyToken })
    const capsule = await node.enter([], { token: '17' })
    await node.broker.disconnect({ tenant: 1, user: '17' }, { code: 4001, reason: 'come back' })
    await node.settle()
    await node.ask('/poll', { capsule })
    assert.equal((await node.ask('/poll', { capsule, ...ping })).error, '')
  })

  test('capsule that the user is given afterwards, by a good token, is good', async (t) => {
    const node = httpRoutes(t, { verifyToken })
    await node.enter([], { token: '17' })
    await node.broker.disconnect({ tenant: 1, user: '17' }, goodbye)
    node.clock.turn(1)
    const capsule = await node.enter([], { token: '17' })
    assert.deepEqual(await statusesOf(node, capsule), ['', '', 'open'])
  })
})
