/**
 * Tests of src/protocol/msgpack-reader.ts: what every type byte says, and lies about lengths.
 *
 * Bytes are written here by the specification, not by an encoder.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_DEPTH, MsgpackError, MsgpackReader } from '../../../src/protocol/msgpack-reader.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { hex } from '../../support/hex.ts'

const over = (bytes: Buffer) => new MsgpackReader(bytes, 0, bytes.length)
const errorAt = (run: () => unknown): number => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof MsgpackError, String(error))
    return error.at
  }
  assert.fail('nothing was thrown')
}

/** One value of every allowed type: header bytes and what must follow them. */
const values: Readonly<Record<string, Buffer>> = {
  'positive fixint': hex('7f'),
  'negative fixint': hex('e0'),
  nil: hex('c0'),
  false: hex('c2'),
  true: hex('c3'),
  'uint 8': hex('cc ff'),
  'uint 16': hex('cd ffff'),
  'uint 32': hex('ce ffffffff'),
  'uint 64': hex('cf ffffffffffffffff'),
  'int 8': hex('d0 80'),
  'int 16': hex('d1 8000'),
  'int 32': hex('d2 80000000'),
  'int 64': hex('d3 8000000000000000'),
  'float 32': hex('ca 3f800000'),
  'float 64': hex('cb 3ff0000000000000'),
  fixstr: hex("a3 'abc'"),
  'empty fixstr': hex('a0'),
  'str 8': hex("d9 03 'abc'"),
  'str 16': hex("da 0003 'abc'"),
  'str 32': hex("db 00000003 'abc'"),
  fixarray: hex('92 01 02'),
  'empty fixarray': hex('90'),
  'array 16': hex('dc 0002 01 02'),
  'array 32': hex('dd 00000002 01 02'),
  fixmap: hex("81 a1 'k' 01"),
  'empty fixmap': hex('80'),
  'map 16': hex("de 0001 a1 'k' 01"),
  'map 32': hex("df 00000001 a1 'k' 01"),
  'nested structures': hex("82 a1 'a' 93 01 81 a1 'b' 90 c0 a1 'c' 91 91 cb 3ff0000000000000"),
}

describe('skip', () => {
  for (const [name, bytes] of Object.entries(values)) {
    test(`skip walks over ${name} and stops behind it`, () => {
      const padded = Buffer.concat([hex('c0 c0'), bytes, hex('c0')])
      const reader = new MsgpackReader(padded, 2, padded.length)
      assert.equal(reader.skip(), 2)
      assert.equal(reader.at, 2 + bytes.length)
    })

    test(`skip refuses ${name} cut at any byte`, () => {
      for (let length = 0; length < bytes.length; length++) {
        // What follows the end belongs to somebody else and must not be read.
        const reader = new MsgpackReader(bytes, 0, length)
        const at = errorAt(() => reader.skip())
        assert.ok(at >= 0 && at <= length, `blames byte ${at} of ${length}`)
      }
    })
  }

  const refused: readonly [name: string, bytes: Buffer][] = [
    ['the unused type', hex('c1')],
    ['bin 8', hex("c4 01 'a'")],
    ['bin 16', hex("c5 0001 'a'")],
    ['bin 32', hex("c6 00000001 'a'")],
    ['ext 8', hex('c7 01 01 00')],
    ['ext 16', hex('c8 0001 01 00')],
    ['ext 32', hex('c9 00000001 01 00')],
    ['fixext 1', hex('d4 01 00')],
    ['fixext 2', hex('d5 01 0000')],
    ['fixext 4, a timestamp', hex('d6 ff 00000000')],
    ['fixext 8', hex('d7 ff 0000000000000000')],
    ['fixext 16', hex('d8 01 00000000000000000000000000000000')],
  ]
  for (const [name, bytes] of refused) {
    test(`skip refuses ${name}, alone and inside a value, and blames its type byte`, () => {
      assert.equal(
        errorAt(() => over(bytes).skip()),
        0,
      )
      assert.equal(
        errorAt(() => over(Buffer.concat([hex("81 a1 'k' 92 01"), bytes])).skip()),
        5,
      )
    })
  }

  const bombs: readonly [name: string, bytes: Buffer][] = [
    ['array 16', hex('dc ffff')],
    ['array 32', hex('dd ffffffff')],
    ['array 32 with some elements', hex('dd ffffffff 01 02 03')],
    ['map 16', hex('de ffff')],
    ['map 32', hex('df ffffffff')],
    ['map 32 of just too many', hex('df 00000002 01 01 01')],
    ['str 8', hex("d9 ff 'abc'")],
    ['str 16', hex("da ffff 'abc'")],
    ['str 32', hex("db ffffffff 'abc'")],
    ['str 32 of just too many', hex("db 00000004 'abc'")],
    ['fixarray', hex('9f 01')],
    ['fixmap', hex('8f 01')],
    ['nested array 32', hex('91 91 91 dd ffffffff')],
  ]
  for (const [name, bytes] of bombs) {
    test(`skip refuses ${name} that declares more than there is, at once`, () => {
      const tookMs = cpuMs(() => errorAt(() => over(bytes).skip()))
      // Going through 4 billion that are not there would take many seconds.
      assert.ok(tookMs < 1_000, `${tookMs} ms`)
    })
  }

  test(`skip goes ${MAX_DEPTH} structures deep and no deeper`, () => {
    const nested = (depth: number, header: string) => hex(header.repeat(depth), '01')
    over(nested(MAX_DEPTH, '91')).skip()
    errorAt(() => over(nested(MAX_DEPTH + 1, '91')).skip())
    over(nested(MAX_DEPTH, '8101')).skip()
    errorAt(() => over(nested(MAX_DEPTH + 1, '8101')).skip())
    errorAt(() => over(nested(1_000_000, '91')).skip())
  })

  test('skip takes many structures side by side', () => {
    const count = 0xffff
    const reader = over(Buffer.concat([hex('dc ffff'), Buffer.alloc(count, hex('90'))]))
    reader.skip()
    assert.equal(reader.at, 3 + count)
  })
})

