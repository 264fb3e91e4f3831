/**
 * Tests of src/cometql/run/conditions.ts: which keys a WHERE asks for, and whether it asks for anything else.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Filter, filterOf } from '../../../../src/cometql/run/conditions.ts'
import { Values } from '../../../../src/cometql/sql/values.ts'
import type { Keys, Table } from '../../../../src/cometql/tables/table.ts'
import { condition } from '../../../support/read-statements.ts'
import { sampleTable } from '../../../support/sample-table.ts'

const people = sampleTable([])

function filter(where: string, table: Table = people): Filter {
  return filterOf(condition(where), table, new Values())
}

function keys(where: string, by: readonly string[] = ['id', 'name']): Keys | null {
  return filter(where, { ...people, keys: by }).keys
}

describe('keys', () => {
  const byId: readonly (readonly [where: string, keys: readonly string[] | null])[] = [
    ['id = 7', ['7']],
    ["id = '7'", ['7']],
    ['7 = id', ['7']],
    ['id IN (7, 8, 7)', ['7', '8']],
    // One number in several spellings is one key.
    ["id IN (7, '07', '7.0', ' 7')", ['7']],
    ["id = 7 OR id = '07'", ['7']],
    ["id = 7 AND id = '07'", ['7']],
    ["id IN (8, 'x', NULL, 7)", ['8', '7']],
    ["id = 'x'", []],
    ['id = NULL', []],
    ['id = -0', ['0']],
    ['id = 7 OR id = 8', ['7', '8']],
    ['id = 8 OR id IN (7, 8, 9)', ['8', '7', '9']],
    ['id IN (1, 2, 3) AND id IN (3, 2, 4)', ['2', '3']],
    ['id = 7 AND id = 8', []],
    ['id = 7 AND visits > 3', ['7']],
    ["visits > 3 AND (name = 'ada' OR score < 2) AND id IN (7, 8)", ['7', '8']],
    ['(id = 7 AND visits > 3) OR (id = 8 AND visits < 3)', ['7', '8']],
    ['(id = 7 AND visits > 3) OR (visits < 3 AND id IN (9, 8))', ['7', '9', '8']],
    // A row may pass without any of the keys.
    ['id = 7 OR visits > 3', null],
    ['id = 7 OR 1 = 1', null],
    ['id <> 7', null],
    ['id > 7', null],
    ['id BETWEEN 7 AND 7', null],
    ["id LIKE '7'", null],
    ['id NOT IN (7)', null],
    ['NOT id = 7', null],
    ['NOT id IN (7)', null],
    ['visits = 7', null],
    ['1 = 1', null],
    // NOT of NOT.
    ['NOT id <> 7', ['7']],
    ['NOT (id <> 7 OR visits = 1)', ['7']],
    ['NOT id NOT IN (7, 8)', ['7', '8']],
    ['NOT NOT id = 7', ['7']],
    ['NOT (id <> 7 AND id <> 8)', ['7', '8']],
    // Nothing passes.
    ['1 = 0', []],
    ['1 = 0 OR id = 7', ['7']],
    ['1 = 0 AND id = 7', []],
    ['NOT 1', []],
    ['1 = 1 AND id = 7', ['7']],
  ]
  for (const [where, expected] of byId) {
    test(`WHERE ${where} asks for ${expected === null ? 'no keys' : `keys [${expected.join(' ')}]`}`, () => {
      assert.deepEqual(keys(where, ['id']), expected === null ? null : { by: 'id', keys: expected })
    })
  }

  test('keys that are texts are as they were written', () => {
    assert.deepEqual(keys("name IN ('07', 7, 'a')", ['name']), { by: 'name', keys: ['07', '7', 'a'] })
  })

  test('the first key column is preferred, the second one does if the first does not', () => {
    assert.deepEqual(keys("name = 'a' AND id = 7"), { by: 'id', keys: ['7'] })
    assert.deepEqual(keys("name = 'a' AND id > 7"), { by: 'name', keys: ['a'] })
    assert.deepEqual(keys("name = 'a' AND id = 7", ['name', 'id']), { by: 'name', keys: ['a'] })
  })

  test('the column that tells rows apart is preferred where it is named, wherever it stands among the keys', () => {
    const table: Table = { ...people, keys: ['name', 'id'], identity: 'id' }
    const both = filter("name = 'a' AND id = 7", table)
    assert.deepEqual(both.keys, { by: 'id', keys: ['7'] })
    assert.equal(both.isKeysOnly, false)
    assert.deepEqual(filter("name = 'a' AND id > 7", table).keys, { by: 'name', keys: ['a'] })
    assert.equal(filter("name = 'a' OR id = 7", table).keys, null)
  })

  test('a column that is not told of rows found so is refused', () => {
    const columns = people.columns.map((one) => (one.name === 'visits' ? { ...one, onlyBy: 'name' } : one))
    const table: Table = { ...people, keys: ['name', 'id'], identity: 'id', columns }
    assert.deepEqual(filter("name = 'a' AND NOT visits > 5", table).keys, { by: 'name', keys: ['a'] })
    assert.throws(
      () => filter("name = 'a' AND id = 7 AND NOT visits > 5", table),
      /`visits` is known only of rows/,
    )
  })

  test('keys of two columns in one OR are no keys', () => {
    assert.equal(keys("name = 'a' OR id = 7"), null)
  })

  test('numbers of more digits than a double has are keys as they are', () => {
    const where = "id IN ('0012345678901234567', 12345678901234568, '7', '123456789012345678.5')"
    assert.deepEqual(keys(where, ['id'])?.keys, ['12345678901234567', '12345678901234568', '7'])
  })

  test('without a WHERE, and in a table without keys, there are none', () => {
    assert.deepEqual(filterOf(null, people, new Values()).keys, null)
    assert.equal(keys('id = 7', []), null)
  })

  test('many thousand keys are taken as quickly as they are read', () => {
    const many = Array.from({ length: 60_000 }, (_, at) => String(at))
    const where = `id IN (${many.join(', ')}) AND id IN (${many.toReversed().join(', ')})`
    assert.deepEqual(keys(where, ['id']), { by: 'id', keys: many })
  })
})

describe('conditions that are about keys only', () => {
  const cases: readonly (readonly [where: string, isOnly: boolean])[] = [
    ['id = 7', true],
    ['id IN (7, 8)', true],
    ['id = 7 OR id = 8', true],
    ['id = 7 OR id IN (8, 9)', true],
    ['id = 7 OR (id = 8 OR id IN (8, 9))', true],
    // They say nothing else, in other words.
    ['NOT id <> 7', true],
    ['NOT (id <> 7 AND id NOT IN (8, 9))', true],
    ['id = 7 AND 1 = 1', true],
    ['id = 7 AND visits = 1', false],
    ['id = 7 AND id = 7', false],
    ['id = 7 OR (id = 8 AND visits = 1)', false],
    ['id = 7 AND 1 = 0', false],
    ['id = 7 OR visits = 1', false],
    ['id NOT IN (7)', false],
    ['id > 7', false],
    ["name = 'a'", false],
  ]
  for (const [where, isOnly] of cases) {
    test(`WHERE ${where} is ${isOnly ? '' : 'not '}about ids only`, () => {
      assert.equal(filter(where, { ...people, keys: ['id'] }).isKeysOnly, isOnly)
    })
  }
})
