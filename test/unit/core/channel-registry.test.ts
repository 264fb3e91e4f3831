/**
 * Tests of src/core/channel-registry.ts: which channels are there, under which rule, epoch and offset; with what is on
 * disk, and across settings that come and go. The broker around it publishes.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChannelRule } from '../../../src/config/rules.ts'
import { hasFailed } from '../../../src/core/broker.ts'
import { createLocalBroker } from '../../../src/core/broker-local.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { BROKER_LIMITS } from '../../support/core-parts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { codeOf, request } from '../../support/local-core.ts'
import { recordingEdge } from '../../support/recording-edge.ts'
import { recordingStore } from '../../support/recording-store.ts'

const RULES: readonly ChannelRule[] = [
  { match: 'kept', historySize: 3, durable: true },
  { match: '@*', historySize: 3, durable: true },
]

function setUp(store = recordingStore(), epoch = 'k3', limits: Partial<typeof BROKER_LIMITS> = {}) {
  const clock = new FakeClock()
  const deps = { rules: compileRules(RULES, 1_000, false), clock, observer: silentObserver, store }
  const broker = createLocalBroker(deps, { ...BROKER_LIMITS, channelIdleMs: 2_000, ...limits }, epoch)
  const publish = async (channel: string, value: unknown = 1) => {
    const [outcome] = await broker.publish([request(channel, value)], 'http')
    return codeOf(outcome)
  }
  return {
    store,
    clock,
    broker,
    publish,
    position: async (channel: string) => (await broker.channel(channel)).position,
    /** Data of all that is kept of a channel. */
    async kept(channel: string) {
      const page = await broker.history(channel, { since: null, limit: 100, isReverse: false })
      if (hasFailed(page)) return page.failed
      return page.messages.map((message) => JSON.parse(message.toString()).data)
    },
    idle(ms = 10_000) {
      clock.turn(ms)
    },
  }
}

type Node = ReturnType<typeof setUp>

/** The node ends and another one starts on its store. */
async function restarted(node: Node, epoch: string): Promise<Node> {
  await node.broker.stop()
  return setUp(node.store, epoch)
}

