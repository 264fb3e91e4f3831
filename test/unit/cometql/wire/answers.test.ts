/**
 * Tests of src/cometql/wire/answers.ts: bytes from a capture of a CppComet server where it sends the same, and by
 * MySQL's documentation where it does not.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ResultColumn } from '../../../../src/cometql/answer.ts'
import { queryFailure } from '../../../../src/cometql/query-failure.ts'
import {
  writeBinaryRow,
  writeColumnDefinition,
  writeColumns,
  writeEof,
  writeFailure,
  writeOk,
  writePrepared,
  writeTextRow,
} from '../../../../src/cometql/wire/answers.ts'
import { hex } from '../../../support/hex.ts'
import { packet, written } from '../../../support/mysql-bytes.ts'

const AUTOCOMMIT = 2
const EOF = 'fe 0000 0200'

const text = (name: string): ResultColumn => ({ name, type: 'text' })
const integer = (name: string): ResultColumn => ({ name, type: 'integer' })
const number = (name: string): ResultColumn => ({ name, type: 'number' })

/** Definitions by the documentation, for names of one letter. */
const definition = {
  text: (name: string) => `03 'def' 000000 01 '${name}' 00 0c 2100 4d000000 fd 0100 1f 0000`,
  integer: (name: string) => `03 'def' 000000 01 '${name}' 00 0c 3f00 15000000 08 8180 00 0000`,
  number: (name: string) => `03 'def' 000000 01 '${name}' 00 0c 3f00 17000000 05 8180 1f 0000`,
}

describe('ends', () => {
  test('OK is these bytes', () => {
    const ok = written((writer) => writeOk(writer, { affected: 0, insertId: 0, status: AUTOCOMMIT }), 2)
    assert.deepEqual(ok, hex('070000 02 00 00 00 0200 0000'))
  })

  test('OK tells large numbers', () => {
    const ok = written((writer) => writeOk(writer, { affected: 300, insertId: 2 ** 40, status: 0x000a }))
    assert.deepEqual(ok, packet(1, '00 fc2c01 fe0000000000010000 0a00 0000'))
  })

  test('EOF is as captured', () => {
    assert.deepEqual(
      written((writer) => writeEof(writer, AUTOCOMMIT), 3),
      hex('05 00 00 03 fe 00 00 02 00'),
    )
  })

  test('EOF tells that another result follows', () => {
    assert.deepEqual(
      written((writer) => writeEof(writer, 0x000a)),
      packet(1, 'fe 0000 0a00'),
    )
  })
})

describe('failures', () => {
  test('failure is as captured', () => {
    const failure = queryFailure('notFound', "Table doesn't exist")
    const captured = '1c0000 01 ff 0f00 234859303030 5461626c6520646f65736e2774206578697374'
    assert.deepEqual(
      written((writer) => writeFailure(writer, failure)),
      hex(captured),
    )
  })

  test('failure has a number of two bytes, a state of its own and a text in UTF-8', () => {
    const failure = { code: 1_226, state: '42000', message: 'Größe', name: 'CHANNEL_LIMIT' } as const
    const bytes = written((writer) => writeFailure(writer, failure))
    assert.deepEqual(bytes, packet(1, "ff ca04 '#42000' 'Größe'"))
  })

  test('failure is cut at 512 letters', () => {
    const messageOf = (message: string) =>
      written((writer) => writeFailure(writer, queryFailure('syntax', message))).toString('utf8', 13)
    assert.equal(messageOf('é'.repeat(512)), 'é'.repeat(512))
    assert.equal(messageOf('é'.repeat(513)), 'é'.repeat(512))
    assert.equal(messageOf('😀'.repeat(300)), '😀'.repeat(256))
    assert.equal(messageOf(`a${'😀'.repeat(300)}`), `a${'😀'.repeat(255)}`)
  })
})

describe('columns', () => {
  test('columns of texts are as captured, count and EOF with them', () => {
    const captured = [
      '01 00 00 01 02',
      '18 00 00 02 03 64 65 66 00 00 00 02 69 64 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1a 00 00 03 03 64 65 66 00 00 00 04 74 69 6d 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '05 00 00 04 fe 00 00 02 00',
    ]
    const bytes = written((writer) => writeColumns(writer, [text('id'), text('time')], AUTOCOMMIT))
    assert.deepEqual(bytes, hex(...captured))
  })

  test('columns of numbers are numbers to a client', () => {
    const bytes = written((writer) => writeColumns(writer, [integer('i'), number('n')], AUTOCOMMIT))
    const packets = ['02', definition.integer('i'), definition.number('n'), EOF]
    assert.deepEqual(bytes, Buffer.concat(packets.map((body, i) => packet(i + 1, body))))
  })

  test('columns of texts are in the charset of the client, those of numbers in none', () => {
    const bytes = written((writer) => {
      writer.textCharset = 45
      writeColumns(writer, [text('t'), integer('i')], AUTOCOMMIT)
    })
    const packets = ['02', definition.text('t').replace('0c 2100', '0c 2d00'), definition.integer('i'), EOF]
    assert.deepEqual(bytes, Buffer.concat(packets.map((body, i) => packet(i + 1, body))))
  })

  test('column in a list of fields has no default', () => {
    const bytes = written((writer) => writeColumnDefinition(writer, text('c'), true))
    assert.deepEqual(bytes, packet(1, `${definition.text('c')} fb`))
    assert.deepEqual(
      written((writer) => writeColumnDefinition(writer, text('c'), false)),
      packet(1, definition.text('c')),
    )
  })

  test('columns may be many, with names of any length', () => {
    const columns = Array.from({ length: 300 }, () => text('ñ'.repeat(200)))
    const bytes = written((writer) => writeColumns(writer, columns, AUTOCOMMIT), 255)
    assert.deepEqual(bytes.subarray(0, 7), hex('030000 ff fc2c01'))
    assert.deepEqual(bytes.subarray(7, 18), hex("a80100 00 03 'def' 000000"))
    assert.deepEqual(bytes.subarray(18, 23), hex("fc9001 'ñ'"))
  })
})

