/**
 * Tests of src/core/durable-writer.ts over a store that is slow, or fails: no offset is skipped, given twice or shown
 * before it is kept.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasFailed, ownOrigin } from '../../../src/core/broker.ts'
import { BrokerChannel } from '../../../src/core/broker-channel.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { createDurableWriter } from '../../../src/core/durable-writer.ts'
import { createRingMemory } from '../../../src/core/ring.ts'
import { StoredHistory } from '../../../src/core/stored-history.ts'
import { bare } from '../../../src/core/tenants.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { request } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

function setUp() {
  const store = recordingStore()
  const clock = new FakeClock()
  const rule = compileRules([], 1_000, false).ruleFor('news')
  const memory = createRingMemory(1_000_000, () => {})
  const retention = { short: { size: 0, bytes: 0, maxAgeMs: 0 }, memory, clock }
  const shown: string[] = []
  const writer = createDurableWriter(store, ({ channel, offset, request: { data } }) => {
    channel.offset = offset
    channel.stored?.wrote(offset)
    shown.push(`${bare(channel.name)} ${offset} ${data.json()}`)
  })
  return {
    store,
    shown,
    writer,
    channel(name: string, size = 100) {
      const channel = new BrokerChannel(name, 'k3', rule, retention)
      channel.stored = new StoredHistory(store, name, { offset: 0, isNamed: false }, { size, maxAgeMs: 0 })
      return channel
    },
    /** Resolves to the offset, or the code of the failure. */
    async append(channel: BrokerChannel, value: unknown) {
      const job = { channel, request: request(channel.name, value), origin: ownOrigin, arrivedMs: 0 }
      const outcome = await writer.append({ ...job, timeMs: clock.wallMs() })
      return hasFailed(outcome) ? outcome.failed : outcome.offset
    },
    kept: (owner: string, tenant = 1) =>
      [...store.entries('history', tenant, owner, 0)].map(({ value }) => value.toString()),
  }
}

test('writer shows a publication when it is on disk, and then says so', async () => {
  const { store, shown, channel, append, kept } = setUp()
  const news = channel('news')
  const letGo = store.hold()
  const offset = append(news, 'a')
  await nextTurn()
  await nextTurn()
  assert.deepEqual([store.waiting, shown, news.offset], [1, [], 0])
  letGo()
  assert.equal(await offset, 1)
  assert.deepEqual(shown, ['news 1 "a"'])
  assert.deepEqual(kept('news'), ['{"channel":"news","offset":1,"data":"a"}'])
})

test('writer has shown a publication by the time its publisher is told', async () => {
  const { shown, channel, append } = setUp()
  const news = channel('news')
  const seen: number[] = []
  await Promise.all([1, 2, 3].map((value) => append(news, value).then(() => seen.push(shown.length))))
  assert.deepEqual(seen, [3, 3, 3], 'those of one write are shown together')
})

test('writer puts what came while it was writing into the next write, in order, of several channels', async () => {
  const { store, shown, channel, append } = setUp()
  const [a, b] = [channel('a'), channel('b')]
  const letGo = store.hold()
  const first = append(a, 0)
  await nextTurn()
  const others = [append(a, 1), append(b, 2), append(a, 3), append(b, 4)]
  await nextTurn()
  assert.equal(store.writes.length, 1)
  letGo()
  assert.deepEqual(await Promise.all([first, ...others]), [1, 2, 1, 3, 2])
  assert.equal(store.writes.length, 2)
  assert.deepEqual(shown, ['a 1 0', 'a 2 1', 'b 1 2', 'a 3 3', 'b 2 4'])
})

test('writer gives the offsets of a failed write to the next one', async () => {
  const { store, shown, channel, append, kept } = setUp()
  const news = channel('news')
  assert.equal(await append(news, 'a'), 1)
  store.fail()
  const lost = await Promise.all([append(news, 'b'), append(news, 'c')])
  assert.deepEqual(lost, ['STORE_FAILED', 'STORE_FAILED'])
  assert.equal(await append(news, 'd'), 2)
  assert.deepEqual(shown, ['news 1 "a"', 'news 2 "d"'])
  assert.equal(kept('news').length, 2)
})

