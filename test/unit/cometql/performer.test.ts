/**
 * What a client that is logged in may ask: every command, what is remembered in between, and several statements at once.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CodeName } from '../../../src/codes.ts'
import { execute, inside, prepare, textOf } from '../../support/cometql-client.ts'
import { command, MULTI, PING, query } from '../../support/cometql-line.ts'
import { isOk, noted, payloadOf, refusalOf, rowsOf } from '../../support/cometql-packets.ts'
import { cometqlTalk } from '../../support/cometql-talk.ts'
import { hex } from '../../support/hex.ts'
import { localCore } from '../../support/local-core.ts'

const OK = '07 00 00 01 00 00 00 02 00 00 00'
function longData(id: number, parameter: number, text: string): Buffer {
  return command(0x18, Buffer.concat([hex(`0${id} 00 00 00 0${parameter} 00`), Buffer.from(text)]))
}

/** The texts of a binary row whose columns are all texts. */
function binaryTexts(row: Buffer, columns: number): string[] {
  const texts: string[] = []
  let at = 5 + ((columns + 9) >> 3)
  while (at < row.length) {
    const bytes = row[at] ?? 0
    texts.push(row.toString('utf8', at + 1, at + 1 + bytes))
    at += 1 + bytes
  }
  return texts
}

describe('commands', () => {
  test('ping is answered', async (t) => {
    assert.equal(textOf(await (await inside(t)).ask(PING)), OK)
  })

  test('init_db chooses a database, and with db_N its tenant', async (t) => {
    const client = await inside(t)
    assert.equal(textOf(await client.ask(command(0x02, Buffer.from('db_5')))), OK)
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '5'])
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['db_5']])
    assert.equal(textOf(await client.ask(command(0x02, Buffer.from('COMETQL_V1')))), OK)
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['CometQL_v1']])
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '1'], 'the tenant of the user')
  })

  test('init_db of a database there is not changes nothing', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.ask(command(0x02, Buffer.from('nodb')))), /^15: Select database failure/)
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['CometQL_v1']])
  })

  test('field_list tells the columns of a table with a default, and ends with EOF', async (t) => {
    const client = await inside(t)
    const packets = await client.ask(command(0x04, hex("'pipes' 00 'n%'")))
    assert.equal(packets.length, 3)
    assert.match(noted(packets[0] ?? hex('00')), / 04 'name' 00 .* fb$/)
    assert.match(textOf(await client.ask(command(0x04, hex("'nowhere' 00")))), /^15: Table doesn't exist/)
  })

  test('statistics is a text', async (t) => {
    const client = await inside(t)
    assert.match(String((await client.ask(command(0x09)))[0]), /Uptime: 90001 {2}Threads: 3$/)
  })

  test('process_info is SHOW PROCESSLIST', async (t) => {
    const client = await inside(t)
    assert.deepEqual(await client.ask(command(0x0a)), await client.run('SHOW PROCESSLIST'))
  })

  test('set_option is answered with EOF and allows several statements, or forbids them', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.run('SELECT 1; SELECT 2')), /^3: .*one statement/)
    assert.equal(textOf(await client.ask(command(0x1b, hex('00 00')))), '05 00 00 01 fe 00 00 02 00')
    assert.equal((await client.run('SELECT 1; SELECT 2')).length, 10)
    await client.ask(command(0x1b, hex('01 00')))
    assert.match(textOf(await client.run('SELECT 1; SELECT 2')), /^3: .*one statement/)
  })

  test('set_option counts for what is read behind it, before it is answered', async (t) => {
    const client = await inside(t)
    const packets = await client.ask(
      Buffer.concat([command(0x1b, hex('00 00')), query('SELECT 1; SELECT 2'), PING]),
    )
    assert.equal(packets.length, 12)
  })

  test('reset_connection forgets prepared statements and what the last statement did', async (t) => {
    const client = await inside(t)
    await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'a')")
    await client.ask(prepare('SELECT 1'))
    assert.deepEqual(await client.rows('SELECT LAST_INSERT_ID()'), [['7']])
    assert.equal(textOf(await client.ask(command(0x1f))), OK)
    assert.deepEqual(await client.rows('SELECT LAST_INSERT_ID()'), [['0']])
    assert.match(textOf(await client.ask(execute(1))), /^15: There is no prepared statement 1/)
  })

  test('reset_connection goes back to the database of the login and its tenant', async (t) => {
    const client = await inside(t, {}, { user: '16', database: 'db_15' })
    await client.run('USE db_3')
    await client.ask(command(0x1f))
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['db_15']])
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '15'])
  })

  test('fetch is refused: there are no cursors', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.ask(command(0x1c, hex('01 00 00 00 01 00 00 00')))), /^2: Cursors/)
  })

  test('any other is refused by its number, and the connection lives', async (t) => {
    const client = await inside(t)
    for (const code of [0x00, 0x05, 0x0c, 0x0d, 0x12, 0x15, 0x1d, 0x20, 0xff]) {
      assert.equal(textOf(await client.ask(command(code))), `1047: Unknown command ${code}`)
    }
    assert.equal(textOf(await client.ask(PING)), OK)
  })
})

