/**
 * Tests of src/core/broker-local.ts: positions and epochs, attachments, bounds, backpressure, users;
 * broker-kept.test.ts has the rest.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasFailed } from '../../../src/core/broker.ts'
import { createLocalBroker, type LocalBrokerLimits } from '../../../src/core/broker-local.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { MAX_JSON_DEPTH, Payload } from '../../../src/protocol/payload.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { BROKER_LIMITS } from '../../support/core-parts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { codeOf, request } from '../../support/local-core.ts'
import { recordingEdge } from '../../support/recording-edge.ts'

const NODE_LIMIT = 2_000

function setUp(limits: Partial<LocalBrokerLimits> = {}) {
  const clock = new FakeClock()
  const published: [source: string, count: number][] = []
  const observer = {
    ...silentObserver,
    published: (source: string, count: number) => void published.push([source, count]),
  }
  const rules = compileRules([{ match: 'small', maxPublicationBytes: 10 }], NODE_LIMIT, false)
  const broker = createLocalBroker(
    { rules, clock, observer, store: createMemoryStore() },
    { ...BROKER_LIMITS, channelIdleMs: 10_000, ringMs: 5_000, ...limits },
    'k3',
  )
  const publish = async (channel: string, value: unknown = 1) => {
    const [outcome] = await broker.publish([request(channel, value)], 'http')
    return outcome
  }
  return { clock, broker, published, publish }
}

/** An edge whose room is a gate that the test opens. */
function slowEdge() {
  let open = () => {}
  let gate: Promise<void> | null = null
  const edge = { ...recordingEdge(), room: () => gate }
  return {
    edge,
    fill: () => {
      gate = new Promise<void>((resolve) => {
        open = resolve
      })
    },
    drain: () => {
      gate = null
      open()
    },
  }
}

describe('broker positions', () => {
  test('broker counts offsets from 1, for each channel alone', async () => {
    const { publish } = setUp()
    assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 1 })
    assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 2 })
    assert.deepEqual(await publish('b'), { epoch: 'k3', offset: 1 })
  })

  test('broker answers each request of a batch in its place, failures too', async () => {
    const { broker, published } = setUp()
    const outcomes = await broker.publish(
      [request('a'), request(''), request('a'), request('small', 'far too long'), request('b')],
      'publish-port',
    )
    assert.deepEqual(
      outcomes.map((one) => (hasFailed(one) ? one.failed : one.offset)),
      [1, 'INVALID_CHANNEL', 2, 'PUBLICATION_TOO_LARGE', 1],
    )
    assert.deepEqual(published, [['publish-port', 3]], 'only what was accepted is counted')
  })

  test('broker tells position 0 for a channel nobody knows, and does not open it', async () => {
    const { broker } = setUp()
    assert.deepEqual(await broker.channel('a'), {
      channel: 'a',
      subscribers: 0,
      position: { epoch: 'k3', offset: 0 },
    })
    assert.equal(broker.channelCount(), 0)
  })
})

describe('broker attachments', () => {
  test('broker streams what is published after the position it answered with', async () => {
    const { broker, publish } = setUp()
    const edge = recordingEdge()
    await publish('a')
    const attachment = await broker.attach(edge, 'a')
    assert.ok(!hasFailed(attachment))
    assert.deepEqual(attachment.position, { epoch: 'k3', offset: 1 })
    await publish('a', { text: 'second' })
    await publish('b')
    const [publication] = edge.delivered
    assert.equal(edge.delivered.length, 1)
    assert.deepEqual(
      [publication?.channel, publication?.offset, publication?.epoch, publication?.data.value()],
      ['a', 2, 'k3', { text: 'second' }],
    )
  })

  test('broker streams to each edge once, however often it attached', async () => {
    const { broker, publish } = setUp()
    const [one, other] = [recordingEdge(), recordingEdge()]
    for (const edge of [one, one, other]) await broker.attach(edge, 'a')
    await publish('a')
    assert.deepEqual([one.delivered.length, other.delivered.length], [1, 1])
    broker.detach(one, 'a')
    await publish('a')
    assert.deepEqual([one.delivered.length, other.delivered.length], [1, 2])
    broker.detach(other, 'a')
    broker.detach(other, 'a')
    assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 3 }, 'the position outlives the edges')
  })

  test('broker forgets at once a channel that was attached and never published to', async () => {
    const { broker } = setUp()
    const edge = recordingEdge()
    await broker.attach(edge, 'a')
    assert.equal(broker.channelCount(), 1)
    broker.detach(edge, 'a')
    assert.equal(broker.channelCount(), 0)
  })

  test('broker gives the time of arrival to every publication of a batch', async () => {
    const { broker, clock } = setUp()
    const edge = recordingEdge()
    await broker.attach(edge, 'a')
    clock.turn(1_234)
    await broker.publish([request('a'), request('a')], 'client')
    assert.deepEqual(
      edge.delivered.map((one) => one.arrivedMs),
      [1_234, 1_234],
    )
  })
})

