/**
 * `encke import-cppcomet` out of a real MariaDB: what becomes of every table, and how it ends when something is wrong.
 *
 * The databases hold what a CppComet writes: a newer one with a tenant in every row, an older one without. Longer than most
 * because each table comes once as it should be and once as it should not.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { logNames, type Store, tableNames } from '../../src/core/store.ts'
import { decodePosition, readInboxEntry } from '../../src/core/stored-forms.ts'
import { openStore } from '../../src/store/open-store.ts'
import { type CliEnd, runCli } from '../support/cli-process.ts'
import { type MariaDb, startMariaDb } from '../support/mariadb.ts'
import { startNode } from '../support/node.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { atEnd } from '../support/teardown.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'
import { type Fields, openSocket, type WirePublication } from '../support/wire.ts'

const PASSWORD = 'p@ss/w:rd%'
const UUID = '0c83f57c-e634-11f1-aab2-02fc0000000'

const newer = `
CREATE DATABASE newer; USE newer;
CREATE TABLE users_auth (dev_id INT NOT NULL, user_id INT NOT NULL, hash VARCHAR(64) NOT NULL, PRIMARY KEY (dev_id, user_id));
CREATE TABLE users_data (dev_id INT NOT NULL, user_id INT NOT NULL, data BLOB, PRIMARY KEY (dev_id, user_id));
CREATE TABLE users_time (dev_id INT NOT NULL, user_id INT NOT NULL, time INT NOT NULL, PRIMARY KEY (dev_id, user_id)) ENGINE=MEMORY;
CREATE TABLE users_messages (id CHAR(36) NOT NULL PRIMARY KEY, time INT NOT NULL, dev_id INT NOT NULL, user_id INT NOT NULL,
  event CHAR(64) NOT NULL, message BLOB);
CREATE TABLE pipes_settings (dev_id INT NOT NULL, name VARCHAR(128) COLLATE utf8mb4_bin NOT NULL, type CHAR(1) NOT NULL, length INT NOT NULL,
  PRIMARY KEY (dev_id, name));
CREATE TABLE pipe_messages (id CHAR(20) NOT NULL PRIMARY KEY, time INT NOT NULL, dev_id INT NOT NULL,
  pipe_name VARCHAR(64) COLLATE utf8mb4_bin NOT NULL, event CHAR(64) NOT NULL, message BLOB, user_id INT NOT NULL);
CREATE TABLE revoked_tokens (dev_id INT NOT NULL, token VARCHAR(600) NOT NULL, time INT NOT NULL);
CREATE TABLE log_query (id INT);
INSERT INTO users_auth VALUES (1, 7, 'hash7'), (15, 7, 'a+b=c/d_E0'), (1, 8, 'not-allowed'), (1, 0, 'zero'), (1, 9, ''), (-1, 5, 'five');
INSERT INTO users_data VALUES (1, 7, '{"name":"Änn"}'), (1, 8, ''), (1, 9, x'ff41');
INSERT INTO users_time VALUES (1, 7, 1700000000), (1, 8, 0), (0, 7, 1700000001);
INSERT INTO users_messages VALUES
  ('${UUID}2', 1700000002, 1, 7, 'pm', 'second, as text'),
  ('${UUID}1', 1700000001, 1, 7, 'pm', '{"n":1}'),
  ('${UUID}3', 1700000002, 1, 7, '', '{\\\\"n\\\\":3}'),
  ('${UUID}4', 1700000003, 15, 7, 'pm', '4'),
  ('${UUID}5', 1700000003, 1, 0, 'pm', '5'),
  ('${UUID}6', 1700000003, 1, 7, 'p m', '6'),
  ('${UUID}7', 1700000003, 1, 7, 'pm', x'c328');
INSERT INTO pipes_settings VALUES (1, 'web_chat', '', 3), (15, 'web_chat', '', 9), (1, 'web_off', '', 0), (1, 'späce', '', 5);
INSERT INTO pipe_messages VALUES
  ('b', 1700000002, 1, 'web_chat', 'e', '"two"', 0), ('a', 1700000001, 1, 'web_chat', 'e', '"one"', 7),
  ('d', 1700000004, 1, 'web_chat', 'e', 'four', -1), ('c', 1700000003, 1, 'web_chat', '', '{"n":3}', 7),
  ('e', 1700000005, 15, 'web_chat', 'e', '5', 0), ('f', 1700000005, 1, 'web_none', 'e', '6', 0),
  ('g', 1700000005, 1, 'web_off', 'e', '7', 0), ('h', 1700000005, 1, 'trust_log', 'e', '8', 0), ('i', 1700000005, 1, 'trust_log', 'e', x'ff', 0);
INSERT INTO revoked_tokens VALUES (1, 'a.b.c', 1700000000), (1, '', 1700000000);
`

const older = `
CREATE DATABASE older; USE older;
CREATE TABLE users_auth (user_id INT NOT NULL PRIMARY KEY, hash CHAR(32) CHARACTER SET ascii NOT NULL);
CREATE TABLE users_messages (id CHAR(36) NOT NULL PRIMARY KEY, time INT NOT NULL, user_id INT NOT NULL, event CHAR(64) NOT NULL, message TEXT);
CREATE TABLE pipes_settings (name CHAR(128) CHARACTER SET ascii NOT NULL PRIMARY KEY, type CHAR(1) NOT NULL, length INT NOT NULL);
CREATE TABLE pipe_messages (id CHAR(20) NOT NULL PRIMARY KEY, time INT NOT NULL, pipe_name CHAR(64) NOT NULL, event CHAR(64) NOT NULL,
  message TEXT, user_id INT NOT NULL);
INSERT INTO pipe_messages VALUES ('x1', 1700000001, 'trust_A', 'e', '1', 0), ('x2', 1700000002, 'trust_a', 'e', '2', 0);
CREATE TABLE users_time (user_id INT NOT NULL PRIMARY KEY);
INSERT INTO users_auth SELECT seq, CONCAT('hash', seq) FROM seq_1_to_2500;
INSERT INTO users_messages SELECT CONCAT('id-', seq), 1700000000 + seq, 1 + seq MOD 2, 'pm', CONCAT('{"n":', seq, '}') FROM seq_1_to_3000;
INSERT INTO pipes_settings VALUES ('news', '', 1000);
INSERT INTO pipe_messages SELECT LPAD(seq, 6, '0'), 1700000000 + seq DIV 10, 'news', 'e', CONCAT('{"n":', seq, '}'), 0 FROM seq_1_to_2300;
CREATE DATABASE empty;
CREATE USER 'comet'@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';
GRANT SELECT ON *.* TO 'comet'@'127.0.0.1';
`

describe('encke import-cppcomet', { skip: needs('mariadb-install-db') || needs('my_print_defaults') }, () => {
  let server: MariaDb
  before(async () => {
    server = await startMariaDb()
    await server.run(newer)
    await server.run(older)
  })
  after(() => server?.stop())

  const urlOf = (database: string, password = PASSWORD) =>
    `mysql://comet:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${database}`

  const importInto = (t: TestContext, folder: string, database: string, ...more: string[]) =>
    runCli(t, ['import-cppcomet', `--mysql=${urlOf(database)}`, `--data-dir=${folder}`, ...more])

  test('takes over every table of a newer database, tenant by tenant', async (t) => {
    const folder = newFolder(t)
    const { code, stdout, stderr } = await importInto(t, folder, 'newer')
    assert.deepEqual([code, stderr], [0, ''])
    const state = await stateOf(folder)
    assert.deepEqual(state.credentials, { '1 7': 'hash7', '15 7': 'a+b=c/d_E0' })
    assert.deepEqual(state.userData, { '1 7': '{"name":"Änn"}' })
    assert.deepEqual(state.lastSeen, { '0 7': '1700000001000', '1 7': '1700000000000' })
    assert.deepEqual(state.channelSettings, {
      '1 web_chat': '{"historySize":3}',
      '15 web_chat': '{"historySize":9}',
    })
    assert.deepEqual(state.revokedTokens, { '1 a.b.c': '1700000000000' })
    assert.deepEqual(state.history, {
      '1 trust_log': ['1 1700000005000 {"channel":"trust_log","offset":1,"event":"e","data":8}'],
      '1 web_chat': [
        '1 1700000002000 {"channel":"web_chat","offset":1,"event":"e","data":"two"}',
        '2 1700000003000 {"channel":"web_chat","offset":2,"user":"7","data":{"n":3}}',
        '3 1700000004000 {"channel":"web_chat","offset":3,"event":"e","data":"four"}',
      ],
      '15 web_chat': ['1 1700000005000 {"channel":"web_chat","offset":1,"event":"e","data":5}'],
    })
    assert.deepEqual(
      Object.entries(state.channels).map(([name, row]) => [name, decodePosition(row).offset]),
      [
        ['1 trust_log', 1],
        ['1 web_chat', 3],
        ['15 web_chat', 1],
      ],
    )
    assert.deepEqual(await inboxesOf(folder), {
      '1 7': [
        [`${UUID}1`, 'pm', 1_700_000_001_000, { n: 1 }, false],
        [`${UUID}2`, 'pm', 1_700_000_002_000, 'second, as text', true],
        [`${UUID}3`, '', 1_700_000_002_000, { n: 3 }, false],
      ],
      '15 7': [[`${UUID}4`, 'pm', 1_700_000_003_000, 4, false]],
    })
    assert.equal(stdout, summaryOfNewer)
  })

  test('leaves the same state when it is run again', async (t) => {
    const folder = newFolder(t)
    await importInto(t, folder, 'newer')
    const first = await stateOf(folder)
    const { code, stdout } = await importInto(t, folder, 'newer')
    assert.equal(code, 0)
    assert.deepEqual(await stateOf(folder), first)
    assert.match(stdout, /^users_messages +7 +0 +7\n(?: {2}1 .*\n)* {2}4 skipped: already in the inbox$/m)
    assert.match(stdout, /^pipe_messages +9 +5 +4$/m)
  })

  test('leaves a history alone that a node has gone on with', async (t) => {
    const folder = newFolder(t)
    await importInto(t, folder, 'newer')
    await change(folder, async (store) => {
      const entry = { seq: 4, timeMs: 1, value: Buffer.from('{}') }
      await store.write([{ append: 'history', tenant: 1, owner: 'web_chat', entry }])
    })
    const before = await stateOf(folder)
    const { stdout } = await importInto(t, folder, 'newer')
    assert.deepEqual(await stateOf(folder), before)
    assert.match(stdout, /^ {2}4 skipped: a node has published or cleared there since$/m)
  })

  test('takes over an older database, for the tenant that is named', async (t) => {
    const folder = newFolder(t)
    const { code, stdout } = await importInto(t, folder, 'older', '--tenant=3')
    assert.equal(code, 0)
    const state = await stateOf(folder)
    assert.equal(Object.keys(state.credentials).length, 2_500)
    assert.equal(state.credentials['3 2500'], 'hash2500')
    const inboxes = await inboxesOf(folder)
    assert.deepEqual(
      inboxes['3 1']?.map(([id]) => id),
      numbered('id-', 2, 3_000, 2),
    )
    assert.deepEqual(
      inboxes['3 2']?.map(([id]) => id),
      numbered('id-', 1, 2_999, 2),
    )
    // Columns of most databases compare without case: these two pipes were one.
    for (const [at, name] of ['trust_A', 'trust_a'].entries()) {
      assert.match(String(state.history[`3 ${name}`]), new RegExp(`^1 170000000${at + 1}000 \\S+$`))
    }
    assert.deepEqual(
      state.history['3 news']?.map((line) => JSON.parse(line.slice(line.indexOf('{')))),
      numbered('', 1_301, 2_300, 1).map((n, at) => ({
        channel: 'news',
        offset: at + 1,
        event: 'e',
        data: { n: Number(n) },
      })),
    )
    assert.match(
      stdout,
      /^pipe_messages +2302 +1002 +1300\n {2}1300 skipped: older than the length of the pipe$/m,
    )
    assert.match(stdout, /^users_data +- +- +-\n {2}there is no such table$/m)
    assert.match(stdout, /^users_time +- +- +-\n {2}left out: it has no column time$/m)
  })

  test('leaves a folder that a node serves: logins, waiting messages and histories', async (t) => {
    const folder = newFolder(t)
    await importInto(t, folder, 'newer')
    const node = await startNode(t, ['--data-dir', folder, '--inbox-ttl-ms', '0'])
    const client = await openSocket(node.wsUrl)
    atEnd(t, () => client.close())
    const login = { tenant: 1, user: '7', key: 'hash7' }
    const { login: answer } = await client.ok({ connect: { login } })
    assert.deepEqual(answer, { authorized: true, key: 'hash7' })
    const ids = ['1', '2', '3'].map((last) => `${UUID}${last}`)
    const arrived = await until(() => waitedFor(client.messages, ids.length))
    assert.deepEqual(
      arrived.map(({ id, data }) => [id, data]),
      [
        [ids[0], { n: 1 }],
        [ids[1], 'second, as text'],
        [ids[2], { n: 3 }],
      ],
    )
    const page = await client.ok({ history: { channel: 'web_chat' } })
    const publications = page.publications as readonly WirePublication[]
    assert.deepEqual(
      publications.map(({ offset, data }) => [offset, data]),
      [
        [1, 'two'],
        [2, { n: 3 }],
        [3, 'four'],
      ],
    )
    assert.deepEqual([page.offset, String(page.epoch).slice(0, 3)], [3, 'cc-'])
  })

  test('ends when the database goes in the middle, and is completed by the next run', async (t) => {
    // The client library tells the loss of a connection to nobody who reads rows: the import waited for ever.
    const folder = newFolder(t)
    const proxy = await startTcpProxy(t, server.port)
    // So slow that the rows have not all come before their connection is seen.
    proxy.shape('toClient', { bytesPerSecond: 300_000 })
    const url = `mysql://comet:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}/older`
    const broken = runCli(t, ['import-cppcomet', `--mysql=${url}`, `--data-dir=${folder}`])
    const second = await proxy.connection(1)
    second.resetAfter(20_000)
    assertEnd(await broken, 69, /^Cannot read from 127\.0\.0\.1/)
    const before = await stateOf(folder)
    assert.equal(Object.keys(before.credentials).length, 2_500)
    assert.deepEqual(before.channels, {})
    assert.equal((await importInto(t, folder, 'older')).code, 0)
    assert.equal((await stateOf(folder)).history['1 news']?.length, 1_000)
  })

  test('writes nothing in a dry run, and counts all the same', async (t) => {
    const folder = newFolder(t)
    const { code, stdout } = await importInto(t, folder, 'newer', '--dry-run')
    assert.deepEqual([code, stdout], [0, `${summaryOfNewer}Nothing was written: this was a dry run\n`])
    assert.equal(existsSync(folder), false)
  })

  test('takes the password from MYSQL_PWD where the address has none', async (t) => {
    const url = `mysql://comet@127.0.0.1:${server.port}/newer`
    const args = ['import-cppcomet', `--mysql=${url}`, '--dry-run']
    assert.equal((await runCli(t, args, { env: { MYSQL_PWD: PASSWORD } })).code, 0)
    const refused = await runCli(t, args, { env: { MYSQL_PWD: 'hunter2' } })
    assert.equal(refused.code, 78)
    assert.match(refused.stderr, /^The database refuses: Access denied for user 'comet'/)
    assert.doesNotMatch(refused.stderr, /hunter2/)
  })

  test('says that a --tenant is not what rows with dev_id are of', async (t) => {
    const { code, stderr } = await importInto(t, newFolder(t), 'newer', '--dry-run', '--tenant=4')
    assert.equal(code, 0)
    assert.match(stderr, /^Flag --tenant was not needed/)
  })

  describe('ends with a code and a reason', () => {
    test('when there is no such database, or nothing of a CppComet in it', async (t) => {
      const folder = newFolder(t)
      assertEnd(
        await importInto(t, folder, 'nowhere'),
        78,
        /^The database refuses: Unknown database 'nowhere'/,
      )
      assertEnd(
        await importInto(t, folder, 'empty'),
        66,
        /^The database holds none of the tables of a CppComet/,
      )
    })

    test('when no database answers', async (t) => {
      const args = ['import-cppcomet', '--mysql=mysql://comet@127.0.0.1:1/newer', '--dry-run']
      assertEnd(await runCli(t, args), 69, /^Cannot read from 127\.0\.0\.1:1, database "newer": /)
    })

    test('when the folder is that of a running node', async (t) => {
      const folder = newFolder(t)
      await change(folder, async () => {
        assertEnd(await importInto(t, folder, 'newer'), 78, /^"dataDir": .*another node \(process \d+\)/)
      })
    })

    test('when flags are wrong', async (t) => {
      assertEnd(await runCli(t, ['import-cppcomet']), 64, /^Flag --mysql is no address/)
      assertEnd(await importInto(t, 'none', 'newer'), 64, /^An import needs a folder/)
      assertEnd(await importInto(t, newFolder(t), 'newer', '--tenant=-1'), 64, /^Flag --tenant/)
    })
  })
})

const summaryOfNewer = `table           read  imported  skipped
users_auth         6         2        4
  1 skipped: dev_id is no tenant
  1 skipped: user_id is not above 0
  1 skipped: hash has foreign characters
  1 skipped: hash is empty
users_data         3         1        2
  1 skipped: data is empty
  1 skipped: text is broken
users_time         3         2        1
  1 skipped: time is none
revoked_tokens     2         1        1
  1 skipped: token has not 1 to 600 bytes
pipes_settings     4         2        2
  1 skipped: name has foreign characters
  1 skipped: length is not above 0
users_messages     7         4        3
  1 skipped: user_id is not above 0
  1 skipped: event has foreign characters
  1 skipped: text is broken
pipe_messages      9         5        4
  1 skipped: text is broken
  1 skipped: older than the length of the pipe
  2 skipped: the pipe keeps no history
`

function assertEnd({ code, stderr }: CliEnd, expected: number, reason: RegExp): void {
  assert.match(stderr, reason)
  assert.equal(code, expected)
}

/** A name in a folder of its own; nothing is there yet. */
function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encke-import-'))
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'data')
}

