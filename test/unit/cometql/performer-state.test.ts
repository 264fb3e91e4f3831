/**
 * What a connection goes on with from one statement to the next: the database that says whose rows are meant, and what its
 * client is told of transactions.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Client, execute, inside, prepare, textOf } from '../../support/cometql-client.ts'
import { command, MULTI, PING } from '../../support/cometql-line.ts'
import { refusalOf } from '../../support/cometql-packets.ts'
import { hex } from '../../support/hex.ts'
import { packet } from '../../support/mysql-bytes.ts'

const OK = '07 00 00 01 00 00 00 02 00 00 00'

describe('databases', () => {
  // It used to leave the tenant as it was, so a pool that lent a connection on could write to another one's.
  test('CometQL_v1 is of the user, whatever was chosen before', async (t) => {
    const client = await inside(t, {}, { user: '16' })
    await client.run("INSERT INTO users_auth (id, hash) VALUES (7, 'of16')")
    await client.run("INSERT INTO db_15.users_auth (id, hash) VALUES (7, 'of15')")
    for (const query of ['USE db_15', 'cometqlcluster_v1 set dev_id=15', 'USE information_schema']) {
      await client.run(query)
      assert.deepEqual(await client.rows('SELECT hash FROM CometQL_v1.users_auth'), [['of16']], query)
      assert.deepEqual(await client.rows('SELECT hash FROM db_15.users_auth'), [['of15']], query)
      await client.run('USE CometQL_v1')
      assert.deepEqual(await client.rows('SELECT hash FROM users_auth'), [['of16']], query)
      assert.deepEqual(await client.rows('SELECT DATABASE()'), [['CometQL_v1']])
    }
    await client.run('USE db_15')
    assert.deepEqual(await client.rows('SELECT hash FROM users_auth'), [['of15']])
    await client.run('DELETE FROM cometql_v1.users_auth WHERE id = 7')
    assert.deepEqual(await client.rows('SELECT hash FROM users_auth'), [['of15']])
    assert.deepEqual(await client.rows('SELECT hash FROM db_16.users_auth'), [])
  })

  test('CometQL_v1 is of the user, though the login chose another', async (t) => {
    const client = await inside(t, {}, { user: '16', database: 'db_15' })
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '15'])
    await client.run('USE CometQL_v1')
    assert.deepEqual((await client.rows('SHOW STATUS'))[1], ['id', '16'])
  })

  test('prefix of a cluster chooses the database of its tenant', async (t) => {
    const client = await inside(t)
    for (const before of ['USE db_3', 'USE information_schema', 'USE CometQL_v1']) {
      await client.run(before)
      const query = 'cometqlcluster_v1 set dev_id=15; SELECT DATABASE()'
      assert.deepEqual(await client.rows(query), [['db_15']], before)
      assert.deepEqual(await client.rows('SELECT COUNT(*) FROM users_auth'), [['0']])
    }
    await client.ask(prepare('cometqlcluster_v1 set dev_id=9; SELECT DATABASE()'))
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['db_15']], 'it is only prepared')
    await client.ask(execute(1))
    assert.deepEqual(await client.rows('SELECT DATABASE()'), [['db_9']])
  })
})

describe('transactions', () => {
  const INSERT = "INSERT INTO users_auth (id, hash) VALUES (7, 'a')"

  /** The status that an OK packet tells: 1 = in a transaction, 2 = autocommit. */
  async function statusAfter(client: Client, text: string): Promise<number> {
    const packets = await client.run(text)
    assert.deepEqual([packets.length, refusalOf(packets[0])], [1, null], text)
    return packets.at(-1)?.at(-4) ?? -1
  }

  /** The status that the end of a result tells. */
  async function statusOfRows(client: Client, text: string): Promise<number> {
    return (await client.run(text)).at(-1)?.at(-2) ?? -1
  }

  test('begin and end in the status alone', async (t) => {
    const client = await inside(t)
    const open = '07 00 00 01 00 00 00 03 00 00 00'
    assert.equal(textOf(await client.run('BEGIN')), open)
    assert.equal(textOf(await client.ask(PING)), open)
    assert.equal(textOf(await client.run('COMMIT')), OK)
    assert.equal(textOf(await client.run('START TRANSACTION')), open)
    assert.equal(textOf(await client.ask(command(0x1f))), OK)
  })

  // As MariaDB tells it; PDO's commit() asks for this bit and throws without it.
  test('begin by themselves without autocommit, with what reads or writes rows', async (t) => {
    const client = await inside(t)
    assert.equal(await statusAfter(client, 'SET autocommit=0'), 0)
    assert.equal(await statusOfRows(client, 'SELECT 1'), 0)
    assert.equal(await statusOfRows(client, 'SHOW TABLES'), 0)
    assert.equal(await statusOfRows(client, 'SELECT COUNT(*) FROM information_schema.tables'), 0)
    assert.match(textOf(await client.run('SELECT * FROM nowhere')), /^15: /)
    assert.equal(await statusAfter(client, 'COMMIT'), 0)
    assert.equal(await statusOfRows(client, 'SELECT * FROM users_auth'), 1)
    assert.equal(await statusOfRows(client, 'SELECT 1'), 1)
    assert.equal(await statusAfter(client, 'ROLLBACK'), 0)
    const publish = "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', '', '1')"
    const update = "UPDATE users_auth SET hash = 'b' WHERE id = 7"
    for (const write of [INSERT, publish, update, 'DELETE FROM users_auth WHERE id = 99']) {
      assert.equal(await statusAfter(client, write), 1, write)
      assert.equal(await statusAfter(client, 'COMMIT'), 0, write)
    }
  })

  test('begin with the execution of a prepared statement, not with its preparation', async (t) => {
    const client = await inside(t)
    await client.run('SET autocommit=0')
    await client.ask(prepare('SELECT * FROM users_auth'))
    assert.equal(await statusOfRows(client, 'SELECT 1'), 0)
    await client.ask(execute(1))
    assert.equal(await statusOfRows(client, 'SELECT 1'), 1)
  })

  test('end when autocommit comes back, and go on when it goes', async (t) => {
    const client = await inside(t)
    const steps: readonly (readonly [text: string, status: number])[] = [
      ['BEGIN', 3],
      ['SET autocommit=1', 3],
      ['SET autocommit=0', 1],
      ['SET autocommit=1', 2],
      ['SET SESSION autocommit = OFF', 0],
      [INSERT, 1],
      ['SET NAMES utf8mb4, @@autocommit = ON', 2],
      [INSERT, 2],
    ]
    for (const [text, status] of steps) assert.equal(await statusAfter(client, text), status, text)
  })

  test('follow each other where they are chained', async (t) => {
    const client = await inside(t)
    for (const [text, status] of [
      ['BEGIN', 3],
      ['COMMIT AND CHAIN', 3],
      ['ROLLBACK AND CHAIN', 3],
      ['COMMIT', 2],
      ['SET autocommit=0', 0],
      ['COMMIT AND CHAIN', 1],
      ['ROLLBACK', 0],
    ] as const) {
      assert.equal(await statusAfter(client, text), status, text)
    }
  })

  test('are over when the connection is reset or given to another user, and autocommit is on', async (t) => {
    const client = await inside(t)
    for (const begin of ['BEGIN', 'SET autocommit=0']) {
      await client.run(begin)
      await client.run(INSERT)
      assert.equal(textOf(await client.ask(command(0x1f))), OK, begin)
      assert.deepEqual(await client.rows('SELECT @@autocommit'), [['1']])
      await client.run(begin)
      await client.run(INSERT)
      await client.ask(command(0x11, hex("'2' 00 00 'CometQL_v1' 00 21 00 'mysql_native_password' 00")))
      await client.ask(packet(3, hex('')))
      assert.equal(textOf(await client.ask(PING)), OK, begin)
      assert.deepEqual(await client.rows('SELECT @@autocommit'), [['1']])
    }
  })

  test('are asked for by @@autocommit as well', async (t) => {
    const client = await inside(t)
    await client.run('SET autocommit=0')
    assert.deepEqual(await client.rows('SELECT @@autocommit, @@session.AUTOCOMMIT'), [['0', '0']])
    await client.run('SET @@session.autocommit=1')
    assert.deepEqual(await client.rows('SELECT @@autocommit'), [['1']])
  })

  test('are told in every answer of several statements', async (t) => {
    const client = await inside(t, {}, { capabilities: MULTI })
    const packets = await client.run(`SET autocommit=0; ${INSERT}; COMMIT`)
    assert.deepEqual(
      packets.map((one) => one.at(-4)),
      [8, 9, 0],
    )
  })
})
