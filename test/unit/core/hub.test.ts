/**
 * Tests of src/core/hub.ts over a real local broker: attachments, positions, fan-outs; hub-endings.test.ts has the rest.
 *
 * The promise under test: what a subscriber gets is exactly what follows the position it was answered with.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { type Attachment, type Broker, hasFailed } from '../../../src/core/broker.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { createHub, type Hub } from '../../../src/core/hub.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import type { Session } from '../../../src/core/session.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { publicationOf } from '../../support/core-parts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { holdsAsync } from '../../support/holds.ts'
import { codeOf, localCore, request } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'
import { unreadableStore } from '../../support/unreadable-store.ts'

const upTo = (count: number, from = 1) =>
  Array.from({ length: Math.max(0, count - from + 1) }, (_, i) => from + i)

async function offsetOf(hub: Hub, session: Session, channel: string): Promise<number> {
  const outcome = await hub.subscribe(session, channel)
  assert.ok(!hasFailed(outcome))
  return outcome.offset
}

describe('hub attachment', () => {
  test('hub attaches with the first subscriber and answers all who wait with one position', async (t) => {
    const core = localCore(t)
    await core.publish('a')
    const [one, other] = [core.connected(), core.connected()]
    const positions = await Promise.all([core.hub.subscribe(one, 'a'), core.hub.subscribe(other, 'a')])
    assert.deepEqual(positions, [
      { epoch: 'k3', offset: 1 },
      { epoch: 'k3', offset: 1 },
    ])
    assert.equal(core.hub.subscribers('a'), 2)
    await core.publish('a')
    await core.settle()
    for (const session of [one, other]) assert.deepEqual(core.fanOut.offsets(session, 'a'), [2])
  })

  test('hub stays attached for channelLingerMs after the last subscriber and then detaches', async (t) => {
    const core = localCore(t, { channelLingerMs: 5_000, channelIdleMs: 1_000 })
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    core.hub.unsubscribe(session, 'a')
    core.clock.turn(4_900)
    assert.equal(core.hub.counts().channels, 1)
    assert.equal(core.broker.channelCount(), 1)
    core.clock.turn(500)
    assert.equal(core.hub.counts().channels, 0)
    assert.equal(core.broker.channelCount(), 0, 'the broker was told')
  })

  test('hub refuses a channel that can not be attached, and attaches it when asked again', async (t) => {
    // The failed attempt stayed with the channel: nobody could subscribe to it any more until the node was restarted.
    const unreadable = unreadableStore(createMemoryStore())
    const core = localCore(t, { store: unreadable.store })
    const session = core.connected()
    unreadable.isBroken = true
    const refused = await Promise.all([core.hub.subscribe(session, 'a'), core.hub.subscribe(session, 'a')])
    assert.deepEqual(refused.map(codeOf), ['INTERNAL', 'INTERNAL'])
    assert.deepEqual([core.hub.counts().channels, core.broker.channelCount()], [0, 0])
    unreadable.isBroken = false
    assert.deepEqual(await core.hub.subscribe(session, 'a'), { epoch: 'k3', offset: 0 })
  })

  test('hub lingers from the last leaving on, not the first', async (t) => {
    const core = localCore(t, { channelLingerMs: 5_000 })
    const session = core.connected()
    for (let i = 0; i < 3; i++) {
      await core.hub.subscribe(session, 'a')
      core.hub.unsubscribe(session, 'a')
      core.clock.turn(4_000)
      assert.equal(core.hub.counts().channels, 1)
    }
    core.clock.turn(1_250)
    assert.equal(core.hub.counts().channels, 0)
  })

  test('hub without linger detaches at once', async (t) => {
    const core = localCore(t, { channelLingerMs: 0 })
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    core.hub.unsubscribe(session, 'a')
    assert.equal(core.broker.channelCount(), 0)
  })

  test('hub passes on why the broker refused, and asks again the next time', async (t) => {
    const core = localCore(t, { maxChannels: 1, channelIdleMs: 1_000 })
    await core.publish('full')
    const session = core.connected()
    assert.equal(codeOf(await core.hub.subscribe(session, 'a')), 'NODE_CHANNEL_LIMIT')
    assert.deepEqual(core.hub.counts(), { connections: 1, sessions: 1, subscriptions: 0, channels: 0 })
    core.clock.turn(3_000)
    assert.deepEqual(await core.hub.subscribe(session, 'a'), { epoch: 'k3.1', offset: 0 })
  })

  test('hub subscribes nobody who ended while the broker was asked', async (t) => {
    const core = localCore(t)
    const [gone, stays] = [core.connected(), core.connected()]
    const asked = [core.hub.subscribe(gone, 'a'), core.hub.subscribe(stays, 'a')]
    core.lose(gone)
    const [refused, position] = await Promise.all(asked)
    assert.equal(codeOf(refused), 'NOT_CONNECTED')
    assert.deepEqual(position, { epoch: 'k3', offset: 0 })
    assert.equal(core.hub.subscribers('a'), 1)
  })

  test('hub leaves a channel that everyone gave up while the broker was asked', async (t) => {
    const core = localCore(t, { channelLingerMs: 1_000 })
    const gone = core.connected()
    const asked = core.hub.subscribe(gone, 'a')
    core.lose(gone)
    await asked
    core.clock.turn(1_500)
    assert.equal(core.broker.channelCount(), 0)
    assert.deepEqual(core.hub.counts(), { connections: 0, sessions: 0, subscriptions: 0, channels: 0 })
  })
})

describe('hub positions', () => {
  test('hub tells a subscriber that comes while publications are queued the position before them', async (t) => {
    const core = localCore(t)
    const [early, late] = [core.connected(), core.connected()]
    await core.hub.subscribe(early, 'a')
    for (let i = 0; i < 35; i++) await core.publish('a')
    await nextTurn()
    assert.equal(await offsetOf(core.hub, late, 'a'), 30, '30 of 35 have left')
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(early, 'a'), upTo(35))
    assert.deepEqual(core.fanOut.offsets(late, 'a'), upTo(35, 31))
  })

  test('hub sends who comes back nothing it got before', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    for (let i = 0; i < 35; i++) await core.publish('a')
    await nextTurn()
    core.hub.unsubscribe(session, 'a')
    const from = await offsetOf(core.hub, session, 'a')
    await core.settle()
    assert.equal(from, 30)
    assert.deepEqual(core.fanOut.offsets(session, 'a'), upTo(35))
  })

  test('hub begins at the broker’s position again after it had left the channel with a queue', async (t) => {
    const core = localCore(t, { channelLingerMs: 0 })
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    for (let i = 0; i < 35; i++) await core.publish('a')
    core.hub.unsubscribe(session, 'a')
    const from = await offsetOf(core.hub, session, 'a')
    await core.publish('a')
    await core.settle()
    assert.equal(from, 35)
    assert.deepEqual(core.fanOut.offsets(session, 'a'), [36])
  })

  test('hub knows better than a late answer of the broker what was sent already', async () => {
    // A broker in another process may stream before its answer to attach arrives.
    let answer = (_attachment: Attachment) => {}
    const broker = {
      join() {},
      leave() {},
      detach() {},
      attach: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    } as unknown as Broker
    const fanOut = recordingFanOut()
    const hub = createHub(
      {
        broker,
        rules: compileRules([], 1_000, false),
        clock: new FakeClock(),
        observer: silentObserver,
        revoke() {},
      },
      {
        maxPendingBytes: 1_000,
        channelLingerMs: 0,
        connectTimeoutMs: 1_000,
        maxLagMs: 1_000,
        sessionLingerMs: 0,
      },
      'n1',
    )
    const session = hub.open(fanOut, '')
    const asked = hub.subscribe(session, 'a')
    const publication = (offset: number) => publicationOf(request('a'), offset)
    hub.deliver([publication(8)])
    await nextTurn()
    hub.deliver([publication(9)])
    const log = { firstRetained: () => 10, retained: () => null }
    answer({ position: { epoch: 'k3', offset: 7 }, log })
    assert.deepEqual(await asked, { epoch: 'k3', offset: 8 })
    await nextTurn()
    assert.deepEqual(fanOut.offsets(session, 'a'), [9])
    hub.stop()
  })

  test('hub gives every subscriber exactly what follows its position, whenever it comes and goes', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ publish: fc.integer({ min: 1, max: 40 }) }) },
      { weight: 3, arbitrary: fc.record({ toggle: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.constant({ turn: true }) },
      { weight: 1, arbitrary: fc.record({ waitMs: fc.integer({ min: 1, max: 30 }) }) },
    )
    const run = fc.record({
      steps: fc.array(step, { maxLength: 30 }),
      channelLingerMs: fc.constantFrom(0, 500),
      flushMs: fc.constantFrom(0, 10),
    })
    await holdsAsync(
      fc.asyncProperty(run, async ({ steps, channelLingerMs, flushMs }) => {
        const after: (() => void)[] = []
        const core = localCore(
          { after: (run) => void after.push(run as () => void) },
          { channelLingerMs, rules: [{ match: '*', flushMs }] },
        )
        const sessions = [core.connected(), core.connected(), core.connected(), core.connected()]
        /** For each session the spans it was subscribed for, as [position, last offset it may have got]. */
        const expected = new Map<Session, { from: number; until: number }[]>()
        const sent = () => Math.max(0, ...sessions.flatMap((one) => core.fanOut.offsets(one, 'a')))
        for (const one of steps) {
          if ('publish' in one) {
            for (let i = 0; i < one.publish; i++) await core.publish('a')
          } else if ('turn' in one) {
            await nextTurn()
          } else if ('waitMs' in one) {
            core.clock.turn(one.waitMs)
          } else {
            const session = sessions[one.toggle]
            assert.ok(session)
            const spans = expected.get(session) ?? []
            expected.set(session, spans)
            const last = spans.at(-1)
            if (core.hub.unsubscribe(session, 'a')) {
              assert.ok(last)
              last.until = Math.max(last.from, sent())
            } else {
              spans.push({ from: await offsetOf(core.hub, session, 'a'), until: Number.POSITIVE_INFINITY })
            }
          }
        }
        core.clock.turn(50)
        await core.settle()
        const { position } = await core.broker.channel('a')
        for (const [session, spans] of expected) {
          const owed = spans.flatMap(({ from, until }) => upTo(Math.min(until, position.offset), from + 1))
          assert.deepEqual(core.fanOut.offsets(session, 'a'), owed)
        }
        for (const run of after) run()
      }),
      150,
    )
  })
})