describe('queries', () => {
  test('of fewer than four bytes are refused in the words of CppComet', async (t) => {
    const client = await inside(t)
    assert.equal(textOf(await client.run('')), '17: Data is too short: 0 of at least 4 bytes')
    assert.equal(textOf(await client.run('abc')), '17: Data is too short: 3 of at least 4 bytes')
  })

  test('of comments and semicolons do nothing', async (t) => {
    const client = await inside(t)
    for (const text of [';;;;', '-- no', '/* nothing */', '    '])
      assert.equal(textOf(await client.run(text)), OK)
  })

  test('that are not UTF-8 are refused', async (t) => {
    const client = await inside(t)
    const latin1 = Buffer.from("SELECT 'é'", 'latin1')
    assert.match(textOf(await client.ask(query(latin1))), /^12: The statement is not UTF-8/)
  })

  test('with a question mark have to be prepared', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.run('SELECT ?')), /^3: Syntax error in query: a question mark/)
  })

  test('that are no SQL are counted, and so are those that run', async (t) => {
    const counted: CodeName[] = []
    let runs = 0
    const client = await inside(t, {
      observer: { commandFailed: (code) => void counted.push(code), ran: () => void runs++ },
    })
    await client.run('SELECT 1')
    await client.run('SELEKT')
    assert.deepEqual([counted, runs], [['BAD_MESSAGE'], 1])
  })

  test('USE chooses a database as init_db does', async (t) => {
    const client = await inside(t)
    assert.equal(textOf(await client.run('USE db_3')), OK)
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '3'])
    assert.match(textOf(await client.run('USE nodb')), /^15: Select database failure/)
  })

  test('behind the prefix of a cluster are of that tenant from then on', async (t) => {
    const client = await inside(t)
    const publish = "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', '', '1')"
    const packets = await client.run(`cometqlcluster_v1 set dev_id=9; ${publish}`)
    assert.ok(packets.every((one) => refusalOf(one) === null))
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '9'])
    assert.equal((await client.rows("SELECT * FROM pipes_messages WHERE name = 'log_a'")).length, 1)
    await client.run('USE db_1')
    assert.equal((await client.rows("SELECT * FROM pipes_messages WHERE name = 'log_a'")).length, 0)
  })

  test('of a check of a load balancer are refused, whatever they are', async (t) => {
    const client = await inside(t, {}, { user: 'haproxy_check' })
    for (const text of ['SELECT 1', 'SHOW TABLES', "INSERT INTO users_auth (id, hash) VALUES (7, 'a')"]) {
      assert.equal(textOf(await client.run(text)), '403: Access denied', text)
    }
    const publish = "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', '', '1')"
    assert.equal(textOf(await client.run(publish)), '403: Access denied')
    await client.ask(prepare(publish))
    assert.equal(textOf(await client.ask(execute(1))), '403: Access denied')
    assert.equal(textOf(await client.ask(PING)), OK)
    assert.equal((await client.core.broker.channel('0\x01log_a')).position.offset, 0)
    assert.equal((await client.core.broker.channel('log_a')).position.offset, 0)
  })
})

