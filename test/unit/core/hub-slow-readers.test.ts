/**
 * Tests of src/core/hub.ts, slow readers: a session that lost a message is taken off what is sent live, fed from history
 * from the very publication it lost, and live again; nobody else waits for it, and what can't be given is said.
 *
 * The books must balance at the end of each test (see local-core) and between any two turns that are looked at. Longer
 * than most: every kind of channel and every way to fall behind has its test.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { codes } from '../../../src/codes.ts'
import { SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

/** A core with sessions on the channels named. */
async function withReaders(
  t: Parameters<typeof localCore>[0],
  channels: readonly (readonly string[])[],
  options?: LocalCoreOptions,
) {
  const core = localCore(t, options)
  const sessions: Session[] = []
  for (const names of channels) {
    const session = core.connected()
    for (const name of names) await core.subscribe(session, name)
    sessions.push(session)
  }
  return { core, sessions, session: (at: number) => sessions[at] ?? assert.fail(`no session ${at}`) }
}

async function publish(core: LocalCore, channel: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await core.publish(channel)
}

function assertBalance(core: LocalCore): void {
  assert.equal(core.hub.books().balance, 0, JSON.stringify(core.hub.books()))
}

describe('hub and a slow reader', () => {
  for (const [kind, others] of [
    ['the only subscriber of a channel', 0],
    ['one of several subscribers', 2],
  ] as const) {
    test(`hub brings ${kind} from where it lost to where the others are`, async (t) => {
      const channels = Array.from({ length: others + 1 }, () => ['a'])
      const { core, sessions, session } = await withReaders(t, channels)
      const slow = session(0)
      core.fanOut.stall(slow, 3)
      await publish(core, 'a', 10)
      await core.settle()
      assert.deepEqual(core.fanOut.offsets(slow, 'a'), range(1, 3))
      assert.equal(core.hub.books().lagging, 7)
      assertBalance(core)
      await publish(core, 'a', 10)
      await core.settle()
      assert.deepEqual(core.fanOut.offsets(slow, 'a'), range(1, 3))
      assert.equal(core.hub.books().lagging, 17)
      for (const other of sessions.slice(1)) assert.deepEqual(core.fanOut.offsets(other, 'a'), range(1, 20))
      core.fanOut.resume(slow)
      await core.settle()
      assert.deepEqual(core.fanOut.offsets(slow, 'a'), range(1, 20))
      assert.deepEqual(slow.lags, null)
      await publish(core, 'a', 5)
      await core.settle()
      for (const one of sessions) assert.deepEqual(core.fanOut.offsets(one, 'a'), range(1, 25))
      assert.deepEqual(core.fanOut.endings, [])
      assert.deepEqual(core.fanOut.gaps(slow, 'a'), [])
    })
  }

  test('hub takes a session that lost a message off its topics before the next turn sends', async (t) => {
    // It used to see what followed the loss before anything was done about it.
    const { core, session } = await withReaders(t, [['a'], ['a']])
    core.fanOut.stall(session(0), 0)
    await core.publish('a')
    await nextTurn()
    assert.equal(core.fanOut.onTopic('a'), 2)
    await nextTurn()
    assert.equal(core.fanOut.onTopic('a'), 1, 'though nothing more is published')
    assertBalance(core)
  })

  test('hub knows the position in each channel, wherever in a turn the session stopped taking', async (t) => {
    const order = ['a', 'own', 'b', 'b', 'own', 'a', 'b', 'a', 'own', 'a']
    for (let taken = 0; taken <= order.length; taken++) {
      const { core, session } = await withReaders(t, [
        ['own', 'a', 'b'],
        ['a', 'b'],
      ])
      const [slow, other] = [session(0), session(1)]
      core.fanOut.stall(slow, taken)
      for (const channel of order) await core.publish(channel)
      await core.settle()
      assert.equal(core.fanOut.got(slow).length, taken)
      assert.equal(core.hub.books().lagging, order.length - taken)
      assertBalance(core)
      for (const channel of order) await core.publish(channel)
      core.fanOut.resume(slow)
      await core.settle()
      for (const [channel, count] of Object.entries({ own: 6, a: 8, b: 6 })) {
        assert.deepEqual(core.fanOut.offsets(slow, channel), range(1, count), `${channel} after ${taken}`)
        assert.deepEqual(core.fanOut.offsets(other, channel), channel === 'own' ? [] : range(1, count))
      }
      assertBalance(core)
    }
  })

  test('hub takes a session off all its channels, those too that had nothing in the turn', async (t) => {
    const { core, session } = await withReaders(t, [
      ['quiet', 'a'],
      ['quiet', 'a'],
    ])
    await core.publish('quiet')
    await core.settle()
    core.fanOut.stall(session(0), 0)
    await core.publish('a')
    await core.settle()
    await core.publish('quiet')
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(0), 'quiet'), [1])
    core.fanOut.resume(session(0))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(0), 'quiet'), [1, 2])
    assert.deepEqual(core.fanOut.offsets(session(0), 'a'), [1])
  })

  test('hub puts a session back when it takes a little at a time, and it falls behind again', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']])
    const slow = session(0)
    for (let round = 1; round <= 20; round++) {
      core.fanOut.resume(slow)
      core.fanOut.stall(slow, round % 7)
      await publish(core, 'a', 5)
      await nextTurn()
      assertBalance(core)
      await nextTurn()
      assertBalance(core)
    }
    core.fanOut.resume(slow)
    await core.settle()
    for (const one of [slow, session(1)]) assert.deepEqual(core.fanOut.offsets(one, 'a'), range(1, 100))
  })

  test('hub feeds a session in writes of at most 30 messages, and others do not wait for all of them', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a'], ['b']], { ringSize: 10_000 })
    const slow = session(0)
    core.fanOut.stall(slow, 0)
    await publish(core, 'a', 3_000)
    await core.settle()
    core.fanOut.resume(slow)
    await core.publish('b')
    await nextTurn()
    assert.deepEqual(core.fanOut.offsets(session(2), 'b'), [1], 'the other left in the same turn')
    const got = core.fanOut.offsets(slow, 'a').length
    assert.ok(got > 0 && got < 3_000, `${got} were fed in one turn`)
    const writes = core.fanOut.calls.filter((call) => call.startsWith(`send ${slow.number} `))
    assert.ok(writes.every((call) => Number(call.split(' ')[2]) <= 30))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(slow, 'a'), range(1, 3_000))
  })

  test('hub shares a turn among all who are behind', async (t) => {
    const { core, sessions } = await withReaders(
      t,
      Array.from({ length: 50 }, () => ['a']),
      {
        ringSize: 10_000,
      },
    )
    for (const slow of sessions) core.fanOut.stall(slow, 0)
    await publish(core, 'a', 300)
    await core.settle()
    for (const slow of sessions) core.fanOut.resume(slow)
    for (let turn = 0; turn < 100 && core.hub.books().lagging > 0; turn++) {
      const before = core.hub.books().delivered
      await nextTurn()
      assert.ok(core.hub.books().delivered - before < 4_000, 'a turn took very long')
      assertBalance(core)
    }
    for (const slow of sessions) assert.deepEqual(core.fanOut.offsets(slow, 'a'), range(1, 300))
  })

  test('hub counts as delivered only what was taken', async (t) => {
    let deliveries = 0
    const observer = {
      delivered(_transport: string, count: number) {
        deliveries += count
      },
    }
    const { core, session } = await withReaders(t, [['a'], ['a']], { observer })
    core.fanOut.stall(session(0), 2)
    await publish(core, 'a', 5)
    await core.settle()
    assert.equal(deliveries, 7)
    core.fanOut.resume(session(0))
    await core.settle()
    assert.equal(deliveries, 10)
    assert.equal(core.hub.books().delivered, 10)
  })

  test('hub replays nothing from before the subscription to one who subscribes just after a loss', async (t) => {
    // The loss is known at the end of a turn, and the session is taken off in the next: commands run in between.
    const { core, session } = await withReaders(t, [['a'], ['a', 'b'], ['b']])
    const slow = session(0)
    core.fanOut.stall(slow, 0)
    await core.publish('a')
    await core.publish('b')
    await nextTurn()
    const { offset } = await core.subscribe(slow, 'b')
    assert.equal(offset, 1)
    core.fanOut.resume(slow)
    await core.publish('b')
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(slow, 'a'), [1])
    assert.deepEqual(core.fanOut.offsets(slow, 'b'), [2])
  })

  test('hub ignores the loss of what is no publication of the turn', async (t) => {
    const { core, session } = await withReaders(t, [['a']])
    assert.equal(core.hub.lose(session(0), Buffer.from('{"id":1,"ok":{}}')), false)
    await core.settle()
    assert.equal(session(0).lags, null)
  })
})

