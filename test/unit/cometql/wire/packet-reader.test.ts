/**
 * Tests of src/cometql/wire/packet-reader.ts: the same packets come out wherever the stream is cut.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type Packet, PacketReader } from '../../../../src/cometql/wire/packet-reader.ts'
import { cpuMs } from '../../../support/cpu-time.ts'
import { hex } from '../../../support/hex.ts'
import { holds } from '../../../support/holds.ts'
import { packet } from '../../../support/mysql-bytes.ts'
import { until } from '../../../support/until.ts'

/** Four packets: 3 bytes, none, 1 byte, 5 bytes. */
const STREAM = hex("030000 00 'one'  000000 07  010000 ff 'x'  050000 01 'three'")
const PACKETS = [
  { text: 'one', bytes: 3, sequence: 0 },
  { text: '', bytes: 0, sequence: 7 },
  { text: 'x', bytes: 1, sequence: 255 },
  { text: 'three', bytes: 5, sequence: 1 },
]

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Of buffers that anything here still needs. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

/** A part that is not the last one of its packet. */
const FULL = 0xffffff
const fullPart = (sequence: number, fill: number) =>
  Buffer.concat([hex('ffffff'), Buffer.from([sequence]), Buffer.alloc(FULL, fill)])

const seen = ({ payload, bytes, sequence }: Packet) => ({
  text: payload?.toString('latin1') ?? null,
  bytes,
  sequence,
})

function readAll(chunks: readonly Buffer[], maxBytes = 100) {
  const reader = new PacketReader(maxBytes)
  const packets: ReturnType<typeof seen>[] = []
  for (const chunk of chunks) {
    reader.push(chunk, (packet) => {
      packets.push(seen(packet))
      return true
    })
  }
  return packets
}

const single = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]))

/** Calls of `take` beyond the expected one fail. */
const never = () => assert.fail('no packet is whole')

describe('reader', () => {
  test('reader gives every packet of one chunk', () => {
    assert.deepEqual(readAll([STREAM]), PACKETS)
  })

  test('reader gives the same packets when the stream is cut at any byte', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const packets = readAll([STREAM.subarray(0, cut), STREAM.subarray(cut)])
      assert.deepEqual(packets, PACKETS, `cut at ${cut}`)
    }
  })

  test('reader gives the same packets when the stream is cut at any two bytes', () => {
    for (let first = 0; first <= STREAM.length; first++) {
      for (let second = first; second <= STREAM.length; second++) {
        const chunks = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)]
        assert.deepEqual(readAll(chunks), PACKETS, `cut at ${first} and ${second}`)
      }
    }
  })

  test('reader gives the same packets byte by byte', () => {
    assert.deepEqual(readAll(single(STREAM)), PACKETS)
  })

  test('reader gives a packet as soon as its last byte is there', () => {
    const reader = new PacketReader(100)
    reader.push(STREAM.subarray(0, 6), never)
    const packets: Packet[] = []
    reader.push(STREAM.subarray(6, 9), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), [PACKETS[0]])
  })

  test('reader gives an empty packet with the last byte of its header', () => {
    assert.deepEqual(readAll([hex('000000'), hex('05')]), [{ text: '', bytes: 0, sequence: 5 }])
  })

  test('reader does not copy packets that lie inside one chunk', () => {
    const chunk = Buffer.from(STREAM)
    const payloads: (Buffer | null)[] = []
    new PacketReader(100).push(chunk, ({ payload }) => payloads.push(payload) > 0)
    chunk.fill('z')
    assert.deepEqual(
      payloads.map((payload) => payload?.toString()),
      ['zzz', '', 'z', 'zzzzz'],
    )
  })

  test('reader keeps nothing of a chunk but copies', () => {
    const reader = new PacketReader(100)
    const chunk = Buffer.from(STREAM.subarray(0, 6))
    reader.push(chunk, never)
    chunk.fill(0xff)
    const packets: Packet[] = []
    reader.push(STREAM.subarray(6), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), PACKETS)
  })

  test('reader puts together any packets from any pieces', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 })
    const cuts = fc.array(fc.nat(1_000), { maxLength: 30 })
    holds(
      fc.property(bodies, cuts, (payloads, places) => {
        const stream = Buffer.concat(payloads.map((payload, i) => packet(i, Buffer.from(payload))))
        assert.deepEqual(
          readAll(cutAt(stream, places)).map(({ text }) => text),
          payloads.map((payload) => Buffer.from(payload).toString('latin1')),
        )
      }),
    )
  })
})

