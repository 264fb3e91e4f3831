/**
 * Tests of src/cometql/tables/catalog.ts: what is told of a table by what it says of itself.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../../../../src/cometql/tables/all-tables.ts'
import {
  characterSets,
  collations,
  commentOf,
  defaultMark,
  homeOf,
  indexesOf,
  keyMark,
  privilegesOf,
  schemaOf,
  typeOf,
} from '../../../../src/cometql/tables/catalog.ts'
import type { Table } from '../../../../src/cometql/tables/table.ts'
import { nodeFacts } from '../../../support/query-context.ts'

const tables = createTables(nodeFacts())

test('tables are of the database that the node’s are in, those that take any case of information_schema', () => {
  assert.equal(schemaOf(named('users_auth'), 'CometQL_v1'), 'CometQL_v1')
  assert.equal(schemaOf(named('users_auth'), 'db_15'), 'db_15')
  assert.equal(schemaOf({ ...named('users_auth'), isAnyCase: true }, 'db_15'), 'information_schema')
  const own = tables.find({ schema: 'information_schema', name: 'TABLES' }, '')
  assert.equal(schemaOf(own, 'CometQL_v1'), 'information_schema')
})

test('tables of the node are in the chosen database, or in CppComet’s where that holds none of them', () => {
  const homes = ['', 'information_schema', 'INFORMATION_SCHEMA', 'CometQL_v1', 'db_15'].map(homeOf)
  assert.deepEqual(homes, ['CometQL_v1', 'CometQL_v1', 'CometQL_v1', 'CometQL_v1', 'db_15'])
})

test('tables that take writes are none of the views', () => {
  const kinds = tables.in('').map((table) => [table.name, typeOf(table)] as const)
  const views = kinds.filter(([, kind]) => kind === 'VIEW').map(([name]) => name)
  assert.deepEqual(views, ['channels', 'sessions', 'users_online', 'metrics'])
  for (const name of views) assert.equal(privilegesOf(named(name)), 'select')
})

test('every table of the node has a comment, and no other has', () => {
  for (const table of tables.in('')) assert.notEqual(commentOf(table), '', table.name)
  assert.equal(commentOf(table('another', ['id'])), '')
})

test('no comment needs to be escaped in SQL', () => {
  for (const table of tables.in('')) assert.match(commentOf(table), /^[\w ,;]+$/)
})

test('first key of a table is its primary one, others are not unique', () => {
  assert.deepEqual(indexesOf(table('some', ['id', 'name'])), [
    { name: 'PRIMARY', column: 'id', isUnique: true },
    { name: 'name', column: 'name', isUnique: false },
  ])
  assert.deepEqual(indexesOf(table('some', [])), [])
})

test('table with many rows for a key has no primary one', () => {
  assert.deepEqual(indexesOf(named('users_messages')), [{ name: 'id', column: 'id', isUnique: false }])
})

test('views have no keys, though rows may be found by them', () => {
  assert.deepEqual(named('channels').keys, ['name'])
  assert.deepEqual(indexesOf(named('channels')), [])
})

test('columns are marked by the index they are in', () => {
  const some = table('some', ['id', 'name'])
  assert.deepEqual(
    ['id', 'name', 'data'].map((column) => keyMark(some, column)),
    ['PRI', 'MUL', ''],
  )
})

test('tables that take an INSERT may be written', () => {
  assert.equal(privilegesOf(named('users_auth')), 'select,insert,update')
  assert.equal(privilegesOf(named('users_time')), 'select')
})

test('every collation is of a set that is there, and each set has one that is its default', () => {
  const sets = new Set(characterSets.map(({ name }) => name))
  for (const { name, characterSet } of collations) assert.ok(sets.has(characterSet), name)
  for (const set of characterSets) {
    const defaults = collations.filter((one) => one.characterSet === set.name && defaultMark(one) === 'Yes')
    assert.deepEqual(
      defaults.map(({ name }) => name),
      [set.collation],
    )
  }
})

function named(name: string): Table {
  return tables.find({ schema: '', name }, '')
}

function table(name: string, keys: readonly string[]): Table {
  return { name, columns: [], keys }
}