describe('hub and a slow reader of a channel of very many', () => {
  for (const subscribers of [SHARD_SUBSCRIBERS + 40, STEP_SUBSCRIBERS * 2 + 40]) {
    test(`hub brings slow readers of ${subscribers} up to date from every place of a wave`, async (t) => {
      const channels = Array.from({ length: subscribers }, () => ['large'])
      const { core, sessions, session } = await withReaders(t, channels)
      const slow = [0, 10, SHARD_SUBSCRIBERS - 1, SHARD_SUBSCRIBERS, subscribers - 1].map(session)
      for (const [at, one] of slow.entries()) {
        await core.subscribe(one, 'other')
        core.fanOut.stall(one, at)
      }
      for (let round = 0; round < 4; round++) {
        await publish(core, 'large', 3)
        await core.publish('other')
        await nextTurn()
        assertBalance(core)
      }
      for (let turn = 0; turn < 60; turn++) {
        await nextTurn()
        assertBalance(core)
      }
      for (const [at, one] of slow.entries()) assert.equal(core.fanOut.got(one).length, at)
      for (const one of slow) core.fanOut.resume(one)
      await publish(core, 'large', 2)
      await core.settle()
      for (const one of sessions) assert.deepEqual(core.fanOut.offsets(one, 'large'), range(1, 14))
      for (const one of slow) assert.deepEqual(core.fanOut.offsets(one, 'other'), range(1, 4))
      assert.equal(core.hub.books().lagging, 0)
    })
  }

  test('hub puts a session back in the middle of a wave, before and behind it', async (t) => {
    const subscribers = STEP_SUBSCRIBERS * 2 + 100
    for (const turns of [1, 2, 3, 4, 5]) {
      const { core, sessions, session } = await withReaders(
        t,
        Array.from({ length: subscribers }, () => ['large']),
      )
      const slow = [session(3), session(subscribers - 3)]
      for (const one of slow) core.fanOut.stall(one, 1)
      await publish(core, 'large', 2)
      await core.settle()
      await publish(core, 'large', 4)
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      for (const one of slow) core.fanOut.resume(one)
      for (let turn = 0; turn < 12; turn++) {
        await nextTurn()
        assertBalance(core)
      }
      core.clock.turn(250)
      await core.settle()
      for (const one of sessions) assert.deepEqual(core.fanOut.offsets(one, 'large'), range(1, 6))
      assert.deepEqual(
        slow.map((one) => one.lags),
        [null, null],
      )
    }
  })

  test('hub makes nobody wait for slow readers of a wave', async (t) => {
    const subscribers = SHARD_SUBSCRIBERS * 3
    const { core, sessions } = await withReaders(
      t,
      Array.from({ length: subscribers }, () => ['large']),
    )
    const slow = new Set(sessions.filter((_, at) => at % 2 === 0))
    for (const one of slow) core.fanOut.stall(one, 0)
    await publish(core, 'large', 30)
    for (let turn = 0; turn < 4; turn++) await nextTurn()
    for (const one of sessions) {
      assert.deepEqual(core.fanOut.offsets(one, 'large'), slow.has(one) ? [] : range(1, 30))
    }
    assertBalance(core)
    for (const one of slow) core.fanOut.resume(one)
    await core.settle()
    for (const one of sessions) assert.deepEqual(core.fanOut.offsets(one, 'large'), range(1, 30))
  })
})

