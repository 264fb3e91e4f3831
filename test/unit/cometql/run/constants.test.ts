/**
 * Tests of src/cometql/run/constants.ts: what literals, variables and functions come to, and what is refused.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { constantValue } from '../../../../src/cometql/run/constants.ts'
import type { RunContext } from '../../../../src/cometql/run/context.ts'
import type { Constant, Value } from '../../../../src/cometql/sql/statement.ts'
import { type Parameter, Values } from '../../../../src/cometql/sql/values.ts'
import { localCore } from '../../../support/local-core.ts'
import { queryContext } from '../../../support/query-context.ts'
import { sqlOn } from '../../../support/run-sql.ts'

const nothing: Value = { kind: 'null' }

test('literal text is unescaped and stays a text, also one that looks like a number', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(value(quoted('it\\\'s "so"'))), { value: 'it\'s "so"', type: 'text' })
  assert.deepEqual(ask(value(quoted('7'))), { value: '7', type: 'text' })
  assert.deepEqual(ask(value(quoted(''))), { value: '', type: 'text' })
})

test('literal text is read as UTF-8', (t) => {
  const raw = Buffer.from('Комета ☄ 🚀').toString('latin1')
  assert.deepEqual(asker(t)(value(quoted(raw))), { value: 'Комета ☄ 🚀', type: 'text' })
})

test('bare word means itself', (t) => {
  assert.deepEqual(asker(t)(value({ kind: 'word', raw: 'web_one' })), { value: 'web_one', type: 'text' })
})

const numbers: readonly [raw: string, value: string | number, type: string][] = [
  ['1', 1, 'integer'],
  ['-5', -5, 'integer'],
  ['+5', 5, 'integer'],
  ['0007', 7, 'integer'],
  ['9007199254740991', 9_007_199_254_740_991, 'integer'],
  ['9007199254740993', '9007199254740993', 'text'],
  ['-18446744073709551615', '-18446744073709551615', 'text'],
  ['1.5', '1.5', 'number'],
  ['1.50', '1.50', 'number'],
  ['-1.50', '-1.50', 'number'],
  ['+1.50', '1.50', 'number'],
  ['1.0', '1.0', 'number'],
  ['.25', '0.25', 'number'],
  ['00.50', '0.50', 'number'],
  ['-0.00', '0.00', 'number'],
  ['0.12345678901234', '0.12345678901234', 'number'],
  ['0.1234567890123456789', '0.1234567890123456789', 'text'],
  ['12345678901234567890.10', '12345678901234567890.10', 'text'],
  ['1e3', 1000, 'number'],
  ['-2.5E-1', -0.25, 'number'],
]

for (const [raw, expected, type] of numbers) {
  test(`literal number ${raw} is ${type === 'text' ? 'kept exact as a text' : `of type ${type}`}`, (t) => {
    assert.deepEqual(asker(t)(value({ kind: 'number', raw })), { value: expected, type })
  })
}

test('NULL is an empty text, as nothing is ever missing in an answer', (t) => {
  const ask = asker(t, [null])
  assert.deepEqual(ask(value(nothing)), { value: '', type: 'text' })
  assert.deepEqual(ask(value({ kind: 'parameter', index: 0 })), { value: '', type: 'text' })
})

test('parameter is the text it was given', (t) => {
  const ask = asker(t, [Buffer.from("it\\'s ☄"), Buffer.from('12')])
  assert.deepEqual(ask(value({ kind: 'parameter', index: 0 })), { value: "it\\'s ☄", type: 'text' })
  assert.deepEqual(ask(value({ kind: 'parameter', index: 1 })), { value: '12', type: 'text' })
})

test('parameter without a value is refused', (t) => {
  const error = refusal(() => asker(t)(value({ kind: 'parameter', index: 0 })))
  assert.equal(error.failure.code, 12)
})

test('system variable is found in any case, a number stays one and a switch is 1 or 0', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(system('version_comment')), { value: 'Encke 0.3.0', type: 'text' })
  assert.deepEqual(ask(system('VERSION_Comment')), { value: 'Encke 0.3.0', type: 'text' })
  assert.deepEqual(ask(system('max_allowed_packet')), { value: 16_777_216, type: 'integer' })
  assert.deepEqual(ask(system('lower_case_table_names')), { value: 0, type: 'integer' })
  assert.deepEqual(ask(system('autocommit')), { value: 1, type: 'integer' })
  assert.deepEqual(ask(system('performance_schema')), { value: 0, type: 'integer' })
})

test('@@autocommit is what the connection set', (t) => {
  assert.deepEqual(asker(t)(system('autocommit')), { value: 1, type: 'integer' })
  const ask = asker(t, [], { isAutocommit: false })
  assert.deepEqual(ask(system('AutoCommit')), { value: 0, type: 'integer' })
})

test('variable that nobody knows is an empty text', (t) => {
  const ask = asker(t)
  for (const name of ['no_such_variable', '', 'constructor', '__proto__']) {
    assert.deepEqual(ask(system(name)), { value: '', type: 'text' }, name)
  }
})

test('own variable of the client is an empty text, even by the name of a system variable', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask({ kind: 'variable', name: 'x', isOwn: true }), { value: '', type: 'text' })
  assert.deepEqual(ask({ kind: 'variable', name: 'version', isOwn: true }), { value: '', type: 'text' })
})

test('@@identity and @@last_insert_id are those of the statement before', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(system('IDENTITY')), { value: 7, type: 'integer' })
  assert.deepEqual(ask(system('last_insert_id')), { value: 7, type: 'integer' })
})

test('DATABASE() is the database that was chosen, and CppComet’s where none was', (t) => {
  for (const name of ['DATABASE', 'SCHEMA']) {
    assert.deepEqual(asker(t)(call(name)), { value: 'CometQL_v1', type: 'text' })
    assert.deepEqual(asker(t, [], { database: 'db_2' })(call(name)), { value: 'db_2', type: 'text' })
  }
})

// In a condition it was CometQL_v1 always, and so were the tables: a tool that looked for those of db_2 found none.
test('DATABASE() in a condition is what SELECT says it is, and tables are in it', async (t) => {
  const core = localCore(t)
  const query = (where: string) => `SELECT table_name FROM information_schema.tables WHERE ${where}`
  for (const database of ['', 'CometQL_v1', 'db_2', 'information_schema']) {
    const sql = sqlOn(core, { context: { database } })
    const [said = ''] = await sql.list('SELECT DATABASE()')
    const there = await sql.list(query(`table_schema = '${said}'`))
    assert.ok(there.includes(database === 'information_schema' ? 'schemata' : 'users_auth'), String(there))
    for (const name of ['DATABASE()', 'schema()']) {
      assert.deepEqual(await sql.list(query(`table_schema = ${name}`)), there, `${name} in ${database}`)
      assert.deepEqual(await sql.list(query(`table_schema IN (${name})`)), there, `${name} in ${database}`)
    }
  }
})

test('DATABASE() may be stored and sent, and is compared with a column only', async (t) => {
  const sql = sqlOn(localCore(t), { context: { database: 'db_2' } })
  assert.deepEqual(await sql.wrote('INSERT INTO users_auth (id, hash) VALUES (7, DATABASE())'), [1, 7])
  assert.deepEqual(await sql.list('SELECT hash FROM users_auth WHERE id = 7'), ['db_2'])
  await sql.wrote('INSERT INTO users_data (id, data) VALUES (7, SCHEMA())')
  assert.deepEqual(await sql.list('SELECT data FROM users_data WHERE id = 7'), ['db_2'])
  await sql.refused('SELECT id FROM users_auth WHERE 1 = DATABASE()', 'notImplemented')
})

test('hexadecimal digits are the bytes they stand for, before a table as without one', async (t) => {
  const sql = sqlOn(localCore(t))
  const query = "SELECT 0x41, X'41', 0x141 AS odd, CONCAT(0x4142, 'c')"
  assert.deepEqual(await sql.rows(query), [['A', 'A', '\u0001A', 'ABc']])
  assert.deepEqual(await sql.columns(query), ['0x41', "X'41'", 'odd', "CONCAT(0x4142, 'c')"])
  await sql.wrote('INSERT INTO users_auth (id, hash) VALUES (0x37, 0x4142)')
  assert.deepEqual(await sql.rows('SELECT id, 0x41 a FROM users_auth WHERE hash = 0x4142'), [['7', 'A']])
  // Of bytes that begin with 0x there are none by these spellings, as MySQL has it.
  await sql.refused('SELECT 0X41 FROM users_auth', 'columns')
})

test('number that no double is near to is refused, wherever it stands', async (t) => {
  const sql = sqlOn(localCore(t))
  const words = "Illegal double '1e400' value found during parsing"
  for (const query of [
    'SELECT 1e400',
    'SELECT -1e400',
    'SELECT CONCAT(1e400)',
    'SELECT id FROM users_auth WHERE id < 1e400',
    'INSERT INTO users_auth (id, hash) VALUES (7, 1e400)',
  ]) {
    await sql.refused(query, 'invalid', words)
  }
  await sql.refused(`SELECT ${'9'.repeat(100)}e400`, 'invalid', `Illegal double '${'9'.repeat(40)}' value`)
  const many = '9'.repeat(400)
  assert.deepEqual(await sql.rows(`SELECT ${many}, 1e-400`), [[many, 0]])
})

test('functions tell of the connection', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(call('VERSION')), { value: '5.7.0-encke-0.3.0', type: 'text' })
  assert.deepEqual(ask(call('CONNECTION_ID')), { value: 44, type: 'integer' })
  for (const name of ['USER', 'CURRENT_USER', 'SESSION_USER', 'SYSTEM_USER']) {
    assert.deepEqual(ask(call(name)), { value: '1@192.0.2.7', type: 'text' }, name)
  }
})

test('functions tell of the statement before', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(call('LAST_INSERT_ID')), { value: 7, type: 'integer' })
  assert.deepEqual(ask(call('ROW_COUNT')), { value: 2, type: 'integer' })
  assert.deepEqual(ask(call('FOUND_ROWS')), { value: 5, type: 'integer' })
})

// The fake clock begins at 1,700,000,000 seconds: 2023-11-14 22:13:20 UTC.
const times: readonly [name: string, expected: string][] = [
  ['NOW', '2023-11-14 22:13:20'],
  ['CURRENT_TIMESTAMP', '2023-11-14 22:13:20'],
  ['LOCALTIME', '2023-11-14 22:13:20'],
  ['LOCALTIMESTAMP', '2023-11-14 22:13:20'],
  ['SYSDATE', '2023-11-14 22:13:20'],
  ['UTC_TIMESTAMP', '2023-11-14 22:13:20'],
  ['CURDATE', '2023-11-14'],
  ['CURRENT_DATE', '2023-11-14'],
  ['UTC_DATE', '2023-11-14'],
  ['CURTIME', '22:13:20'],
  ['CURRENT_TIME', '22:13:20'],
  ['UTC_TIME', '22:13:20'],
]

for (const [name, expected] of times) {
  test(`${name}() is the time of the node, UTC`, (t) => {
    assert.deepEqual(asker(t)(call(name)), { value: expected, type: 'text' })
  })
}

test('UNIX_TIMESTAMP() counts whole seconds', (t) => {
  const core = localCore(t)
  core.clock.turn(2_999)
  const answer = constantValue(call('UNIX_TIMESTAMP'), queryContext(core), new Values())
  assert.deepEqual(answer, { value: 1_700_000_002, type: 'integer' })
})

test('NOW() goes with the clock and has as many decimals as are asked for', (t) => {
  const core = localCore(t)
  core.clock.turn(90_061_042)
  const ask = (...args: Constant[]) =>
    constantValue(call('NOW', ...args), queryContext(core), new Values()).value
  assert.equal(ask(), '2023-11-15 23:14:21')
  assert.equal(ask(whole('0')), '2023-11-15 23:14:21')
  assert.equal(ask(whole('2')), '2023-11-15 23:14:21.04')
  assert.equal(ask(whole('3')), '2023-11-15 23:14:21.042')
  assert.equal(ask(whole('6')), '2023-11-15 23:14:21.042000')
  assert.equal(ask(value(quoted('x'))), '2023-11-15 23:14:21')
})

test('FROM_UNIXTIME() is a time, and empty for what is none', (t) => {
  const ask = asker(t)
  const time = (raw: string) => ask(call('FROM_UNIXTIME', whole(raw))).value
  assert.equal(time('0'), '1970-01-01 00:00:00')
  assert.equal(time('1700000000'), '2023-11-14 22:13:20')
  assert.equal(time('1700000000.9'), '2023-11-14 22:13:20')
  assert.equal(time('253402300799'), '9999-12-31 23:59:59')
  for (const bad of ['253402300800', '-1', '1e300']) assert.equal(time(bad), '', bad)
  assert.equal(ask(call('FROM_UNIXTIME', value(quoted('soon')))).value, '')
})

test('CONCAT() puts texts and numbers together; NULL makes it NULL', (t) => {
  const ask = asker(t)
  const joined = ask(call('CONCAT', value(quoted('web_')), whole('7'), value(quoted('_x'))))
  assert.deepEqual(joined, { value: 'web_7_x', type: 'text' })
  const missing = call('CONCAT', value(quoted('a')), value(nothing))
  assert.equal(ask(missing).value, '')
  assert.equal(ask(call('IFNULL', missing, value(quoted('was NULL')))).value, 'was NULL')
})

test('IFNULL() and COALESCE() are the first that is not NULL, of its type', (t) => {
  const ask = asker(t)
  assert.deepEqual(ask(call('IFNULL', whole('3'), whole('4'))), { value: 3, type: 'integer' })
  assert.deepEqual(ask(call('IFNULL', value(nothing), value(quoted('b')))), { value: 'b', type: 'text' })
  assert.deepEqual(ask(call('IFNULL', value(quoted('')), value(quoted('b')))), { value: '', type: 'text' })
  const own: Constant = { kind: 'variable', name: 'x', isOwn: true }
  assert.deepEqual(ask(call('COALESCE', own, value(nothing), whole('9'))), { value: 9, type: 'integer' })
  assert.deepEqual(ask(call('COALESCE', own, value(nothing))), { value: '', type: 'text' })
})

test('functions of texts work on characters, and on bytes where they say so', (t) => {
  const ask = asker(t)
  const comet = value(quoted(Buffer.from('Комета ☄🚀').toString('latin1')))
  assert.deepEqual(ask(call('UPPER', comet)), { value: 'КОМЕТА ☄🚀', type: 'text' })
  assert.deepEqual(ask(call('LOWER', comet)), { value: 'комета ☄🚀', type: 'text' })
  assert.deepEqual(ask(call('LENGTH', comet)), { value: 20, type: 'integer' })
  assert.deepEqual(ask(call('CHAR_LENGTH', comet)), { value: 9, type: 'integer' })
  assert.deepEqual(ask(call('LENGTH', whole('1234'))), { value: 4, type: 'integer' })
  assert.deepEqual(ask(call('UPPER', value(nothing))), { value: '', type: 'text' })
})

test('functions have their other names too', (t) => {
  const ask = asker(t)
  const text = value(quoted('aB'))
  assert.equal(ask(call('UCASE', text)).value, 'AB')
  assert.equal(ask(call('LCASE', text)).value, 'ab')
  assert.equal(ask(call('OCTET_LENGTH', text)).value, 2)
  assert.equal(ask(call('CHARACTER_LENGTH', text)).value, 2)
})

test('functions stand in functions', (t) => {
  const inner = call('CONCAT', call('LOWER', call('DATABASE')), value(quoted('-')), call('CONNECTION_ID'))
  assert.deepEqual(asker(t)(call('UPPER', inner)), { value: 'COMETQL_V1-44', type: 'text' })
})

test('function there is not is refused, and those there are are told', (t) => {
  const ask = asker(t)
  for (const name of ['SLEEP', 'PASSWORD', 'constructor', 'toString', 'X'.repeat(10_000)]) {
    const error = refusal(() => ask(call(name)))
    assert.equal(error.failure.code, 2)
    assert.match(
      error.message,
      /^Function .{1,40} is not implemented: there are .*CONCAT, CONNECTION_ID, .*VERSION$/,
    )
  }
})

const wrongCounts: readonly [name: string, given: number, takes: string][] = [
  ['VERSION', 1, '0'],
  ['NOW', 2, '0 or 1'],
  ['UPPER', 0, '1'],
  ['UPPER', 2, '1'],
  ['IFNULL', 1, '2'],
  ['IFNULL', 3, '2'],
  ['CONCAT', 0, '1 or more'],
]

for (const [name, given, takes] of wrongCounts) {
  test(`${name} with ${given} arguments is refused: it takes ${takes}`, (t) => {
    const args = Array.from({ length: given }, () => whole('1'))
    const error = refusal(() => asker(t)(call(name, ...args)))
    assert.equal(error.failure.code, 3)
    assert.equal(
      error.message,
      `Syntax error in query: ${name} takes ${takes} arguments: ${given} were given`,
    )
  })
}

function asker(t: TestContext, parameters: readonly Parameter[] = [], changes: Partial<RunContext> = {}) {
  const context = queryContext(localCore(t), changes)
  return (constant: Constant) => constantValue(constant, context, new Values(parameters))
}

function quoted(raw: string): Value {
  return { kind: 'text', raw, quote: "'" }
}

function value(of: Value): Constant {
  return { kind: 'value', value: of }
}

function whole(raw: string): Constant {
  return value({ kind: 'number', raw })
}

function system(name: string): Constant {
  return { kind: 'variable', name, isOwn: false }
}

function call(name: string, ...args: Constant[]): Constant {
  return { kind: 'call', name, args }
}

function refusal(run: () => unknown): QueryError {
  try {
    run()
  } catch (error) {
    if (error instanceof QueryError) return error
    throw error
  }
  throw new Error('It was not refused')
}
