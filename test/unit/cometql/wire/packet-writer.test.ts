/**
 * Tests of src/cometql/wire/packet-writer.ts: every field by its bytes, headers, and what is taken when.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FieldReader } from '../../../../src/cometql/wire/fields.ts'
import { PacketReader } from '../../../../src/cometql/wire/packet-reader.ts'
import { PacketWriter } from '../../../../src/cometql/wire/packet-writer.ts'
import { cpuMs } from '../../../support/cpu-time.ts'
import { hex } from '../../../support/hex.ts'
import { holds } from '../../../support/holds.ts'
import { packet, written } from '../../../support/mysql-bytes.ts'

const FULL = 0xffffff

/** The payload of one packet that these fields make. */
function payload(write: (writer: PacketWriter) => void): Buffer {
  const bytes = written((writer) => {
    writer.begin()
    write(writer)
    writer.finish()
  })
  assert.equal(bytes.readUIntLE(0, 3), bytes.length - 4)
  return bytes.subarray(4)
}

/** One packet that holds a text only. */
function writeText(writer: PacketWriter, text: string): void {
  writer.begin()
  writer.text(text)
  writer.finish()
}

describe('numbers', () => {
  test('writer writes integers with their lowest byte first', () => {
    const bytes = payload((writer) => {
      writer.byte(0xff)
      writer.int16(0xff01)
      writer.int24(0xff0102)
      writer.int32(0xff020304)
    })
    assert.deepEqual(bytes, hex('ff 01ff 0201ff 040302ff'))
  })

  for (const [value, bytes] of [
    [0, '0000000000000000'],
    [1, '0100000000000000'],
    [2 ** 32 - 1, 'ffffffff00000000'],
    [2 ** 32, '0000000001000000'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffff1f00'],
    [-1, 'ffffffffffffffff'],
    [-2, 'feffffffffffffff'],
    [-(2 ** 32), '00000000ffffffff'],
    [Number.MIN_SAFE_INTEGER, '010000000000e0ff'],
  ] as const) {
    test(`writer writes ${value} in 8 bytes as ${bytes}`, () => {
      assert.deepEqual(
        payload((writer) => writer.int64(value)),
        hex(bytes),
      )
    })
  }

  test('writer writes a double', () => {
    assert.deepEqual(
      payload((writer) => writer.double(-0.1)),
      hex('9a9999999999b9bf'),
    )
  })

  for (const [value, bytes] of [
    [0, '00'],
    [250, 'fa'],
    [251, 'fc fb00'],
    [65_535, 'fc ffff'],
    [65_536, 'fd 000001'],
    [16_777_215, 'fd ffffff'],
    [16_777_216, 'fe 0000000100000000'],
    [Number.MAX_SAFE_INTEGER, 'fe ffffffffffff1f00'],
  ] as const) {
    test(`writer writes the length ${value} as ${bytes}`, () => {
      assert.deepEqual(
        payload((writer) => writer.lenencInteger(value)),
        hex(bytes),
      )
    })
  }
})

describe('texts and bytes', () => {
  test('writer writes bytes, zeros and texts as they are', () => {
    const bytes = payload((writer) => {
      writer.raw(hex('aa bb'))
      writer.zeros(3)
      writer.text('aé€😀')
      writer.text('')
    })
    assert.deepEqual(bytes, hex('aabb 000000 61 c3a9 e282ac f09f9880'))
  })

  test('writer clears what it writes zeros over', () => {
    const writer = new PacketWriter()
    writer.begin()
    writer.raw(Buffer.alloc(100, 0xff))
    writer.begin()
    writer.zeros(100)
    writer.finish()
    assert.deepEqual(writer.take(), packet(0, Buffer.alloc(100)))
  })

  // Ways to write change with the number of letters, and a length with the number of bytes.
  for (const letters of [
    0, 1, 23, 24, 25, 79, 80, 81, 83, 84, 125, 126, 250, 251, 4_096, 4_097, 65_535, 65_536,
  ]) {
    for (const letter of ['a', 'é', '€']) {
      test(`writer writes a text of ${letters} times ${letter} behind its length`, () => {
        const text = letter.repeat(letters)
        const bytes = payload((writer) => {
          writer.lenencText(text)
          writer.byte(0x2e)
        })
        const reader = new FieldReader(bytes)
        assert.deepEqual(reader.lenencBytes(), Buffer.from(text))
        assert.deepEqual(reader.restBytes(), hex('2e'))
        const [first = 0] = bytes
        assert.equal(first, lenencHead(Buffer.byteLength(text)))
      })
    }
  }

  test('writer writes any texts as they would be in a buffer', () => {
    holds(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 200 })), (texts) => {
        const bytes = payload((writer) => {
          for (const text of texts) writer.lenencText(text)
        })
        const reader = new FieldReader(bytes)
        for (const text of texts) assert.deepEqual(reader.lenencBytes(), Buffer.from(text))
        assert.equal(reader.left, 0)
      }),
    )
  })

  test('writer writes half a character as Buffer does, in short texts and long ones', () => {
    for (const text of ['\ud83d', `${'a'.repeat(30)}\ude00`, `${'a'.repeat(100)}\ud83d`]) {
      const reader = new FieldReader(payload((writer) => writer.lenencText(text)))
      assert.deepEqual(reader.lenencBytes(), Buffer.from(text))
    }
  })
})

