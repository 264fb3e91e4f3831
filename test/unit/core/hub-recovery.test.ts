/**
 * Tests of src/core/hub.ts, subscribing with a position: what is replayed, what is said to be missing, and that nothing
 * falls between history and live, whatever is on its way at that moment.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

/** Within this time a session that is ahead of its channel is looked at again. */
const SWEEP_MS = 250

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
const at = (offset: number, epoch = 'k3') => ({ epoch, offset })

/** A core with `count` publications on "a" that were sent to one subscriber. */
async function withHistory(t: Parameters<typeof localCore>[0], count: number, options?: LocalCoreOptions) {
  const core = localCore(t, options)
  const early = core.connected()
  await core.subscribe(early, 'a')
  await publish(core, count)
  await core.settle()
  return { core, early, late: core.connected() }
}

async function publish(core: LocalCore, count: number, channel = 'a'): Promise<void> {
  for (let i = 0; i < count; i++) await core.publish(channel)
}

async function many(core: LocalCore, count: number, channel: string): Promise<Session[]> {
  const sessions = Array.from({ length: count }, () => core.connected())
  for (const session of sessions) await core.subscribe(session, channel)
  return sessions
}

describe('hub recovery', () => {
  test('hub gives who comes back what they missed, and then what comes', async (t) => {
    const { core, early, late } = await withHistory(t, 5)
    assert.deepEqual(await core.subscribe(late, 'a', at(2)), { ...at(5), recovered: true })
    assert.deepEqual(core.fanOut.got(late), [], 'nothing leaves before the answer')
    assert.equal(core.hub.books().lagging, 3)
    assert.equal(core.hub.books().balance, 0)
    await publish(core, 2)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(3, 7))
    assert.deepEqual(core.fanOut.offsets(early, 'a'), range(1, 7))
    assert.equal(late.lags, null)
  })

  test('hub gives who missed nothing nothing but what comes', async (t) => {
    const { core, late } = await withHistory(t, 5)
    assert.deepEqual(await core.subscribe(late, 'a', at(5)), { ...at(5), recovered: true })
    await core.settle()
    assert.deepEqual(core.fanOut.got(late), [])
    await publish(core, 1)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [6])
  })

  test('hub gives all that is held to who has no position', async (t) => {
    const { core, late } = await withHistory(t, 5)
    assert.deepEqual(await core.subscribe(late, 'a', at(0, '')), { ...at(5), recovered: true })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(1, 5))
  })

  test('hub says what is no longer held and gives the rest', async (t) => {
    const { core, late } = await withHistory(t, 10, { ringSize: 4 })
    const answer = await core.subscribe(late, 'a', at(2))
    assert.deepEqual(answer, { ...at(10), recovered: false, gap: { from: 3, to: 6, reason: 'trimmed' } })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(7, 10))
    assert.deepEqual(core.fanOut.gaps(late, 'a'), [], 'the answer has said it')
    assert.deepEqual([core.hub.books().asked, core.hub.books().lost.gap], [8, 4])
  })

  test('hub gives who comes from another epoch what this one holds', async (t) => {
    const { core, late } = await withHistory(t, 3)
    const { gap, ...answer } = await core.subscribe(late, 'a', at(41, 'k2'))
    assert.deepEqual(answer, { ...at(3), recovered: false })
    assert.deepEqual([gap?.from, gap?.to, gap?.reason], [1, 0, 'epoch'])
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(1, 3))
    assert.equal(core.hub.books().lost.gap, 0)
  })

  test('hub says which of another epoch’s successors are gone', async (t) => {
    const { core, late } = await withHistory(t, 10, { ringSize: 4 })
    const { gap } = await core.subscribe(late, 'a', at(41, 'k2'))
    assert.deepEqual([gap?.from, gap?.to, gap?.reason], [1, 6, 'epoch'])
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(7, 10))
    assert.equal(core.hub.books().lost.gap, 6)
  })

  test('hub takes back who is ahead of the channel', async (t) => {
    const { core, late } = await withHistory(t, 3)
    const answer = await core.subscribe(late, 'a', at(9))
    assert.deepEqual(answer, { ...at(3), recovered: false, gap: { from: 4, to: 9, reason: 'future' } })
    await publish(core, 2)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [4, 5])
  })

  test('hub gives the first subscriber what the history of the rule holds', async (t) => {
    const core = localCore(t, { rules: [{ match: 'a', historySize: 3 }] })
    await publish(core, 5)
    const late = core.connected()
    const { gap, offset } = await core.subscribe(late, 'a', at(1))
    assert.deepEqual([offset, gap?.from, gap?.to], [5, 2, 2])
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [3, 4, 5])
  })

  test('hub without anything held recovers nothing, and says so', async (t) => {
    const core = localCore(t)
    await publish(core, 5)
    const late = core.connected()
    const answer = await core.subscribe(late, 'a', at(2))
    assert.deepEqual(answer, { ...at(5), recovered: false, gap: { from: 3, to: 5, reason: 'trimmed' } })
    await publish(core, 1)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [6])
  })

  test('hub still has the short ring when the last subscriber comes back while it lingers', async (t) => {
    const { core, early } = await withHistory(t, 3)
    core.lose(early)
    await publish(core, 3)
    await core.settle()
    core.clock.turn(1_000)
    const back = core.connected()
    assert.deepEqual(await core.subscribe(back, 'a', at(3)), { ...at(6), recovered: true })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(back, 'a'), [4, 5, 6])
  })

  test('hub recovers many channels of one session, each from its place', async (t) => {
    const core = localCore(t)
    const early = core.connected()
    const names = range(1, 20).map((n) => `c${n}`)
    for (const name of names) await core.subscribe(early, name)
    for (const name of names) await publish(core, 10, name)
    await core.settle()
    const late = core.connected()
    for (const [i, name] of names.entries()) await core.subscribe(late, name, at(i % 11))
    await core.settle()
    for (const [i, name] of names.entries()) {
      assert.deepEqual(core.fanOut.offsets(late, name), range((i % 11) + 1, 10), name)
    }
  })

  test('hub keeps what a session asked for until it has room', async (t) => {
    const { core, late } = await withHistory(t, 5)
    core.fanOut.stall(late, 2)
    await core.subscribe(late, 'a', at(0))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [1, 2])
    await publish(core, 3)
    await core.settle()
    assert.equal(core.hub.books().lagging, 6)
    core.fanOut.resume(late)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(1, 8))
  })

  test('hub forgets what a session asked for that leaves again at once', async (t) => {
    const { core, late } = await withHistory(t, 5)
    await core.subscribe(late, 'a', at(1))
    core.hub.unsubscribe(late, 'a')
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 0, unsubscribed: 4 })
    assert.equal(core.hub.books().balance, 0)
    await core.settle()
    assert.deepEqual(core.fanOut.got(late), [])
    await core.subscribe(late, 'a', at(3))
    core.lose(late)
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 2, unsubscribed: 4 })
  })
})

