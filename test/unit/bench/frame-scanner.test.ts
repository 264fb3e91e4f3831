/**
 * WebSocket frames as a server sends them (RFC 6455 §5.2). Bytes in, frames out.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameScanner } from '../../../bench/support/frame-scanner.ts'
import { ProtocolError } from '../../../src/errors.ts'

const short = Buffer.from('8103616263', 'hex') // text "abc"
const empty = Buffer.from('8200', 'hex') // binary, no payload
const ping = Buffer.from('89027069', 'hex') // ping "pi"
const medium = Buffer.concat([Buffer.from('817e012c', 'hex'), Buffer.alloc(300, 'm')])
const long = Buffer.concat([Buffer.from('817f0000000000011170', 'hex'), Buffer.alloc(70_000, 'l')])

function scan(pieces: readonly Buffer[], keepsPayload = true) {
  const frames: [number, number, string][] = []
  const scanner = new FrameScanner(
    (opcode, bytes, start) => frames.push([opcode, bytes, start.toString()]),
    keepsPayload,
  )
  for (const piece of pieces) scanner.feed(piece)
  return frames
}

const kept = [
  [1, 3, 'abc'],
  [2, 0, ''],
  [9, 2, 'pi'],
  [1, 300, 'm'.repeat(300)],
]

test('FrameScanner finds frames of every length form in one read (§5.2)', () => {
  const frames = scan([Buffer.concat([short, empty, ping, medium, long])])
  assert.deepEqual(frames, [...kept, [1, 70_000, 'l'.repeat(512)]])
})

test('FrameScanner finds the same frames wherever the stream is cut in two', () => {
  const stream = Buffer.concat([short, empty, ping, medium])
  for (let cut = 0; cut <= stream.length; cut++) {
    assert.deepEqual(scan([stream.subarray(0, cut), stream.subarray(cut)]), kept, `cut at ${cut}`)
  }
})

test('FrameScanner finds the same frames when bytes come one by one into the same buffer', () => {
  const frames: [number, number, string][] = []
  const scanner = new FrameScanner(
    (opcode, bytes, start) => frames.push([opcode, bytes, start.toString()]),
    true,
  )
  const reused = Buffer.alloc(1)
  for (const byte of Buffer.concat([short, empty, ping, medium])) {
    reused[0] = byte
    scanner.feed(reused)
  }
  assert.deepEqual(frames, kept)
})

test('FrameScanner keeps only control payloads when it is told to keep none', () => {
  assert.deepEqual(scan([short, ping], false), [
    [1, 3, ''],
    [9, 2, 'pi'],
  ])
})

test('FrameScanner refuses a masked frame (§5.1) and a fragmented one', () => {
  assert.throws(() => scan([Buffer.from('818000000000', 'hex')]), ProtocolError)
  assert.throws(() => scan([Buffer.from('0100', 'hex')]), ProtocolError)
})