describe('packets', () => {
  test('writer numbers packets one after another', () => {
    const bytes = written((writer) => {
      for (const text of ['one', '', 'x']) writeText(writer, text)
      assert.equal(writer.sequence, 4)
    })
    assert.deepEqual(bytes, hex("030000 01 'one' 000000 02 010000 03 'x'"))
  })

  test('writer begins anew behind number 255', () => {
    const bytes = written((writer) => {
      for (const text of ['a', 'b', 'c']) writeText(writer, text)
    }, 254)
    assert.deepEqual(bytes, hex("010000 fe 'a' 010000 ff 'b' 010000 00 'c'"))
  })

  test('writer forgets a packet that was begun and not finished', () => {
    const bytes = written((writer) => {
      writeText(writer, 'a')
      writer.begin()
      writer.text('never seen')
      writeText(writer, 'b')
    })
    assert.deepEqual(bytes, hex("010000 01 'a' 010000 02 'b'"))
  })

  for (const [bytes, headers] of [
    [FULL - 1, ['feffff 05']],
    [FULL, ['ffffff 05', '000000 06']],
    [FULL + 1, ['ffffff 05', '010000 06']],
    [2 * FULL, ['ffffff 05', 'ffffff 06', '000000 07']],
    [2 * FULL + 3, ['ffffff 05', 'ffffff 06', '030000 07']],
  ] as const) {
    test(`writer writes ${bytes} bytes in ${headers.length} parts`, () => {
      const body = Buffer.alloc(bytes)
      for (let at = 0; at < bytes; at += 4_093) body[at] = at >> 12
      const stream = written((writer) => {
        writer.begin()
        writer.raw(body)
        writer.finish()
        writeText(writer, 'next')
      }, 5)
      const parts = headers.flatMap((header, i) => [hex(header), body.subarray(i * FULL, (i + 1) * FULL)])
      assert.ok(stream.equals(Buffer.concat([...parts, packet(5 + headers.length, "'next'")])))
    })
  }

  test('writer writes what reader reads', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 20 })
    holds(
      fc.property(bodies, fc.nat(255), (payloads, first) => {
        const stream = written((writer) => {
          for (const body of payloads) {
            writer.begin()
            writer.raw(Buffer.from(body))
            writer.finish()
          }
        }, first)
        const read: [string, number][] = []
        new PacketReader(3_000).push(stream, ({ payload, sequence }) => {
          read.push([payload?.toString('hex') ?? '', sequence])
          return true
        })
        const expected = payloads.map((body, i) => [Buffer.from(body).toString('hex'), (first + i) % 256])
        assert.deepEqual(read, expected)
      }),
      200,
    )
  })
})

describe('what is taken', () => {
  test('writer counts the bytes of finished packets only, and gives them once', () => {
    const writer = new PacketWriter()
    assert.deepEqual([writer.size, writer.take().length], [0, 0])
    writeText(writer, 'one')
    writer.begin()
    writer.text('tw')
    assert.equal(writer.size, 7)
    assert.deepEqual(writer.take(), packet(0, "'one'"))
    assert.deepEqual([writer.size, writer.take().length], [0, 0])
  })

  test('writer never touches again what was taken', () => {
    const writer = new PacketWriter()
    const taken: Buffer[] = []
    for (let i = 0; i < 1_000; i++) {
      writeText(writer, `packet ${i}`)
      taken.push(writer.take())
    }
    assert.deepEqual(
      taken.map((bytes) => bytes.toString('latin1', 4)),
      Array.from({ length: 1_000 }, (_, i) => `packet ${i}`),
    )
  })

  test('writer holds what was taken apart from what grows behind it', () => {
    const writer = new PacketWriter()
    writeText(writer, 'small')
    const small = writer.take()
    writeText(writer, 'x'.repeat(100_000))
    small.fill(0)
    assert.deepEqual(writer.take(), packet(1, Buffer.alloc(100_000, 'x')))
  })

  test('writer serves small packets from one buffer of 4 KB', () => {
    const writer = new PacketWriter()
    const buffers = new Set<ArrayBufferLike>()
    for (let i = 0; i < 100; i++) {
      writeText(writer, 'ok')
      buffers.add(writer.take().buffer)
    }
    assert.equal(buffers.size, 1)
    for (const buffer of buffers) assert.equal(buffer.byteLength, 4_096)
  })

  test('writer starts small again once something large was taken', () => {
    const writer = new PacketWriter()
    writeText(writer, 'x'.repeat(1_000_000))
    const large = writer.take()
    assert.ok(large.buffer.byteLength <= 2 * large.length)
    writeText(writer, 'ok')
    assert.equal(writer.take().buffer.byteLength, 4_096)
  })

  test('writer grows through any fields at any place', () => {
    for (let filled = 4_070; filled < 4_100; filled++) {
      const bytes = payload((writer) => {
        writer.raw(Buffer.alloc(filled, 0x78))
        writer.int16(1)
        writer.int24(2)
        writer.int32(3)
        writer.int64(-4)
        writer.double(1.5)
        writer.lenencText('short')
        writer.lenencInteger(70_000)
        writer.byte(5)
      })
      const fields = "0100 020000 03000000 fcffffffffffffff 000000000000f83f 05 'short' fd 701101 05"
      assert.deepEqual(bytes, Buffer.concat([Buffer.alloc(filled, 0x78), hex(fields)]), `behind ${filled}`)
    }
  })

  test('writer writes a million small packets without copying what is ready each time', () => {
    const writer = new PacketWriter()
    const tookMs = cpuMs(() => {
      for (let i = 0; i < 1_000_000; i++) writeText(writer, 'row')
      assert.equal(writer.take().length, 7_000_000)
    })
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
  })
})

/** First byte of a length, by the documentation. */
function lenencHead(bytes: number): number {
  if (bytes < 251) return bytes
  return bytes < 65_536 ? 0xfc : 0xfd
}