describe('rows of queries', () => {
  test('row is as captured', () => {
    const captured = '0d 00 00 05 01 37 0a 31 37 39 35 33 32 34 39 37 31'
    assert.deepEqual(
      written((writer) => writeTextRow(writer, ['7', '1795324971']), 5),
      hex(captured),
    )
  })

  test('row with empty values is as captured', () => {
    const captured = '17 00 00 0a 04 68 61 73 68 0b 76 61 72 63 68 61 72 28 33 32 29 02 4e 4f 00 00 00'
    const row = ['hash', 'varchar(32)', 'NO', '', '', '']
    assert.deepEqual(
      written((writer) => writeTextRow(writer, row), 10),
      hex(captured),
    )
  })

  test('row writes numbers as texts', () => {
    const bytes = written((writer) => writeTextRow(writer, [0, -1, 1.5, 1_795_324_971, 2 ** 53 - 1]))
    assert.deepEqual(bytes, packet(1, "01 '0' 02 '-1' 03 '1.5' 0a '1795324971' 10 '9007199254740991'"))
  })

  // CppComet's own form of these lengths was wrong, and broke the stream.
  test('row writes values of 64 KB and more behind a length of three bytes', () => {
    const value = 'x'.repeat(65_536)
    const bytes = written((writer) => writeTextRow(writer, [value, 'end']))
    assert.deepEqual(bytes, packet(1, Buffer.concat([hex('fd 000001'), Buffer.from(value), hex("03 'end'")])))
  })

  test('row of no values is an empty packet', () => {
    assert.deepEqual(
      written((writer) => writeTextRow(writer, [])),
      hex('000000 01'),
    )
  })
})

describe('rows of prepared statements', () => {
  test('row has each value as its column says', () => {
    const columns = [text('t'), integer('i'), number('n')]
    const bytes = written((writer) => writeBinaryRow(writer, ['é', -2, 1.5], columns))
    assert.deepEqual(bytes, packet(1, '00 00 02c3a9 feffffffffffffff 000000000000f83f'))
  })

  test('row writes a number in a column of texts as its text', () => {
    const bytes = written((writer) => writeBinaryRow(writer, [1_795_324_971], [text('time')]))
    assert.deepEqual(bytes, packet(1, "00 00 0a '1795324971'"))
  })

  for (const [count, bitmap] of [
    [1, '00'],
    [6, '00'],
    [7, '0000'],
    [14, '0000'],
    [15, '000000'],
  ] as const) {
    test(`row of ${count} values has a bitmap of ${hex(bitmap).length} bytes: two bits more than values`, () => {
      const columns = Array.from({ length: count }, () => text('t'))
      const bytes = written((writer) => writeBinaryRow(writer, Array(count).fill('v'), columns))
      assert.deepEqual(bytes, packet(1, hex('00', bitmap, '0176'.repeat(count))))
    })
  }
})

describe('prepared statements', () => {
  const prepared = (columns: readonly ResultColumn[], parameters: number) =>
    written((writer) => writePrepared(writer, { id: 0x0102, columns, parameters, status: AUTOCOMMIT }))
  const packets = (...bodies: readonly string[]) =>
    Buffer.concat(bodies.map((body, i) => packet(i + 1, body)))

  test('statement without parameters and rows is one packet', () => {
    assert.deepEqual(prepared([], 0), packets('00 02010000 0000 0000 00 0000'))
  })

  test('statement tells its parameters, then its columns', () => {
    const expected = packets(
      '00 02010000 0100 0200 00 0000',
      definition.text('?'),
      definition.text('?'),
      EOF,
      definition.integer('n'),
      EOF,
    )
    assert.deepEqual(prepared([integer('n')], 2), expected)
  })

  test('statement with parameters only has one EOF', () => {
    assert.deepEqual(prepared([], 1), packets('00 02010000 0000 0100 00 0000', definition.text('?'), EOF))
  })

  test('statement with columns only has one EOF', () => {
    const expected = packets('00 02010000 0100 0000 00 0000', definition.text('c'), EOF)
    assert.deepEqual(prepared([text('c')], 0), expected)
  })
})
