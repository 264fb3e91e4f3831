/**
 * Tests of src/core/broker-local.ts, its second part, what it keeps: history, keys of publications, who is where and who
 * was last seen when.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChannelRule } from '../../../src/config/rules.ts'
import { type HistoryQuery, hasFailed } from '../../../src/core/broker.ts'
import { createLocalBroker } from '../../../src/core/broker-local.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { BROKER_LIMITS } from '../../support/core-parts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { codeOf, request } from '../../support/local-core.ts'
import { recordingEdge } from '../../support/recording-edge.ts'

const LIMITS = { ...BROKER_LIMITS, channelIdleMs: 10_000, ringMs: 5_000, maxIdempotencyKeys: 100 }

function setUp(limits: Partial<typeof LIMITS> = {}, more: readonly ChannelRule[] = []) {
  const clock = new FakeClock()
  const rules = compileRules([{ match: 'small', maxPublicationBytes: 10 }, ...more], 2_000, false)
  const deps = { rules, clock, observer: silentObserver, store: createMemoryStore() }
  const broker = createLocalBroker(deps, { ...LIMITS, ...limits }, 'k3')
  const publish = async (channel: string, value: unknown = 1) => {
    await broker.publish([request(channel, value)], 'http')
  }
  return { clock, broker, publish }
}

describe('broker history', () => {
  const KEPT = { match: 'kept', historySize: 3 } as const
  const all: HistoryQuery = { since: null, limit: 100, isReverse: false }

  test('broker keeps what the rule says, subscribers or not, and gives it as it was published', async () => {
    const { broker, publish } = setUp({}, [KEPT])
    for (let i = 1; i <= 5; i++) await publish('kept', { n: i })
    const page = await broker.history('kept', all)
    assert.ok(!hasFailed(page))
    assert.deepEqual(page.position, { epoch: 'k3', offset: 5 })
    assert.deepEqual(
      page.messages.map((message) => JSON.parse(message.toString())),
      [3, 4, 5].map((n) => ({ channel: 'kept', offset: n, data: { n } })),
    )
    assert.ok(broker.historyBytes() > 0)
  })

  test('broker says HISTORY_OFF where the rule keeps none, though a short ring does', async () => {
    const { broker, publish } = setUp({}, [KEPT])
    await broker.attach(recordingEdge(), 'a')
    await publish('a')
    assert.equal(codeOf(await broker.history('a', all)), 'HISTORY_OFF')
    assert.equal(codeOf(await broker.history('', all)), 'INVALID_CHANNEL')
  })

  test('broker opens no channel for a question', async () => {
    const { broker } = setUp({}, [KEPT])
    const page = await broker.history('kept', { ...all, since: { epoch: 'k2', offset: 9 } })
    assert.ok(!hasFailed(page))
    assert.deepEqual([page.position.offset, page.messages.length, page.gap?.reason], [0, 0, 'epoch'])
    assert.equal(broker.channelCount(), 0)
  })

  test('broker forgets no channel that still keeps something', async () => {
    const { broker, clock, publish } = setUp({}, [{ ...KEPT, historyTtlMs: 60_000 }])
    await publish('kept')
    clock.turn(50_000)
    assert.equal(broker.channelCount(), 1)
    clock.turn(25_000)
    assert.equal(broker.channelCount(), 0)
    assert.equal(broker.historyBytes(), 0)
  })

  test('broker lets an edge read what it holds, and nothing after the edge has left', async () => {
    const { broker, publish } = setUp()
    const edge = recordingEdge()
    const attachment = await broker.attach(edge, 'a')
    assert.ok(!hasFailed(attachment))
    for (let i = 0; i < 3; i++) await publish('a')
    const { log } = attachment
    assert.equal(log.firstRetained(), 1)
    assert.equal(log.retained(2)?.toString(), '{"channel":"a","offset":2,"data":1}')
    assert.equal(log.retained(4), null)
    broker.detach(edge, 'a')
    assert.equal(log.firstRetained(), 4)
    assert.equal(broker.historyBytes(), 0)
  })

  test('broker streams to its edges though nothing at all is kept', async () => {
    const { broker, publish } = setUp({ ringSize: 0 })
    const edge = recordingEdge()
    await broker.attach(edge, 'a')
    await publish('a')
    assert.deepEqual(
      edge.delivered.map((one) => one.offset),
      [1],
    )
    assert.equal(broker.historyBytes(), 0)
  })
})

describe('broker keys', () => {
  const keyed = (key: string, user = '', channel = 'a') => request(channel, 1, '', user, key)

  test('broker publishes once for a key, within its window, in its channel', async () => {
    const { broker, clock } = setUp({ idempotencyMs: 60_000 })
    const publish = async (...given: Parameters<typeof keyed>) =>
      (await broker.publish([keyed(...given)], 'http'))[0]
    assert.deepEqual(await publish('k'), { epoch: 'k3', offset: 1 })
    assert.deepEqual(await publish('k'), { epoch: 'k3', offset: 1 })
    assert.deepEqual(await publish('k', '', 'b'), { epoch: 'k3', offset: 1 })
    assert.equal((await broker.channel('b')).position.offset, 1)
    clock.turn(61_000)
    assert.equal(((await publish('k', '', 'b')) as { offset: number }).offset, 1, 'a new epoch by then')
    assert.equal((await broker.channel('a')).position.offset, 0)
  })

  test('broker keeps the keys of clients apart from each other and from the application’s', async () => {
    const { broker } = setUp()
    const offsets: unknown[] = []
    for (const [user, source] of [
      ['', 'http'],
      ['17', 'client'],
      ['18', 'client'],
      ['17', 'client'],
      ['', 'publish-port'],
    ] as const) {
      const [outcome] = await broker.publish([keyed('k', user)], source)
      offsets.push(outcome !== undefined && 'offset' in outcome ? outcome.offset : outcome)
    }
    assert.deepEqual(offsets, [1, 2, 3, 2, 1])
  })

  // A client that published with many keys pushed out those of the application, whose retries were published twice then.
  test('broker keeps the keys of the application however many clients use', async () => {
    const { broker } = setUp({ maxIdempotencyKeys: 10 })
    const order = () => broker.publish([keyed('order-1')], 'publish-port')
    assert.deepEqual(await order(), [{ epoch: 'k3', offset: 1 }])
    for (let n = 0; n < 20; n++) await broker.publish([keyed(`k${n}`, '17')], 'client')
    assert.deepEqual(await order(), [{ epoch: 'k3', offset: 1 }])
    assert.deepEqual(await broker.publish([keyed('k19', '17')], 'client'), [{ epoch: 'k3', offset: 21 }])
    for (let n = 0; n < 20; n++) await broker.publish([keyed(`order-${n + 2}`)], 'http')
    assert.deepEqual(await broker.publish([keyed('k19', '17')], 'client'), [{ epoch: 'k3', offset: 21 }])
  })

  test('broker remembers no key of a publication that it refused', async () => {
    const { broker } = setUp()
    const [refused] = await broker.publish([request('small', 'far too long', '', '', 'k')], 'http')
    assert.equal(codeOf(refused), 'PUBLICATION_TOO_LARGE')
    assert.deepEqual(await broker.publish([request('small', 'short', '', '', 'k')], 'http'), [
      { epoch: 'k3', offset: 1 },
    ])
  })
})

describe('broker presence', () => {
  const LIST = [{ match: 'room', presence: 'list' }] as const
  const person = (session: string) => ({ session, user: '' })

  test('broker lists who is there on all edges, up to a limit over all of them', async () => {
    const { broker } = setUp({}, LIST)
    const edges = [
      recordingEdge({}, 0, { room: [person('s1'), person('s2')] }),
      recordingEdge({}, 0, { room: [person('s3')] }),
    ]
    for (const edge of edges) await broker.attach(edge, 'room')
    const listed = async (limit: number) => (await broker.presence('room', limit)).clients
    assert.deepEqual(await listed(9), ['s1', 's2', 's3'].map(person))
    assert.deepEqual(await listed(1), [person('s1')])
    assert.equal((await broker.presence('room', 1)).count, 3)
  })

  test('broker tells every edge of a change, with the count of all', async () => {
    const { broker } = setUp({}, LIST)
    const edges = [
      recordingEdge({}, 0, { room: [person('s1'), person('s2')] }),
      recordingEdge({}, 0, { room: [person('s3')] }),
    ]
    for (const edge of edges) await broker.attach(edge, 'room')
    const change = { join: [person('s2')], leave: [] }
    broker.presenceChanged('room', change)
    for (const edge of edges) assert.deepEqual(edge.changes, [{ channel: 'room', change, count: 3 }])
  })

  test('broker tells when a user was last seen, once no edge has them any more', async () => {
    const { broker, clock } = setUp()
    const subscribers: Record<string, number> = { '@17': 1 }
    await broker.attach(recordingEdge(subscribers), '@17')
    broker.userLeft('@17')
    assert.deepEqual(await broker.usersOnline(1, ['17']), { online: ['17'], lastSeen: {} })
    subscribers['@17'] = 0
    const leftMs = clock.wallMs()
    broker.userLeft('@17')
    clock.turn(5_000)
    assert.deepEqual(await broker.usersOnline(1, ['17', '18']), { online: [], lastSeen: { '17': leftMs } })
  })
})
