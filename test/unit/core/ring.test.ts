/**
 * Tests of ring.ts: what a ring holds, what it gives up, and the memory that all rings share.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import {
  createRingMemory,
  ENTRY_OVERHEAD_BYTES,
  RING_OVERHEAD_BYTES,
  Ring,
  type RingLimits,
  type RingMemory,
} from '../../../src/core/ring.ts'
import { holds } from '../../support/holds.ts'

const MIB = 1_048_576

const UNBOUNDED: RingLimits = { size: 1_000_000, bytes: 0, maxAgeMs: 0 }

/** What an entry of `length` bytes counts. */
const cost = (length: number): number => length + ENTRY_OVERHEAD_BYTES

const roomy = (): RingMemory => createRingMemory(1_000_000, () => assert.fail('nothing has to shrink'))

/** Pushes the texts a millisecond after each other, from `fromMs` on. */
function fill(ring: Ring, texts: readonly string[], fromMs = 0): void {
  for (const [index, text] of texts.entries()) ring.push(Buffer.from(text), fromMs + index)
}

/** What the heap holds after all that can go has gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

/** Holds a ring to its limits, the way a broker does. */
function trim(ring: Ring, limits: RingLimits, nowMs: number): void {
  ring.dropOldest(ring.excess(limits, nowMs))
}

/** What a ring holds, read the way a reader does; null = it was removed. */
function entries(ring: Ring): (string | null)[] {
  const texts: (string | null)[] = []
  for (let offset = ring.firstOffset; offset < ring.nextOffset; offset++) {
    texts.push(ring.message(offset)?.toString() ?? null)
  }
  return texts
}

/** The same of a ring from which nothing was removed. */
function held(ring: Ring): string[] {
  return entries(ring).map((text, index) => text ?? assert.fail(`entry ${index} is missing`))
}

