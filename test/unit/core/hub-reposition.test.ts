/**
 * Tests of src/core/hub.ts for transports whose answers may be lost: a session says where it is, and where it is known
 * to be is told. A poll asks for what it did not get; a ping compares sums.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import type { StreamPosition } from '../../../src/protocol/messages.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
const at = (offset: number, epoch = 'k3') => ({ epoch, offset })

async function publish(core: LocalCore, count: number, channel = 'a'): Promise<void> {
  for (let i = 0; i < count; i++) await core.publish(channel)
}

/** As a poll does: it says where it is, and takes what there is for it. */
function reposition(core: LocalCore, session: Session, position: StreamPosition, channel = 'a'): void {
  core.hub.reposition(session, channel, position)
  core.hub.feed(session)
}

/** A session on "a" that was sent `count` publications, as others were. */
async function withReader(t: Parameters<typeof localCore>[0], count: number, options?: LocalCoreOptions) {
  const core = localCore(t, options)
  const [session, other] = [core.connected(), core.connected()]
  for (const one of [session, other]) await core.subscribe(one, 'a')
  await publish(core, count)
  await core.settle()
  return { core, session, other }
}

describe('hub reposition', () => {
  test('hub leaves a session alone that is where it should be', async (t) => {
    const { core, session } = await withReader(t, 3)
    const { length } = core.fanOut.calls
    reposition(core, session, at(3))
    assert.equal(core.fanOut.calls.length, length)
    assert.equal(session.lags, null)
  })

  test('hub gives again, at once, what an answer that was lost had held', async (t) => {
    const { core, session, other } = await withReader(t, 5)
    reposition(core, session, at(2))
    assert.deepEqual(core.fanOut.offsets(session, 'a'), [...range(1, 5), 3, 4, 5])
    assert.equal(session.lags, null, 'and it is live again')
    assert.equal(core.hub.books().balance, 0)
    await publish(core, 1)
    await core.settle()
    assert.equal(core.fanOut.offsets(session, 'a').at(-1), 6)
    assert.deepEqual(core.fanOut.offsets(other, 'a'), range(1, 6))
  })

  test('hub gives what there is room for, and the rest when there is more', async (t) => {
    const { core, session } = await withReader(t, 5)
    core.fanOut.stall(session, 1)
    reposition(core, session, at(2))
    assert.deepEqual(core.fanOut.offsets(session, 'a').slice(5), [3])
    assert.equal(core.hub.books().lagging, 2)
    reposition(core, session, at(3))
    assert.equal(core.hub.books().balance, 0)
    core.fanOut.resume(session)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'a').slice(5), [3, 4, 5])
  })

  test('hub begins anew from another position while a session is behind', async (t) => {
    const { core, session } = await withReader(t, 8)
    core.fanOut.stall(session, 0)
    for (const offset of [2, 6, 4, 8, 0]) {
      reposition(core, session, at(offset))
      assert.equal(core.hub.books().lagging, offset === 8 ? 0 : 8 - offset)
      assert.equal(core.hub.books().balance, 0)
    }
    core.fanOut.resume(session)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'a').slice(8), range(1, 8))
  })

  test('hub says what it can not give again', async (t) => {
    const { core, session } = await withReader(t, 9, { ringSize: 3 })
    reposition(core, session, at(2))
    assert.deepEqual(core.fanOut.gaps(session, 'a'), [{ from: 3, to: 6, reason: 'trimmed' }])
    assert.deepEqual(core.fanOut.offsets(session, 'a').slice(9), [7, 8, 9])
    assert.equal(core.hub.books().balance, 0)
  })

  test('hub tells a session of another epoch, and one that is ahead, before what follows', async (t) => {
    const { core, session } = await withReader(t, 3)
    reposition(core, session, at(7, 'k2'))
    const [gap] = core.fanOut.gaps(session, 'a')
    assert.deepEqual([gap?.from, gap?.to, gap?.reason], [1, 0, 'epoch'])
    assert.deepEqual(core.fanOut.offsets(session, 'a').slice(3), [1, 2, 3])
    reposition(core, session, at(7))
    assert.deepEqual(core.fanOut.gaps(session, 'a')[1], { from: 4, to: 7, reason: 'future' })
    await publish(core, 1)
    await core.settle()
    assert.equal(core.fanOut.offsets(session, 'a').at(-1), 4)
  })

  test('hub ignores a position in a channel that the session does not hold', async (t) => {
    const { core, session } = await withReader(t, 3)
    reposition(core, session, at(1), 'b')
    await core.subscribe(core.connected(), 'b')
    reposition(core, session, at(1), 'b')
    assert.equal(session.lags, null)
    assert.equal(core.hub.isSubscribed(session, 'b'), false)
  })

  test('hub gives each once while publications wait in the flush queue', async (t) => {
    const { core, session } = await withReader(t, 5)
    await publish(core, 40)
    await nextTurn()
    reposition(core, session, at(3))
    await core.settle()
    const got = core.fanOut.offsets(session, 'a')
    assert.deepEqual(got.slice(got.indexOf(35) + 1), [...range(4, 45)])
    assert.equal(core.hub.books().balance, 0)
  })

  test('hub gives each once in the middle of a wave, from any place', async (t) => {
    for (const turns of [1, 2, 3]) {
      const core = localCore(t)
      const sessions = Array.from({ length: STEP_SUBSCRIBERS + 300 }, () => core.connected())
      for (const session of sessions) await core.subscribe(session, 'a')
      await publish(core, 3)
      await core.settle()
      await publish(core, 2)
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      const polls = [sessions[0], sessions.at(-1)].map((session) => session ?? assert.fail())
      const before = polls.map((session) => core.fanOut.got(session).length)
      for (const session of polls) reposition(core, session, at(1))
      assert.equal(core.hub.books().balance, 0)
      for (let turn = 0; turn < 8; turn++) {
        await nextTurn()
        assert.equal(core.hub.books().balance, 0)
      }
      core.clock.turn(250)
      await core.settle()
      for (const [i, session] of polls.entries()) {
        assert.deepEqual(core.fanOut.offsets(session, 'a').slice(before[i]), range(2, 5))
      }
    }
  })
})

