/**
 * Tests of src/core/count-channels.ts: when a count is published, and when it is not.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  COUNT_PREFIX,
  countedChannel,
  createCountChannels,
  isCountChannel,
} from '../../../src/core/count-channels.ts'
import { scoped } from '../../../src/core/tenants.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { codeOf, localCore, request } from '../../support/local-core.ts'

const TICK_MS = 500

function setUp(subscribers: Record<string, number>) {
  const clock = new FakeClock()
  const published: [channel: string, data: unknown][] = []
  const counts = createCountChannels(
    clock,
    (channel) => subscribers[channel] ?? 0,
    ({ channel, data }) => void published.push([channel, data.value()]),
  )
  /** What a tick publishes. */
  const tick = () => {
    clock.turn(TICK_MS)
    return published.splice(0)
  }
  return { clock, counts, tick }
}

describe('count channels', () => {
  test('are known by their name', () => {
    assert.equal(isCountChannel('$count:news'), true)
    assert.equal(countedChannel('$count:news'), 'news')
    for (const name of ['news', 'a$count:news', '$Count:news', '$count'])
      assert.equal(isCountChannel(name), false)
    assert.equal(countedChannel(`${COUNT_PREFIX}${COUNT_PREFIX}a`), '$count:a')
  })

  test('tell the count once, and again when it has changed', () => {
    const subscribers: Record<string, number> = { a: 3, '$count:a': 1 }
    const { counts, tick } = setUp(subscribers)
    counts.attached('$count:a')
    assert.deepEqual(tick(), [['$count:a', { subscribers: 3 }]])
    assert.deepEqual(tick(), [])
    subscribers.a = 4
    assert.deepEqual(tick(), [['$count:a', { subscribers: 4 }]])
    subscribers.a = 0
    assert.deepEqual(tick(), [['$count:a', { subscribers: 0 }]])
  })

  test('tell the count again when somebody new wants to know it, and not when one leaves', () => {
    const subscribers: Record<string, number> = { a: 3, '$count:a': 1 }
    const { counts, tick } = setUp(subscribers)
    counts.attached('$count:a')
    tick()
    subscribers['$count:a'] = 2
    assert.deepEqual(tick(), [['$count:a', { subscribers: 3 }]])
    subscribers['$count:a'] = 1
    assert.deepEqual(tick(), [])
  })

  test('tell nothing of channels that nobody counts', () => {
    const { counts, tick } = setUp({ a: 3 })
    counts.attached('a')
    assert.deepEqual(tick(), [])
    counts.attached('$count:a')
    counts.detached('$count:a')
    assert.deepEqual(tick(), [])
  })

  test('leave no timer behind', () => {
    const { clock, counts } = setUp({})
    assert.equal(clock.count, 1)
    counts.stop()
    assert.equal(clock.count, 0)
  })
})

describe('count channels of a node', () => {
  test('tell their subscribers how many there are, as they come and go', async (t) => {
    const core = localCore(t)
    const [reader, one, other] = [core.connected(), core.connected(), core.connected()]
    await core.subscribe(reader, '$count:a')
    const told = async () => {
      core.clock.turn(TICK_MS)
      await core.settle()
      return core.fanOut.got(reader).map(({ data }) => data)
    }
    assert.deepEqual(await told(), [{ subscribers: 0 }])
    for (const session of [one, other]) await core.subscribe(session, 'a')
    assert.deepEqual((await told()).slice(1), [{ subscribers: 2 }])
    core.lose(one)
    assert.deepEqual((await told()).slice(2), [{ subscribers: 1 }])
    assert.equal((await told()).length, 3)
  })

  test('count for every tenant, each its own', async (t) => {
    // They were known by their name as the node knows it, which begins with the tenant for all but the first.
    const core = localCore(t)
    const [reader, one] = [core.connected(), core.connected()]
    await core.subscribe(reader, scoped(7, '$count:a'))
    await core.subscribe(one, 'a')
    const told = async () => {
      core.clock.turn(TICK_MS)
      await core.settle()
      return core.fanOut.got(reader).map(({ channel, data }) => [channel, data])
    }
    assert.deepEqual(await told(), [['$count:a', { subscribers: 0 }]])
    await core.subscribe(one, scoped(7, 'a'))
    assert.deepEqual((await told()).slice(1), [['$count:a', { subscribers: 1 }]])
  })

  test('are published to by nobody else', async (t) => {
    const core = localCore(t)
    const [outcome] = await core.broker.publish([request('$count:a', 5)], 'http')
    assert.equal(codeOf(outcome), 'INVALID_CHANNEL')
  })
})
