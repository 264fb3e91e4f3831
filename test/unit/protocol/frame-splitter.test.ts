/**
 * Tests of src/protocol/frame-splitter.ts: the same frames come out wherever the stream is cut.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FrameSplitter, FrameTooLarge } from '../../../src/protocol/frame-splitter.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { hex } from '../../support/hex.ts'
import { holds } from '../../support/holds.ts'

/** Four frames: 3 bytes, none, 1 byte, 5 bytes. */
const STREAM = hex("00000003 'one' 00000000 00000001 'x' 00000005 'three'")
const FRAMES = [
  { text: 'one', at: 0 },
  { text: '', at: 7 },
  { text: 'x', at: 11 },
  { text: 'three', at: 16 },
]

function split(chunks: readonly Buffer[], maxFrameBytes = 100) {
  const splitter = new FrameSplitter(maxFrameBytes)
  const frames: { text: string; at: number }[] = []
  for (const chunk of chunks) {
    splitter.push(chunk, (bytes, start, end, at) => {
      frames.push({ text: bytes.toString('latin1', start, end), at })
      return true
    })
  }
  return { splitter, frames }
}

describe('splitter', () => {
  test('splitter gives every frame of one chunk', () => {
    const { splitter, frames } = split([STREAM])
    assert.deepEqual(frames, FRAMES)
    assert.deepEqual([splitter.streamedBytes, splitter.heldBytes], [STREAM.length, 0])
  })

  test('splitter gives the same frames when the stream is cut at any byte', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      assert.deepEqual(split([STREAM.subarray(0, cut), STREAM.subarray(cut)]).frames, FRAMES, `cut at ${cut}`)
    }
  })

  test('splitter gives the same frames when the stream is cut at any two bytes', () => {
    for (let first = 0; first <= STREAM.length; first++) {
      for (let second = first; second <= STREAM.length; second++) {
        const chunks = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)]
        assert.deepEqual(split(chunks).frames, FRAMES, `cut at ${first} and ${second}`)
      }
    }
  })

  test('splitter gives the same frames byte by byte', () => {
    const { splitter, frames } = split([...STREAM].map((byte) => Buffer.from([byte])))
    assert.deepEqual(frames, FRAMES)
    assert.deepEqual([splitter.streamedBytes, splitter.heldBytes], [STREAM.length, 0])
  })

  test('splitter gives a frame as soon as its last byte is there', () => {
    const { splitter, frames } = split([STREAM.subarray(0, 6)])
    assert.deepEqual(frames, [])
    assert.deepEqual([splitter.streamedBytes, splitter.heldBytes], [0, 6])
    splitter.push(STREAM.subarray(6, 9), (bytes, start, end) => {
      assert.equal(bytes.toString('latin1', start, end), 'one')
      return true
    })
    assert.deepEqual([splitter.streamedBytes, splitter.heldBytes], [7, 2])
  })

  test('splitter does not copy frames that lie inside one chunk', () => {
    const splitter = new FrameSplitter(100)
    splitter.push(STREAM, (bytes) => {
      assert.equal(bytes, STREAM)
      return true
    })
  })

  test('splitter puts together any frames from any pieces', () => {
    const stream = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 })
    const cuts = fc.array(fc.nat(1_000), { maxLength: 30 })
    holds(
      fc.property(stream, cuts, (bodies, places) => {
        const bytes = Buffer.concat(bodies.flatMap((body) => [lengthOf(body.length), Buffer.from(body)]))
        const { frames } = split(cutAt(bytes, places))
        assert.deepEqual(
          frames.map((frame) => frame.text),
          bodies.map((body) => Buffer.from(body).toString('latin1')),
        )
      }),
    )
  })
})

describe('splitter bounds', () => {
  test('splitter takes a frame of just the most bytes', () => {
    assert.deepEqual(
      split([STREAM], 5).frames.map((frame) => frame.at),
      [0, 7, 11, 16],
    )
  })

  test('splitter refuses a larger one by its length alone, after those before it', () => {
    const splitter = new FrameSplitter(4)
    const seen: number[] = []
    const push = (chunk: Buffer) =>
      splitter.push(chunk, (_bytes, _start, _end, at) => {
        seen.push(at)
        return true
      })
    push(STREAM.subarray(0, 19))
    assert.throws(
      () => push(STREAM.subarray(19, 20)),
      (error) => error instanceof FrameTooLarge && error.at === 16,
    )
    assert.deepEqual(seen, [0, 7, 11])
  })

  for (const length of ['00000065', '7fffffff', '80000000', 'ffffffff']) {
    test(`splitter refuses a frame that declares 0x${length} bytes`, () => {
      assert.throws(() => split([hex(length)]), FrameTooLarge)
    })
  }

  test('splitter takes larger frames from the frame on that raised the bound', () => {
    const splitter = new FrameSplitter(3)
    const seen: number[] = []
    splitter.push(STREAM, (_bytes, _start, _end, at) => {
      seen.push(at)
      splitter.maxFrameBytes = 5
      return true
    })
    assert.deepEqual(seen, [0, 7, 11, 16])
  })

  test('splitter drops what follows the frame it was told to stop at', () => {
    const splitter = new FrameSplitter(100)
    const seen: number[] = []
    splitter.push(STREAM, (_bytes, _start, _end, at) => {
      seen.push(at)
      return at < 7
    })
    assert.deepEqual(seen, [0, 7])
    assert.equal(splitter.heldBytes, 0)
  })

  test('splitter takes a large frame in small chunks in linear time', () => {
    const size = 8 * 1024 * 1024
    const splitter = new FrameSplitter(size)
    let frames = 0
    const count = () => {
      frames++
      return true
    }
    const tookMs = cpuMs(() => {
      splitter.push(lengthOf(size), count)
      for (let sent = 0; sent < size; sent += 1_024) splitter.push(Buffer.alloc(1_024), count)
    })
    assert.equal(frames, 1)
    // Putting the bytes together again at every chunk would copy 32 GB.
    assert.ok(tookMs < 3_000, `${tookMs} ms`)
  })
})

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return length
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
  return [...sorted, bytes.length].map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end))
}
