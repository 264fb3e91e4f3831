/**
 * Tests of src/core/wave.ts and of sharded channels as the hub shows them: nobody misses or repeats anything while a
 * channel is given its messages shard by shard, and small channels do not wait for it.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SHARD_SUBSCRIBERS, topicOf } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import { type LocalCore, localCore } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'
import { createRandom, type Random, seed } from '../../support/seed.ts'

const CHANNEL = 'large'

async function join(core: LocalCore, session: Session): Promise<number> {
  const position = await core.hub.subscribe(session, CHANNEL)
  assert.ok('offset' in position, 'the subscription was refused')
  return position.offset
}

async function joinMany(core: LocalCore, count: number): Promise<Session[]> {
  const sessions = Array.from({ length: count }, () => core.connected())
  for (const session of sessions) await join(core, session)
  return sessions
}

/** Turns the loop until `session` has been given `offset`. */
async function untilGot(
  core: LocalCore,
  session: Session,
  offset: number,
  channel = CHANNEL,
): Promise<number> {
  for (let turns = 1; turns < 10_000; turns++) {
    await nextTurn()
    if (core.fanOut.offsets(session, channel).includes(offset)) return turns
  }
  return assert.fail(`session ${session.number} never got ${offset}`)
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn()
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('a channel of very many subscribers', () => {
  test('is divided into topics of at most SHARD_SUBSCRIBERS', async (t) => {
    const core = localCore(t)
    await joinMany(core, SHARD_SUBSCRIBERS * 2 + 1)
    const sizes = [0, 1, 2, 3].map((shard) => core.fanOut.onTopic(topicOf(CHANNEL, shard)))
    assert.deepEqual(sizes, [SHARD_SUBSCRIBERS, SHARD_SUBSCRIBERS, 1, 0])
  })

  test('without linger stays the same channel until its waves are over', async (t) => {
    // A new channel of the same name has the same topics: it was given what its position said it would not get.
    const core = localCore(t, { channelLingerMs: 0 })
    const sessions = await joinMany(core, STEP_SUBSCRIBERS * 2)
    await core.publish(CHANNEL)
    await nextTurn()
    await core.publish(CHANNEL)
    await nextTurn()
    for (const session of sessions) core.lose(session)
    const late = [core.connected(), core.connected()]
    const positions = [await join(core, late[0] as Session), await join(core, late[1] as Session)]
    await turns(20)
    await core.publish(CHANNEL)
    await turns(20)
    for (const [i, session] of late.entries()) {
      assert.deepEqual(core.fanOut.offsets(session, CHANNEL), range((positions[i] ?? 0) + 1, 3))
    }
    for (const session of late) core.lose(session)
    core.clock.turn(1_000)
    assert.equal(core.hub.counts().channels, 0)
  })

  test('without linger is left once its waves are over', async (t) => {
    const core = localCore(t, { channelLingerMs: 0 })
    const sessions = await joinMany(core, STEP_SUBSCRIBERS * 2)
    await core.publish(CHANNEL)
    await nextTurn()
    for (const session of sessions) core.lose(session)
    core.clock.turn(250)
    assert.equal(core.hub.counts().channels, 1)
    await turns(20)
    core.clock.turn(250)
    assert.equal(core.hub.counts().channels, 0)
  })

  test('fills the room that subscribers leave in a shard before it opens another', async (t) => {
    const core = localCore(t)
    const sessions = await joinMany(core, SHARD_SUBSCRIBERS * 2)
    for (const session of sessions.slice(0, 3)) core.hub.unsubscribe(session, CHANNEL)
    await joinMany(core, 3)
    assert.equal(core.fanOut.onTopic(topicOf(CHANNEL, 0)), SHARD_SUBSCRIBERS)
    assert.equal(core.fanOut.onTopic(topicOf(CHANNEL, 2)), 0)
  })

  test('is one topic again after its last subscriber has left', async (t) => {
    const core = localCore(t)
    for (const session of await joinMany(core, SHARD_SUBSCRIBERS + 2)) core.hub.unsubscribe(session, CHANNEL)
    const [first, second] = await joinMany(core, 2)
    assert.ok(first !== undefined && second !== undefined)
    await core.publish(CHANNEL)
    await untilGot(core, second, 1)
    assert.equal(core.fanOut.onTopic(topicOf(CHANNEL, 0)), 2)
  })

  test('gets what came together in one burst per shard', async (t) => {
    const core = localCore(t)
    const sessions = await joinMany(core, SHARD_SUBSCRIBERS * 3)
    for (let i = 0; i < 30; i++) await core.publish(CHANNEL)
    const last = sessions.at(-1)
    assert.ok(last !== undefined)
    await untilGot(core, last, 30)
    const publishes = core.fanOut.calls.filter((call) => call.startsWith('publish'))
    assert.equal(publishes.length, 90)
    const shards = publishes.map((call) => call.slice('publish '.length))
    assert.deepEqual(
      [...new Set(shards)],
      [0, 1, 2].map((shard) => topicOf(CHANNEL, shard)),
    )
    assert.equal(shards.lastIndexOf(topicOf(CHANNEL, 0)), 29)
  })

  test('makes a small channel wait for one step of it, not for all', async (t) => {
    const core = localCore(t)
    const sessions = await joinMany(core, STEP_SUBSCRIBERS * 4)
    const small = core.connected()
    await core.hub.subscribe(small, 'small')
    await core.publish(CHANNEL)
    await nextTurn()
    await core.publish('small')
    const turns = await untilGot(core, small, 1, 'small')
    assert.ok(turns <= 2, `the small channel waited ${turns} turns`)
    const last = sessions.at(-1)
    assert.ok(last !== undefined)
    assert.deepEqual(core.fanOut.offsets(last, CHANNEL), [], 'the wave was over already: nothing was shown')
    await untilGot(core, last, 1)
  })

  test('takes turns with another such channel', async (t) => {
    const core = localCore(t)
    const sessions = await joinMany(core, STEP_SUBSCRIBERS * 2)
    for (const session of sessions) await core.hub.subscribe(session, 'other')
    await Promise.all([core.publish(CHANNEL), core.publish('other')])
    const last = sessions.at(-1)
    assert.ok(last !== undefined)
    await untilGot(core, last, 1)
    await untilGot(core, last, 1, 'other')
    const order = core.fanOut.calls
      .filter((call) => call.startsWith('publish'))
      .map((call) => (call.endsWith('other') ? 'o' : 'l'))
    const step = STEP_SUBSCRIBERS / SHARD_SUBSCRIBERS
    assert.equal(order.join(''), `${'l'.repeat(step)}${'o'.repeat(step)}`.repeat(2))
  })

  test('is sent whole when a node drains', async (t) => {
    const core = localCore(t)
    const sessions = await joinMany(core, SHARD_SUBSCRIBERS * 3)
    for (let i = 0; i < 100; i++) await core.publish(CHANNEL)
    const drained = core.hub.drain(0)
    await core.settle()
    for (const session of sessions) assert.deepEqual(core.fanOut.offsets(session, CHANNEL), range(1, 100))
    core.clock.turn(1_000)
    await drained
  })

  test('gives everyone exactly what follows its position while sessions come and go', async (t) => {
    await comeAndGo(t, createRandom())
  })
})

/** Publishes without pause; in each turn a few sessions join, on two fan-outs, and a few leave or break. */
async function comeAndGo(t: TestContext, random: Random): Promise<void> {
  const core = localCore(t)
  const second = recordingFanOut(core.hub)
  await joinMany(core, SHARD_SUBSCRIBERS * 2 + 500)
  const watched = new Map<Session, number>()
  let last = 0

  for (let turn = 0; turn < 400; turn++) {
    for (let n = random.below(4); n > 0; n--) last = (await core.publish(CHANNEL)).offset
    for (let n = random.below(6); n > 0; n--) {
      const session = core.connected(random.below(10) < 3 ? second : core.fanOut)
      watched.set(session, await join(core, session))
    }
    for (const [session, position] of watched) {
      if (random.below(100) > 0) continue
      const got = gotBy(core, second, session)
      assert.deepEqual(got, range(position + 1, position + got.length))
      if (random.below(2) === 0) core.hub.unsubscribe(session, CHANNEL)
      else if (session.fanOut === core.fanOut) core.lose(session)
      watched.delete(session)
    }
    await nextTurn()
  }

  assert.ok(watched.size > 100, 'few were watched: the test shows nothing')
  const witness = await joinMany(core, 1)
  last = (await core.publish(CHANNEL)).offset
  assert.ok(witness[0] !== undefined)
  await untilGot(core, witness[0], last)
  for (let turn = 0; turn < 20; turn++) await nextTurn()
  for (const [session, position] of watched) {
    assert.deepEqual(
      gotBy(core, second, session),
      range(position + 1, last),
      `joined at ${position}, seed ${seed}`,
    )
  }
}

function gotBy(core: LocalCore, second: LocalCore['fanOut'], session: Session): number[] {
  return (session.fanOut === second ? second : core.fanOut).offsets(session, CHANNEL)
}
