/**
 * Tests of src/core/settings-change.ts: settings of several channels take effect together, or not at all.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasFailed } from '../../../src/core/broker.ts'
import { codeOf, localCore } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

const size = (historySize: number) => ({ historySize })

test('settings of several channels are one write, and hold from then on', async (t) => {
  const store = recordingStore()
  const { broker, publish } = localCore(t, { store })
  const settings = new Map([
    ['a', size(1)],
    ['b', size(2)],
    ['7\u0001a', size(7)],
  ])
  assert.equal(await broker.configureAll(settings), null)
  assert.equal(store.writes.length, 1)
  for (const [name, one] of settings) assert.deepEqual(await broker.settings(name), one)
  for (const value of [1, 2, 3]) await publish('b', value)
  const page = await broker.history('b', { since: null, limit: 9, isReverse: false })
  assert.ok(!hasFailed(page))
  assert.equal(page.messages.length, 2)
})

test('settings that the disk refuses leave all channels as they were', async (t) => {
  const store = recordingStore()
  const { broker } = localCore(t, { store })
  await broker.configure('a', size(1))
  store.fail()
  const settings = new Map([
    ['a', null],
    ['b', size(2)],
  ])
  await assert.rejects(broker.configureAll(settings), { code: 'STORE_FAILED' })
  assert.deepEqual([await broker.settings('a'), await broker.settings('b')], [size(1), null])
  const query = { since: null, limit: 9, isReverse: false }
  assert.ok(!hasFailed(await broker.history('a', query)))
  assert.equal(codeOf(await broker.history('b', query)), 'HISTORY_OFF')
})

test('settings for which there is no room are refused as a whole, and open nothing', async (t) => {
  const { broker, publish } = localCore(t, { maxChannels: 2 })
  await publish('a')
  const settings = new Map([
    ['a', size(1)],
    ['b', size(2)],
    ['c', size(3)],
  ])
  assert.equal(codeOf(await broker.configureAll(settings)), 'NODE_CHANNEL_LIMIT')
  assert.equal(broker.channelCount(), 1)
  for (const name of settings.keys()) assert.equal(await broker.settings(name), null)
})