describe('hub and a reader slower than the history is long', () => {
  test('hub says exactly what it can not give any more, and gives the rest', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']], { ringSize: 4 })
    const slow = session(0)
    core.fanOut.stall(slow, 2)
    await publish(core, 'a', 20)
    await core.settle()
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(core.fanOut.gaps(slow, 'a'), [{ from: 3, to: 16, reason: 'trimmed' }])
    assert.deepEqual(core.fanOut.offsets(slow, 'a'), [1, 2, ...range(17, 20)])
    assert.deepEqual(core.hub.books().lost, { gap: 14, ended: 0, unsubscribed: 0 })
    assert.deepEqual(
      core.fanOut.messages(slow).map((one) => typeof one === 'object' && one !== null && 'gap' in one),
      [false, false, true, false, false, false, false],
      'the gap stands where it is',
    )
    await core.publish('a')
    await core.settle()
    assert.equal(core.fanOut.offsets(slow, 'a').at(-1), 21)
  })

  test('hub says a gap again when the history moves on while the session is fed', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']], { ringSize: 4 })
    const slow = session(0)
    for (let round = 0; round < 3; round++) {
      core.fanOut.stall(slow, 1)
      await publish(core, 'a', 10)
      await core.settle()
      core.fanOut.resume(slow)
      await core.settle()
    }
    assertCovered(core, slow, 'a', 30)
  })

  test('hub tells a gap of all when nothing was kept at all', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']], { ringMs: 1_000 })
    const slow = session(0)
    core.fanOut.stall(slow, 0)
    await publish(core, 'a', 5)
    await core.settle()
    core.clock.turn(2_500)
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(core.fanOut.gaps(slow, 'a'), [{ from: 1, to: 5, reason: 'trimmed' }])
    await core.publish('a')
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(slow, 'a'), [6])
  })

  test('hub without a short ring delivers what it can, and says what it could not', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']], { ringSize: 0 })
    core.fanOut.stall(session(0), 1)
    await publish(core, 'a', 3)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(1), 'a'), [1, 2, 3])
    core.fanOut.resume(session(0))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(0), 'a'), [1])
    assert.deepEqual(core.fanOut.gaps(session(0), 'a'), [{ from: 2, to: 3, reason: 'trimmed' }])
  })
})