describe('durable channel', () => {
  test('is found again under its epoch and offset after a restart, with its history', async () => {
    const node = setUp()
    for (const value of [1, 2, 3, 4]) await node.publish('kept', value)
    const next = await restarted(node, 'k4')
    assert.deepEqual(await next.position('kept'), { epoch: 'k3', offset: 4 })
    assert.deepEqual(await next.kept('kept'), [2, 3, 4])
    assert.equal(next.broker.channelCount(), 0, 'nothing was opened for that')
    assert.deepEqual(await next.publish('kept', 5), { epoch: 'k3', offset: 5 })
    assert.deepEqual(await next.kept('kept'), [3, 4, 5])
  })

  test('is found again when the node forgot it, and costs other channels no epoch', async () => {
    const node = setUp()
    await node.publish('kept')
    node.idle()
    assert.equal(node.broker.channelCount(), 0)
    assert.deepEqual(await node.publish('kept'), { epoch: 'k3', offset: 2 })
    assert.deepEqual(await node.publish('other'), { epoch: 'k3', offset: 1 })
    node.idle()
    assert.deepEqual(await node.publish('other'), { epoch: 'k3.1', offset: 1 })
  })

  test('keeps its position when its history was cleared, across a restart', async () => {
    const node = setUp()
    for (const value of [1, 2]) await node.publish('kept', value)
    await node.broker.clearHistory('kept')
    assert.deepEqual(await node.kept('kept'), [])
    const next = await restarted(node, 'k4')
    assert.deepEqual([await next.position('kept'), await next.kept('kept')], [{ epoch: 'k3', offset: 2 }, []])
    assert.deepEqual(await next.publish('kept'), { epoch: 'k3', offset: 3 })
  })

  test('is not forgotten while a publication is on its way to the disk', async () => {
    const node = setUp()
    const letGo = node.store.hold()
    const outcome = node.publish('kept')
    node.idle()
    assert.equal(node.broker.channelCount(), 1)
    letGo()
    assert.deepEqual(await outcome, { epoch: 'k3', offset: 1 })
  })

  test('has the same name with two tenants, and nothing in common', async () => {
    const node = setUp()
    await node.publish('kept', 'first')
    await node.publish('7\u0001kept', 'seventh')
    await node.publish('7\u0001kept', 'again')
    const next = await restarted(node, 'k4')
    assert.deepEqual(await next.kept('kept'), ['first'])
    assert.deepEqual(await next.kept('7\u0001kept'), ['seventh', 'again'])
    assert.deepEqual(await next.position('7\u0001kept'), { epoch: 'k3', offset: 2 })
  })

  test('whose epoch the store does not know gets one that stays', async () => {
    const store = recordingStore()
    const entry = { seq: 9, timeMs: 0, value: Buffer.from('{"channel":"kept","offset":9,"data":"old"}') }
    await store.write([{ append: 'history', tenant: 1, owner: 'kept', entry }])
    const node = setUp(store)
    assert.deepEqual(await node.publish('kept'), { epoch: 'k3', offset: 10 })
    assert.deepEqual(await (await restarted(node, 'k4')).position('kept'), { epoch: 'k3', offset: 10 })
  })

  test('is none for users: they have an inbox', async () => {
    const node = setUp()
    await node.publish('@17', 'a')
    assert.deepEqual(await node.kept('@17'), ['a'])
    assert.equal(node.store.writes.length, 0)
  })

  test('is kept in memory by a store that is', async () => {
    const clock = new FakeClock()
    const deps = { rules: compileRules(RULES, 1_000, false), clock, observer: silentObserver }
    const broker = createLocalBroker({ ...deps, store: createMemoryStore() }, BROKER_LIMITS, 'k3')
    await broker.publish([request('kept')], 'http')
    const page = await broker.history('kept', { since: null, limit: 1, isReverse: false })
    assert.ok(!hasFailed(page) && page.messages.length === 1 && broker.historyBytes() > 0)
    await broker.stop()
  })
})

describe('channels of a tenant', () => {
  async function channelsOf({ broker }: Pick<Node, 'broker'>, tenant = 1) {
    const states: [name: string, offset: number, subscribers: number][] = []
    for await (const batch of broker.channels(tenant)) {
      for (const { channel, position, subscribers } of batch)
        states.push([channel, position.offset, subscribers])
    }
    return states
  }

  test('channels are told by their bare names, with their offsets and subscribers', async () => {
    const node = setUp()
    assert.deepEqual(await channelsOf(node), [])
    for (const channel of ['a', 'a', '7\u0001a', '@17']) await node.publish(channel)
    await node.broker.attach({ ...recordingEdge(), subscribers: (name) => (name === 'b' ? 4 : 0) }, 'b')
    assert.deepEqual(await channelsOf(node), [
      ['a', 2, 0],
      ['@17', 1, 0],
      ['b', 0, 4],
    ])
    assert.deepEqual(await channelsOf(node, 7), [['a', 1, 0]])
  })

  test('channels that are on disk alone are not among them', async () => {
    const node = setUp()
    await node.publish('kept')
    assert.deepEqual(await channelsOf(await restarted(node, 'k4')), [])
  })

  test('channels that come and go while they are told of do no harm', async () => {
    const node = setUp()
    for (let n = 0; n < 600; n++) await node.publish(`old ${n}`)
    const seen = new Set<string>()
    let batches = 0
    for await (const batch of node.broker.channels(1)) {
      for (const { channel } of batch) {
        assert.ok(!seen.has(channel), `${channel} came twice`)
        seen.add(channel)
      }
      if (batches++ > 0) continue
      node.idle()
      for (let n = 0; n < 600; n++) await node.publish(`new ${n}`)
    }
    assert.ok(seen.has('old 0') && seen.size <= 600, `${seen.size} channels`)
  })
})