async function change<T>(folder: string, run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ dataDir: folder })
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}

interface State extends Readonly<Record<(typeof tableNames)[number], Readonly<Record<string, string>>>> {
  readonly history: Readonly<Record<string, readonly string[]>>
  readonly inbox: Readonly<Record<string, readonly string[]>>
}

/** Everything in the store: rows by `tenant key`, logs by `tenant owner` with `seq time value` of each entry. */
function stateOf(folder: string): Promise<State> {
  return change(folder, async (store) => {
    const tables = tableNames.map((table) => [
      table,
      Object.fromEntries(
        [...store.rows(table, null, '')].map((row) => [`${row.tenant} ${row.key}`, row.value]),
      ),
    ])
    const logs = logNames.map((log) => [
      log,
      Object.fromEntries(
        [...store.owners(log, null)].map(({ tenant, owner }) => [
          `${tenant} ${owner}`,
          [...store.entries(log, tenant, owner, 0)].map(
            ({ seq, timeMs, value }) => `${seq} ${timeMs} ${value}`,
          ),
        ]),
      ),
    ])
    return Object.fromEntries([...tables, ...logs]) as State
  })
}

type Message = readonly [id: string, event: string, timeMs: number, data: unknown, isText: boolean]

function inboxesOf(folder: string): Promise<Readonly<Record<string, readonly Message[]>>> {
  return change(folder, async (store) =>
    Object.fromEntries(
      [...store.owners('inbox', null)].map(({ tenant, owner }) => [
        `${tenant} ${owner}`,
        [...store.entries('inbox', tenant, owner, 0)].map((entry): Message => {
          const { id, event, data } = readInboxEntry(entry)
          return [id, event, entry.timeMs, data.value(), data.isText]
        }),
      ]),
    ),
  )
}

/** The messages that waited, told by their id; null until there are `count`. */
function waitedFor(messages: readonly unknown[], count: number): readonly Fields[] | null {
  const found = messages.filter((message) => 'channel' in (message as Fields)) as Fields[]
  return found.length === count ? found : null
}

function numbered(prefix: string, from: number, to: number, step: number): string[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, at) => `${prefix}${from + at * step}`)
}
