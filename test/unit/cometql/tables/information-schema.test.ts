/**
 * Tests of src/cometql/tables/information-schema.ts: columns as MySQL 5.7 names them, and rows that agree with the tables
 * they tell of.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Row } from '../../../../src/cometql/answer.ts'
import { createTables } from '../../../../src/cometql/tables/all-tables.ts'
import { informationSchema } from '../../../../src/cometql/tables/information-schema.ts'
import type { Table } from '../../../../src/cometql/tables/table.ts'
import { localCore } from '../../../support/local-core.ts'
import { nodeFacts, queryContext } from '../../../support/query-context.ts'

type Facts = Readonly<Record<string, string | number>>

const ownTables = createTables(nodeFacts()).in('')
const schema = informationSchema(() => ownTables, 'CometQL_v1')
const ofTenant = informationSchema(() => ownTables, 'db_15')

/** Columns by table, as MySQL's manual has them. */
const documented: Readonly<Record<string, readonly string[]>> = {
  schemata: [
    'CATALOG_NAME',
    'SCHEMA_NAME',
    'DEFAULT_CHARACTER_SET_NAME',
    'DEFAULT_COLLATION_NAME',
    'SQL_PATH',
  ],
  tables: [
    'TABLE_CATALOG',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'TABLE_TYPE',
    'ENGINE',
    'VERSION',
    'ROW_FORMAT',
    'TABLE_ROWS',
    'AVG_ROW_LENGTH',
    'DATA_LENGTH',
    'MAX_DATA_LENGTH',
    'INDEX_LENGTH',
    'DATA_FREE',
    'AUTO_INCREMENT',
    'CREATE_TIME',
    'UPDATE_TIME',
    'CHECK_TIME',
    'TABLE_COLLATION',
    'CHECKSUM',
    'CREATE_OPTIONS',
    'TABLE_COMMENT',
  ],
  columns: [
    'TABLE_CATALOG',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'COLUMN_NAME',
    'ORDINAL_POSITION',
    'COLUMN_DEFAULT',
    'IS_NULLABLE',
    'DATA_TYPE',
    'CHARACTER_MAXIMUM_LENGTH',
    'CHARACTER_OCTET_LENGTH',
    'NUMERIC_PRECISION',
    'NUMERIC_SCALE',
    'DATETIME_PRECISION',
    'CHARACTER_SET_NAME',
    'COLLATION_NAME',
    'COLUMN_TYPE',
    'COLUMN_KEY',
    'EXTRA',
    'PRIVILEGES',
    'COLUMN_COMMENT',
    'GENERATION_EXPRESSION',
  ],
  statistics: [
    'TABLE_CATALOG',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'NON_UNIQUE',
    'INDEX_SCHEMA',
    'INDEX_NAME',
    'SEQ_IN_INDEX',
    'COLUMN_NAME',
    'COLLATION',
    'CARDINALITY',
    'SUB_PART',
    'PACKED',
    'NULLABLE',
    'INDEX_TYPE',
    'COMMENT',
    'INDEX_COMMENT',
  ],
  key_column_usage: [
    'CONSTRAINT_CATALOG',
    'CONSTRAINT_SCHEMA',
    'CONSTRAINT_NAME',
    'TABLE_CATALOG',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'COLUMN_NAME',
    'ORDINAL_POSITION',
    'POSITION_IN_UNIQUE_CONSTRAINT',
    'REFERENCED_TABLE_SCHEMA',
    'REFERENCED_TABLE_NAME',
    'REFERENCED_COLUMN_NAME',
  ],
  table_constraints: [
    'CONSTRAINT_CATALOG',
    'CONSTRAINT_SCHEMA',
    'CONSTRAINT_NAME',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'CONSTRAINT_TYPE',
  ],
  engines: ['ENGINE', 'SUPPORT', 'COMMENT', 'TRANSACTIONS', 'XA', 'SAVEPOINTS'],
  character_sets: ['CHARACTER_SET_NAME', 'DEFAULT_COLLATE_NAME', 'DESCRIPTION', 'MAXLEN'],
  collations: ['COLLATION_NAME', 'CHARACTER_SET_NAME', 'ID', 'IS_DEFAULT', 'IS_COMPILED', 'SORTLEN'],
  collation_character_set_applicability: ['COLLATION_NAME', 'CHARACTER_SET_NAME'],
  processlist: ['ID', 'USER', 'HOST', 'DB', 'COMMAND', 'TIME', 'STATE', 'INFO'],
  global_variables: ['VARIABLE_NAME', 'VARIABLE_VALUE'],
  session_variables: ['VARIABLE_NAME', 'VARIABLE_VALUE'],
  global_status: ['VARIABLE_NAME', 'VARIABLE_VALUE'],
  session_status: ['VARIABLE_NAME', 'VARIABLE_VALUE'],
  views: [
    'TABLE_CATALOG',
    'TABLE_SCHEMA',
    'TABLE_NAME',
    'VIEW_DEFINITION',
    'CHECK_OPTION',
    'IS_UPDATABLE',
    'DEFINER',
    'SECURITY_TYPE',
    'CHARACTER_SET_CLIENT',
    'COLLATION_CONNECTION',
  ],
}

