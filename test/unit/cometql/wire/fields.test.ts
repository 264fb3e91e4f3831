/**
 * Tests of src/cometql/wire/fields.ts: every field by its bytes, and every field that ends too early.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FieldReader, MalformedPacket } from '../../../../src/cometql/wire/fields.ts'
import { hex } from '../../../support/hex.ts'

const over = (text: string, at?: number) => new FieldReader(hex(text), at)
const textOf = (bytes: Buffer | null) => bytes?.toString() ?? null

const refuses = (read: () => unknown, message: RegExp) =>
  assert.throws(read, (error) => error instanceof MalformedPacket && message.test(error.message))

describe('numbers', () => {
  test('reader reads integers with their lowest byte first, and without a sign', () => {
    const reader = over('ff  01 ff  02 01 ff  04 03 02 ff')
    assert.deepEqual(
      [reader.byte(), reader.int16(), reader.int24(), reader.int32(), reader.left],
      [0xff, 0xff01, 0xff0102, 0xff020304, 0],
    )
  })

  for (const [bytes, value] of [
    ['0000000000000000', 0],
    ['0100000000000000', 1],
    ['ffffffff00000000', 4_294_967_295],
    ['ffffffffffff1f00', Number.MAX_SAFE_INTEGER],
    ['0000000000002000', 9_007_199_254_740_992n],
    ['ffffffffffffffff', 18_446_744_073_709_551_615n],
  ] as const) {
    test(`reader reads 8 bytes ${bytes} as the ${typeof value} ${value}`, () => {
      assert.equal(over(bytes).int64(), value)
    })
  }

  for (const [bytes, value] of [
    ['feffffffffffffff', -2n],
    ['ffffffffffffff7f', 9_223_372_036_854_775_807n],
    ['0000000000000080', -9_223_372_036_854_775_808n],
  ] as const) {
    test(`reader reads 8 bytes ${bytes} with a sign as ${value}`, () => {
      assert.equal(over(bytes).signedInt64(), value)
    })
  }

  test('reader reads a float and a double', () => {
    const reader = over('0000c03f 9a9999999999b9bf')
    assert.deepEqual([reader.float(), reader.double()], [1.5, -0.1])
  })
})

describe('length-encoded integers', () => {
  for (const [bytes, value] of [
    ['00', 0],
    ['fa', 250],
    ['fb', null],
    ['fc fb00', 251],
    ['fc ffff', 65_535],
    ['fd 000001', 65_536],
    ['fd ffffff', 16_777_215],
    ['fe 0000000100000000', 16_777_216],
    ['fe ffffffffffff1f00', Number.MAX_SAFE_INTEGER],
  ] as const) {
    test(`reader reads ${bytes} as ${value}`, () => {
      const reader = over(bytes)
      assert.equal(reader.lenencInteger(), value)
      assert.equal(reader.left, 0)
    })
  }

  test('reader refuses a first byte of ff, and says where it stands', () => {
    refuses(() => over('00 ff 01', 1).lenencInteger(), /^Cannot read a length at byte 1: it begins with 255$/)
  })

  test('reader refuses one above all safe integers', () => {
    refuses(() => over('fe 0000000000002000').lenencInteger(), /^Cannot read a length at byte 0/)
  })

  test('reader reads bytes behind their length, and NULL', () => {
    const reader = over("03 'abc' 00 fb fc 0200 'de'")
    const read = [1, 2, 3, 4].map(() => textOf(reader.lenencBytes()))
    assert.deepEqual([...read, reader.left], ['abc', '', null, 'de', 0])
  })

  for (const bytes of ["04 'abc'", "fc ffff 'abc'", "fd ffffff 'abc'", "fe ffffffffffff1f00 'abc'"]) {
    test(`reader refuses bytes that are fewer than their length tells: ${bytes}`, () => {
      refuses(() => over(bytes).lenencBytes(), /^Cannot read \d+ bytes at byte \d: the packet has \d+ bytes$/)
    })
  }
})

describe('bytes and texts', () => {
  test('reader gives views, not copies', () => {
    const bytes = hex("'abcd' 00 02 'ef'")
    const reader = new FieldReader(bytes)
    const views = [reader.bytes(2), reader.zeroTerminated(), reader.lenencBytes()]
    bytes.fill('z')
    assert.deepEqual(views.map(textOf), ['zz', 'zz', 'zz'])
  })

  test('reader reads texts that end with a zero', () => {
    const reader = over("'abc' 00 00 'de' 00")
    const read = [1, 2, 3].map(() => textOf(reader.zeroTerminated()))
    assert.deepEqual([...read, reader.left], ['abc', '', 'de', 0])
  })

  test('reader reads a text without a zero to the end, and then empty ones', () => {
    const reader = over("'abc'", 1)
    assert.deepEqual(
      [1, 2].map(() => textOf(reader.zeroTerminated())),
      ['bc', ''],
    )
  })

  test('reader gives what is left, then nothing', () => {
    const reader = over("01 'abc'")
    reader.byte()
    assert.equal(reader.left, 3)
    assert.deepEqual([textOf(reader.restBytes()), reader.left, textOf(reader.restBytes())], ['abc', 0, ''])
  })

  test('reader behind the end has nothing left, and stays there', () => {
    const reader = over('01', 5)
    assert.deepEqual([reader.left, textOf(reader.restBytes()), textOf(reader.zeroTerminated())], [0, '', ''])
    assert.equal(reader.at, 5)
    refuses(() => reader.byte(), /at byte 5: the packet has 1 bytes/)
  })
})

describe('packets that end too early', () => {
  const reads: Readonly<Record<string, [number, (reader: FieldReader) => unknown]>> = {
    'a byte': [1, (reader) => reader.byte()],
    'a 2-byte integer': [2, (reader) => reader.int16()],
    'a 3-byte integer': [3, (reader) => reader.int24()],
    'a 4-byte integer': [4, (reader) => reader.int32()],
    'an 8-byte integer': [8, (reader) => reader.int64()],
    'a float': [4, (reader) => reader.float()],
    'a double': [8, (reader) => reader.double()],
    '5 bytes': [5, (reader) => reader.bytes(5)],
  }
  for (const [what, [size, read]] of Object.entries(reads)) {
    test(`reader refuses ${what} of which the last byte is missing, and moves nowhere`, () => {
      const reader = new FieldReader(Buffer.alloc(size + 1), 2)
      refuses(
        () => read(reader),
        new RegExp(`^Cannot read ${what} at byte 2: the packet has ${size + 1} bytes$`),
      )
      assert.equal(reader.at, 2)
    })

    test(`reader takes ${what} that ends with the packet`, () => {
      const reader = new FieldReader(Buffer.alloc(size + 2), 2)
      read(reader)
      assert.equal(reader.left, 0)
    })
  }

  for (const bytes of ['fc', 'fc 01', 'fd 0102', 'fe 01020304050607']) {
    test(`reader refuses the broken length ${bytes}`, () => {
      refuses(() => over(bytes).lenencInteger(), /integer at byte 1: the packet has/)
    })
  }
})