describe('broker epochs', () => {
  test('broker keeps the position of an idle channel for channelIdleMs at least', async () => {
    const { broker, clock, publish } = setUp()
    await publish('a')
    clock.turn(10_000)
    assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 2 })
    clock.turn(12_000)
    assert.equal(broker.channelCount(), 0)
  })

  test('broker begins a new epoch when a position was forgotten', async () => {
    const { clock, publish } = setUp()
    await publish('a')
    clock.turn(12_000)
    const again = await publish('a')
    assert.deepEqual(again, { epoch: 'k3.1', offset: 1 })
    clock.turn(12_000)
    assert.deepEqual(await publish('a'), { epoch: 'k3.2', offset: 1 }, 'never an epoch used before')
  })

  test('broker leaves the epoch of channels alone that were not forgotten', async () => {
    const { clock, publish } = setUp()
    await publish('idle')
    for (let i = 0; i < 15; i++) {
      await publish('busy')
      clock.turn(1_000)
    }
    assert.deepEqual(await publish('idle'), { epoch: 'k3.1', offset: 1 })
    assert.deepEqual(await publish('busy'), { epoch: 'k3', offset: 16 })
  })

  test('broker keeps a channel with subscribers however idle it is', async () => {
    const { broker, clock, publish } = setUp()
    const edge = recordingEdge()
    await publish('a')
    await broker.attach(edge, 'a')
    clock.turn(100_000)
    assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 2 })
    broker.detach(edge, 'a')
    clock.turn(5_000)
    assert.equal(broker.channelCount(), 1)
    clock.turn(7_000)
    assert.equal(broker.channelCount(), 0)
  })

  test('broker looks through more channels than one sweep takes', async () => {
    const { broker, clock } = setUp({ channelIdleMs: 4_000 })
    const names = Array.from({ length: 50_000 }, (_, i) => `c${i}`)
    await broker.publish(
      names.map((name) => request(name)),
      'publish-port',
    )
    clock.turn(4_000)
    assert.equal(broker.channelCount(), 50_000)
    clock.turn(8_000)
    assert.equal(broker.channelCount(), 0)
  })
})