test('writer goes on with what waited behind a write that failed', async () => {
  const { store, shown, channel, append } = setUp()
  const news = channel('news')
  store.fail()
  const letGo = store.hold()
  const first = append(news, 'a')
  await nextTurn()
  const second = append(news, 'b')
  letGo()
  assert.deepEqual(await Promise.all([first, second]), ['STORE_FAILED', 1])
  assert.deepEqual(shown, ['news 1 "b"'])
})

test('writer splits a flood into several writes; one that fails leaves no hole and turns nothing round', async () => {
  const { store, shown, channel, append } = setUp()
  const news = channel('news', 10_000)
  const letGo = store.hold()
  const first = append(news, 0)
  await nextTurn()
  const flood = Array.from({ length: 2_500 }, (_, at) => append(news, at + 1))
  letGo()
  assert.equal(await first, 1)
  store.fail() // the first thousand
  const outcomes = await Promise.all(flood)
  assert.deepEqual(new Set(outcomes.slice(0, 1_000)), new Set(['STORE_FAILED']))
  const offsets = outcomes.slice(1_000)
  assert.deepEqual(
    offsets,
    offsets.map((_, at) => at + 2),
  )
  assert.equal(store.writes.length, 4)
  assert.deepEqual([shown[1], shown.at(-1)], ['news 2 1001', 'news 1501 2500'])
})

test('writer takes what is beyond the size with the write that pushes it out', async () => {
  const { channel, append, kept } = setUp()
  const news = channel('news', 2)
  for (const value of [1, 2, 3]) await append(news, value)
  assert.deepEqual(kept('news').length, 2)
  await Promise.all([4, 5, 6, 7].map((value) => append(news, value)))
  assert.deepEqual(kept('news'), [
    '{"channel":"news","offset":6,"data":6}',
    '{"channel":"news","offset":7,"data":7}',
  ])
})

test('writer names the epoch of a channel with its first publication, under its tenant', async () => {
  const { store, channel, append, kept } = setUp()
  const news = channel('7\u0001news')
  store.fail()
  await append(news, 'lost')
  assert.equal(store.get('channels', 7, 'news'), null)
  await append(news, 'a')
  await append(news, 'b')
  assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":0}')
  assert.equal(kept('news', 7).length, 2)
  const named = store.writes.flat().filter((change) => 'put' in change)
  assert.equal(named.length, 2, 'in the write that failed, and in the first that did not')
})

test('writer runs a task between two writes, and what came before the task without an offset after it', async () => {
  const { store, shown, channel, append, writer } = setUp()
  const news = channel('news')
  const letGo = store.hold()
  const first = append(news, 1)
  await nextTurn()
  const waiting = append(news, 2)
  const task = writer.between(async () => {
    shown.push('begin')
    await nextTurn()
    shown.push('end')
  })
  const last = append(news, 3)
  await nextTurn()
  assert.deepEqual(shown, [])
  letGo()
  await Promise.all([first, waiting, task, last])
  assert.deepEqual(shown, ['news 1 1', 'begin', 'end', 'news 2 2', 'news 3 3'])
})

test('writer goes on after a task that failed, and says why to who asked for it', async () => {
  const { channel, append, writer } = setUp()
  const failing = writer.between(() => Promise.reject(new Error('no')))
  const offset = append(channel('news'), 1)
  await assert.rejects(failing, /no/)
  assert.equal(await offset, 1)
})

test('writer gives a publication its offset though its channel is not kept any more', async () => {
  const { shown, channel, append, kept } = setUp()
  const news = channel('news')
  await append(news, 1)
  const second = append(news, 2)
  news.stored = null
  assert.equal(await second, 2)
  assert.deepEqual([shown.length, kept('news').length], [2, 1])
})

test('writer is idle when nothing is on its way', async () => {
  const { channel, append, writer, shown } = setUp()
  await writer.idle()
  const news = channel('news')
  void append(news, 1)
  void writer.between(async () => void shown.push('task'))
  await writer.idle()
  assert.deepEqual(shown, ['task', 'news 1 1'])
})
