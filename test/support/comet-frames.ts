/**
 * WebSocket frames as bytes, for talk with CppComet's browser protocol (RFC 6455 §5.2).
 *
 * Owns both directions without any library: what a client sends, masked with the mask of the recorded conversations,
 * what a server sends, and taking a stream apart again. Pure. Bound: frames below 2 GiB.
 */
import assert from 'node:assert/strict'
import { hex } from './hex.ts'

/** The mask of every client frame in the recorded conversations. */
const MASK = hex('37 fa 21 3d')

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const

const FINAL = 0x80
const MASKED = 0x80
const SHORT_LENGTHS = 125

/** A final text frame of a client. @param first its first byte, where it is something else */
export function masked(payload: string | Buffer, first: number = FINAL | opcodes.text): Buffer {
  const plain = Buffer.from(payload)
  const body = plain.map((byte, at) => byte ^ (MASK[at % MASK.length] ?? 0))
  const head = frameHead(first, plain.length)
  head[1] = (head[1] ?? 0) | MASKED
  return Buffer.concat([head, MASK, body])
}

/** A final text frame of a server, its length in the shortest form. @param first as for `masked` */
export function frame(payload: string | Buffer, first: number = FINAL | opcodes.text): Buffer {
  const body = Buffer.from(payload)
  return Buffer.concat([frameHead(first, body.length), body])
}

/**
 * A frame as the recorded conversations show it: its head as hexadecimal bytes, its payload with one letter per byte.
 *
 * @throws {assert.AssertionError} when the head does not announce that payload: one of the two was copied wrongly
 */
export function recorded(head: string, payload: string): Buffer {
  const body = Buffer.from(payload, 'latin1')
  const bytes = Buffer.concat([hex(head), body])
  const [first = Buffer.alloc(0), ...others] = splitFrames(bytes).frames
  assert.ok(others.length === 0 && first.equals(bytes), `the head ${head} is not one of ${body.length} bytes`)
  return bytes
}

/** The whole unmasked frames at the beginning of a stream, and what is left. */
export function splitFrames(stream: Buffer): { readonly frames: readonly Buffer[]; readonly rest: Buffer } {
  const frames: Buffer[] = []
  let rest = stream
  for (;;) {
    const bytes = wholeFrame(rest)
    if (bytes === null) return { frames, rest }
    frames.push(rest.subarray(0, bytes))
    rest = rest.subarray(bytes)
  }
}

export function opcodeOf(frame: Buffer): number {
  return (frame[0] ?? 0) & 0x0f
}

export function payloadOf(frame: Buffer): Buffer {
  return frame.subarray(headBytes(frame))
}

function frameHead(first: number, length: number): Buffer {
  if (length <= SHORT_LENGTHS) return Buffer.from([first, length])
  if (length < 0x1_0000) {
    const head = Buffer.from([first, 126, 0, 0])
    head.writeUInt16BE(length, 2)
    return head
  }
  const head = Buffer.from([first, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(length, 6)
  return head
}

function headBytes(bytes: Buffer): number {
  const length = bytes[1] ?? 0
  if (length === 126) return 4
  return length === 127 ? 10 : 2
}

/** Its bytes in all; null when they are not all there. */
function wholeFrame(bytes: Buffer): number | null {
  const head = headBytes(bytes)
  if (bytes.length < head) return null
  const length = head === 2 ? bytes[1] : head === 4 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6)
  const whole = head + (length ?? 0)
  return bytes.length < whole ? null : whole
}
