/**
 * Values come back as they were, or not at all.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEntry, decodeRow, encodeEntry, encodeRow } from '../../../src/store/values.ts'

const KEY = Buffer.from('0100000001 37'.replace(' ', ''), 'hex')

test('value of a row has the bytes that are on disks', () => {
  // CRC-32 of 01 00 00 00 01 37 and "hash", by Python's binascii.crc32.
  assert.equal(encodeRow(KEY, 'hash').toString('hex'), '24e909df68617368')
})

test('value of an entry has the bytes that are on disks', () => {
  const entry = { seq: 9, timeMs: 1_700_000_000_000, value: Buffer.from('{"a":1}') }
  // CRC-32 of key, time and message, likewise.
  assert.equal(encodeEntry(KEY, entry).toString('hex'), 'c3be76214278bcfe568000007b2261223a317d')
})

test('values are read back, and one wrong bit or another key makes them nothing', async () => {
  await fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), fc.nat(), (text, bytes, where) => {
      const entry = { seq: 3, timeMs: 12.5, value: Buffer.from(bytes) }
      const row = encodeRow(KEY, text)
      const message = encodeEntry(KEY, entry)
      assert.equal(decodeRow(KEY, row), text)
      assert.deepEqual(decodeEntry(KEY, 3, message), entry)
      for (const value of [row, message]) {
        const bit = where % (value.length * 8)
        const damaged = Buffer.from(value)
        damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
        assert.equal(decodeRow(KEY, damaged), null)
        assert.equal(decodeEntry(KEY, 3, damaged), null)
        assert.equal(decodeRow(Buffer.concat([KEY, KEY]), value), null)
      }
    }),
  )
})

test('values that are too short to be any are nothing', () => {
  for (let length = 0; length < 4; length++) assert.equal(decodeRow(KEY, Buffer.alloc(length)), null)
  assert.equal(decodeEntry(KEY, 1, encodeRow(KEY, 'short')), null)
})