describe('settings of a channel', () => {
  test('settings of all channels of a tenant are told of, in the order of their names', async () => {
    const node = setUp()
    const size = (historySize: number) => ({ historySize })
    for (const [channel, historySize] of [
      ['b', 2],
      ['a', 1],
      ['7\u0001a', 7],
      ['c', 3],
    ] as const) {
      await node.broker.configure(channel, size(historySize))
    }
    await node.broker.configure('c', null)
    const configured = async (from: Node, tenant: number) => {
      const all: object[] = []
      for await (const batch of from.broker.configuredChannels(tenant)) all.push(...batch)
      return all
    }
    const expected = [
      { channel: 'a', settings: size(1) },
      { channel: 'b', settings: size(2) },
    ]
    assert.deepEqual(await configured(node, 1), expected)
    assert.deepEqual(await configured(node, 7), [{ channel: 'a', settings: size(7) }])
    assert.deepEqual(await configured(await restarted(node, 'k4'), 1), expected)
  })

  test('settings go over the rule, at once and after a restart', async () => {
    const node = setUp()
    assert.equal(await node.kept('news'), 'HISTORY_OFF')
    assert.equal(await node.broker.configure('news', { historySize: 2 }), null)
    assert.deepEqual(await node.broker.settings('news'), { historySize: 2 })
    for (const value of [1, 2, 3]) await node.publish('news', value)
    assert.deepEqual(await node.kept('news'), [2, 3])
    const next = await restarted(node, 'k4')
    assert.deepEqual(await next.broker.settings('news'), { historySize: 2 })
    assert.deepEqual(
      [await next.kept('news'), await next.position('news')],
      [[2, 3], { epoch: 'k3', offset: 3 }],
    )
    assert.equal(await next.broker.settings('7\u0001news'), null, 'another tenant’s are its own')
  })

  test('settings that are taken away take the history with them', async () => {
    const node = setUp()
    await node.broker.configure('news', { historySize: 2 })
    await node.publish('news')
    await node.broker.configure('news', null)
    assert.equal(await node.broker.settings('news'), null)
    assert.equal(await node.kept('news'), 'HISTORY_OFF')
    assert.equal(node.store.range('history', 1, 'news'), null)
    assert.equal(node.store.get('channels', 1, 'news'), null)
  })

  test('settings that keep nothing take a rule’s history away, and give it back', async () => {
    const node = setUp()
    await node.publish('kept', 1)
    await node.broker.configure('kept', { historySize: 0 })
    assert.equal(await node.kept('kept'), 'HISTORY_OFF')
    await node.publish('kept', 2)
    await node.broker.configure('kept', null)
    assert.deepEqual(await node.publish('kept', 3), { epoch: 'k3', offset: 3 })
    assert.deepEqual(await node.kept('kept'), [3])
  })

  test('settings that keep less show less at once', async () => {
    const node = setUp()
    await node.broker.configure('news', { historySize: 5 })
    for (const value of [1, 2, 3, 4]) await node.publish('news', value)
    await node.broker.configure('news', { historySize: 2 })
    assert.deepEqual(await node.kept('news'), [3, 4])
    await node.publish('news', 5)
    assert.deepEqual(
      [...node.store.entries('history', 1, 'news', 0)].map(({ seq }) => seq),
      [4, 5],
    )
  })

  test('settings of a name that no channel may have are refused', async () => {
    assert.equal(codeOf(await setUp().broker.configure('', { historySize: 1 })), 'INVALID_CHANNEL')
    const full = setUp(recordingStore(), 'k3', { maxChannels: 1 })
    await full.publish('a')
    assert.equal(codeOf(await full.broker.configure('b', { historySize: 1 })), 'NODE_CHANNEL_LIMIT')
  })

  test('settings that can not be written change nothing', async () => {
    const node = setUp()
    await node.publish('kept', 1)
    node.store.fail()
    await assert.rejects(node.broker.configure('kept', { historySize: 0 }), { code: 'STORE_FAILED' })
    assert.deepEqual(await node.kept('kept'), [1])
    assert.deepEqual(await node.publish('kept', 2), { epoch: 'k3', offset: 2 })
    node.store.fail()
    await assert.rejects(node.broker.configure('news', { historySize: 1 }), { code: 'STORE_FAILED' })
    assert.equal(await node.kept('news'), 'HISTORY_OFF')
  })

  test('settings that came before the first publication leave the channel its epoch across a restart', async () => {
    // The store was taken to know the epoch, though nothing had been written: the next node gave the channel another one.
    const node = setUp()
    await node.broker.configure('kept', { historySize: 2 })
    const position = await node.publish('kept', 1)
    const next = await restarted(node, 'k4')
    assert.deepEqual(await next.position('kept'), position)
    assert.deepEqual(await next.kept('kept'), [1])
  })

  test('settings of a user channel keep its history in memory', async () => {
    const node = setUp()
    await node.broker.configure('@17', { historySize: 1 })
    for (const value of [1, 2]) await node.publish('@17', value)
    assert.deepEqual(await node.kept('@17'), [2])
    assert.equal(node.store.range('history', 1, '@17'), null)
  })
})