describe('hub recovery while publications wait in the flush queue', () => {
  for (const since of [0, 20, 30, 33, 35]) {
    test(`hub gives a session from ${since}, of 30 sent and 35 published, each once`, async (t) => {
      const core = localCore(t)
      const early = core.connected()
      await core.subscribe(early, 'a')
      await publish(core, 35)
      await nextTurn()
      const late = core.connected()
      const { offset, recovered } = await core.subscribe(late, 'a', at(since))
      assert.deepEqual([offset, recovered], [30, true])
      assert.equal(core.hub.books().balance, 0)
      await publish(core, 2)
      for (let turn = 0; turn < 5; turn++) {
        await nextTurn()
        assert.equal(core.hub.books().balance, 0)
      }
      core.clock.turn(SWEEP_MS)
      await core.settle()
      assert.deepEqual(core.fanOut.offsets(late, 'a'), range(since + 1, 37))
      assert.deepEqual(core.fanOut.offsets(early, 'a'), range(1, 37))
    })
  }

  test('hub does not skip what waits when a session is ahead of the channel', async (t) => {
    // The answer names the last that was sent; those that follow it are live for everybody.
    const core = localCore(t)
    await core.subscribe(core.connected(), 'a')
    await publish(core, 35)
    await nextTurn()
    const late = core.connected()
    const { offset, gap } = await core.subscribe(late, 'a', at(100))
    assert.equal(gap?.reason, 'future')
    await publish(core, 1)
    await core.settle()
    core.clock.turn(SWEEP_MS)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(offset + 1, 36))
  })

  test('hub gives what waits to one who comes from another epoch', async (t) => {
    const core = localCore(t)
    await core.subscribe(core.connected(), 'a')
    await publish(core, 35)
    await nextTurn()
    const late = core.connected()
    await core.subscribe(late, 'a', at(100, 'k2'))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(1, 35))
  })

  test('hub calls nothing missing that waits to be sent, however small the ring', async (t) => {
    const core = localCore(t, { ringSize: 2 })
    await core.subscribe(core.connected(), 'a')
    await publish(core, 35)
    await nextTurn()
    const late = core.connected()
    const { gap } = await core.subscribe(late, 'a', at(20))
    assert.deepEqual([gap?.from, gap?.to], [21, 28])
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), range(29, 35))
  })

  test('hub holds a channel with a latency budget to the same', async (t) => {
    const core = localCore(t, { rules: [{ match: 'a', flushMs: 20 }] })
    await core.subscribe(core.connected(), 'a')
    await publish(core, 3)
    core.clock.turn(20)
    await core.settle()
    await publish(core, 2)
    const late = core.connected()
    assert.deepEqual(await core.subscribe(late, 'a', at(1)), { ...at(3), recovered: true })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [2, 3])
    core.clock.turn(20)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(late, 'a'), [2, 3, 4, 5])
  })
})

