/**
 * Tests of src/client/heartbeat.ts with time turned by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHeartbeat } from '../../../src/client/heartbeat.ts'
import { HandTimers } from '../../support/hand-timers.ts'

function start(pingMs: number) {
  const timers = new HandTimers()
  const seen: string[] = []
  let heardMs = 0
  const stop = startHeartbeat(timers, {
    pingMs,
    heardMs: () => heardMs,
    ping: () => seen.push(`ping ${timers.nowMs()}`),
    dead: () => seen.push(`dead ${timers.nowMs()}`),
  })
  return { timers, seen, stop, hear: () => (heardMs = timers.nowMs()) }
}

test('heartbeat pings when the silence has lasted pingMs, not pingMs after the last look', () => {
  const { timers, seen, hear } = start(25_000)
  timers.turn(10_000)
  hear()
  timers.turn(24_999)
  assert.deepEqual(seen, [])
  timers.turn(1)
  assert.deepEqual(seen, ['ping 35000'])
})

test('heartbeat starts over when anything is heard after a ping', () => {
  const { timers, seen, hear } = start(25_000)
  timers.turn(25_000)
  timers.turn(2_000)
  hear()
  timers.turn(24_999)
  assert.deepEqual(seen, ['ping 25000'])
  timers.turn(1)
  assert.deepEqual(seen, ['ping 25000', 'ping 52000'])
})

test('heartbeat says dead once when nothing is heard within ten seconds of a ping', () => {
  const { timers, seen } = start(25_000)
  timers.turn(200_000)
  assert.deepEqual(seen, ['ping 25000', 'dead 35000'])
  assert.equal(timers.count, 0)
})

test('heartbeat waits no longer for an answer than it waits to ping', () => {
  const { timers, seen } = start(1_000)
  timers.turn(5_000)
  assert.deepEqual(seen, ['ping 1000', 'dead 2000'])
})

test('heartbeat that was stopped does nothing, whenever it was stopped', () => {
  const early = start(1_000)
  early.stop()
  early.timers.turn(5_000)
  assert.deepEqual(early.seen, [])
  const late = start(1_000)
  late.timers.turn(1_500)
  late.stop()
  late.timers.turn(5_000)
  assert.deepEqual(late.seen, ['ping 1000'])
})
