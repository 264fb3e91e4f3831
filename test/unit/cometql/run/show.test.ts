/**
 * Tests of src/cometql/run/show.ts: columns and rows as CppComet gives them, then what MySQL's tools ask for besides. What
 * LIKE and WHERE leave of them is in show-filters.test.ts. Longer than most because there is a listing for every SHOW.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Row } from '../../../../src/cometql/answer.ts'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { show } from '../../../../src/cometql/run/show.ts'
import type { Show, TableName, Value } from '../../../../src/cometql/sql/statement.ts'
import { type Parameter, Values } from '../../../../src/cometql/sql/values.ts'
import { createTables } from '../../../../src/cometql/tables/all-tables.ts'
import { localCore } from '../../../support/local-core.ts'
import { nodeFacts, queryContext } from '../../../support/query-context.ts'

/** The listings that take no table. */
type Plain = Exclude<Show, { readonly what: OfTable | 'status' }>['what']
type OfTable = Extract<Show, { readonly table: TableName }>['what']

interface Shown {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

interface Extra {
  readonly like?: Value
  readonly isFull?: boolean
  readonly parameters?: readonly Parameter[]
  /** The one that is chosen */
  readonly database?: string
  /** The one that is named */
  readonly from?: string
}

const tables = createTables(nodeFacts())

test('SHOW DATABASES is the one that CppComet has', async (t) => {
  assert.deepEqual(await listed(t, 'databases'), { columns: ['Database'], rows: [['CometQL_v1']] })
})

test('SHOW DATABASES adds the one of a tenant while it is chosen', async (t) => {
  for (const database of ['CometQL_v1', 'information_schema']) {
    assert.deepEqual((await listed(t, 'databases', { database })).rows, [['CometQL_v1']], database)
  }
  assert.deepEqual((await listed(t, 'databases', { database: 'db_15' })).rows, [['CometQL_v1'], ['db_15']])
})

test('SHOW TABLES begins with the tables of CppComet in its order', async (t) => {
  const { columns, rows } = await listed(t, 'tables')
  assert.deepEqual(columns, ['Tables'])
  assert.deepEqual(rows.slice(0, 7), [
    ['users_auth'],
    ['users_time'],
    ['users_messages'],
    ['pipes_messages'],
    ['users_in_pipes'],
    ['pipes'],
    ['pipes_settings'],
  ])
})

test('SHOW TABLES goes on with the others, those of information_schema left out', async (t) => {
  const { rows } = await listed(t, 'tables')
  assert.deepEqual(rows.slice(7), [
    ['users_data'],
    ['revoked_tokens'],
    ['conference'],
    ['conference_members'],
    ['channels'],
    ['sessions'],
    ['users_online'],
    ['metrics'],
  ])
})

// Whatever was named or chosen, the tables of the node were listed, even of a database that there is not.
test('SHOW TABLES and SHOW TABLE STATUS are of the database that is named, else of the chosen one', async (t) => {
  for (const what of ['tables', 'tableStatus'] as const) {
    const names = async (extra: Extra) => (await listed(t, what, extra)).rows.map(([name]) => name)
    const own = tables.in('').map(({ name }) => name)
    assert.deepEqual(await names({ database: 'db_15' }), own)
    assert.deepEqual(await names({ from: 'DB_15', database: 'information_schema' }), own)
    const ofSchema = await names({ database: 'information_schema' })
    assert.ok(ofSchema.includes('schemata') && !ofSchema.includes('users_auth'), String(ofSchema))
    assert.deepEqual(await names({ from: 'INFORMATION_SCHEMA', database: 'db_15' }), ofSchema)
    for (const from of ['nodb', 'db_x', 'constructor']) {
      const error = await refusal(listed(t, what, { from }))
      assert.equal(error.failure.code, 15, from)
      assert.equal(error.message, 'Select database failure: there is CometQL_v1, and db_N for tenant N')
    }
  }
})

test('SHOW tells of tables of information_schema by their kind, and by an empty engine', async (t) => {
  const from = 'information_schema'
  const { rows } = await listed(t, 'tables', { from, isFull: true })
  assert.deepEqual([...new Set(rows.map(([, type]) => type))], ['SYSTEM VIEW'])
  const status = await listed(t, 'tableStatus', { from, like: text('tables') })
  assert.deepEqual(
    status.rows.map((row) => [row[0], row[1], row.at(-1)]),
    [['tables', '', '']],
  )
})

test('SHOW FULL TABLES tells what only looks from what keeps', async (t) => {
  const { columns, rows } = await listed(t, 'tables', { isFull: true })
  assert.deepEqual(columns, ['Tables', 'Table_type'])
  const views = rows.filter(([, type]) => type === 'VIEW').map(([name]) => name)
  assert.deepEqual(views, ['channels', 'sessions', 'users_online', 'metrics'])
  assert.equal(rows.filter(([, type]) => type === 'BASE TABLE').length, rows.length - views.length)
})

test('SHOW COLUMNS FROM users_auth is as CppComet gives it', async (t) => {
  assert.deepEqual(await ofTable(t, 'columns', 'users_auth'), {
    columns: ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
    rows: [
      ['id', 'int(11)', 'NO', 'PRI', '', ''],
      ['hash', 'varchar(32)', 'NO', '', '', ''],
    ],
  })
})

test('SHOW COLUMNS marks a key that has many rows as such', async (t) => {
  const { rows } = await ofTable(t, 'columns', 'pipes_messages')
  const keys = Object.fromEntries(rows.map(([field, , , key]) => [field, key]))
  assert.deepEqual(keys, { id: 'MUL', time: '', name: 'MUL', index: '', event: '', message: '', user_id: '' })
})

test('SHOW COLUMNS knows every table, and a view has no keys', async (t) => {
  for (const { name, columns, keys } of tables.in('')) {
    const { rows } = await ofTable(t, 'columns', name)
    assert.deepEqual(
      rows.map(([field, type]) => [field, type]),
      columns.map((column) => [column.name, column.sqlType]),
      name,
    )
    const marked = rows.filter(([, , , key]) => key !== '').length
    const isView = ['channels', 'sessions', 'users_online', 'metrics'].includes(name)
    assert.equal(marked, isView ? 0 : keys.length, name)
  }
})

test('SHOW FULL COLUMNS adds collation and privileges', async (t) => {
  assert.deepEqual(await ofTable(t, 'columns', 'users_auth', { isFull: true }), {
    columns: ['Field', 'Type', 'Collation', 'Null', 'Key', 'Default', 'Extra', 'Privileges', 'Comment'],
    rows: [
      ['id', 'int(11)', '', 'NO', 'PRI', '', '', 'select,insert,update', ''],
      ['hash', 'varchar(32)', 'utf8_general_ci', 'NO', '', '', '', 'select,insert,update', ''],
    ],
  })
  const { rows } = await ofTable(t, 'columns', 'users_time', { isFull: true })
  assert.deepEqual(
    rows.map((row) => row[7]),
    ['select', 'select'],
  )
})

test('SHOW COLUMNS of a table there is not is refused as CppComet does, and those there are are told', async (t) => {
  for (const what of ['columns', 'indexes', 'createTable'] as const) {
    const error = await refusal(ofTable(t, what, 'nosuchtable'))
    assert.equal(error.failure.code, 15)
    assert.equal(error.failure.state, 'HY000')
    assert.match(error.message, /^Table doesn't exist: .*there are users_auth, users_time, .*metrics$/)
  }
})

test('SHOW COLUMNS takes names letter by letter, those of information_schema in any case', async (t) => {
  assert.equal((await refusal(ofTable(t, 'columns', 'Users_Auth'))).failure.code, 15)
  const name = { schema: 'INFORMATION_SCHEMA', name: 'Schemata' }
  const { rows } = await ofTable(t, 'columns', name)
  assert.deepEqual(rows[0], ['CATALOG_NAME', 'varchar(255)', 'NO', '', '', ''])
  const { rows: chosen } = await ofTable(t, 'columns', 'schemata', { database: 'information_schema' })
  assert.deepEqual(chosen, rows)
})

test('SHOW TABLE STATUS has the columns of CppComet and a row per table', async (t) => {
  const { columns, rows } = await listed(t, 'tableStatus')
  assert.deepEqual(columns, [
    'Name',
    'Engine',
    'Version',
    'Row_format',
    'Rows',
    'Avg_row_length',
    'Data_length',
    'Max_data_length',
    'Index_length',
    'Data_free',
    'Auto_increment',
    'Create_time',
    'Update_time',
    'Check_time',
    'Collation',
    'Checksum',
    'Create_options',
    'Comment',
  ])
  assert.deepEqual(
    rows.map(([name]) => name),
    tables.in('').map(({ name }) => name),
  )
  for (const row of rows) assert.equal(row.length, columns.length, String(row[0]))
})

test('SHOW TABLE STATUS has rows of CppComet’s form', async (t) => {
  const { rows } = await listed(t, 'tableStatus', { like: text('users_auth') })
  const zeros = ['0', '0', '0', '0', '0', '0', '0', '0']
  const comment = 'Keys that users log in with'
  assert.deepEqual(rows, [
    ['users_auth', 'Encke', '1', 'Compact', ...zeros, '', '', 'utf8_general_ci', '', '', comment],
  ])
})

test('SHOW TABLE STATUS tells of a view by an empty engine and its comment, as tools expect', async (t) => {
  const { rows } = await listed(t, 'tableStatus', { like: text('channels') })
  assert.deepEqual(
    rows.map((row) => [row[0], row[1], row.at(-1)]),
    [['channels', '', 'VIEW']],
  )
})

test('SHOW TABLE STATUS has a comment for every table', async (t) => {
  const { rows } = await listed(t, 'tableStatus')
  assert.deepEqual(
    rows.filter((row) => row.at(-1) === '').map(([name]) => name),
    [],
  )
})

test('SHOW INDEX names the key of a table', async (t) => {
  const { columns, rows } = await ofTable(t, 'indexes', 'users_auth')
  assert.deepEqual(columns, [
    'Table',
    'Non_unique',
    'Key_name',
    'Seq_in_index',
    'Column_name',
    'Collation',
    'Cardinality',
    'Sub_part',
    'Packed',
    'Null',
    'Index_type',
    'Comment',
    'Index_comment',
  ])
  assert.deepEqual(rows, [['users_auth', '0', 'PRIMARY', '1', 'id', 'A', '0', '', '', '', 'HASH', '', '']])
})

test('SHOW INDEX names keys that have many rows by their columns; views have none', async (t) => {
  const { rows } = await ofTable(t, 'indexes', 'pipes_messages')
  assert.deepEqual(
    rows.map((row) => row.slice(0, 5)),
    [
      ['pipes_messages', '1', 'name', '1', 'name'],
      ['pipes_messages', '1', 'id', '1', 'id'],
    ],
  )
  assert.deepEqual((await ofTable(t, 'indexes', 'channels')).rows, [])
})

test('SHOW CREATE TABLE is a statement that could have made it', async (t) => {
  assert.deepEqual(await ofTable(t, 'createTable', 'users_auth'), {
    columns: ['Table', 'Create Table'],
    rows: [
      [
        'users_auth',
        [
          'CREATE TABLE `users_auth` (',
          '  `id` int(11) NOT NULL,',
          '  `hash` varchar(32) NOT NULL,',
          '  PRIMARY KEY (`id`)',
          ") ENGINE=Encke DEFAULT CHARSET=utf8 COMMENT='Keys that users log in with'",
        ].join('\n'),
      ],
    ],
  })
  const [[, made] = []] = (await ofTable(t, 'createTable', 'users_in_pipes')).rows
  assert.match(String(made), /\n {2}KEY `name` \(`name`\)\n\)/)
})

test('SHOW CREATE TABLE closes its list also where a table has no key', async (t) => {
  const [[, made] = []] = (await ofTable(t, 'createTable', 'metrics')).rows
  assert.match(String(made), /\n {2}`value` double NOT NULL\n\) ENGINE=Encke/)
})