describe('packets in parts', () => {
  test('reader joins a full part and the empty one behind it', () => {
    const packets: Packet[] = []
    const reader = new PacketReader(FULL)
    reader.push(Buffer.concat([fullPart(3, 0x61), hex('000000 04')]), (packet) => packets.push(packet) > 0)
    const [joined] = packets
    assert.deepEqual([packets.length, joined?.bytes, joined?.sequence], [1, FULL, 4])
    assert.ok(joined?.payload?.equals(Buffer.alloc(FULL, 0x61)))
  })

  test('reader joins three parts and goes on with the next packet', () => {
    const stream = Buffer.concat([fullPart(0, 1), fullPart(1, 2), hex("030000 02 'end' 010000 09 'x'")])
    const expected = Buffer.concat([Buffer.alloc(FULL, 1), Buffer.alloc(FULL, 2), Buffer.from('end')])
    const packets: Packet[] = []
    new PacketReader(2 * FULL + 3).push(stream, (packet) => packets.push(packet) > 0)
    const [joined, next] = packets
    assert.deepEqual([packets.length, joined?.bytes, joined?.sequence], [2, 2 * FULL + 3, 2])
    assert.ok(joined?.payload?.equals(expected))
    assert.deepEqual(next && seen(next), { text: 'x', bytes: 1, sequence: 9 })
  })

  test('reader joins parts wherever they are cut around a header', () => {
    const stream = Buffer.concat([fullPart(0, 1), hex("030000 01 'end' 010000 09 'x'")])
    for (let cut = FULL + 2; cut <= stream.length; cut++) {
      const packets: (number | undefined)[] = []
      const reader = new PacketReader(FULL + 3)
      for (const chunk of [stream.subarray(0, cut), stream.subarray(cut)]) {
        reader.push(chunk, ({ payload }) => packets.push(payload?.length) > 0)
      }
      assert.deepEqual(packets, [FULL + 3, 1], `cut at ${cut}`)
    }
  })
})

describe('packets that are too large', () => {
  test('reader gives a packet of just the most bytes, and skips one byte more', () => {
    assert.deepEqual(readAll([STREAM], 5), PACKETS)
    assert.deepEqual(readAll([STREAM], 4), [...PACKETS.slice(0, 3), { text: null, bytes: 5, sequence: 1 }])
  })

  test('reader skips wherever the stream is cut, and goes on behind', () => {
    const expected = PACKETS.map((seen) => (seen.bytes > 2 ? { ...seen, text: null } : seen))
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const packets = readAll([STREAM.subarray(0, cut), STREAM.subarray(cut)], 2)
      assert.deepEqual(packets, expected, `cut at ${cut}`)
    }
    assert.deepEqual(readAll(single(STREAM), 2), expected)
  })

  test('reader needs no memory for what it skips', () => {
    const reader = new PacketReader(1_000)
    const chunk = Buffer.alloc(65_536)
    const before = process.memoryUsage().arrayBuffers
    reader.push(hex('ffffff 00'), never)
    for (let sent = 0; sent + chunk.length < FULL; sent += chunk.length) reader.push(chunk, never)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
  })

  test('reader skips a packet that a later part of it makes too large, and lets go of it', async () => {
    const reader = new PacketReader(FULL + 4)
    reader.push(fullPart(0, 1), never)
    await until(() => heldBytes() < 1.5 * FULL, { what: 'only the part to be held' })
    assert.ok(heldBytes() >= FULL)
    reader.push(hex("050000 01 'more'"), never)
    await until(() => heldBytes() < FULL / 2, { what: 'the part to be let go' })
    const packets: Packet[] = []
    reader.push(hex("'!' 010000 02 'x'"), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), [
      { text: null, bytes: FULL + 5, sequence: 1 },
      { text: 'x', bytes: 1, sequence: 2 },
    ])
  })

  test('reader tells how a packet began that it skipped, however it came', () => {
    for (const size of [1, 3, 100]) {
      const reader = new PacketReader(10)
      const packets: Packet[] = []
      const bytes = hex("0c0000 03 18 01000000 0200 'value' 010000 04 'x'")
      for (let at = 0; at < bytes.length; at += size) {
        reader.push(bytes.subarray(at, at + size), (packet) => packets.push(packet) > 0)
      }
      assert.deepEqual(
        packets.map(({ payload, head }) => [payload === null, head.toString('hex')]),
        [
          [true, '18010000000200'],
          [false, ''],
        ],
      )
    }
  })

  test('reader skips parts without end', () => {
    const reader = new PacketReader(10)
    const part = fullPart(0, 1)
    for (let parts = 0; parts < 5; parts++) reader.push(part, never)
    const packets: Packet[] = []
    reader.push(hex('000000 05'), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), [{ text: null, bytes: 5 * FULL, sequence: 5 }])
  })

  test('reader takes larger packets from the one on that raised the bound', () => {
    const reader = new PacketReader(3)
    const texts: (string | undefined)[] = []
    reader.push(STREAM, ({ payload }) => {
      reader.maxBytes = 5
      return texts.push(payload?.toString()) > 0
    })
    assert.deepEqual(texts, ['one', '', 'x', 'three'])
  })

  test('reader makes no room for bytes that are only declared', () => {
    const readers = Array.from({ length: 100 }, () => new PacketReader(2 ** 30))
    const before = process.memoryUsage().arrayBuffers
    for (const reader of readers) reader.push(hex("feffff 00 'a few'"), never)
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024)
  })
})

