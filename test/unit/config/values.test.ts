/**
 * Values from text and from files, held against the shape of their option.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Option, options, type Shape } from '../../../src/config/options.ts'
import { checkText, checkValue, kindOf, quoteValue } from '../../../src/config/values.ts'

const integer: Shape = { kind: 'integer', unit: 'ms', min: 10, max: 1_000, default: 10, describe: '' }
const text: Shape = { kind: 'string', default: '', describe: '' }
const onOff: Shape = { kind: 'boolean', default: false, describe: '' }
const list: Shape = { kind: 'list', default: [], describe: '' }
const choice: Shape = { kind: 'choice', choices: ['memory', 'redis'], default: 'memory', describe: '' }

describe('integer', () => {
  test('takes its bounds and nothing beyond them', () => {
    assert.deepEqual(checkText(integer, '10'), { value: 10 })
    assert.deepEqual(checkText(integer, ' 1000 '), { value: 1_000 })
    assert.deepEqual(checkText(integer, '9'), { mistake: '9 is below 10 (ms)' })
    assert.deepEqual(checkText(integer, '-20'), { mistake: '-20 is below 10 (ms)' })
    assert.deepEqual(checkValue(integer, 1_001), { mistake: '1001 is above 1000 (ms)' })
  })

  test('refuses text that is no whole number', () => {
    for (const wrong of ['', 'ten', '1e2', '0x10', '10.5', '10ms', 'NaN', 'Infinity']) {
      assert.deepEqual(checkText(integer, wrong), { mistake: `"${wrong}" is not a whole number` })
    }
  })

  test('refuses values of a file that are no whole number', () => {
    assert.deepEqual(checkValue(integer, 10.5), { mistake: '10.5 is not a whole number' })
    assert.deepEqual(checkValue(integer, '100'), { mistake: '"100" is not a whole number' })
    assert.deepEqual(checkValue(integer, null), { mistake: 'nothing is not a whole number' })
    assert.deepEqual(checkValue(integer, [100]), { mistake: 'a list is not a whole number' })
    assert.deepEqual(checkValue(integer, Number.NaN), { mistake: 'null is not a whole number' })
  })
})

describe('boolean', () => {
  test('takes true, 1, yes and their opposites', () => {
    for (const yes of ['true', '1', 'yes', 'TRUE']) assert.deepEqual(checkText(onOff, yes), { value: true })
    for (const no of ['false', '0', 'no', ' No ']) assert.deepEqual(checkText(onOff, no), { value: false })
  })

  test('refuses anything else', () => {
    assert.deepEqual(checkText(onOff, 'ja'), { mistake: '"ja" is neither true nor false' })
    assert.deepEqual(checkText(onOff, ''), { mistake: '"" is neither true nor false' })
    assert.deepEqual(checkValue(onOff, 'true'), { mistake: 'text is neither true nor false' })
    assert.deepEqual(checkValue(onOff, 1), { mistake: 'a number is neither true nor false' })
  })
})

describe('text', () => {
  test('is taken as it is, empty text included', () => {
    assert.deepEqual(checkText(text, ' a b '), { value: ' a b ' })
    assert.deepEqual(checkText(text, ''), { value: '' })
  })

  test('is never quoted in a mistake, because it may be a secret', () => {
    assert.deepEqual(checkValue(text, 12_345), { mistake: 'must be text, is a number: put it in quotes' })
    assert.deepEqual(checkValue(text, null), { mistake: 'must be text, is nothing' })
    assert.deepEqual(checkText(text, 'sec\nret'), { mistake: 'holds a control character' })
    assert.deepEqual(checkText(text, 'x'.repeat(4_097)), {
      mistake: '4097 characters are above 4096 (characters)',
    })
  })
})

describe('list', () => {
  test('splits text at commas and drops blanks and empty items', () => {
    assert.deepEqual(checkText(list, 'a, b ,,c'), { value: ['a', 'b', 'c'] })
    assert.deepEqual(checkText(list, ''), { value: [] })
  })

  test('refuses what is no list of texts', () => {
    assert.deepEqual(checkValue(list, 'a'), { mistake: 'must be a list, is text' })
    assert.deepEqual(checkValue(list, { a: 1 }), { mistake: 'must be a list, is a map' })
    assert.deepEqual(checkValue(list, ['a', 7]), {
      mistake: 'item 2 must be text, is a number: put it in quotes',
    })
    assert.deepEqual(checkValue(list, ['a', '']), { mistake: 'item 2 is empty' })
    assert.deepEqual(checkValue(list, Array(1_001).fill('a')), {
      mistake: '1001 items are above 1000 (items)',
    })
  })
})

describe('choice', () => {
  test('takes one of its words and suggests one for a misspelt word', () => {
    assert.deepEqual(checkText(choice, 'redis'), { value: 'redis' })
    assert.deepEqual(checkText(choice, 'memroy'), {
      mistake: '"memroy" is not one of memory, redis, did you mean "memory"?',
    })
    assert.deepEqual(checkValue(choice, false), { mistake: 'false is not one of memory, redis' })
  })

  test('hides the password of a URL that was given for a word', () => {
    assert.deepEqual(checkText(choice, 'redis://user:hunter2@db:6379'), {
      mistake: '"redis://*****@db:6379" is not one of memory, redis',
    })
  })
})

test('default of every option passes its own check', () => {
  for (const option of Object.values<Option>(options)) {
    if (option.kind === 'rules') continue
    assert.deepEqual(checkValue(option, option.default), { value: option.default })
  }
})

test('quoted value is one short line', () => {
  assert.equal(quoteValue('a\nb'), '"a\\nb"')
  assert.equal(quoteValue('x'.repeat(100)).length, 61)
  assert.equal(quoteValue(undefined), 'undefined')
})

test('kind of a value is told in words', () => {
  assert.deepEqual([null, [], {}, '', true, 5].map(kindOf), [
    'nothing',
    'a list',
    'a map',
    'text',
    'true',
    'a number',
  ])
})
