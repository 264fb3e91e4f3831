/**
 * Tests of src/cometql/wire/parameters.ts: every type a client can send, by bytes of MySQL's documentation.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MalformedPacket } from '../../../../src/cometql/wire/fields.ts'
import { type ParameterTypes, readParameters } from '../../../../src/cometql/wire/parameters.ts'
import { hex } from '../../../support/hex.ts'

/** Command, statement 1, no cursor, one iteration. */
const HEAD = '17 01000000 00 01000000'
const NO_LONG_DATA: ReadonlyMap<number, Buffer> = new Map()

const read = (payload: Buffer, count: number, known: ParameterTypes | null = null, longData = NO_LONG_DATA) =>
  readParameters(payload, count, known, longData)

const textsOf = (result: ReturnType<typeof readParameters>) =>
  result.parameters.map((parameter) => parameter?.toString() ?? null)

/** The one parameter of this type (code and sign) and value. */
const only = (type: string, value: string) => textsOf(read(hex(HEAD, '00 01', type, value), 1))[0]

const refuses = (run: () => unknown, message: RegExp) =>
  assert.throws(run, (error) => error instanceof MalformedPacket && message.test(error.message))

describe('numbers', () => {
  for (const [name, type, value, text] of [
    ['TINY', '0100', 'ff', '-1'],
    ['TINY', '0100', '7f', '127'],
    ['TINY', '0100', '80', '-128'],
    ['unsigned TINY', '0180', 'ff', '255'],
    ['SHORT', '0200', 'feff', '-2'],
    ['SHORT', '0200', 'ff7f', '32767'],
    ['unsigned SHORT', '0280', 'ffff', '65535'],
    ['YEAR', '0d80', 'e807', '2024'],
    ['LONG', '0300', '00000080', '-2147483648'],
    ['LONG', '0300', '01000000', '1'],
    ['unsigned LONG', '0380', 'ffffffff', '4294967295'],
    ['INT24', '0900', 'ffffffff', '-1'],
    ['unsigned INT24', '0980', 'ffffff00', '16777215'],
    ['LONGLONG', '0800', 'ffffffffffffffff', '-1'],
    ['LONGLONG', '0800', '0000000000000080', '-9223372036854775808'],
    ['LONGLONG', '0800', 'ffffffffffffff7f', '9223372036854775807'],
    ['LONGLONG', '0800', '0100000000002000', '9007199254740993'],
    ['unsigned LONGLONG', '0880', 'ffffffffffffffff', '18446744073709551615'],
    ['unsigned LONGLONG', '0880', '0700000000000000', '7'],
    ['FLOAT', '0400', '0000c03f', '1.5'],
    ['FLOAT', '0400', 'cdccccbd', '-0.1'],
    ['FLOAT', '0400', 'cdcccc3d', '0.1'],
    ['FLOAT', '0400', '9ec97f7f', '3.4e+38'],
    ['FLOAT', '0400', '0100804b', '16777218'],
    ['FLOAT', '0400', '00000000', '0'],
    ['FLOAT', '0400', '0000807f', 'Infinity'],
    ['FLOAT', '0400', '0000c07f', 'NaN'],
    ['DOUBLE', '0500', '9a9999999999b9bf', '-0.1'],
    ['DOUBLE', '0500', '0000000000001c40', '7'],
    ['DOUBLE', '0500', '000000000000f0ff', '-Infinity'],
    ['DOUBLE', '0500', '000000000000f87f', 'NaN'],
  ] as const) {
    test(`${name} ${value} is ${text}`, () => {
      assert.equal(only(type, value), text)
    })
  }
})