describe('hub fan-out', () => {
  test('hub encodes once for each fan-out that has subscribers', async (t) => {
    const core = localCore(t)
    const other = recordingFanOut()
    const encoded: string[] = []
    for (const [name, fanOut] of Object.entries({ one: core.fanOut, other })) {
      const { encode } = fanOut
      Object.assign(fanOut, {
        encode: (publication: Parameters<typeof encode>[0]) => {
          encoded.push(name)
          return encode(publication)
        },
      })
    }
    const mine = [core.connected(), core.connected()]
    const theirs = [core.connected(other), core.connected(other), core.connected(other)]
    for (const session of [...mine, ...theirs]) await core.hub.subscribe(session, 'a')
    await core.publish('a')
    await core.settle()
    assert.deepEqual(encoded, ['one', 'other'])
    for (const session of mine) assert.deepEqual(core.fanOut.offsets(session, 'a'), [1])
    for (const session of theirs) assert.deepEqual(other.offsets(session, 'a'), [1])
    for (const session of mine) core.lose(session)
    await core.publish('a')
    await core.settle()
    assert.deepEqual(encoded, ['one', 'other', 'other'])
  })

  test('hub subscribes a session once, however often it asks', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.hub.subscribe(session, 'a')
    assert.equal(core.hub.isSubscribed(session, 'a'), true)
    await core.hub.subscribe(session, 'a')
    assert.equal(core.hub.counts().subscriptions, 1)
    assert.equal(core.hub.unsubscribe(session, 'a'), true)
    assert.equal(core.hub.unsubscribe(session, 'a'), false)
    assert.equal(core.hub.isSubscribed(session, 'a'), false)
    assert.equal(core.hub.subscribers('a'), 0)
  })

  test('hub subscribes nothing for a session that has ended', async (t) => {
    // A list of channels goes on after its session ended, when the broker took its time over the first of them.
    const core = localCore(t)
    const [stays, ended] = [core.connected(), core.connected()]
    await core.hub.subscribe(stays, 'a')
    core.lose(ended)
    assert.equal(codeOf(await core.hub.subscribe(ended, 'a')), 'NOT_CONNECTED')
    assert.equal(core.hub.subscribers('a'), 1)
    assert.equal(core.hub.counts().subscriptions, 1)
  })
})