for (const [name, columns] of Object.entries(documented)) {
  test(`information_schema.${name} has the columns that MySQL gives it`, () => {
    assert.deepEqual(
      tableNamed(name).columns.map((column) => column.name),
      columns,
    )
  })
}

test('information_schema has what tools ask for, each with columns', () => {
  const asked =
    'routines triggers events referential_constraints partitions parameters plugins files user_privileges schema_privileges table_privileges column_privileges'
  for (const name of asked.split(' ')) assert.ok(tableNamed(name).columns.length >= 4, name)
})

test('tables of information_schema are named once, in lower case, and in order', () => {
  const names = schema.map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)].sort())
  for (const name of names) assert.match(name, /^[a-z_]+$/)
})

test('tables of information_schema are read only, take any case, and have no keys', () => {
  for (const table of schema) {
    assert.deepEqual([table.isAnyCase, table.keys], [true, []], table.name)
    const { insert, remove, update, find } = table
    assert.deepEqual([insert, remove, update, find], [undefined, undefined, undefined, undefined], table.name)
    assert.ok(
      table.columns.every(({ name }) => /^[A-Z_]+$/.test(name)),
      table.name,
    )
  }
})

test('rows of information_schema have a value of its kind for every column', async (t) => {
  for (const table of schema) {
    for (const row of await rowsOf(t, table)) {
      const kinds = table.columns.map(({ type }) => (type === 'integer' ? 'number' : 'string'))
      assert.deepEqual(
        row.map((value) => typeof value),
        kinds,
        `${table.name}: ${JSON.stringify(row)}`,
      )
    }
  }
})

test('schemata are the two there are', async (t) => {
  assert.deepEqual(await rowsOf(t, tableNamed('schemata')), [
    ['def', 'CometQL_v1', 'utf8', 'utf8_general_ci', ''],
    ['def', 'information_schema', 'utf8', 'utf8_general_ci', ''],
  ])
})

// They were told to be in CometQL_v1 whatever was chosen, so that tools saw a database without tables.
test('every row says the database that the tables are in, and schemata have it', async (t) => {
  const names: (string | number)[] = []
  for (const table of ofTenant) {
    for (const [at, { name }] of table.columns.entries()) {
      if (!/^(TABLE|INDEX|CONSTRAINT)_SCHEMA$/.test(name)) continue
      for (const row of await rowsOf(t, table)) names.push(row[at] ?? '')
    }
  }
  assert.ok(names.length > ownTables.length)
  assert.deepEqual([...new Set(names)], ['db_15'])
  const schemata = ofTenant.find(({ name }) => name === 'schemata')
  assert.ok(schemata !== undefined)
  assert.deepEqual(
    (await rowsOf(t, schemata)).map(([, name]) => name),
    ['CometQL_v1', 'db_15', 'information_schema'],
  )
})

test('tables are those of the node, in their order', async (t) => {
  const facts = await factsOf(t, 'tables')
  assert.deepEqual(
    facts.map((one) => [one.TABLE_SCHEMA, one.TABLE_NAME]),
    ownTables.map(({ name }) => ['CometQL_v1', name]),
  )
})