describe('several statements', () => {
  const login = { capabilities: MULTI }
  const inOne = "INSERT INTO users_auth (id, hash) VALUES (7, 'a'); SELECT * FROM users_auth; SELECT 1"

  test('are each answered, and all but the last say that more follow', async (t) => {
    const client = await inside(t, {}, login)
    const packets = await client.run(inOne)
    assert.deepEqual(
      packets.map((one) => one[3]),
      packets.map((_, at) => at + 1),
      'one row of numbers',
    )
    const ends = packets.map((one) => noted(payloadOf(one))).filter((one) => /^fe|^00 0/.test(one))
    assert.deepEqual(ends, [
      '00 01 07 0a 00 00 00',
      'fe 00 00 0a 00',
      'fe 00 00 0a 00',
      'fe 00 00 02 00',
      'fe 00 00 02 00',
    ])
  })

  test('end with the first that is refused', async (t) => {
    const client = await inside(t, {}, login)
    const packets = await client.run(
      "SELECT 1; SELECT * FROM nowhere; INSERT INTO users_auth (id, hash) VALUES (7, 'a')",
    )
    assert.equal(packets.length, 6)
    assert.equal(refusalOf(packets[5])?.code, 15)
    assert.equal(client.core.users.key(1, '7'), '')
  })

  test('of which one can not be read do nothing at all', async (t) => {
    const client = await inside(t, {}, login)
    assert.match(
      textOf(await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'a'); SELEKT")),
      /^3: /,
    )
    assert.equal(client.core.users.key(1, '7'), '')
  })

  test('are not for clients that did not ask for them', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.run(inOne)), /^3: Syntax error in query: expected one statement/)
    assert.equal(client.core.users.key(1, '7'), '')
  })
})

describe('prepared statements', () => {
  test('tell their columns and parameters, and give rows in binary', async (t) => {
    const client = await inside(t)
    await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'seven'), (8, 'eight')")
    const prepared = await client.ask(prepare('SELECT id, hash FROM users_auth WHERE id IN (?, ?)'))
    assert.equal(noted(prepared[0] ?? hex('00')), '0c 00 00 01 00 01 00 00 00 02 00 02 00 00 00 00')
    assert.equal(prepared.length, 7)
    const packets = await client.ask(execute(1, '8', '7'))
    assert.equal(packets.length, 7)
    assert.deepEqual(binaryTexts(packets[4] ?? hex('00'), 2), ['8', 'eight'])
    assert.deepEqual(binaryTexts(packets[5] ?? hex('00'), 2), ['7', 'seven'])
  })

  test('that give no rows tell no columns', async (t) => {
    const client = await inside(t)
    const prepared = await client.ask(prepare('INSERT INTO users_auth (id, hash) VALUES (?, ?)'))
    assert.equal(noted(prepared[0] ?? hex('00')), '0c 00 00 01 00 01 00 00 00 00 00 02 00 00 00 00')
    assert.equal(prepared.length, 4)
    assert.equal(textOf(await client.ask(execute(1, '7', 'seven'))), '07 00 00 01 00 01 07 02 00 00 00')
    assert.equal(client.core.users.key(1, '7'), 'seven')
  })

  test('that are wrong are refused when they are prepared, and take no number', async (t) => {
    const client = await inside(t)
    assert.match(textOf(await client.ask(prepare('SELECT x FROM pipes'))), /^14: Not a specific column/)
    assert.match(textOf(await client.ask(prepare('SELEKT ?'))), /^3: /)
    assert.match(textOf(await client.ask(prepare('SELECT 1; SELECT 2'))), /^3: /)
    assert.equal((await client.ask(prepare('SELECT 1')))[0]?.readUInt32LE(5), 1)
  })

  test('take values as they are: quotes and backslashes in them mean nothing', async (t) => {
    const client = await inside(t)
    await client.ask(prepare('INSERT INTO users_data (id, data) VALUES (?, ?)'))
    const awkward = `it's "quoted" \\n '); DELETE FROM users_data`
    await client.ask(execute(1, '7', awkward))
    assert.equal(client.core.users.data(1, '7'), awkward)
  })

  test('publish what came in pieces, which are not answered', async (t) => {
    const client = await inside(t)
    await client.ask(prepare("INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', ?, ?)"))
    assert.deepEqual(await client.ask(longData(1, 1, 'first ')), [])
    assert.deepEqual(await client.ask(longData(1, 1, 'second')), [])
    const packet = command(0x17, hex("01 00 00 00 00 01 00 00 00 00 01 fd 00 fc 00 01 'e'"))
    assert.equal(textOf(await client.ask(packet)), OK)
    const [row] = await client.rows("SELECT event, message FROM pipes_messages WHERE name = 'log_a'")
    assert.deepEqual(row, ['e', 'first second'])
  })

  test('are closed without an answer and reset with one', async (t) => {
    const client = await inside(t)
    await client.ask(prepare('SELECT ?'))
    await client.ask(longData(1, 0, 'piece'))
    assert.equal(textOf(await client.ask(command(0x1a, hex('01 00 00 00')))), OK)
    assert.deepEqual(binaryTexts((await client.ask(execute(1, 'value')))[3] ?? hex('00'), 1), ['value'])
    assert.deepEqual(await client.ask(command(0x19, hex('01 00 00 00'))), [])
    assert.match(textOf(await client.ask(execute(1, 'value'))), /^15: There is no prepared statement 1/)
    assert.match(textOf(await client.ask(command(0x1a, hex('01 00 00 00')))), /^15: /)
  })

  test('of nothing can be executed', async (t) => {
    const client = await inside(t)
    await client.ask(prepare('-- nothing'))
    assert.equal(textOf(await client.ask(execute(1))), OK)
  })

  test('whose execution can not be read refuse it, and the connection lives', async (t) => {
    const client = await inside(t)
    await client.ask(prepare('SELECT ?'))
    const broken = [
      hex('01 00 00 00'),
      hex('01 00 00 00 00 01 00 00 00 00 01 fd 00 09 01'),
      hex('01 00 00 00 00 01 00 00 00 00 01 42 00'),
    ]
    for (const payload of broken) {
      assert.match(textOf(await client.ask(command(0x17, payload))), /^1835: Malformed packet: /)
    }
    assert.equal(textOf(await client.ask(PING)), OK)
  })

  test('are executed behind their preparation when both come together', async (t) => {
    const client = await inside(t)
    const text = "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', '', ?)"
    const packets = await client.ask(
      Buffer.concat([prepare(text), execute(1, 'one'), execute(1, 'two'), PING]),
    )
    assert.equal(packets.filter(isOk).length, 4)
    const rows = await client.rows("SELECT message FROM pipes_messages WHERE name = 'log_a'")
    assert.deepEqual(rows, [['one'], ['two']])
  })
})