describe('Ring', () => {
  test('ring gives back every message under the offset it was pushed with', () => {
    const ring = new Ring(roomy(), 41)
    fill(ring, ['{"a":1}', '{"b":"żółw 🐢"}', '0'])
    assert.deepEqual([ring.firstOffset, ring.nextOffset, ring.size], [41, 44, 3])
    assert.equal(ring.message(41)?.toString(), '{"a":1}')
    assert.equal(ring.message(42)?.toString(), '{"b":"żółw 🐢"}')
    assert.equal(ring.message(43)?.toString(), '0')
  })

  test('ring gives back any bytes as they were', () => {
    const ring = new Ring(roomy(), 1)
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    ring.push(bytes, 0)
    assert.deepEqual(ring.message(1), bytes)
  })

  test('ring holds its own copy, and gives each reader another', () => {
    const ring = new Ring(roomy(), 1)
    const message = Buffer.from('before')
    ring.push(message, 0)
    message.fill('x')
    ring.message(1)?.fill('y')
    assert.equal(ring.message(1)?.toString(), 'before')
  })

  test('ring knows nothing of offsets before and after what it holds', () => {
    const ring = new Ring(roomy(), 5)
    assert.deepEqual([ring.firstOffset, ring.message(4), ring.message(5)], [5, null, null])
    fill(ring, ['a', 'b', 'c'])
    ring.dropOldest(1)
    assert.deepEqual([ring.message(5), ring.message(8)], [null, null])
    assert.deepEqual(held(ring), ['b', 'c'])
  })

  test('ring counts what is above its size, oldest first', () => {
    const ring = new Ring(roomy(), 1)
    fill(ring, ['a', 'b', 'c', 'd'])
    trim(ring, { ...UNBOUNDED, size: 2 }, 10)
    assert.deepEqual([ring.firstOffset, held(ring)], [3, ['c', 'd']])
    trim(ring, { ...UNBOUNDED, size: 0 }, 10)
    assert.deepEqual([ring.firstOffset, ring.size, ring.bytes], [5, 0, 0])
  })

  test('ring counts what is above its bytes, with overhead', () => {
    const ring = new Ring(roomy(), 1)
    fill(ring, ['aaaa', 'bb', 'cc'])
    trim(ring, { ...UNBOUNDED, bytes: cost(2) * 2 + 4 }, 10)
    assert.deepEqual(held(ring), ['bb', 'cc'])
    trim(ring, { ...UNBOUNDED, bytes: cost(2) * 2 }, 10)
    assert.deepEqual(held(ring), ['bb', 'cc'])
    trim(ring, { ...UNBOUNDED, bytes: 1 }, 10)
    assert.deepEqual(held(ring), [])
  })

  test('ring counts what has reached the age at which it goes', () => {
    const ring = new Ring(roomy(), 1)
    fill(ring, ['a', 'b', 'c'], 100)
    trim(ring, { ...UNBOUNDED, maxAgeMs: 50 }, 149)
    assert.deepEqual(held(ring), ['a', 'b', 'c'])
    trim(ring, { ...UNBOUNDED, maxAgeMs: 50 }, 151)
    assert.deepEqual(held(ring), ['c'])
  })

  test('ring goes on counting after it was cleared', () => {
    const memory = roomy()
    const ring = new Ring(memory, 1)
    fill(ring, ['a', 'b'])
    ring.clear()
    assert.deepEqual([ring.size, ring.firstOffset, memory.bytes, memory.rings], [0, 3, 0, 0])
    fill(ring, ['c'])
    assert.deepEqual([ring.firstOffset, held(ring)], [3, ['c']])
  })

  test('ring lets go of what it dropped, long before its arrays are cut', () => {
    const ring = new Ring(
      createRingMemory(64 * MIB, () => assert.fail('nothing has to shrink')),
      1,
    )
    const small = MIB / 512
    for (let index = 0; index < 16_384; index++) ring.push(Buffer.alloc(small, index), 0)
    const before = heapBytes()
    ring.dropOldest(7680)
    const freed = before - heapBytes()
    assert.ok(freed > 14.5 * MIB && freed < 16 * MIB, `freed ${freed} bytes`)
    assert.equal(ring.size, 8704)
  })

  test('ring keeps a large message as it is and copies a small one', () => {
    const ring = new Ring(
      createRingMemory(64 * MIB, () => assert.fail('nothing has to shrink')),
      1,
    )
    const large = Buffer.alloc(8192, 'l')
    const slab = Buffer.alloc(16_384, 's')
    ring.push(large, 0)
    ring.push(slab.subarray(0, 8192), 0)
    ring.push(slab.subarray(0, 100), 0)
    slab.fill('x')
    assert.equal(ring.message(1), large)
    assert.equal(ring.message(2)?.toString(), 's'.repeat(8192))
    assert.equal(ring.message(3)?.toString(), 's'.repeat(100))
  })

  test('ring takes single messages away, in front, between and at the end, and the others keep their offsets', () => {
    const memory = roomy()
    const ring = new Ring(memory, 41)
    fill(ring, ['aaaa', 'bbb', 'cc', 'd'], 100)
    for (const offset of [41, 43, 44]) ring.remove(offset)
    assert.deepEqual([ring.firstOffset, ring.nextOffset, entries(ring)], [41, 45, [null, 'bbb', null, null]])
    assert.deepEqual([ring.timeOf(41), ring.timeOf(44)], [100, 103])
    fill(ring, ['e'], 104)
    assert.equal(ring.message(45)?.toString(), 'e')
    trim(ring, { ...UNBOUNDED, maxAgeMs: 4 }, 104)
    assert.deepEqual([ring.firstOffset, entries(ring)], [42, ['bbb', null, null, 'e']], 'their age stays too')
  })

  test('ring counts a removed message no more, but for its entry, however often it is removed', () => {
    const memory = roomy()
    const ring = new Ring(memory, 1)
    const large = Buffer.alloc(8192, 'l')
    ring.push(large, 0)
    fill(ring, ['aaaa'], 1)
    for (let times = 0; times < 3; times++) ring.remove(1)
    assert.deepEqual([ring.bytes, memory.bytes], [cost(0) + cost(4), RING_OVERHEAD_BYTES + cost(0) + cost(4)])
    trim(ring, { ...UNBOUNDED, bytes: cost(0) + cost(4) }, 2)
    assert.equal(ring.size, 2, 'nothing is above the bound any more')
    ring.clear()
    assert.deepEqual([ring.bytes, memory.bytes, memory.rings], [0, 0, 0])
  })

  test('ring does nothing for offsets that it does not hold', () => {
    const memory = roomy()
    const ring = new Ring(memory, 5)
    ring.remove(5)
    fill(ring, ['a', 'b', 'c'])
    ring.dropOldest(1)
    for (const offset of [-1, 0, 5, 8, 1e15]) ring.remove(offset)
    assert.deepEqual([held(ring), ring.bytes], [['b', 'c'], 2 * cost(1)])
  })

  test('ring lets go of what was removed', () => {
    const ring = new Ring(
      createRingMemory(64 * MIB, () => assert.fail('nothing has to shrink')),
      1,
    )
    for (let index = 0; index < 8; index++) ring.push(Buffer.alloc(4_000, index), 0)
    for (let index = 0; index < 8_192; index++) ring.push(Buffer.alloc(2_048, index), 0)
    const before = heapBytes()
    for (let offset = 1; offset <= 4_096; offset++) ring.remove(offset)
    const freed = before - heapBytes()
    assert.ok(freed > 7.5 * MIB && freed < 9 * MIB, `freed ${freed} bytes`)
    assert.equal(ring.size, 8_200)
  })

  test('ring holds what a plain list holds, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ push: fc.string({ minLength: 1, maxLength: 20 }) }),
      fc.record({ remove: fc.nat(12) }),
      fc.record({ drop: fc.nat(6) }),
      fc.record({ size: fc.nat(12), bytes: fc.nat(600), maxAgeMs: fc.nat(8) }),
    )
    holds(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = roomy()
        const ring = new Ring(memory, 7)
        const expected: { text: string | null; timeMs: number }[] = []
        let pushed = 0
        const bytes = () => expected.reduce((sum, { text }) => sum + cost(Buffer.byteLength(text ?? '')), 0)
        const isBeyond = ({ size, bytes: most, maxAgeMs }: RingLimits, nowMs: number) =>
          expected.length > size ||
          (most > 0 && bytes() > most) ||
          (maxAgeMs > 0 && nowMs - (expected[0]?.timeMs ?? nowMs) >= maxAgeMs)
        for (const [nowMs, action] of steps.entries()) {
          if ('push' in action) {
            ring.push(Buffer.from(action.push), nowMs)
            expected.push({ text: action.push, timeMs: nowMs })
            pushed++
          } else if ('remove' in action) {
            ring.remove(ring.firstOffset + action.remove)
            const entry = expected[action.remove]
            if (entry !== undefined) entry.text = null
          } else if ('drop' in action) {
            ring.dropOldest(action.drop)
            expected.splice(0, action.drop)
          } else {
            trim(ring, action, nowMs)
            while (expected.length > 0 && isBeyond(action, nowMs)) expected.shift()
          }
          assert.deepEqual(
            entries(ring),
            expected.map(({ text }) => text),
          )
          assert.equal(ring.nextOffset, 7 + pushed)
          assert.equal(ring.bytes, bytes())
          assert.equal(memory.bytes, ring.size === 0 ? 0 : ring.bytes + RING_OVERHEAD_BYTES)
        }
      }),
    )
  })
})

