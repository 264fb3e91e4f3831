/**
 * The names of databases: which there are, in which spelling, and whose rows they show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chooseDatabase,
  DATABASE,
  databaseOf,
  isSameDatabase,
  unknownDatabase,
} from '../../../src/cometql/databases.ts'
import { queryCodes } from '../../../src/cometql/query-failure.ts'
import { MAX_TENANT } from '../../../src/core/tenants.ts'

test('database that is not named is of the user', () => {
  assert.deepEqual(chooseDatabase(''), { name: '', tenant: null })
})

test('database of CppComet is found in any case, under its own spelling, and is of the user', () => {
  for (const name of ['CometQL_v1', 'cometql_v1', 'COMETQL_V1']) {
    assert.deepEqual(chooseDatabase(name), { name: DATABASE, tenant: null }, name)
  }
})

test('information_schema is found in any case, and is of the user', () => {
  for (const name of ['information_schema', 'INFORMATION_SCHEMA', 'Information_Schema']) {
    assert.deepEqual(chooseDatabase(name), { name: 'information_schema', tenant: null }, name)
  }
})

test('database of a tenant is db_ and its number, and keeps the spelling it was asked by', () => {
  assert.deepEqual(chooseDatabase('db_0'), { name: 'db_0', tenant: 0 })
  assert.deepEqual(chooseDatabase('db_15'), { name: 'db_15', tenant: 15 })
  assert.deepEqual(chooseDatabase('DB_15'), { name: 'DB_15', tenant: 15 })
  assert.deepEqual(chooseDatabase('db_007'), { name: 'db_007', tenant: 7 })
})

test('database of a tenant is found by the name that is made for it', () => {
  for (const tenant of [0, 15, MAX_TENANT]) {
    assert.deepEqual(databaseOf(tenant), { name: `db_${tenant}`, tenant })
    assert.deepEqual(chooseDatabase(databaseOf(tenant).name), databaseOf(tenant))
  }
})

test('database of a tenant goes up to the highest number of one', () => {
  assert.deepEqual(chooseDatabase(`db_${MAX_TENANT}`)?.tenant, MAX_TENANT)
  assert.equal(chooseDatabase(`db_${MAX_TENANT + 1}`), null)
  assert.equal(chooseDatabase(`db_${'9'.repeat(10)}`), null)
  assert.equal(chooseDatabase(`db_${'0'.repeat(11)}`), null)
})

test('database by any other name is not there', () => {
  const others = [
    'shop',
    'mysql',
    'CometQL_v2',
    'CometQL',
    ' CometQL_v1',
    'CometQL_v1 ',
    'db_',
    'db_x',
    'db_-1',
    'db_1.5',
    'db_1x',
    'xdb_1',
    'db_١',
    'db_1\n',
    'constructor',
    '__proto__',
    'x'.repeat(100_000),
  ]
  for (const name of others) assert.equal(chooseDatabase(name), null, name.slice(0, 40))
})

test('database is the same in any spelling, and that of CppComet the same as none', () => {
  for (const [one, other] of [
    ['', ''],
    ['', 'CometQL_v1'],
    ['cometql_v1', 'COMETQL_V1'],
    ['db_5', 'DB_005'],
    ['information_schema', 'Information_Schema'],
    ['shop', 'shop'],
  ] as const) {
    assert.equal(isSameDatabase(one, other), true, `${one} ${other}`)
    assert.equal(isSameDatabase(other, one), true, `${other} ${one}`)
  }
})

test('database is another where the tenant or the tables are others', () => {
  for (const [one, other] of [
    ['', 'db_0'],
    ['db_5', 'db_6'],
    ['CometQL_v1', 'db_1'],
    ['CometQL_v1', 'information_schema'],
    ['', 'shop'],
    ['shop', 'Shop'],
    ['shop', 'db_5'],
  ] as const) {
    assert.equal(isSameDatabase(one, other), false, `${one} ${other}`)
    assert.equal(isSameDatabase(other, one), false, `${other} ${one}`)
  }
})

test('database that is not there is refused in the words of CppComet', () => {
  const { code, state, message } = unknownDatabase
  assert.deepEqual([code, state], [queryCodes.notFound, 'HY000'])
  assert.match(message, /^Select database failure: there is CometQL_v1, and db_N for tenant N$/)
})
