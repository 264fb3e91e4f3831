/**
 * Tests of src/core/hub.ts with a real broker, presence of channels whose rule says `list`: who is told what, and that
 * coming back, on whichever connection, is neither a leave nor a join.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import type { PresenceMessage, Present } from '../../../src/protocol/messages.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const LIST: LocalCoreOptions = { rules: [{ match: 'room', presence: 'list' }], sessionLingerMs: 5_000 }
const TICK_MS = 100

/** A session of a user, that can be resumed where `id` is given: '' = under its own. */
function userSession(core: LocalCore, user: string, id: string | null = null): Session {
  const session = core.connected()
  session.identify({ tenant: 1, user, grants: [], untilSecond: 0 })
  if (id !== null) core.hub.sessions.adopt(session, id)
  return session
}

/** Lets time pass and everything that is told arrive. */
async function wait(core: LocalCore, ms = TICK_MS): Promise<void> {
  core.clock.turn(ms)
  await core.settle()
}

function told(core: LocalCore, session: Session): PresenceMessage['presence'][] {
  return core.fanOut.told(session).flatMap((one) => ('presence' in one ? [one.presence] : []))
}

const present = (core: LocalCore, session: Session): Present => ({
  session: core.hub.sessions.idOf(session),
  user: session.user,
})

describe('hub presence', () => {
  test('hub tells who came and who left to all who are there, together', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, one, other] = ['1', '2', '3'].map((user) => userSession(core, user)) as [
      Session,
      Session,
      Session,
    ]
    await core.subscribe(watcher, 'room')
    await wait(core)
    const before = told(core, watcher).length
    for (const session of [one, other]) await core.subscribe(session, 'room')
    await wait(core)
    const [come = assert.fail(), ...more] = told(core, watcher).slice(before)
    assert.deepEqual(come, { seq: 2, count: 3, join: [present(core, one), present(core, other)] })
    assert.deepEqual(more, [])
    core.hub.unsubscribe(one, 'room')
    await wait(core)
    assert.deepEqual(told(core, watcher).at(-1), { seq: 3, count: 2, leave: [present(core, one)] })
    assert.equal(told(core, one).length, 1, 'who left is not told of it')
  })

  test('hub tells nothing where nothing changed, nor where the rule does not say list', async (t) => {
    const core = localCore(t, LIST)
    const session = core.connected()
    for (const channel of ['room', 'hall']) await core.subscribe(session, channel)
    await wait(core)
    const { length } = told(core, session)
    await core.subscribe(core.connected(), 'hall')
    await wait(core, 10 * TICK_MS)
    assert.equal(told(core, session).length, length)
    assert.equal(core.hub.present('hall', 10), null)
    assert.equal(core.hub.memberCount('hall'), 0)
  })

  test('hub moves no position by a notice, and tells it in its place among publications', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, other] = [core.connected(), core.connected()]
    await core.subscribe(watcher, 'room')
    await wait(core)
    await core.publish('room')
    await core.subscribe(other, 'room')
    core.clock.turn(TICK_MS)
    await core.publish('room')
    await core.settle()
    const kinds = core.fanOut.messages(watcher).map((one) => ('presence' in (one as object) ? 'p' : 'm'))
    assert.equal(kinds.join('').slice(-3), 'mpm')
    assert.deepEqual(core.fanOut.offsets(watcher, 'room'), [1, 2])
    assert.equal(core.hub.books().due, 4, 'a notice is no delivery')
  })

  test('broker lists who is there, up to a limit, and counts them all', async (t) => {
    const core = localCore(t, LIST)
    const sessions = ['1', '2', '3'].map((user) => userSession(core, user))
    for (const session of sessions) await core.subscribe(session, 'room')
    assert.deepEqual(await core.broker.presence('room', 2), {
      count: 3,
      clients: sessions.slice(0, 2).map((session) => present(core, session)),
    })
    assert.deepEqual(await core.broker.presence('hall', 2), { count: 0, clients: null })
    assert.deepEqual(await core.broker.presence('room', 0), { count: 3, clients: [] })
  })
})