describe('reader', () => {
  test('reader reads array headers of all three widths', () => {
    assert.equal(over(hex('90')).arrayHeader(), 0)
    assert.equal(over(hex('9f')).arrayHeader(), 15)
    assert.equal(over(hex('dc 0102')).arrayHeader(), 0x0102)
    assert.equal(over(hex('dd 01020304')).arrayHeader(), 0x01020304)
  })

  test('reader reads unsigned integers of all widths up to 2^53 − 1', () => {
    const read = (text: string) => over(hex(text)).unsigned()
    assert.deepEqual(['00', '7f', 'cc ff', 'cd 0102', 'ce ffffffff'].map(read), [
      0,
      127,
      255,
      0x0102,
      2 ** 32 - 1,
    ])
    assert.equal(read('cf 0000000100000000'), 2 ** 32)
    assert.equal(read('cf 001fffffffffffff'), Number.MAX_SAFE_INTEGER)
    assert.equal(read('d3 001fffffffffffff'), Number.MAX_SAFE_INTEGER, 'signed, as some encoders write it')
    assert.equal(
      errorAt(() => read('d3 ffffffffffffffff')),
      0,
    )
    assert.equal(
      errorAt(() => read('cf 0020000000000000')),
      0,
    )
    assert.equal(
      errorAt(() => read('cf ffffffffffffffff')),
      0,
    )
  })

  for (const bytes of [
    'ff',
    'd0 01',
    'd3 8000000000000000',
    'cb 3ff0000000000000',
    "a1 '1'",
    'c0',
    'c3',
    '90',
  ]) {
    test(`reader refuses ${bytes} as an unsigned integer`, () => {
      assert.equal(
        errorAt(() => over(hex(bytes)).unsigned()),
        0,
      )
    })
  }

  test('reader reads strings of all four widths, and nil where it may be', () => {
    for (const bytes of ["a4 'a€'", "d9 04 'a€'", "da 0004 'a€'", "db 00000004 'a€'"]) {
      assert.equal(over(hex(bytes)).string(), 'a€')
    }
    assert.equal(over(hex('c0')).optionalString(), '')
    assert.equal(over(hex("a1 'x'")).optionalString(), 'x')
    assert.equal(
      errorAt(() => over(hex('c0')).string()),
      0,
    )
    assert.equal(
      errorAt(() => over(hex('01')).optionalString()),
      0,
    )
  })

  test('reader gives bytes as a view of what it was given, and nothing for other types', () => {
    for (const bytes of ["c4 03 'abc'", "c5 0003 'abc'", "c6 00000003 'abc'"]) {
      const whole = hex(bytes)
      const view = over(whole).binary()
      assert.equal(view?.toString(), 'abc')
      assert.equal(view?.buffer, whole.buffer)
    }
    const reader = over(hex("a1 'x'"))
    assert.equal(reader.binary(), null)
    assert.equal(reader.at, 0)
  })

  for (const bytes of ["c4 04 'abc'", "c5 ffff 'abc'", "c6 ffffffff 'abc'", 'c6 ffff', 'c4']) {
    test(`reader refuses bytes that are cut: ${bytes}`, () => {
      errorAt(() => over(hex(bytes)).binary())
    })
  }

  test('reader reads nothing behind its end, whatever is there', () => {
    const next = hex("93 01 a1 'x' c4 01 00 c0")
    const reads: ((reader: MsgpackReader) => unknown)[] = [
      (reader) => reader.arrayHeader(),
      (reader) => reader.unsigned(),
      (reader) => reader.string(),
      (reader) => reader.skip(),
    ]
    for (let at = 0; at < next.length; at++) {
      for (const read of reads) {
        assert.equal(
          errorAt(() => read(new MsgpackReader(next, at, at))),
          at,
        )
      }
      assert.equal(new MsgpackReader(next, at, at).isNil(), false)
    }
    assert.throws(() => new MsgpackReader(next, 4, 4).binary(), MsgpackError)
  })

  test('reader starts over on other bytes', () => {
    const reader = over(hex('01'))
    reader.unsigned()
    reader.reset(hex('c0 05 c0'), 1, 2)
    assert.equal(reader.unsigned(), 5)
    errorAt(() => reader.unsigned())
  })

  for (const [bytes, kind] of [
    ['05', 'an integer'],
    ['81', 'a map'],
    ['c4', 'bytes'],
    ['c0', 'nil'],
    ['c2', 'a boolean'],
    ['ca', 'a float'],
    ['c1', 'the unused type 0xc1'],
    ['d8', 'an extension type'],
    ['a0', 'a string'],
  ] as const) {
    test(`reader names what it found instead of an array: ${kind}`, () => {
      assert.throws(() => over(hex(bytes)).arrayHeader(), { message: `Expected an array, found ${kind}` })
    })
  }
})
