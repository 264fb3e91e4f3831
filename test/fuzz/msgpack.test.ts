/**
 * Random and nearly right bytes for the MessagePack reader and decoder: a value within the bytes, or MsgpackError.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodeValue } from '../../src/protocol/msgpack-codec.ts'
import { MsgpackError, MsgpackReader } from '../../src/protocol/msgpack-reader.ts'
import { readRequest } from '../../src/protocol/publish-frames.ts'
import { eachCase } from '../support/cases.ts'
import { holds } from '../support/holds.ts'
import { mutate } from '../support/mutate.ts'
import type { Random } from '../support/seed.ts'

const samples: readonly Buffer[] = [
  { id: 1, publish: { channel: 'web_chat', data: { a: [1, -1, 1.5, null, true, 'é'], b: {} }, event: 'e' } },
  [2, 7, 'channel', { a: 1 }, 'event', '17'],
  [2, 7, 'channel', Buffer.from('{"a":[1,2,3]}')],
  [3, 7, ['a', 'b', 'c'], Buffer.from('1'), 'e'],
  [
    5,
    7,
    [
      ['a', 1],
      ['b', { c: 2 ** 40 }, 'e'],
      ['c', 'x'.repeat(300), null, '17'],
    ],
  ],
  [6, 7, ['1', '2']],
  [8, 7, { user: '17' }, 4501, 'bye'],
  Array(20).fill([[], {}, 'x'.repeat(40)]),
].map(encodeValue)

const pickSample = (random: Random) => samples[random.below(samples.length)] ?? Buffer.alloc(0)

/** Runs what must either succeed or throw MsgpackError blaming a byte from `start` to `end`. */
function isRefused(run: () => void, start: number, end: number): boolean {
  try {
    run()
    return false
  } catch (error) {
    assert.ok(error instanceof MsgpackError, `${String(error)} (${(error as Error).name})`)
    assert.ok(error.at >= start && error.at <= end + 1, `blames byte ${error.at} of ${start} to ${end}`)
    return true
  }
}

test('reader walks over any bytes without leaving its bounds', async () => {
  await eachCase(10_000, (random) => {
    const bytes = random.below(3) === 0 ? random.bytes(random.below(40)) : mutate(pickSample(random), random)
    const start = random.below(4)
    const padded = Buffer.concat([Buffer.alloc(start, 0xdd), bytes, Buffer.alloc(8, 0xff)])
    const end = start + bytes.length
    const reader = new MsgpackReader(padded, start, end)
    isRefused(() => void reader.skip(), start, end)
    assert.ok(reader.at >= start && reader.at <= end, `reader stands at ${reader.at} of ${start} to ${end}`)
  })
})

test('decoder gives a value or MsgpackError for any bytes', async () => {
  let decoded = 0
  await eachCase(10_000, (random) => {
    const bytes = random.below(3) === 0 ? random.bytes(random.below(40)) : mutate(pickSample(random), random)
    const before = Buffer.from(bytes)
    if (!isRefused(() => void decodeMessage(bytes), 0, bytes.length)) decoded++
    assert.deepEqual(bytes, before, 'the bytes were written to')
  })
  assert.ok(decoded > 100, `only ${decoded} mutations could be decoded: they test nothing`)
})

test('decoder is not changed by what it refused', async () => {
  await eachCase(500, (random) => {
    isRefused(() => void decodeMessage(mutate(pickSample(random), random)), 0, 10_000)
    assert.deepEqual(decodeMessage(encodeValue({ a: [1, { b: null }] })), { a: [1, { b: null }] })
  })
})

test('decoder undoes the encoder for any value that JSON knows', () => {
  holds(
    fc.property(fc.json({ maxDepth: 6 }), (json) => {
      const value: unknown = JSON.parse(json)
      assert.deepEqual(decodeMessage(encodeValue(value)), rename(value))
    }),
    2_000,
  )
})

test('request reader gives a request or MsgpackError for any bytes, and reads all of them', async () => {
  let requests = 0
  await eachCase(10_000, (random) => {
    const bytes = random.below(8) === 0 ? random.bytes(random.below(30)) : mutate(pickSample(random), random)
    const padded = Buffer.concat([bytes, Buffer.from([0xc4, 0x01, 0xc6, 0xff])])
    const reader = new MsgpackReader(padded, 0, bytes.length)
    if (isRefused(() => void readRequest(reader, random.below(2) === 0), 0, bytes.length)) return
    requests++
    assert.equal(reader.at, bytes.length)
  })
  assert.ok(requests > 100, `only ${requests} mutations were requests: they test nothing`)
})

/** The decoder renames the one key that could reach a prototype. */
function rename(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rename)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key === '__proto__' ? '__proto_' : key, rename(one)]),
  )
}
