/**
 * Tests of publications that their publisher is not sent, through broker, hub, waves and replay: everybody else gets them,
 * the publisher none of its own, whatever state it is in. The core's books must balance at the end of each.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import { localCore, request } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'
import { recordingStore } from '../../support/recording-store.ts'

const CHANNEL = 'room'

async function setUp(t: TestContext, others: number) {
  const core = localCore(t)
  const join = async () => {
    const session = core.connected()
    await core.subscribe(session, CHANNEL)
    return session
  }
  const publisher = await join()
  const rest: Session[] = []
  for (let i = 0; i < others; i++) rest.push(await join())
  return {
    core,
    publisher,
    rest,
    join,
    /** Publishes as the application, or as a session that is not to be sent it. */
    async publish(except: Session | null = null) {
      const one = request(CHANNEL)
      await core.broker.publish([except === null ? one : { ...one, except }], 'client')
    },
    got: (session: Session) => core.fanOut.offsets(session, CHANNEL),
    checkBooks: () => assert.equal(core.hub.books().balance, 0),
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('publisher that is live', () => {
  for (const others of [0, 1, 2, SHARD_SUBSCRIBERS + 10]) {
    test(`publisher beside ${others} others gets what others publish, and none of its own`, async (t) => {
      const { core, publisher, rest, publish, got, checkBooks } = await setUp(t, others)
      for (const except of [null, publisher, publisher, null, publisher, null]) await publish(except)
      await core.settle()
      assert.deepEqual(got(publisher), [1, 4, 6])
      for (const session of rest) assert.deepEqual(got(session), range(1, 6))
      await publish()
      await core.settle()
      assert.deepEqual(got(publisher), [1, 4, 6, 7], 'it is still there')
      checkBooks()
    })
  }

  test('publisher of one fan-out costs those of others nothing', async (t) => {
    const { core, publisher, publish, got } = await setUp(t, 2)
    const fanOut = recordingFanOut(core.hub)
    const elsewhere = [core.connected(fanOut), core.connected(fanOut)]
    for (const session of elsewhere) await core.subscribe(session, CHANNEL)
    for (const except of [publisher, null, elsewhere[0] ?? null]) await publish(except)
    await core.settle()
    assert.deepEqual(got(publisher), [2, 3])
    assert.deepEqual(
      elsewhere.map((session) => fanOut.offsets(session, CHANNEL)),
      [
        [1, 2],
        [1, 2, 3],
      ],
    )
  })

  test('publisher that is not on the channel changes nothing', async (t) => {
    const { core, rest, publish, got } = await setUp(t, 2)
    const stranger = core.connected()
    await core.subscribe(stranger, 'elsewhere')
    await publish(stranger)
    await core.settle()
    for (const session of rest) assert.deepEqual(got(session), [1])
    assert.deepEqual(core.fanOut.messages(stranger), [])
  })

  test('publisher that left or ended before its publication left is no trouble', async (t) => {
    const { core, publisher, rest, publish, got } = await setUp(t, 2)
    const [other] = rest
    assert.ok(other)
    await publish(publisher)
    core.hub.unsubscribe(publisher, CHANNEL)
    await publish(other)
    core.lose(other)
    await core.settle()
    assert.deepEqual(got(publisher), [])
    assert.deepEqual(rest.slice(1).map(got), [[1, 2]])
  })
})