describe('hub in step', () => {
  test('hub tells whether a session was sent just what it says', async (t) => {
    const { core, session } = await withReader(t, 3)
    const isInStep = (...position: Parameters<typeof at>) => core.hub.isInStep(session, 'a', at(...position))
    assert.equal(isInStep(3), true)
    for (const offset of [2, 4]) assert.equal(isInStep(offset), false)
    assert.equal(isInStep(3, 'k2'), false)
    assert.equal(core.hub.isInStep(session, 'b', at(0)), false)
    core.fanOut.stall(session, 0)
    await publish(core, 1)
    await core.settle()
    assert.equal(isInStep(3), false, 'it is behind')
    core.fanOut.resume(session)
    await core.settle()
    assert.equal(isInStep(4), true)
  })

  test('hub feeds a session that is behind when asked, and no other', async (t) => {
    const { core, session, other } = await withReader(t, 0)
    for (const one of [session, other]) core.fanOut.stall(one, 0)
    await publish(core, 3)
    await core.settle()
    for (const one of [session, other]) core.fanOut.stall(one, 10)
    core.hub.feed(session)
    assert.deepEqual(core.fanOut.offsets(session, 'a'), [1, 2, 3])
    assert.deepEqual(core.fanOut.offsets(other, 'a'), [])
    core.hub.feed(session)
    assert.equal(core.hub.books().balance, 0)
  })
})

describe('hub position sum', () => {
  test('hub sums the offsets a session has been sent, over all its channels', async (t) => {
    const { core, session } = await withReader(t, 3)
    assert.equal(core.hub.positionSum(session), 3)
    await publish(core, 4, 'b')
    await core.subscribe(session, 'b')
    assert.equal(core.hub.positionSum(session), 7)
    await publish(core, 1)
    assert.equal(core.hub.positionSum(session), 7, 'it was not sent yet')
    await core.settle()
    assert.equal(core.hub.positionSum(session), 8)
    core.hub.unsubscribe(session, 'a')
    assert.equal(core.hub.positionSum(session), 4)
    assert.equal(core.hub.positionSum(core.connected()), 0)
  })

  test('hub tells no sum of a session that is behind, from the loss on', async (t) => {
    const { core, session } = await withReader(t, 3)
    core.fanOut.stall(session, 0)
    await publish(core, 1)
    await nextTurn()
    assert.equal(core.hub.positionSum(session), null, 'the loss is known, though nothing was done yet')
    await core.settle()
    assert.equal(core.hub.positionSum(session), null)
    core.fanOut.resume(session)
    await core.settle()
    assert.equal(core.hub.positionSum(session), 4)
  })

  test('hub never tells a sum above what a session got, in the middle of a wave', async (t) => {
    const core = localCore(t)
    const sessions = Array.from({ length: STEP_SUBSCRIBERS * 2 }, () => core.connected())
    for (const session of sessions) await core.subscribe(session, 'a')
    await publish(core, 3)
    for (let turn = 0; turn < 6; turn++) {
      await nextTurn()
      for (const session of sessions) {
        const sum = core.hub.positionSum(session) ?? assert.fail('a live session has a sum')
        assert.ok(sum <= (core.fanOut.offsets(session, 'a').at(-1) ?? 0))
      }
    }
    await core.settle()
    for (const session of sessions) assert.equal(core.hub.positionSum(session), 3)
  })
})