describe('hub recovery in the middle of a wave', () => {
  for (const count of [SHARD_SUBSCRIBERS + 10, STEP_SUBSCRIBERS * 2 + 10]) {
    for (const since of [0, 3, 5]) {
      test(`hub gives a session from ${since}, on a channel of ${count}, each publication once`, async (t) => {
        const core = localCore(t)
        const sessions = await many(core, count, 'a')
        await publish(core, 3)
        await core.settle()
        await publish(core, 4)
        const late: Session[] = []
        for (let turn = 0; turn < 8; turn++) {
          const session = core.connected()
          late.push(session)
          await core.subscribe(session, 'a', at(since))
          assert.equal(core.hub.books().balance, 0)
          await nextTurn()
          assert.equal(core.hub.books().balance, 0)
        }
        core.clock.turn(SWEEP_MS)
        await core.settle()
        for (const session of late) assert.deepEqual(core.fanOut.offsets(session, 'a'), range(since + 1, 7))
        for (const session of sessions) assert.deepEqual(core.fanOut.offsets(session, 'a'), range(1, 7))
      })
    }
  }

  test('hub sends nothing twice to a session that was ahead of its channel', async (t) => {
    // In the first shards it has more than the channel's offset says, until the wave is over.
    const core = localCore(t)
    const [first] = await many(core, STEP_SUBSCRIBERS * 2, 'a')
    assert.ok(first)
    await publish(core, 3)
    await nextTurn()
    await nextTurn()
    assert.deepEqual(core.fanOut.offsets(first, 'a'), [1, 2, 3])
    core.lose(first)
    assert.equal(core.hub.books().balance, 0)
    const back = core.connected()
    const answer = await core.subscribe(back, 'a', at(3))
    assert.equal(answer.recovered, true)
    await core.settle()
    assert.deepEqual(core.fanOut.got(back), [])
    await publish(core, 1)
    await core.settle()
    core.clock.turn(SWEEP_MS)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(back, 'a'), [4])
  })
})