describe('dates and times', () => {
  for (const [name, type, value, text] of [
    ['DATE', '0a00', '04 e807 02 1d', '2024-02-29'],
    ['DATE', '0a00', '00', '0000-00-00'],
    ['DATE with a time', '0a00', '07 e807 02 1d 0c 22 38', '2024-02-29'],
    ['DATETIME', '0c00', '07 e807 02 1d 0c 22 38', '2024-02-29 12:34:56'],
    ['DATETIME', '0c00', '0b e807 02 1d 0c 22 38 40e20100', '2024-02-29 12:34:56.123456'],
    ['DATETIME', '0c00', '0b e807 02 1d 0c 22 38 01000000', '2024-02-29 12:34:56.000001'],
    ['DATETIME', '0c00', '0b e807 02 1d 0c 22 38 00000000', '2024-02-29 12:34:56'],
    ['DATETIME without a time', '0c00', '04 e807 02 1d', '2024-02-29 00:00:00'],
    ['DATETIME of nothing', '0c00', '00', '0000-00-00 00:00:00'],
    ['TIMESTAMP', '0700', '07 0f27 0c 1f 17 3b 3b', '9999-12-31 23:59:59'],
    ['TIME', '0b00', '08 00 00000000 01 02 03', '01:02:03'],
    ['TIME', '0b00', '08 01 01000000 02 1e 00', '-26:30:00'],
    ['TIME', '0b00', '0c 00 22000000 16 3b 3b 3f420f00', '838:59:59.999999'],
    ['TIME of nothing', '0b00', '00', '00:00:00'],
  ] as const) {
    test(`${name} ${value} is ${text}`, () => {
      assert.equal(only(type, value), text)
    })
  }

  for (const [type, value] of [
    ['0a00', '05 e807 02 1d 00'],
    ['0c00', '01 00'],
    ['0c00', 'ff'],
    ['0700', '0c e807 02 1d 0c 22 38 40e20100 00'],
    ['0b00', '04 00000000'],
    ['0b00', '0b 00 00000000 01 02 03 000000'],
  ] as const) {
    test(`dates and times are refused in a length they can not have: ${type} ${value}`, () => {
      refuses(() => only(type, value), /^Cannot read a (date|time) of \d+ bytes before byte 15$/)
    })
  }
})

describe('texts and bytes', () => {
  const codes = ['00', '0f', '10', 'f5', 'f6', 'f7', 'f8', 'f9', 'fa', 'fb', 'fc', 'fd', 'fe', 'ff']
  for (const code of codes) {
    test(`type ${code} is taken as bytes`, () => {
      assert.equal(only(`${code}00`, "05 'it' 5c 27 ff"), "it\\'\ufffd")
    })
  }

  test('bytes are taken as they are, of any length, and are views of the packet', () => {
    const bytes = Buffer.alloc(70_000, 0xff)
    const payload = Buffer.concat([hex(HEAD, '00 01 fc00 fd 701101'), bytes])
    const [parameter] = read(payload, 1).parameters
    assert.deepEqual(parameter, bytes)
    payload.fill(0x61)
    assert.equal(parameter?.[0], 0x61)
  })

  test('bytes may be none, and are not NULL then', () => {
    assert.equal(only('fd00', '00'), '')
  })

  test('type NULL has no bytes', () => {
    const payload = hex(HEAD, '00 01 0600 fd00', "01 'x'")
    assert.deepEqual(textsOf(read(payload, 2)), [null, 'x'])
  })

  for (const code of ['0e', '11', '12', '13', '14', 'f4', '80']) {
    test(`type ${code} is not known, and is refused by its number`, () => {
      refuses(
        () => only(`${code}00`, '00'),
        new RegExp(`^A parameter has the unknown type ${Number(`0x${code}`)}$`),
      )
    })
  }
})