describe('hub and a reader that stays behind', () => {
  test('hub ends it after maxLagMs, with its reason, and counts what it was owed', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']], { maxLagMs: 3_000, ringMs: 60_000 })
    core.fanOut.stall(session(0), 1)
    await publish(core, 'a', 5)
    await core.settle()
    core.clock.turn(2_900)
    assert.equal(core.fanOut.endings.length, 0)
    core.clock.turn(500)
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[session(0), codes.SLOW_CONSUMER.close]],
    )
    assert.equal(session(0).endedBy, 'SLOW_CONSUMER')
    assert.equal(session(1).phase, 'connected')
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 4, unsubscribed: 0 })
    assert.equal(core.hub.books().lagging, 0)
    await core.settle()
  })

  test('hub gives a session that caught up its whole time again', async (t) => {
    const { core, session } = await withReaders(t, [['a']], { maxLagMs: 3_000, ringMs: 60_000 })
    for (let round = 0; round < 4; round++) {
      core.fanOut.stall(session(0), 0)
      await core.publish('a')
      await core.settle()
      core.clock.turn(2_000)
      core.fanOut.resume(session(0))
      await core.settle()
    }
    assert.deepEqual(core.fanOut.endings, [])
    assert.deepEqual(core.fanOut.offsets(session(0), 'a'), [1, 2, 3, 4])
  })

  test('hub finds out by itself that there is room, when the transport forgot to say', async (t) => {
    const { core, session } = await withReaders(t, [['a']])
    core.fanOut.stall(session(0), 0)
    await core.publish('a')
    await core.settle()
    core.fanOut.stall(session(0), 100)
    core.clock.turn(250)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(0), 'a'), [1])
  })

  test('hub lets it unsubscribe, and owes it nothing of that channel any more', async (t) => {
    const { core, session } = await withReaders(t, [
      ['a', 'b'],
      ['a', 'b'],
    ])
    core.fanOut.stall(session(0), 1)
    await publish(core, 'a', 3)
    await publish(core, 'b', 3)
    await core.settle()
    assert.equal(core.hub.unsubscribe(session(0), 'a'), true)
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 0, unsubscribed: 2 })
    assertBalance(core)
    core.fanOut.resume(session(0))
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session(0), 'a'), [1])
    assert.deepEqual(core.fanOut.offsets(session(0), 'b'), [1, 2, 3])
  })

  test('hub counts what a session lost that breaks before it could be taken off', async (t) => {
    const { core, session } = await withReaders(t, [['a'], ['a']])
    core.fanOut.stall(session(0), 1)
    await publish(core, 'a', 4)
    await nextTurn()
    core.lose(session(0))
    assertBalance(core)
    assert.deepEqual(core.hub.books().lost, { gap: 0, ended: 3, unsubscribed: 0 })
    await core.settle()
  })
})

/** Each offset from 1 to `last` was got or said to be missing, once, in order. */
function assertCovered(core: LocalCore, session: Session, channel: string, last: number): void {
  let next = 1
  for (const message of core.fanOut.messages(session)) {
    const {
      channel: name,
      offset,
      gap,
    } = message as {
      channel?: string
      offset?: number
      gap?: { from: number; to: number }
    }
    if (name !== channel) continue
    assert.equal(offset ?? gap?.from, next)
    next = (offset ?? gap?.to ?? 0) + 1
  }
  assert.equal(next, last + 1)
}