test('SHOW PROCESSLIST has the columns of CppComet and a row per service', async (t) => {
  for (const isFull of [false, true]) {
    assert.deepEqual(await listed(t, 'processList', { isFull }), {
      columns: ['ServiceName', 'id', 'status', 'count'],
      rows: [
        ['cometql', '0', '0', 3],
        ['ws', '0', '0', 41],
      ],
    })
  }
})

test('SHOW VARIABLES LIKE "lower_case_table_names" is 0', async (t) => {
  assert.deepEqual(await listed(t, 'variables', { like: text('lower_case_table_names', '"') }), {
    columns: ['Variable_name', 'Value'],
    rows: [['lower_case_table_names', '0']],
  })
})

test('SHOW VARIABLES writes switches as words', async (t) => {
  const { rows } = await listed(t, 'variables')
  const all = Object.fromEntries(rows)
  assert.equal(all.autocommit, 'ON')
  assert.equal(all.performance_schema, 'OFF')
  assert.equal(all.query_cache_type, 'OFF')
  assert.equal(all.max_allowed_packet, '16777216')
  assert.ok(rows.every(([, value]) => typeof value === 'string'))
})

test('SHOW WARNINGS has columns and no rows', async (t) => {
  assert.deepEqual(await listed(t, 'warnings'), { columns: ['Level', 'Code', 'Message'], rows: [] })
})

