/**
 * Real MySQL clients against a real node, with a page in Chromium that hears what they publish.
 *
 * Owns what no test of ours can stand in for: how the command line of MariaDB, PHP's mysqli and PDO, mysql2 and PyMySQL log
 * in, escape, prepare and read. One node and one page serve them all, so that the file is quick: every client has events and
 * users of its own. It can not show clients that are not installed: Connector/J, Go, .NET.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createConnection, createPool } from 'mysql2/promise'
import { type CometPage, openUser, settled, startCometNode, TENANT } from '../support/comet-page.ts'
import { dataFolder } from '../support/data-folder.ts'
import {
  features,
  type Login,
  type MySqlClient,
  mysqlClients,
  needsPhp,
  needsPyMySql,
  type Outcome,
  runCommandLine,
  runWithInput,
} from '../support/mysql-clients.ts'
import type { TestNode } from '../support/node.ts'
import { needs } from '../support/tools.ts'

const needsCli = needs('mariadb')

const PASSWORD = "a 'quoted' pass\\word"
const USER = 7
const PIPE = 'web_clients'
const EMPTY_PIPE = 'web_nobody'
/** One that never was. */
const STRANGER = 8

/** What has a meaning in SQL, in JSON or in a shell; what a page gets is `heard`. */
const TEXTS = [
  'plain text',
  "it's",
  'say "hi"',
  'C:\\new\\table \\u0041',
  'two\nlines\n\twith a tab, and one\rmore',
  '☄ 🙂 ü',
  '\\\' \\" \'\' ""',
  '100% of _x_; -- # /* ? */ :name %s',
  '{"a":"it\'s","b":"\\"q\\"","c":"x\\ny\\\\","d":["☄",1.5,null,true],"e":{}}',
  '[1,2]',
]
const heard: readonly unknown[] = TEXTS.map((text) => (/^[[{]/.test(text) ? JSON.parse(text) : text))

const PLUGINS = ['mysql_native_password', 'caching_sha2_password']

/** What is asked of the one node. */
interface Stage {
  readonly node: TestNode
  /** Of user `USER`, on `PIPE` */
  readonly page: CometPage
  readonly login: Login
  readonly certFile: string
}

type Check = readonly [name: string, skip: string | false, run: (stage: Stage) => Promise<void>]

const checks: readonly Check[] = [
  ...mysqlClients.flatMap((client): Check[] => [
    [`${client.name}: texts come as they were given`, client.skip, (stage) => publishes(client, stage)],
    [`${client.name}: who is online and on which pipe`, client.skip, (stage) => reads(client, stage)],
  ]),
  ...oneOfEach().flatMap((client): Check[] => [
    [`${client.name}: logs in, or is told why not`, client.skip, ({ login }) => logsIn(client, login)],
    [`${client.name}: logs in over TLS`, client.skip, (stage) => logsInOverTls(client, stage)],
  ]),
  ['mariadb: takes the plugin it is told to', needsCli, ({ login }) => takesBothPlugins(login)],
  ['mariadb: shows what a person asks for', needsCli, ({ login }) => showsTables(login)],
  ['mariadb: tells what was refused and ends with 1', needsCli, ({ login }) => tellsRefusals(login)],
  ['mariadb: JSON with doubled apostrophes comes with single ones', needsCli, undoublesJson],
  ['mysqli: does what applications ask of it', needsPhp, ({ login }) => mysqliWorks(login)],
  ['pdo: does what applications ask of it, emulating', needsPhp, ({ login }) => pdoWorks(login, 'emulated')],
  [
    'pdo: does what applications ask of it, not emulating',
    needsPhp,
    ({ login }) => pdoWorks(login, 'native'),
  ],
  ['pymysql: does what applications ask of it', needsPyMySql, ({ login }) => pymysqlWorks(login)],
  ['mysql2: does what applications ask of it', false, ({ login }) => mysql2Works(login)],
  ['mysql2: publishes over a pool, and all arrive', false, poolPublishes],
]

test('MySQL clients talk to a node', { skip: needs('chromium') || needs('openssl') }, async (t) => {
  const { certFile, keyFile } = await makeCertificate(t)
  const tls = ['--cometql-tls-cert-file', certFile, '--cometql-tls-key-file', keyFile]
  const node = await startWithPassword(t, ...tls)
  const page = await openUser(t, node, USER)
  await page.subscribe(PIPE, 'msg')
  await settled(page)
  const stage = { node, page, login: loginOf(node), certFile }
  for (const [name, skip, run] of checks) await t.test(name, { skip }, () => run(stage))
})

test('MySQL clients talk to a node that asks by caching_sha2_password', async (t) => {
  const login = loginOf(await startWithPassword(t, '--cometql-auth-plugin', 'caching_sha2_password'))
  for (const client of oneOfEach()) {
    await t.test(client.name, { skip: client.skip }, () => logsIn(client, login))
  }
  await t.test('mariadb: takes the plugin it is told to', { skip: needsCli }, () => takesBothPlugins(login))
})

test('MySQL clients talk to a node without a password', async (t) => {
  const login = { ...loginOf(await startCometNode(t, '--cometql-port', '0')), password: '' }
  for (const client of oneOfEach()) {
    await t.test(client.name, { skip: client.skip }, async () => {
      assert.match(ok(await client.login(login)), /^Encke/)
    })
  }
})

async function publishes(client: MySqlClient, { page, login }: Stage): Promise<void> {
  const [toPipe, toUser] = [`${PIPE}.${client.name}`, `msg.${client.name}`]
  await page.subscribe(toPipe, toUser)
  const what = { pipe: PIPE, user: USER, event: client.name, texts: TEXTS }
  assert.equal(ok(await client.publish(login, what)), TEXTS.length)
  const expected = (pipe: string) => heard.map((data) => [data, 0, pipe, client.name])
  assert.deepEqual(await page.briefs(toPipe, TEXTS.length), expected(PIPE))
  assert.deepEqual(await page.briefs(toUser, TEXTS.length), expected('msg'))
}

async function reads(client: MySqlClient, { login }: Stage): Promise<void> {
  const noDatabase = { ...login, database: '' }
  const { times, counts, pages } = ok(await client.read(noDatabase, [USER, STRANGER], [PIPE, EMPTY_PIPE]))
  assert.deepEqual(texts(times), [
    [`${USER}`, '0'],
    [`${STRANGER}`, '-1'],
  ])
  assert.deepEqual(texts(counts), [
    [PIPE, '1'],
    [EMPTY_PIPE, '0'],
  ])
  assert.deepEqual(texts(pages), [[PIPE, `${USER}`]])
}

async function logsIn(client: MySqlClient, right: Login): Promise<void> {
  const login = (part: Partial<Login>) => client.login({ ...right, ...part })
  const parts = [{}, { database: '' }, { database: 'db_16' }, { user: 'root' }, { user: '0' }]
  for (const outcome of await Promise.all(parts.map(login))) {
    assert.match(ok(outcome), /^Encke/)
  }
  const refusals: readonly [part: Partial<Login>, code: number, says: RegExp][] = [
    [{ password: 'wrong' }, 16, /Authentication failure/],
    [{ password: '' }, 16, /Authentication failure/],
    [{ user: 'nobody' }, 16, /Authentication failure/],
    [{ database: 'shop' }, 15, /Select database failure/],
    [{ user: 'haproxy_check', password: '' }, 403, /Access denied/],
  ]
  const isRefused = async ([part, code, says]: (typeof refusals)[number]) => {
    const outcome = await login(part)
    assert.ok('refused' in outcome, JSON.stringify(part))
    assert.equal(outcome.refused.code, code, outcome.refused.message)
    assert.match(outcome.refused.message, says)
  }
  await Promise.all(refusals.map(isRefused))
}

async function logsInOverTls(client: MySqlClient, { login, certFile }: Stage): Promise<void> {
  const overTls = { ...login, caFile: certFile }
  assert.match(ok(await client.login(overTls)), /^Encke/)
  const wrong = await client.login({ ...overTls, password: 'wrong' })
  assert.equal('refused' in wrong && wrong.refused.code, 16)
}

async function takesBothPlugins(login: Login): Promise<void> {
  for (const plugin of PLUGINS) {
    const ended = await runCommandLine(login, [`--default-auth=${plugin}`, '-e', 'select 1'])
    assert.deepEqual([ended.code, ended.stdout], [0, '1\n1\n'], `${plugin}: ${ended.stderr}`)
    const wrong = await runCommandLine({ ...login, password: 'wrong' }, [`--default-auth=${plugin}`])
    assert.match(wrong.stderr, /^ERROR 16 /m)
  }
}

async function showsTables(login: Login): Promise<void> {
  const run = async (input: string, ...args: string[]) => {
    const ended = await runCommandLine(login, args, input)
    assert.equal(ended.code, 0, ended.stderr)
    return ended.stdout
  }
  const tables = await run('show tables;')
  for (const name of ['users_auth', 'users_time', 'pipes_messages', 'pipes', 'channels', 'metrics']) {
    assert.match(tables, new RegExp(`^${name}$`, 'm'))
  }
  assert.match(await run('show databases'), /^Database\nCometQL_v1\n/)
  assert.match(await run('status'), /^Connection:\s.*via TCP\/IP$/m)
  assert.match(await run('use CometQL_v1\nselect database();'), /^CometQL_v1$/m)
  assert.match(await run('describe users_auth'), /^id\tint\(11\)\tNO\tPRI/m)
  assert.match(await run('', '--table', '-e', 'show global status'), /^\| uptime +\| \d+ +\|$/m)
  const insert = "insert into users_data (id, data) values (31, 'a'), (32, 'b')"
  const select = 'select data from users_data where id in (31, 32)'
  assert.equal(await run(`${insert}; ${select};`, '--skip-column-names'), 'a\nb\n')
  assert.match(await run('select * from users_data where id = 31\\G'), /^ {2}id: 31\ndata: a$/m)
  assert.equal(await run(`delimiter //\n${select}//\n`, '--skip-column-names'), 'a\nb\n')
  assert.equal(await run(`use db_16\n${select};`, '--skip-column-names'), '', 'of another tenant')
}

async function tellsRefusals(login: Login): Promise<void> {
  const refusals: readonly [code: number, query: string][] = [
    [2, 'create table t (id int)'],
    [3, 'selekt 1'],
    [10, "insert into pipes values ('web_x', 3)"],
    [11, `insert into pipes_messages (name, event, message) values ('${'x'.repeat(65)}', '', '1')`],
    [12, "insert into users_auth (id, hash) values (1, 'no-dash')"],
    [13, 'select * from users_time'],
    [14, 'select nothing from pipes'],
    [15, 'select * from nothing'],
    [17, "insert into pipes_messages (name, event, message) values ('x', '', '1')"],
    [500, "insert into conference (name, user_id) values ('x', 1)"],
  ]
  const script = refusals.map(([, query]) => `${query};\n`).join('')
  const forced = await runCommandLine(login, ['--force'], script)
  for (const [at, [code, query]] of refusals.entries()) {
    assert.ok(
      forced.stderr.includes(`ERROR ${code} (HY000) at line ${at + 1}: `),
      `${query}: ${forced.stderr}`,
    )
  }
  const ended = await runCommandLine(login, [], script)
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /^ERROR 2 \(HY000\) at line 1: CREATE is not implemented/m)
  assert.doesNotMatch(ended.stderr, /line 2/)
}

/**
 * Who doubles apostrophes leaves quotation marks and backslashes of JSON as they are: what stands between the apostrophes is
 * JSON with the doubled ones too, but not the JSON that was meant.
 */
async function undoublesJson({ page, login }: Stage): Promise<void> {
  await page.subscribe('msg.doubled')
  const message = `{"a":"it''s","b":"x\\ny"}`
  const query = `INSERT INTO users_messages (id, event, message)VALUES(${USER}, 'doubled', '${message}')`
  const ended = await runCommandLine(login, ['-e', query])
  assert.equal(ended.code, 0, ended.stderr)
  const [brief] = await page.briefs('msg.doubled', 1)
  assert.deepEqual(brief?.[0], { a: "it's", b: 'x\ny' })
}

async function mysqliWorks(login: Login): Promise<void> {
  assert.deepEqual(ok(await features('mysqli', { login, other: '16' })), {
    multi: [1, [["it's"]], [['1']]],
    written: [1, 41],
    charset: [true, 'utf8mb4'],
    database: true,
    refused: [10, 'Table `users_time` is read only'],
    syntax: 3,
    noDatabase: 15,
    changed: true,
    otherTenant: 0,
    changedBack: true,
    row: { id: '41', hash: 'abc' },
    fields: ['id', 'hash'],
    committed: true,
    numeric: true,
    ping: true,
    stat: true,
    bufferless: ['1'],
  })
}

async function pdoWorks(login: Login, way: 'emulated' | 'native'): Promise<void> {
  assert.deepEqual(ok(await features('pdo', { login, way, user: USER })), {
    written: [1, 1],
    insertId: '52',
    sameEscapes: [true, true],
    data: { 51: "it's", 52: "it's \\ again" },
    left: 1,
    refused: ['HY000', 15],
    transaction: [true, true],
    numeric: true,
    limited: [{ hash: `key${USER}` }],
  })
}

async function pymysqlWorks(login: Login): Promise<void> {
  assert.deepEqual(ok(await features('pymysql', { login })), {
    many: 3,
    dictionaries: [
      { id: '63', data: '☄ 100%' },
      { id: '62', data: 'a "b"' },
    ],
    deleted: 0,
    insertId: 61,
    refused: 14,
    numeric: true,
    threads: true,
    streamed: ['62', '63'],
  })
}

async function mysql2Works(login: Login): Promise<void> {
  const db = await createConnection({ ...login, multipleStatements: true })
  try {
    await db.ping()
    const insert = "INSERT INTO users_data (id, data) VALUES (71, 'it''s')"
    const [results] = await db.query(`${insert}; SELECT data FROM users_data WHERE id = 71; SELECT 1 AS one`)
    assert.deepEqual((results as unknown[]).slice(1), [[{ data: "it's" }], [{ one: 1 }]])
    const ask = 'SELECT COUNT(*) AS n FROM users_data WHERE id = ?'
    await db.changeUser({ user: '16', database: 'CometQL_v1' })
    assert.deepEqual((await db.execute(ask, [71]))[0], [{ n: 0 }])
    await db.changeUser({ user: login.user })
    assert.deepEqual((await db.execute(ask, [71]))[0], [{ n: 1 }])
    await db.reset()
    assert.deepEqual((await db.query(ask, [71]))[0], [{ n: 1 }])
    await assert.rejects(db.query('SELECT * FROM nothing'), { errno: 15 })
    await assert.rejects(db.changeUser({ password: 'wrong' }), { errno: 16 })
  } finally {
    db.destroy()
  }
}

async function poolPublishes({ page, login }: Stage): Promise<void> {
  await page.subscribe(`${PIPE}.pool`)
  const pool = createPool({ ...login, connectionLimit: 8 })
  const insert = "INSERT INTO pipes_messages (name, event, message) VALUES (?, 'pool', ?)"
  const numbers = Array.from({ length: 200 }, (_, n) => n)
  const publish = (n: number) => {
    const values = [PIPE, `{"n":${n}}`]
    return n % 2 === 0 ? pool.query(insert, values) : pool.execute(insert, values)
  }
  try {
    await Promise.all(numbers.map(publish))
  } finally {
    await pool.end()
  }
  const came = (await page.briefs(`${PIPE}.pool`, numbers.length)).map(([data]) => (data as { n: number }).n)
  assert.deepEqual(
    came.toSorted((a, b) => a - b),
    numbers,
  )
}

/** Wrong passwords are part of it, more than a node takes of one address. */
function startWithPassword(t: TestContext, ...flags: string[]): Promise<TestNode> {
  const own = ['--cometql-port', '0', '--cometql-password', PASSWORD, '--cometql-login-failures', '0']
  return startCometNode(t, ...own, ...flags)
}

/** A certificate for 127.0.0.1 that signs itself. */
async function makeCertificate(t: TestContext): Promise<{ certFile: string; keyFile: string }> {
  const folder = dataFolder(t)
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2']
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = await runWithInput('openssl', ['req', ...kind, ...names, '-keyout', keyFile, '-out', certFile])
  assert.equal(made.code, 0, made.stderr)
  return { certFile, keyFile }
}

function loginOf(node: TestNode): Login {
  const port = node.cometqlPort
  return { host: '127.0.0.1', port, user: `${TENANT}`, password: PASSWORD, database: 'CometQL_v1' }
}

/** Two ways of one client log in alike. */
function oneOfEach(): MySqlClient[] {
  const names = ['mariadb-e', 'mysqli-query', 'pdo-native', 'mysql2-query', 'pymysql-execute']
  return mysqlClients.filter(({ name }) => names.includes(name))
}

function ok<T>(outcome: Outcome<T>): T {
  if ('refused' in outcome) assert.fail(`${outcome.refused.code}: ${outcome.refused.message}`)
  return outcome.ok
}

/** Drivers give numbers as numbers or as texts, as the server typed the column. */
function texts(rows: readonly (readonly unknown[])[]): string[][] {
  return rows.map((row) => row.map(String))
}