test('tables have a row as MySQL would have it', async (t) => {
  const row = (await rowsOf(t, tableNamed('tables'))).find((one) => one[2] === 'users_auth')
  const zeros = [0, 0, 0, 0, 0, 0, 0]
  const comment = 'Keys that users log in with'
  const made = ['def', 'CometQL_v1', 'users_auth', 'BASE TABLE', 'Encke', 1, 'Compact']
  assert.deepEqual(row, [...made, ...zeros, '', '', '', 'utf8_general_ci', 0, '', comment])
})

test('tables that only look are views, and are listed as such too', async (t) => {
  const tables = await factsOf(t, 'tables')
  const isView = (one: Facts) => one.TABLE_TYPE === 'VIEW'
  const names = tables.filter(isView).map((one) => one.TABLE_NAME)
  assert.deepEqual(names, ['channels', 'sessions', 'users_online', 'metrics'])
  const views = await factsOf(t, 'views')
  assert.deepEqual(
    views.map((one) => [one.TABLE_SCHEMA, one.TABLE_NAME, one.IS_UPDATABLE]),
    names.map((name) => ['CometQL_v1', name, 'NO']),
  )
})

test('columns are those of the tables, numbered from 1', async (t) => {
  const facts = await factsOf(t, 'columns')
  const expected = ownTables.flatMap(({ name, columns }) =>
    columns.map((column, at) => [name, column.name, at + 1, column.sqlType]),
  )
  assert.deepEqual(
    facts.map((one) => [one.TABLE_NAME, one.COLUMN_NAME, one.ORDINAL_POSITION, one.COLUMN_TYPE]),
    expected,
  )
})

test('columns have rows as MySQL would have them', async (t) => {
  const rows = (await rowsOf(t, tableNamed('columns'))).filter((row) => row[2] === 'users_auth')
  const place = ['def', 'CometQL_v1', 'users_auth']
  const may = 'select,insert,update'
  assert.deepEqual(rows, [
    [...place, 'id', 1, '', 'NO', 'int', 0, 0, 10, 0, 0, '', '', 'int(11)', 'PRI', '', may, '', ''],
    [
      ...[...place, 'hash', 2, '', 'NO', 'varchar', 32, 96, 0, 0, 0],
      ...['utf8', 'utf8_general_ci', 'varchar(32)', '', '', may, '', ''],
    ],
  ])
})

test('columns tell types by their bare names', async () => {
  const types = ['varchar(64)', 'int(11)', 'bigint(20)', 'double', 'text', 'mediumtext']
  const table: Table = {
    name: 'of_all_kinds',
    columns: types.map((sqlType, at) => ({ name: `c${at}`, type: 'text', sqlType })),
    keys: [],
  }
  const [columns] = informationSchema(() => [table], 'CometQL_v1').filter(({ name }) => name === 'columns')
  const at = (name: string) => columns?.columns.findIndex((column) => column.name === name) ?? -1
  const shown = ['DATA_TYPE', 'CHARACTER_MAXIMUM_LENGTH', 'NUMERIC_PRECISION'].map(at)
  const rows: Row[] = []
  for await (const batch of columns?.all?.(unused) ?? []) rows.push(...batch)
  assert.deepEqual(
    rows.map((row) => shown.map((place) => row[place])),
    [
      ['varchar', 64, 0],
      ['int', 0, 10],
      ['bigint', 0, 19],
      ['double', 0, 22],
      ['text', 65_535, 0],
      ['mediumtext', 65_535, 0],
    ],
  )
})

test('keys are told alike by columns, statistics, key_column_usage and table_constraints', async (t) => {
  const columns = await factsOf(t, 'columns')
  const statistics = await factsOf(t, 'statistics')
  const named = (facts: readonly Facts[]) => facts.map((one) => `${one.TABLE_NAME}.${one.COLUMN_NAME}`).sort()
  assert.deepEqual(named(statistics), named(columns.filter((one) => one.COLUMN_KEY !== '')))
  const primary = statistics.filter((one) => one.NON_UNIQUE === 0)
  assert.ok(primary.length > 0)
  assert.deepEqual(named(primary), named(columns.filter((one) => one.COLUMN_KEY === 'PRI')))
  assert.deepEqual(named(await factsOf(t, 'key_column_usage')), named(primary))
  const constraints = await factsOf(t, 'table_constraints')
  assert.deepEqual(
    constraints.map((one) => [one.TABLE_NAME, one.CONSTRAINT_NAME, one.CONSTRAINT_TYPE]),
    primary.map((one) => [one.TABLE_NAME, 'PRIMARY', 'PRIMARY KEY']),
  )
})

