/**
 * Tests of src/cometql/run/columns.ts: columns are found by their exact names, or it is said which there are.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { columnAt, findColumn } from '../../../../src/cometql/run/columns.ts'
import { sampleColumns, sampleTable } from '../../../support/sample-table.ts'

const people = sampleTable([])
const anyCase = { ...people, isAnyCase: true } as const

test('a column is found with its place in a row', () => {
  for (const [at, column] of sampleColumns.entries()) {
    assert.deepEqual(findColumn(people, column.name), { at, column })
    assert.deepEqual(columnAt(people, column.name), { at, column })
  }
})

test('letters count in their case, as in CppComet', () => {
  assert.equal(findColumn(people, 'ID'), null)
  assert.equal(findColumn(people, 'Name'), null)
})

test('letters count in any case where the table says so', () => {
  assert.equal(findColumn(anyCase, 'NaMe')?.column.name, 'name')
  assert.equal(findColumn(anyCase, 'nam'), null)
})

test('names that objects have by themselves are no columns', () => {
  for (const name of ['', 'length', 'constructor', '__proto__', 'toString', '0']) {
    assert.equal(findColumn(people, name), null, name)
  }
})

test('a column that is not there is refused with code 14 and the columns there are', () => {
  assert.throws(
    () => columnAt(people, 'nmae'),
    (error) => {
      assert.ok(error instanceof QueryError)
      assert.equal(error.failure.code, queryCodes.columns)
      assert.equal(error.message, 'Not a specific column: `nmae`; `t` has id, name, age, visits, score')
      return true
    },
  )
})

test('a very long name is told by its beginning', () => {
  assert.throws(() => columnAt(people, 'x'.repeat(10_000)), /`x{64}`;/)
})
