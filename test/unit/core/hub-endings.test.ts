/**
 * Tests of src/core/hub.ts, its second part: how sessions end, and how all of them do when the node goes.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { codes } from '../../../src/codes.ts'
import { localCore } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('hub endings', () => {
  test('hub forgets everything about a session whose connection is gone', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    for (const name of ['a', 'b', 'c']) await core.hub.subscribe(session, name)
    assert.deepEqual(core.hub.counts(), { connections: 1, sessions: 1, subscriptions: 3, channels: 3 })
    core.lose(session)
    core.hub.close(session)
    assert.deepEqual(core.hub.counts(), { connections: 0, sessions: 0, subscriptions: 0, channels: 3 })
    assert.deepEqual([session.phase, session.connection, session.channels.length], ['ended', null, 0])
    await core.publish('a')
    await core.settle()
    assert.deepEqual(core.fanOut.got(session), [])
  })

  test('hub ends who does not connect within connectTimeoutMs, and nobody else', async (t) => {
    const core = localCore(t, { connectTimeoutMs: 1_000 })
    const stranger = core.hub.open(core.fanOut, '')
    const friend = core.connected()
    assert.deepEqual(core.hub.counts(), { connections: 2, sessions: 1, subscriptions: 0, channels: 0 })
    core.clock.turn(750)
    const second = core.hub.open(core.fanOut, '')
    core.clock.turn(500)
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[stranger, codes.CONNECT_TIMEOUT.close]],
    )
    assert.equal(stranger.endedBy, 'CONNECT_TIMEOUT')
    core.clock.turn(1_000)
    assert.deepEqual(
      core.fanOut.endings.map((one) => one.session),
      [stranger, second],
    )
    assert.equal(friend.phase, 'connected')
  })

  test('hub disconnects all sessions of a user with the code and reason of the application', async (t) => {
    const core = localCore(t)
    const [one, other, stranger] = [core.connected(), core.connected(), core.connected()]
    for (const session of [one, other])
      session.identify({ tenant: 1, user: '17', grants: [], untilSecond: 0 })
    const goodbye = { code: 4501, reason: 'account closed' }
    assert.equal(core.hub.disconnect({ tenant: 1, user: '17' }, goodbye), 2)
    assert.deepEqual(
      core.fanOut.endings.map(({ session, code, reason }) => [session, code, reason]),
      [
        [one, 4501, 'account closed'],
        [other, 4501, 'account closed'],
      ],
    )
    assert.equal(one.endedBy, 'DISCONNECTED')
    assert.equal(stranger.phase, 'connected')
    assert.equal(core.hub.disconnect({ tenant: 1, user: '17' }, goodbye), 0)
  })

  test('hub disconnects only after what was published before has been sent', async (t) => {
    // "You were logged out", followed by a disconnect of the same user, used to end the session first.
    const core = localCore(t)
    const session = core.connected()
    session.identify({ tenant: 1, user: '17', grants: [], untilSecond: 0 })
    await core.hub.subscribe(session, '@17')
    for (let i = 0; i < 100; i++) await core.publish('@17', i)
    await core.publish('@17', 'you were logged out')
    assert.equal(core.hub.disconnect({ tenant: 1, user: '17' }, { code: 4501, reason: 'bye' }), 1)
    assert.deepEqual(core.fanOut.endings, [], 'it was ended at once')
    await core.settle()
    assert.equal(core.fanOut.got(session).at(-1)?.data, 'you were logged out')
    assert.equal(core.fanOut.got(session).length, 101)
    assert.equal(core.fanOut.endings.length, 1)
  })

  test('hub disconnects one session by its public id', async (t) => {
    const core = localCore(t)
    const [one, other] = [core.connected(), core.connected()]
    assert.notEqual(core.hub.sessions.idOf(one), core.hub.sessions.idOf(other))
    const goodbye = { code: 3500, reason: 'bye' }
    assert.equal(core.hub.disconnect({ tenant: 1, session: core.hub.sessions.idOf(other) }, goodbye), 1)
    assert.equal(core.hub.disconnect({ tenant: 1, session: 'n1-nobody' }, goodbye), 0)
    assert.deepEqual([one.phase, other.phase], ['connected', 'ended'])
  })
})

describe('hub and tokens', () => {
  const inSeconds = (seconds: number) => 1_700_000_000 + seconds

  test('hub ends a session whose token has run out, some seconds late at the most', async (t) => {
    const core = localCore(t)
    const [short, long, none] = [core.connected(), core.connected(), core.connected()]
    short.identify({ tenant: 1, user: '17', grants: [], untilSecond: inSeconds(10) })
    long.identify({ tenant: 1, user: '17', grants: [], untilSecond: inSeconds(3_600) })
    await core.subscribe(short, 'a')
    core.clock.turn(9_999)
    assert.equal(core.fanOut.endings.length, 0)
    core.clock.turn(5_001)
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[short, codes.TOKEN_EXPIRED.close]],
    )
    assert.deepEqual([short.phase, long.phase, none.phase], ['ended', 'connected', 'connected'])
    assert.equal(core.hub.counts().subscriptions, 0)
  })
})

describe('hub drain', () => {
  test('hub sends what is pending before the first goodbye', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    for (let i = 0; i < 100; i++) await core.publish('a')
    const drained = core.hub.drain(0)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'a'), upTo(100))
    core.clock.turn(0)
    await drained
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[session, codes.DRAINING.close]],
    )
    assert.equal(session.endedBy, 'DRAINING')
  })

  // All that was pending went out in one turn of the loop: when the library then said what a slow reader had lost, nobody
  // knew any more where that was, and the reader was left with a hole.
  test('hub that drains gives a slow reader what it lost', async (t) => {
    const core = localCore(t)
    const inner = recordingFanOut(core.hub)
    const fanOut = { ...inner, flush: () => void setImmediate(inner.flush) } // as the library does it
    const [other, slow] = [core.connected(fanOut), core.connected(fanOut)] // the first is told goodbye at once
    for (const session of [other, slow]) await core.subscribe(session, 'a')
    inner.stall(slow, 5)
    for (let i = 0; i < 200; i++) await core.publish('a')
    const drained = core.hub.drain(1_000)
    await core.settle()
    assert.deepEqual(inner.offsets(other, 'a'), upTo(200))
    assert.deepEqual(inner.offsets(slow, 'a'), upTo(5))
    inner.resume(slow)
    await core.settle()
    assert.deepEqual(inner.offsets(slow, 'a'), upTo(200))
    while (inner.endings.length < 2) {
      core.clock.turn(50)
      await core.settle()
    }
    core.clock.turn(50)
    await drained
  })

  test('hub spreads goodbyes and returns over the time given', async (t) => {
    const core = localCore(t)
    for (let i = 0; i < 100; i++) core.connected()
    const drained = core.hub.drain(2_000)
    await core.settle()
    const ended: number[] = []
    for (let i = 0; i < 20; i++) {
      ended.push(core.fanOut.endings.length)
      core.clock.turn(50)
      await nextTurn()
    }
    await drained
    assert.deepEqual(
      ended,
      Array.from({ length: 20 }, (_, i) => 5 * (i + 1)),
    )
    const delays = core.fanOut.endings.map((one) => one.retryAfterMs)
    assert.ok(delays.every((ms) => ms >= 0 && ms <= 2_000))
    assert.ok(new Set(delays).size > 50, 'they do not all come back at once')
    assert.equal(core.hub.counts().connections, 0)
  })

  test('hub says goodbye once to a session that leaves while others are told', async (t) => {
    const core = localCore(t)
    const sessions = Array.from({ length: 40 }, () => core.connected())
    const drained = core.hub.drain(2_000)
    await core.settle()
    const last = sessions.at(-1)
    assert.ok(last)
    core.lose(last)
    for (let i = 0; i < 20; i++) {
      core.clock.turn(50)
      await nextTurn()
    }
    await drained
    assert.equal(core.fanOut.endings.length, 39)
  })

  test('hub counts what those were owed who were behind when all had to go', async (t) => {
    const core = localCore(t)
    const [other, slow] = [core.connected(), core.connected()] // the first is told goodbye at once
    for (const session of [other, slow]) await core.subscribe(session, 'a')
    core.fanOut.stall(slow, 2)
    for (let i = 0; i < 50; i++) await core.publish('a')
    const drained = core.hub.drain(0)
    await core.settle()
    assert.equal(core.hub.books().balance, 0)
    core.clock.turn(0)
    await drained
    assert.deepEqual(core.fanOut.offsets(other, 'a'), upTo(50))
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 48, unsubscribed: 0 })
    assert.equal(core.fanOut.endings.length, 2)
  })

  test('hub without sessions is drained at once', async (t) => {
    const core = localCore(t)
    await core.hub.drain(60_000)
    assert.deepEqual(core.fanOut.endings, [])
  })
})