test('keys that have many rows are no primary ones', async (t) => {
  const statistics = await factsOf(t, 'statistics')
  const many = statistics.filter((one) => one.NON_UNIQUE === 1)
  assert.deepEqual(
    many.map((one) => `${one.TABLE_NAME}.${one.INDEX_NAME}`),
    [
      'users_messages.id',
      'pipes_messages.name',
      'pipes_messages.id',
      'users_in_pipes.name',
      'conference.name',
      'conference_members.name',
    ],
  )
})

test('character sets, collations and what belongs to what agree', async (t) => {
  const sets = await factsOf(t, 'character_sets')
  const collations = await factsOf(t, 'collations')
  for (const set of sets) {
    const own = collations.filter((one) => one.CHARACTER_SET_NAME === set.CHARACTER_SET_NAME)
    const defaults = own.filter((one) => one.IS_DEFAULT === 'Yes').map((one) => one.COLLATION_NAME)
    assert.deepEqual(defaults, [set.DEFAULT_COLLATE_NAME])
  }
  assert.deepEqual(
    await rowsOf(t, tableNamed('collation_character_set_applicability')),
    collations.map((one) => [one.COLLATION_NAME, one.CHARACTER_SET_NAME]),
  )
})

test('collations have the numbers that the protocol gives them', async (t) => {
  const numbers = (await factsOf(t, 'collations')).map((one) => [one.COLLATION_NAME, one.ID])
  assert.deepEqual(Object.fromEntries(numbers), {
    utf8_general_ci: 33,
    utf8_bin: 83,
    utf8_unicode_ci: 192,
    utf8mb4_general_ci: 45,
    utf8mb4_bin: 46,
    utf8mb4_unicode_ci: 224,
    binary: 63,
  })
})

test('engines are one, without transactions', async (t) => {
  assert.deepEqual(await rowsOf(t, tableNamed('engines')), [
    ['Encke', 'DEFAULT', 'Channels and users of the push node', 'NO', 'NO', 'NO'],
  ])
})

test('what the node has not has no rows', async (t) => {
  for (const name of [
    'routines',
    'triggers',
    'events',
    'referential_constraints',
    'processlist',
    'partitions',
  ]) {
    assert.deepEqual(await rowsOf(t, tableNamed(name)), [], name)
  }
})

test('tables are asked for anew each time, its own among them where they are', async (t) => {
  const some: Table[] = []
  const own = informationSchema(() => some, 'CometQL_v1')
  const tables = own.find(({ name }) => name === 'tables')
  assert.ok(tables !== undefined)
  assert.deepEqual(await rowsOf(t, tables), [])
  some.push(...own)
  const rows = await rowsOf(t, tables)
  assert.deepEqual(
    rows.map((row) => row.slice(0, 4)),
    own.map(({ name }) => ['def', 'information_schema', name, 'SYSTEM VIEW']),
  )
})

/** These tables look at nothing of it. */
const unused = {} as Parameters<NonNullable<Table['all']>>[0]

function tableNamed(name: string): Table {
  const found = schema.find((table) => table.name === name)
  if (found === undefined) throw new Error(`There is no information_schema.${name}`)
  return found
}

async function rowsOf(t: TestContext, table: Table): Promise<Row[]> {
  const rows: Row[] = []
  for await (const batch of table.all?.(queryContext(localCore(t))) ?? []) rows.push(...batch)
  return rows
}

async function factsOf(t: TestContext, name: string): Promise<Facts[]> {
  const table = tableNamed(name)
  const rows = await rowsOf(t, table)
  return rows.map((row) =>
    Object.fromEntries(table.columns.map((column, at) => [column.name, row[at] ?? ''])),
  )
}