test('SHOW PLUGINS has the columns that tools look for and no rows', async (t) => {
  const columns = ['Name', 'Status', 'Type', 'Library', 'License']
  assert.deepEqual(await listed(t, 'plugins'), { columns, rows: [] })
})

test('SHOW ENGINES names ours as the default', async (t) => {
  const { columns, rows } = await listed(t, 'engines')
  assert.deepEqual(columns, ['Engine', 'Support', 'Comment', 'Transactions', 'XA', 'Savepoints'])
  assert.deepEqual(rows, [['Encke', 'DEFAULT', 'Channels and users of the push node', 'NO', 'NO', 'NO']])
})

test('SHOW CHARACTER SET and SHOW COLLATION fit each other', async (t) => {
  const sets = await listed(t, 'characterSets')
  assert.deepEqual(sets.columns, ['Charset', 'Description', 'Default collation', 'Maxlen'])
  assert.deepEqual(sets.rows[1], ['utf8mb4', 'UTF-8 Unicode', 'utf8mb4_general_ci', 4])
  const collations = await listed(t, 'collations')
  assert.deepEqual(collations.columns, ['Collation', 'Charset', 'Id', 'Default', 'Compiled', 'Sortlen'])
  assert.deepEqual(collations.rows[0], ['utf8_general_ci', 'utf8', 33, 'Yes', 'Yes', 1])
  const defaults = collations.rows.filter((row) => row[3] === 'Yes').map(([name, set]) => [set, name])
  assert.deepEqual(
    defaults.sort(),
    sets.rows.map(([name, , collation]) => [name, collation]).sort((one, other) => (one > other ? 1 : -1)),
  )
})