describe('broker bounds', () => {
  test('broker refuses the channel above maxChannels and goes on with those it has', async () => {
    const { broker, clock, publish } = setUp({ maxChannels: 2 })
    await publish('a')
    await publish('b')
    assert.equal(codeOf(await publish('c')), 'NODE_CHANNEL_LIMIT')
    assert.equal(codeOf(await broker.attach(recordingEdge(), 'c')), 'NODE_CHANNEL_LIMIT')
    assert.deepEqual(await publish('b'), { epoch: 'k3', offset: 2 })
    clock.turn(12_000)
    assert.deepEqual(await publish('c'), { epoch: 'k3.1', offset: 1 }, 'idle ones make room')
  })

  test('broker takes data of just the limit of the rule, in bytes of JSON', async () => {
    const { publish } = setUp()
    assert.deepEqual(await publish('small', 'abcdefgh'), { epoch: 'k3', offset: 1 })
    assert.equal(codeOf(await publish('small', 'abcdefghi')), 'PUBLICATION_TOO_LARGE')
    assert.equal(codeOf(await publish('small', '€€€')), 'PUBLICATION_TOO_LARGE')
    assert.equal(codeOf(await publish('large', 'a'.repeat(NODE_LIMIT - 1))), 'PUBLICATION_TOO_LARGE')
    assert.deepEqual(await publish('large', 'a'.repeat(NODE_LIMIT - 2)), { epoch: 'k3', offset: 1 })
  })

  test('broker refuses data nested too deep for any encoder', async () => {
    const { broker } = setUp()
    const data = Payload.trustJson(
      Buffer.from('['.repeat(MAX_JSON_DEPTH + 1) + ']'.repeat(MAX_JSON_DEPTH + 1)),
    )
    const [outcome] = await broker.publish([{ ...request('a'), data }], 'publish-port')
    assert.equal(codeOf(outcome), 'INVALID_DATA')
  })

  test('broker keeps no channel for a publication it refused', async () => {
    // Else any client that may publish could fill the node with channels that hold nothing.
    const { broker, publish } = setUp()
    await publish('small', 'far too long')
    assert.equal(broker.channelCount(), 0)
    await publish('small', 'short')
    await publish('small', 'far too long')
    assert.deepEqual(await publish('small', 'short'), { epoch: 'k3', offset: 2 })
  })

  test('broker refuses bad names wherever they come from', async () => {
    const { broker, publish } = setUp()
    assert.equal(codeOf(await publish('a\n')), 'INVALID_CHANNEL')
    assert.equal(codeOf(await broker.attach(recordingEdge(), '')), 'INVALID_CHANNEL')
    assert.equal(broker.channelCount(), 0)
  })
})

test('broker lets a publisher wait until every edge has room', async () => {
  const { broker, publish } = setUp()
  const [one, other] = [slowEdge(), slowEdge()]
  broker.join(one.edge)
  broker.join(other.edge)
  one.fill()
  other.fill()
  let isAnswered = false
  const outcome = publish('a').finally(() => {
    isAnswered = true
  })
  one.drain()
  await new Promise(setImmediate)
  assert.equal(isAnswered, false, 'one edge is still full')
  other.drain()
  assert.deepEqual(await outcome, { epoch: 'k3', offset: 1 })
  other.fill()
  broker.leave(other.edge)
  assert.deepEqual(await publish('a'), { epoch: 'k3', offset: 2 }, 'an edge that left is not waited for')
})

describe('broker users', () => {
  test('broker names those users that have a session on any edge, in the order asked', async () => {
    const { broker } = setUp()
    const one = recordingEdge({ '@17': 1, '@18': 0 })
    const other = recordingEdge({ '@5': 2 })
    for (const name of ['@17', '@18']) await broker.attach(one, name)
    await broker.attach(other, '@5')
    assert.deepEqual(await broker.usersOnline(1, ['5', '18', '17', 'nobody', '5']), {
      online: ['5', '17', '5'],
      lastSeen: {},
    })
  })

  test('broker counts subscribers and connections over all edges', async () => {
    const { broker } = setUp()
    for (const edge of [recordingEdge({ a: 2 }), recordingEdge({ a: 3 })]) {
      broker.join(edge)
      await broker.attach(edge, 'a')
    }
    assert.equal((await broker.channel('a')).subscribers, 5)
    assert.deepEqual(await broker.counts(), { connections: 6, sessions: 4, subscriptions: 10, channels: 1 })
  })

  test('broker passes a disconnect to every edge and adds up what they found', async () => {
    const { broker } = setUp()
    const edges = [recordingEdge({}, 2), recordingEdge({}, 0), recordingEdge({}, 3)]
    for (const edge of edges) broker.join(edge)
    const goodbye = { code: 4501, reason: 'account closed' }
    assert.equal(await broker.disconnect({ tenant: 1, user: '17' }, goodbye), 5)
    for (const edge of edges)
      assert.deepEqual(edge.goodbyes, [{ target: { tenant: 1, user: '17' }, goodbye }])
  })
})

test('broker leaves no timer behind when it stops', async () => {
  const { broker, clock } = setUp()
  assert.ok(clock.count > 0)
  await broker.stop()
  assert.equal(clock.count, 0)
})