describe('RingMemory', () => {
  const TEXT = 'x'.repeat(44)
  const ENTRY = cost(TEXT.length)

  test('memory takes the oldest quarter of the ring that has held something for the longest', () => {
    const shrunk: number[] = []
    const memory = createRingMemory(2 * RING_OVERHEAD_BYTES + 10 * ENTRY, (entries) => shrunk.push(entries))
    const [older, newer] = [new Ring(memory, 1), new Ring(memory, 1)]
    fill(older, Array(8).fill(TEXT))
    fill(newer, Array(2).fill(TEXT))
    assert.deepEqual(shrunk, [])
    newer.push(Buffer.from(TEXT), 9)
    assert.deepEqual([older.firstOffset, older.size, newer.size, shrunk], [3, 6, 3, [2]])
  })

  test('memory takes from each ring in turn', () => {
    const memory = createRingMemory(3 * RING_OVERHEAD_BYTES + 12 * ENTRY, () => {})
    const rings = [new Ring(memory, 1), new Ring(memory, 1), new Ring(memory, 1)]
    for (const ring of rings) fill(ring, Array(4).fill(TEXT))
    const sizes = () => rings.map((ring) => ring.size)
    const last = rings[2] ?? assert.fail()
    const seen = Array.from({ length: 4 }, () => {
      last.push(Buffer.from(TEXT), 9)
      return sizes()
    })
    assert.deepEqual(seen, [
      [3, 4, 5],
      [3, 3, 6],
      // A quarter of seven is one
      [3, 3, 6],
      [2, 3, 7],
    ])
  })

  test('memory lets a ring that was emptied begin again behind the others', () => {
    const memory = createRingMemory(2 * RING_OVERHEAD_BYTES + 2 * ENTRY, () => {})
    const [first, second] = [new Ring(memory, 1), new Ring(memory, 1)]
    fill(first, [TEXT])
    fill(second, [TEXT])
    first.clear()
    fill(first, [TEXT])
    first.push(Buffer.from(TEXT), 5)
    assert.deepEqual([first.size, second.size, memory.rings], [2, 0, 1])
  })

  test('memory holds nothing of a message larger than all of it, and leaves other rings alone', () => {
    const shrunk: number[] = []
    const memory = createRingMemory(4 * RING_OVERHEAD_BYTES, (entries) => shrunk.push(entries))
    const [other, ring] = [new Ring(memory, 1), new Ring(memory, 1)]
    fill(other, [TEXT])
    fill(ring, [TEXT])
    ring.push(Buffer.alloc(4 * RING_OVERHEAD_BYTES), 1)
    assert.deepEqual([ring.size, ring.firstOffset, ring.message(2), shrunk], [0, 3, null, [2]])
    assert.deepEqual(held(other), [TEXT])
    fill(ring, [TEXT])
    assert.deepEqual([ring.firstOffset, held(ring)], [3, [TEXT]])
  })

  test('memory lets a ring lose its own newest when there is no other way', () => {
    const memory = createRingMemory(RING_OVERHEAD_BYTES + 3 * ENTRY, () => {})
    const ring = new Ring(memory, 1)
    fill(ring, [TEXT, TEXT, 'x'.repeat(44 + ENTRY)])
    assert.deepEqual([ring.firstOffset, ring.size], [2, 2])
    ring.push(Buffer.from('x'.repeat(44 + 2 * ENTRY)), 3)
    assert.deepEqual([ring.firstOffset, ring.size], [4, 1])
  })

  test('memory stays within its bound and its books balance, whatever is pushed where', () => {
    const push = fc.record({ ring: fc.nat(5), bytes: fc.nat(900), clear: fc.nat(9), remove: fc.nat(12) })
    holds(
      fc.property(
        fc.array(push, { maxLength: 120 }),
        fc.integer({ min: 1, max: 6_000 }),
        (pushes, maxBytes) => {
          let lost = 0
          const memory = createRingMemory(maxBytes, (entries) => {
            lost += entries
          })
          const rings = Array.from({ length: 6 }, () => new Ring(memory, 1))
          let cleared = 0
          for (const [nowMs, { ring: index, bytes, clear, remove }] of pushes.entries()) {
            const ring = rings[index] ?? assert.fail()
            ring.push(Buffer.alloc(bytes), nowMs)
            ring.remove(ring.firstOffset + remove)
            if (clear === 0) {
              cleared += ring.size
              ring.clear()
            }
            const full = rings.filter(({ size }) => size > 0)
            assert.ok(memory.bytes <= maxBytes, `${memory.bytes} of ${maxBytes} bytes`)
            assert.equal(memory.rings, full.length)
            assert.equal(
              memory.bytes,
              full.reduce((sum, each) => sum + each.bytes + RING_OVERHEAD_BYTES, 0),
            )
          }
          const kept = rings.reduce((sum, { size }) => sum + size, 0)
          assert.equal(kept + lost + cleared, pushes.length)
        },
      ),
    )
  })
})