describe('NULL', () => {
  test('parameters that the bitmap marks are NULL and have no bytes', () => {
    const payload = hex(HEAD, '05 01 fd00 fd00 0300 fd00', "01 'b' 01 'd'")
    assert.deepEqual(textsOf(read(payload, 4)), [null, 'b', null, 'd'])
  })

  test('bitmap has a bit for each parameter, without an offset', () => {
    const types = 'fd00'.repeat(9)
    const payload = hex(HEAD, '80 01 01', types, '0161 0162 0163 0164 0165 0166 0167')
    assert.deepEqual(textsOf(read(payload, 9)), ['a', 'b', 'c', 'd', 'e', 'f', 'g', null, null])
  })

  test('bits beyond the parameters mean nothing', () => {
    assert.deepEqual(textsOf(read(hex(HEAD, 'fe 01 fd00', "01 'x'"), 1)), ['x'])
  })
})

describe('types', () => {
  const first = read(hex(HEAD, "00 01 fd00 0180 01 'x' ff"), 2)

  test('types sent once serve the executions after', () => {
    const next = read(hex(HEAD, "00 00 02 'yz' fe"), 2, first.types)
    assert.deepEqual(
      [textsOf(first), textsOf(next)],
      [
        ['x', '255'],
        ['yz', '254'],
      ],
    )
    assert.equal(next.types, first.types)
  })

  test('types sent anew replace those before', () => {
    const next = read(hex(HEAD, "00 01 0100 fd00 ff 01 'x'"), 2, first.types)
    assert.deepEqual(textsOf(next), ['-1', 'x'])
    assert.deepEqual(textsOf(read(hex(HEAD, '00 00 01 00'), 2, next.types)), ['1', ''])
  })

  test('types do not change with the packet that brought them', () => {
    const payload = hex(HEAD, "00 01 fd00 01 'x'")
    const { types } = read(payload, 1)
    payload.fill(0)
    assert.deepEqual(textsOf(read(hex(HEAD, "00 00 01 'y'"), 1, types)), ['y'])
  })

  test('types that were never sent are missed', () => {
    refuses(() => read(hex(HEAD, "00 00 01 'x'"), 1), /^The types of 1 parameters were never sent$/)
    refuses(
      () => read(hex(HEAD, "00 00 01 'x'"), 1, first.types),
      /^The types of 1 parameters were never sent$/,
    )
  })

  test('no parameters need no bytes and leave the types alone', () => {
    assert.deepEqual(read(hex(HEAD), 0), { parameters: [], types: null })
    assert.deepEqual(read(hex(HEAD), 0, first.types), { parameters: [], types: first.types })
  })
})

describe('long data', () => {
  test('long data stands in for a value that is not in the packet', () => {
    const payload = hex(HEAD, "00 01 fd00 fc00 fd00 01 'a' 01 'c'")
    const longData = new Map([[1, Buffer.from('long')]])
    assert.deepEqual(textsOf(read(payload, 3, null, longData)), ['a', 'long', 'c'])
  })

  test('long data counts more than a bit of NULL, and may be empty', () => {
    const payload = hex(HEAD, '03 01 fc00 fc00')
    const longData = new Map([[1, Buffer.alloc(0)]])
    assert.deepEqual(textsOf(read(payload, 2, null, longData)), [null, ''])
  })
})

describe('executions that end too early', () => {
  test('execution is refused wherever it ends', () => {
    const whole = hex(
      HEAD,
      "00 01 fd00 0300 0c00 0b00 0800 02 'ab' 01000000 07 e807021d0c2238 08 0000000000010203",
    )
    const payload = Buffer.concat([whole, hex('0100000000000000')])
    assert.deepEqual(textsOf(read(payload, 5)), ['ab', '1', '2024-02-29 12:34:56', '01:02:03', '1'])
    for (let end = 0; end < payload.length; end++) {
      refuses(() => read(payload.subarray(0, end), 5), /^Cannot read /)
    }
  })

  test('execution with a length that lies is refused', () => {
    refuses(() => only('fd00', 'fe ffffffffffff1f00'), /^Cannot read 9007199254740991 bytes/)
    refuses(() => only('fd00', 'ff'), /^Cannot read a length at byte 14/)
  })
})