describe('publisher that lost something', () => {
  /** Offsets: what is published by whom in one turn; true = by the publisher itself. */
  const turns: readonly (readonly boolean[])[] = [
    [false, true],
    [true, false],
    [false, true, false],
    [true, false, true],
    [false, true, true, false],
    [true],
  ]
  for (const others of [0, 2, SHARD_SUBSCRIBERS + 10]) {
    for (const turn of turns) {
      const shape = turn.map((isOwn) => (isOwn ? 'own' : 'other')).join(', ')
      for (const taken of [0, 1]) {
        test(`publisher beside ${others} others that takes ${taken} of ${shape} gets the rest, none of its own`, async (t) => {
          const { core, publisher, rest, publish, got, checkBooks } = await setUp(t, others)
          core.fanOut.stall(publisher, taken)
          for (const isOwn of turn) await publish(isOwn ? publisher : null)
          await core.settle()
          checkBooks()
          for (const isOwn of turn) await publish(isOwn ? publisher : null)
          await core.settle()
          checkBooks()
          core.fanOut.resume(publisher)
          await core.settle()
          const all = [...turn, ...turn].flatMap((isOwn, at) => (isOwn ? [] : [at + 1]))
          assert.deepEqual(got(publisher), all)
          for (const session of rest) assert.deepEqual(got(session), range(1, turn.length * 2))
          assert.deepEqual(core.fanOut.gaps(publisher, CHANNEL), [])
          await publish()
          await core.settle()
          assert.equal(got(publisher).at(-1), turn.length * 2 + 1, 'it is live again')
        })
      }
    }
  }

  test('publisher that lost something elsewhere in the turn gets none of its own', async (t) => {
    const { core, publisher, publish, got, checkBooks } = await setUp(t, 1)
    await core.subscribe(publisher, 'other')
    core.fanOut.stall(publisher, 0)
    await core.publish('other')
    await publish(publisher)
    await publish()
    await core.settle()
    core.fanOut.resume(publisher)
    await core.settle()
    assert.deepEqual([got(publisher), core.fanOut.offsets(publisher, 'other')], [[2], [1]])
    checkBooks()
  })
})

describe('publisher that comes with a position', () => {
  test('publisher catches up with what others published, and is not sent what it publishes meanwhile', async (t) => {
    const { core, join, publish, publisher: other, got, checkBooks } = await setUp(t, 1)
    for (let i = 0; i < 5; i++) await publish()
    await core.settle()
    const late = core.connected()
    await core.subscribe(late, CHANNEL, { epoch: 'k3', offset: 2 })
    await publish(late)
    await publish(other)
    await core.settle()
    assert.deepEqual(got(late), [3, 4, 5, 7])
    assert.deepEqual(got(await join()), [])
    checkBooks()
  })

  test('publisher that says where it is gets what it was to get, none of what it published while behind', async (t) => {
    const { core, publisher, publish, got, checkBooks } = await setUp(t, 1)
    await publish()
    await core.settle()
    core.fanOut.stall(publisher, 0)
    await publish()
    await core.settle()
    await publish(publisher)
    await core.settle()
    core.hub.reposition(publisher, CHANNEL, { epoch: 'k3', offset: 0 })
    core.fanOut.resume(publisher)
    await core.settle()
    assert.deepEqual(got(publisher), [1, 1, 2])
    checkBooks()
  })
})

describe('publisher in a wave', () => {
  for (const turns of [1, 2, 3, 4]) {
    test(`publisher that catches up ${turns} turns after its own set out through the shards is not sent it`, async (t) => {
      const { core, publisher, rest, publish, got, checkBooks } = await setUp(t, 2 * STEP_SUBSCRIBERS)
      core.fanOut.stall(publisher, 0)
      await publish()
      await core.settle()
      await publish()
      await publish(publisher)
      await publish()
      for (let turn = 0; turn < turns; turn++) await nextTurn()
      core.fanOut.resume(publisher)
      for (let turn = 0; turn < 3; turn++) {
        await nextTurn()
        checkBooks()
      }
      await core.settle()
      assert.deepEqual(got(publisher), [1, 2, 4])
      for (const session of rest) assert.deepEqual(got(session), range(1, 4))
      checkBooks()
    })
  }

  test('publishers in every shard get none of their own', async (t) => {
    const { core, rest, publish, got, checkBooks } = await setUp(t, 3 * SHARD_SUBSCRIBERS)
    const publishers = rest.filter((_, at) => at % 100 === 0)
    for (const session of publishers) await publish(session)
    await core.settle()
    for (const [at, session] of publishers.entries()) {
      assert.deepEqual(
        got(session),
        range(1, publishers.length).filter((offset) => offset !== at + 1),
      )
    }
    checkBooks()
  })
})

test('publisher is not sent its own of a durable channel, which is written first', async (t) => {
  const core = localCore(t, {
    rules: [{ match: CHANNEL, historySize: 10, durable: true }],
    store: recordingStore(),
  })
  const sessions = [core.connected(), core.connected()]
  for (const session of sessions) await core.subscribe(session, CHANNEL)
  const [publisher, other] = sessions
  assert.ok(publisher && other)
  await core.broker.publish([{ ...request(CHANNEL), except: publisher }], 'client')
  await core.settle()
  assert.deepEqual(
    sessions.map((session) => core.fanOut.offsets(session, CHANNEL)),
    [[], [1]],
  )
})