describe('hub presence of a session that may come back', () => {
  test('hub keeps it for sessionLingerMs, and only then tells that it left', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, away] = [core.connected(), userSession(core, '17', '')]
    for (const session of [watcher, away]) await core.subscribe(session, 'room')
    await wait(core)
    const leaver = present(core, away)
    const before = told(core, watcher).length
    core.lose(away)
    await wait(core, 4_800)
    assert.equal(told(core, watcher).length, before)
    assert.deepEqual((await core.broker.presence('room', 9)).clients?.at(-1), leaver)
    assert.equal(core.hub.memberCount('room'), 2)
    assert.equal(core.hub.subscribers('room'), 1)
    await wait(core, 400)
    assert.deepEqual(told(core, watcher).slice(before), [{ seq: 2, count: 1, leave: [leaver] }])
  })

  test('hub tells nothing of one that comes back in time over another connection', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, before] = [core.connected(), userSession(core, '17', '')]
    for (const session of [watcher, before]) await core.subscribe(session, 'room')
    await wait(core)
    const id = core.hub.sessions.idOf(before)
    const { length } = told(core, watcher)
    core.lose(before)
    await wait(core, 3_000)
    const after = userSession(core, '17', id)
    await core.subscribe(after, 'room')
    await wait(core, 20_000)
    assert.equal(told(core, watcher).length, length)
    assert.equal(core.hub.memberCount('room'), 2)
  })

  test('hub tells nothing of one that moves while the connection before is still open', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, before] = [core.connected(), userSession(core, '17', '')]
    for (const session of [watcher, before]) await core.subscribe(session, 'room')
    await wait(core)
    const { length } = told(core, watcher)
    const after = userSession(core, '17', core.hub.sessions.idOf(before))
    assert.equal(before.endedBy, 'SESSION_MOVED')
    assert.equal(before.phase, 'ended')
    await core.subscribe(after, 'room')
    await wait(core, 20_000)
    assert.equal(told(core, watcher).length, length)
    core.hub.unsubscribe(after, 'room')
    await wait(core)
    assert.deepEqual(told(core, watcher).at(-1)?.leave, [present(core, after)])
  })

  test('hub tells that it left when it moved and did not subscribe again', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, before] = [core.connected(), userSession(core, '17', '')]
    for (const session of [watcher, before]) await core.subscribe(session, 'room')
    await wait(core)
    const after = userSession(core, '17', core.hub.sessions.idOf(before))
    await wait(core, 5_200)
    assert.deepEqual(told(core, watcher).at(-1), { seq: 2, count: 1, leave: [present(core, after)] })
  })

  test('hub lets one go at once that can not be resumed, or said that it goes', async (t) => {
    const core = localCore(t, LIST)
    const [watcher, plain, polite] = [core.connected(), userSession(core, '17'), userSession(core, '18', '')]
    for (const session of [watcher, plain, polite]) await core.subscribe(session, 'room')
    await wait(core)
    const leavers = [plain, polite].map((session) => present(core, session))
    core.lose(plain)
    core.fanOut.lose(polite)
    core.hub.close(polite, 0)
    await wait(core)
    assert.deepEqual(told(core, watcher).at(-1), { seq: 2, count: 1, leave: leavers })
  })

  test('hub stays on a channel where the only member is away, and leaves it after that', async (t) => {
    const core = localCore(t, { ...LIST, channelLingerMs: 0 })
    const away = userSession(core, '17', '')
    await core.subscribe(away, 'room')
    await wait(core)
    core.lose(away)
    await wait(core, 4_000)
    assert.equal(core.hub.counts().channels, 1)
    assert.equal((await core.broker.presence('room', 9)).count, 1)
    await wait(core, 2_000)
    assert.equal(core.hub.counts().channels, 0)
    assert.equal((await core.broker.presence('room', 9)).count, 0)
  })
})