describe('stops', () => {
  /** Pushes one chunk, then goes on with empty ones for as long as a packet comes. */
  function oneByOne(chunk: Buffer) {
    const reader = new PacketReader(100)
    const packets: ReturnType<typeof seen>[] = []
    const take = (packet: Packet) => {
      packets.push(seen(packet))
      return false
    }
    reader.push(chunk, take)
    for (let before = 0; packets.length > before; ) {
      before = packets.length
      reader.push(Buffer.alloc(0), take)
    }
    return packets
  }

  test('reader gives one packet at a time to who stops at each', () => {
    assert.deepEqual(oneByOne(STREAM), PACKETS)
  })

  test('reader stops within what it keeps, and puts later chunks behind it', () => {
    const reader = new PacketReader(100)
    const texts: (string | undefined)[] = []
    const take = ({ payload }: Packet) => texts.push(payload?.toString()) > 100
    reader.push(STREAM.subarray(0, 14), take)
    assert.deepEqual(texts, ['one'])
    reader.push(STREAM.subarray(14, 20), take)
    assert.deepEqual(texts, ['one', ''])
    reader.push(STREAM.subarray(20), take)
    assert.deepEqual(texts, ['one', '', 'x'])
    reader.push(Buffer.alloc(0), take)
    assert.deepEqual(texts, ['one', '', 'x', 'three'])
    assert.equal(reader.rest().length, 0)
  })

  test('reader copies what it keeps after a stop', () => {
    const reader = new PacketReader(100)
    const chunk = Buffer.from(STREAM)
    reader.push(chunk, () => false)
    chunk.fill(0xff)
    const packets: Packet[] = []
    reader.push(Buffer.alloc(0), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), PACKETS.slice(1))
  })

  test('reader gives away what follows a stop, and keeps none of it', () => {
    const reader = new PacketReader(100)
    reader.push(STREAM, () => false)
    assert.deepEqual(reader.rest(), STREAM.subarray(7))
    assert.equal(reader.rest().length, 0)
    const packets: Packet[] = []
    reader.push(STREAM.subarray(0, 7), (packet) => packets.push(packet) > 0)
    assert.deepEqual(packets.map(seen), [PACKETS[0]], 'nothing of before is in front')
  })

  test('reader gives away several chunks as one', () => {
    const reader = new PacketReader(100)
    reader.push(STREAM, () => false)
    reader.push(hex('aa bb'), () => false)
    assert.deepEqual(reader.rest(), Buffer.concat([STREAM.subarray(11), hex('aa bb')]))
  })

  test('reader has nothing to give away when the packet ended the chunk, or none stopped it', () => {
    const reader = new PacketReader(100)
    reader.push(STREAM.subarray(0, 7), () => false)
    assert.equal(reader.rest().length, 0)
    reader.push(STREAM.subarray(0, 9), () => true)
    assert.equal(reader.rest().length, 0)
  })

  test('reader gives the same packets for any pieces and any stops', () => {
    const cuts = fc.array(fc.nat(100), { maxLength: 10 })
    const stops = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 })
    holds(
      fc.property(cuts, stops, (places, answers) => {
        const reader = new PacketReader(100)
        const packets: ReturnType<typeof seen>[] = []
        const take = (packet: Packet) => {
          packets.push(seen(packet))
          return answers[packets.length % answers.length] ?? true
        }
        for (const chunk of cutAt(STREAM, places)) reader.push(chunk, take)
        for (let turns = 0; turns < PACKETS.length; turns++) reader.push(Buffer.alloc(0), take)
        assert.deepEqual(packets, PACKETS)
        assert.equal(reader.rest().length, 0)
      }),
    )
  })
})

describe('cost', () => {
  test('reader takes a large packet in chunks of one byte in linear time and space', () => {
    const size = 4 * 1024 * 1024
    const reader = new PacketReader(size)
    const before = process.memoryUsage()
    const byte = Buffer.from('x')
    let length = 0
    const tookMs = cpuMs(() => {
      reader.push(hex('000040 00'), never)
      for (let sent = 1; sent < size; sent++) reader.push(byte, never)
      reader.push(byte, ({ payload }) => {
        length = payload?.length ?? 0
        return true
      })
    })
    assert.equal(length, size)
    // Joining anew with every byte would copy 8,000 GB; keeping chunks would take 100 bytes for each.
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    const grown = process.memoryUsage()
    assert.ok(grown.arrayBuffers - before.arrayBuffers < 4 * size, 'more than it grew through')
    assert.ok(grown.heapUsed - before.heapUsed < 25 * size, 'something for each chunk')
  })

  test('reader takes many stops within one chunk in linear time', () => {
    const count = 100_000
    const chunk = Buffer.concat(Array(count).fill(hex("010000 00 'x'")))
    const reader = new PacketReader(100)
    let taken = 0
    const take = () => ++taken < 0 // always: stop
    const tookMs = cpuMs(() => {
      reader.push(chunk, take)
      for (let turn = 1; turn < count; turn++) reader.push(Buffer.alloc(0), take)
    })
    assert.equal(taken, count)
    // A copy of the rest at each stop would copy 25 GB.
    assert.ok(tookMs < 2_000, `${tookMs} ms`)
  })
})

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
  return [...sorted, bytes.length].map((end, i) => bytes.subarray(sorted[i - 1] ?? 0, end))
}
