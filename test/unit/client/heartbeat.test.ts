/**
 * Tests of src/client/heartbeat.ts with time turned by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHeartbeat } from '../../../src/client/heartbeat.ts'
import { HandTimers } from '../../support/hand-timers.ts'

function start(pingMs: number, isQuiet = false) {
  const timers = new HandTimers()
  const seen: string[] = []
  const heartbeat = startHeartbeat(timers, {
    pingMs,
    isQuiet,
    ping: () => seen.push(`ping ${timers.nowMs()}`),
    dead: () => seen.push(`dead ${timers.nowMs()}`),
  })
  return { timers, seen, heartbeat }
}

test('heartbeat pings every pingMs, busy or not', () => {
  const { timers, seen, heartbeat } = start(25_000)
  for (let n = 0; n < 60; n++) {
    timers.turn(1_000)
    heartbeat.heard()
  }
  assert.deepEqual(seen, ['ping 25000', 'ping 50000'])
})

test('heartbeat goes on when anything is heard after a ping', () => {
  const { timers, seen, heartbeat } = start(25_000)
  timers.turn(25_000)
  timers.turn(9_999)
  heartbeat.heard()
  timers.turn(15_001)
  assert.deepEqual(seen, ['ping 25000', 'ping 50000'])
})

test('heartbeat takes nothing that was heard before a ping for its answer', () => {
  const { timers, seen, heartbeat } = start(25_000)
  timers.turn(24_999)
  heartbeat.heard()
  timers.turn(10_001)
  assert.deepEqual(seen, ['ping 25000', 'dead 35000'])
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

test('heartbeat that is asked to check pings at once and waits five seconds', () => {
  const { timers, seen, heartbeat } = start(25_000)
  timers.turn(3_000)
  heartbeat.check()
  timers.turn(60_000)
  assert.deepEqual(seen, ['ping 3000', 'dead 8000'])
})

test('heartbeat whose timer comes much too late, after a sleep, waits five seconds for an answer', () => {
  const { timers, seen } = start(25_000)
  timers.turn(10_000)
  timers.sleep(3_600_000)
  timers.turn(60_000)
  assert.deepEqual(seen, ['ping 3625000', 'dead 3630000'])
})

test('heartbeat that is quiet pings after a sleep and when asked, and else never', () => {
  const { timers, seen, heartbeat } = start(25_000, true)
  timers.turn(200_000)
  assert.deepEqual(seen, [])
  heartbeat.check()
  timers.turn(1_000)
  heartbeat.heard()
  timers.sleep(60_000)
  timers.turn(25_000)
  assert.deepEqual(seen, ['ping 200000', 'ping 285000'])
})

test('heartbeat that was stopped does nothing, whenever it was stopped', () => {
  const early = start(1_000)
  early.heartbeat.stop()
  early.timers.turn(5_000)
  assert.deepEqual(early.seen, [])
  const late = start(1_000)
  late.timers.turn(1_500)
  late.heartbeat.stop()
  late.timers.turn(5_000)
  assert.deepEqual(late.seen, ['ping 1000'])
  assert.equal(late.timers.count, 0)
})