test('SHOW STATUS is of the connection, SHOW GLOBAL STATUS of the node', async (t) => {
  for (const scope of ['session', 'global'] as const) {
    const { columns, rows } = await shown(t, { kind: 'show', what: 'status', scope, like: null })
    assert.deepEqual(columns, ['Variable_name', 'Value'])
    assert.deepEqual(rows[0], ['flag', scope])
  }
})

test('SHOW has nothing but texts for columns, and as many values as columns', async (t) => {
  const plain: Plain[] = [
    'databases',
    'tables',
    'tableStatus',
    'processList',
    'variables',
    'warnings',
    'engines',
    'plugins',
    'characterSets',
    'collations',
  ]
  for (const what of plain) {
    const { columns, rows } = await listed(t, what)
    for (const row of rows) assert.equal(row.length, columns.length, what)
  }
  for (const what of ['columns', 'indexes', 'createTable'] as const) {
    const { columns, rows } = await ofTable(t, what, 'pipes', { isFull: true })
    for (const row of rows) assert.equal(row.length, columns.length, what)
  }
})

function listed(t: TestContext, what: Plain, extra: Extra = {}): Promise<Shown> {
  const said = { kind: 'show', isFull: extra.isFull ?? false, like: extra.like ?? null } as const
  const isOfDatabase = what === 'tables' || what === 'tableStatus'
  return shown(t, isOfDatabase ? { ...said, what, database: extra.from ?? '' } : { ...said, what }, extra)
}

function ofTable(t: TestContext, what: OfTable, name: string | TableName, extra: Extra = {}): Promise<Shown> {
  const table = typeof name === 'string' ? { schema: '', name } : name
  return shown(
    t,
    { kind: 'show', what, table, isFull: extra.isFull ?? false, like: extra.like ?? null },
    extra,
  )
}

/** Runs it, and checks that all columns are texts, as CppComet sends them. */
async function shown(t: TestContext, statement: Show, extra: Extra = {}): Promise<Shown> {
  const context = queryContext(localCore(t), { database: extra.database ?? '' })
  const answer = await show(statement, context, { tables, values: new Values(extra.parameters) })
  if (answer.kind !== 'rows') throw new Error(`It came to ${answer.kind}`)
  const rows: Row[] = []
  for await (const batch of answer.batches) rows.push(...batch)
  assert.ok(answer.columns.every(({ type }) => type === 'text'))
  return { columns: answer.columns.map(({ name }) => name), rows }
}

function text(raw: string, quote: "'" | '"' = "'"): Value {
  return { kind: 'text', raw, quote }
}

async function refusal(run: Promise<unknown>): Promise<QueryError> {
  const thrown = await run.then(
    () => null,
    (error: unknown) => error,
  )
  if (thrown instanceof QueryError) return thrown
  throw new Error('It was not refused', { cause: thrown })
}
