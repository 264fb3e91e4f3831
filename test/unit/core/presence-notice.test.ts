/**
 * Tests of src/core/presence-notice.ts: the form of a notice, and from where on it tells the count alone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PresenceChange } from '../../../src/core/broker.ts'
import { MAX_TOLD, presenceNotice } from '../../../src/core/presence-notice.ts'

const people = (count: number) => Array.from({ length: count }, (_, i) => ({ session: `s${i}`, user: '17' }))
const noticeOf = (change: PresenceChange, count = 5) =>
  presenceNotice({ name: 'room', epoch: 'k3' }, change, { count, seq: 7, nowMs: 42 })
const messageOf = (...given: Parameters<typeof noticeOf>) => JSON.parse(noticeOf(...given).message.toString())

test('notice names who came and who left, and leaves out what did not happen', () => {
  const [one = assert.fail()] = people(1)
  assert.deepEqual(messageOf({ join: [one], leave: [] }), {
    channel: 'room',
    presence: { seq: 7, count: 5, join: [one] },
  })
  assert.deepEqual(messageOf({ join: [], leave: [one] }), {
    channel: 'room',
    presence: { seq: 7, count: 5, leave: [one] },
  })
  assert.deepEqual(messageOf({ join: [one], leave: people(2) }, 0), {
    channel: 'room',
    presence: { seq: 7, count: 0, join: [one], leave: people(2) },
  })
})

test('notice names up to MAX_TOLD, and beyond that says that it is stale', () => {
  const half = MAX_TOLD / 2
  const full = messageOf({ join: people(half), leave: people(half) })
  assert.deepEqual([full.presence.join.length, full.presence.stale], [half, undefined])
  assert.deepEqual(messageOf({ join: people(half), leave: people(half + 1) }), {
    channel: 'room',
    presence: { seq: 7, count: 5, stale: true },
  })
})

test('notice has no offset, so that no position moves by it', () => {
  const { channel, epoch, offset, arrivedMs } = noticeOf({ join: people(1), leave: [] })
  assert.deepEqual(
    { channel, epoch, offset, arrivedMs },
    { channel: 'room', epoch: 'k3', offset: 0, arrivedMs: 42 },
  )
})

test('notice differs in its bytes from an equal one of another time', () => {
  const noticeAt = (seq: number) =>
    presenceNotice(
      { name: 'room', epoch: 'k3' },
      { join: people(1), leave: [] },
      { count: 1, seq, nowMs: 42 },
    )
  assert.equal(noticeAt(8).message.equals(noticeAt(8).message), true)
  assert.equal(noticeAt(8).message.equals(noticeAt(9).message), false)
})
