/**
 * Tests of src/cometql/run/comparable.ts: what stands for a number, exactly, and what is compared as a text.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isText, numberOf, readingOf } from '../../../../src/cometql/run/comparable.ts'
import { holds } from '../../../support/holds.ts'
import { sampleColumns } from '../../../support/sample-table.ts'

const [id, name, , visits, score] = sampleColumns
assert.ok(id !== undefined && name !== undefined && visits !== undefined && score !== undefined)

describe('a text', () => {
  const numbers: readonly (readonly [text: string, number: number | bigint])[] = [
    ['007', 7],
    ['+7.50', 7.5],
    ['-7', -7],
    ['.5', 0.5],
    ['5.', 5],
    [' 7\n', 7],
    ['7e2', 700],
    ['7.5E-1', 0.75],
    ['999999999999999', 999_999_999_999_999],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['0000000000000000000000007', 7],
    ['+0000000000000000000000007', 7],
    ['7.0000000000000000000000', 7],
    // Whole ones are exact, however long.
    ['9007199254740993', 9_007_199_254_740_993n],
    ['-9007199254740993', -9_007_199_254_740_993n],
    ['+18446744073709551615', 18_446_744_073_709_551_615n],
    ['1e16', 10_000_000_000_000_000n],
    ['1e21', 1_000_000_000_000_000_000_000n],
  ]
  for (const [text, number] of numbers) {
    test(`${JSON.stringify(text)} stands for ${number}`, () => assert.equal(numberOf(text), number))
  }

  const others = [
    '',
    ' ',
    '.',
    '-',
    '+-7',
    'e5',
    '1e',
    '1e+',
    '1 2',
    '1.2.3',
    '0x1f',
    'NaN',
    '-Infinity',
    '7x',
  ]
  for (const text of others) {
    test(`${JSON.stringify(text)} is no number`, () => assert.equal(numberOf(text), Number.NaN))
  }

  test('that would have to be rounded is no number', () => {
    for (const text of [
      '7.0000000000000001',
      '1234567890123456.5',
      '1.2345678901234567e16',
      '0.1234567890123456',
    ]) {
      assert.equal(numberOf(text), Number.NaN, text)
    }
  })

  test('of more than 64 characters is no number', () => {
    assert.equal(numberOf('1'.repeat(64)), BigInt('1'.repeat(64)))
    assert.equal(numberOf('1'.repeat(65)), Number.NaN)
    assert.equal(numberOf(`${' '.repeat(64)}1`), Number.NaN)
  })

  test('of a whole number is equal to itself alone', () => {
    const wholes = fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n })
    holds(
      fc.property(wholes, fc.constantFrom('', '0', '000'), (one, zeros) => {
        const written = `${one < 0n ? '-' : ''}${zeros}${one < 0n ? -one : one}`
        assert.equal(BigInt(numberOf(written)), one)
        assert.equal(numberOf(written), numberOf(String(one)))
        assert.equal(numberOf(String(one + 1n)) > numberOf(written), true)
      }),
      2_000,
    )
  })

  test('of a number is what JavaScript makes of it, up to 15 digits', () => {
    holds(
      fc.property(fc.integer({ min: -1e8, max: 1e8 }), fc.integer({ min: 0, max: 6 }), (digits, places) => {
        const text = (digits / 10 ** places).toFixed(places)
        assert.equal(numberOf(text), Number(text))
      }),
      2_000,
    )
  })
})

describe('a number', () => {
  test('is itself, a whole one beyond what is exact as a bigint, as texts are', () => {
    for (const one of [0, -7, 0.1, 2 ** 53 - 1, Number.POSITIVE_INFINITY]) assert.equal(numberOf(one), one)
    assert.equal(numberOf(2 ** 60), 2n ** 60n)
    assert.equal(numberOf(2 ** 60), numberOf(String(2n ** 60n)))
  })
})

describe('a column', () => {
  test('of numbers reads numbers, be they sent as texts or not', () => {
    assert.equal(readingOf(id, false)('007'), 7)
    assert.equal(readingOf(visits, false)('007'), 7)
    assert.equal(readingOf(visits, true)(2 ** 60), 2n ** 60n)
    assert.deepEqual([isText(id), isText(visits), isText(score), isText(name)], [false, false, false, true])
  })

  test('of doubles reads what is nearest', () => {
    const read = readingOf(score, false)
    assert.equal(read('0.30000000000000004'), 0.1 + 0.2)
    assert.equal(read('12345678901234567'), 12345678901234568)
    assert.equal(read(2 ** 60), 2 ** 60)
    assert.equal(read('x'), Number.NaN)
  })

  test('of texts reads texts as they are, or in lower case where case does not count', () => {
    assert.equal(readingOf(name, false)('007'), '007')
    assert.equal(readingOf(name, false)(7), '7')
    assert.equal(readingOf(name, false)('Ada'), 'Ada')
    assert.equal(readingOf(name, true)('ADA Ö'), 'ada ö')
    assert.equal(readingOf(name, true)(7), '7')
  })
})