/** Every position that was given to a publication, and what it was given to: never the same to two. */
class Positions {
  readonly #given = new Map<string, unknown>()

  add(outcome: unknown, value: unknown): void {
    const key = JSON.stringify(outcome)
    assert.ok(!this.#given.has(key), `${key} was given to ${this.#given.get(key)} and to ${value}`)
    this.#given.set(key, value)
  }
}

describe('positions', () => {
  const size = { historySize: 5 }

  test('are never given twice when settings come and go, whether the channel was forgotten or the node restarted', async () => {
    const positions = new Positions()
    let node = setUp()
    let value = 0
    const publish = async () => {
      value++
      positions.add(await node.publish('news', value), value)
    }
    for (const settings of [size, null, size, size, null, null, size]) {
      await publish()
      await node.broker.configure('news', settings)
      await publish()
      if (value % 3 === 0) node.idle()
      if (value % 4 === 0) node = await restarted(node, `e${value}`)
      await publish()
    }
  })

  test('are never given twice while settings are on their way to the disk', async () => {
    // Publications passed each other: one in memory got the offset of another that was being written.
    for (const [before, after] of [
      [size, null],
      [null, size],
      [size, { historySize: 1 }],
    ]) {
      const positions = new Positions()
      const node = setUp()
      const edge = recordingEdge()
      await node.broker.attach(edge, 'news')
      await node.broker.configure('news', before ?? null)
      const letGo = node.store.hold()
      const outcomes: Promise<unknown>[] = []
      outcomes.push(node.publish('news', 0))
      const configured = node.broker.configure('news', after ?? null)
      for (const value of [1, 2]) outcomes.push(node.publish('news', value))
      letGo()
      await configured
      outcomes.push(node.publish('news', 3))
      for (const [value, outcome] of (await Promise.all(outcomes)).entries()) positions.add(outcome, value)
      assert.deepEqual(
        edge.delivered.map(({ offset, data }) => [offset, data.value()]),
        [0, 1, 2, 3].map((value) => [value + 1, value]),
        'and are seen in their order',
      )
      const next = await restarted(node, 'k4')
      positions.add(await next.publish('news', 4), 4)
    }
  })

  test('are never given twice when a node ends while settings and publications are on their way', async () => {
    const node = setUp()
    for (const value of [1, 2]) await node.publish('news', value)
    const configured = node.broker.configure('news', size)
    const published = node.publish('news', 3)
    await configured
    assert.deepEqual(await published, { epoch: 'k3', offset: 3 })
    const letGo = node.store.hold()
    void node.publish('news', 'never kept')
    const next = setUp(node.store, 'k4')
    assert.deepEqual(await next.position('news'), { epoch: 'k3', offset: 3 })
    letGo()
    await node.broker.stop()
  })
})