describe('hub presence and a slow reader', () => {
  /** A reader that stalled on "room", where another one is. */
  async function withStalled(t: Parameters<typeof localCore>[0]) {
    const core = localCore(t, LIST)
    const [slow, other] = [core.connected(), core.connected()]
    for (const session of [slow, other]) await core.subscribe(session, 'room')
    await wait(core)
    core.fanOut.stall(slow, 0)
    return { core, slow, other, before: told(core, slow).length }
  }

  test('hub tells it that it missed changes while it was behind', async (t) => {
    const { core, slow, before } = await withStalled(t)
    await core.publish('room')
    await core.settle()
    await core.subscribe(core.connected(), 'room')
    await wait(core)
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(told(core, slow).slice(before), [{ count: 3, stale: true }])
    assert.deepEqual(core.fanOut.offsets(slow, 'room'), [1])
  })

  test('hub tells nothing of the kind to one that missed none', async (t) => {
    const { core, slow, before } = await withStalled(t)
    await core.publish('room')
    await core.settle()
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(told(core, slow).slice(before), [])
  })

  test('hub tells it so when the notice itself is what it lost', async (t) => {
    const { core, slow, before } = await withStalled(t)
    await core.subscribe(core.connected(), 'room')
    await wait(core)
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(told(core, slow).slice(before), [{ count: 3, stale: true }])
  })

  test('hub tells it so when the notice waited in the flush queue as it was taken off', async (t) => {
    const { core, slow, before } = await withStalled(t)
    for (let i = 0; i < 40; i++) await core.publish('room')
    await core.subscribe(core.connected(), 'room')
    core.clock.turn(TICK_MS)
    await core.settle()
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(told(core, slow).slice(before), [{ count: 3, stale: true }])
    assert.equal(core.fanOut.offsets(slow, 'room').length, 40)
  })

  test('hub repeats no publication when the one of two equal notices was lost', async (t) => {
    // The place of a loss is found by the message: the same bytes stand twice in the log of such a turn.
    const { core, slow, other } = await withStalled(t)
    const guest = userSession(core, '17', '')
    const turnTick = () => core.clock.turn(TICK_MS)
    await core.subscribe(guest, 'room')
    turnTick()
    await core.publish('room')
    core.hub.unsubscribe(guest, 'room')
    turnTick()
    await core.publish('room')
    await core.subscribe(guest, 'room')
    turnTick()
    core.fanOut.stall(slow, 4)
    await core.settle()
    core.fanOut.resume(slow)
    await core.settle()
    for (const session of [slow, other]) assert.deepEqual(core.fanOut.offsets(session, 'room'), [1, 2])
  })

  test('hub tells it so when it catches up in the middle of a wave, behind the notice', async (t) => {
    // Its topic has been given the notice, the channel not yet: nobody counted it among those who missed one.
    const core = localCore(t, { rules: [{ match: 'room', presence: 'list' }], maxPendingBytes: 8_000_000 })
    const sessions = Array.from({ length: STEP_SUBSCRIBERS + 2 * SHARD_SUBSCRIBERS }, () => core.connected())
    const [slow, other, leaver] = sessions as [Session, Session, Session]
    const last = sessions.at(-1) ?? assert.fail()
    for (const session of sessions) await core.subscribe(session, 'room')
    await wait(core)
    core.fanOut.stall(slow, 0)
    await core.publish('room')
    await core.settle()
    const before = [slow, other, last].map((session) => told(core, session).length)
    core.hub.unsubscribe(leaver, 'room')
    core.clock.turn(TICK_MS)
    const noticesOf = (session: Session) => told(core, session).length
    const reached = () => [other, last].map((session, at) => noticesOf(session) - (before[at + 1] ?? 0))
    for (let turn = 0; turn < 10 && reached()[0] === 0; turn++) await nextTurn()
    assert.deepEqual(reached(), [1, 0], 'the wave is under way')
    core.fanOut.resume(slow)
    await core.settle()
    assert.equal(told(core, other).at(-1)?.leave?.length, 1)
    assert.deepEqual(core.fanOut.offsets(slow, 'room'), [1])
    assert.deepEqual(told(core, slow).slice(before[0]), [{ count: sessions.length - 1, stale: true }])
  })
})