describe('what a connection remembers', () => {
  test('is what the statement before did', async (t) => {
    const client = await inside(t)
    await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'a'), (8, 'b')")
    assert.deepEqual(await client.rows('SELECT ROW_COUNT()'), [['2']])
    assert.deepEqual(await client.rows('SELECT LAST_INSERT_ID()'), [['7']])
    await client.run('SELECT * FROM users_auth')
    assert.deepEqual(await client.rows('SELECT FOUND_ROWS()'), [['2']])
  })

  // It was forgotten by every statement that answered OK.
  test('is the id of the last INSERT that had one, whatever came behind it', async (t) => {
    const client = await inside(t)
    await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'a')")
    for (const text of [
      'COMMIT',
      'SET NAMES utf8mb4',
      'USE CometQL_v1',
      'SELECT * FROM users_auth',
      'SELEKT',
      "UPDATE users_auth SET hash = 'b' WHERE id = 7",
      'DELETE FROM users_auth WHERE id = 8',
      "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', '', '1')",
      "INSERT INTO users_auth (id, hash) VALUES (9, 'no-dash')",
    ]) {
      await client.run(text)
      await client.ask(PING)
      assert.deepEqual(await client.rows('SELECT LAST_INSERT_ID(), @@identity'), [['7', '7']], text)
    }
    await client.run("INSERT INTO users_data (id, data) VALUES (8, 'b')")
    assert.deepEqual(await client.rows('SELECT LAST_INSERT_ID()'), [['8']])
  })

  test('is its own', async (t) => {
    const core = localCore(t)
    const [one, other] = [cometqlTalk(core), cometqlTalk(core)]
    await one.login()
    await other.login()
    await one.ask(query('USE db_5'))
    await one.ask(prepare('SELECT 1'))
    assert.deepEqual(rowsOf(await other.ask(query('SHOW STATUS')))[1], ['id', '1'])
    assert.match(textOf(await other.ask(execute(1))), /^15: /)
  })
})
