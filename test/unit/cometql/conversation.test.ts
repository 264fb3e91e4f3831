/**
 * One MySQL connection as bytes in and packets out: how it begins, who comes in, how it ends.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { CodeName } from '../../../src/codes.ts'
import { createLoginThrottle } from '../../../src/cometql/login-throttle.ts'
import type { PluginName } from '../../../src/cometql/wire/handshake.ts'
import { responseFor } from '../../../src/cometql/wire/passwords.ts'
import { command, loginPacket, PING, QUIT, query } from '../../support/cometql-line.ts'
import { isOk, noted, refusalOf, rowsOf } from '../../support/cometql-packets.ts'
import { cometqlTalk, type Talk, type TalkOptions } from '../../support/cometql-talk.ts'
import { hex } from '../../support/hex.ts'
import { localCore } from '../../support/local-core.ts'
import { packet } from '../../support/mysql-bytes.ts'
import { until } from '../../support/until.ts'

const NATIVE: PluginName = 'mysql_native_password'
const SHA2: PluginName = 'caching_sha2_password'
const PASSWORD = 'secret'
/** ER_MALFORMED_PACKET */
const MALFORMED = 1835
const OK = '00 00 00 02 00 00 00'
/** A login of 32 bytes that wants TLS. */
const TLS_REQUEST = packet(1, hex('00 aa 08 00 00 00 00 01 21', '00'.repeat(23)))

function talkOf(t: TestContext, options: TalkOptions = {}): Talk {
  return cometqlTalk(localCore(t), options)
}

/** A client that is in. */
async function inside(t: TestContext, options: TalkOptions = {}): Promise<Talk> {
  const talk = talkOf(t, options)
  assert.deepEqual((await talk.login()).map(noted), [`07 00 00 02 ${OK}`])
  return talk
}

function refused(packets: readonly Buffer[], code: number, sequence: number): string {
  assert.equal(packets.length, 1, `${packets.length} packets`)
  const refusal = refusalOf(packets[0])
  assert.equal(refusal?.code, code, refusal?.text)
  assert.equal(packets[0]?.[3], sequence, 'sequence number')
  return refusal.text
}

/** Answers being asked again. */
function proof(talk: Talk, plugin: PluginName, sequence = 3, password = PASSWORD): Buffer {
  return packet(sequence, responseFor(plugin, password, talk.salt()))
}

describe('conversation begins', () => {
  test('with a greeting that names version, connection and plugin', (t) => {
    const talk = talkOf(t, { plugin: SHA2 })
    const [greeting = Buffer.alloc(0)] = talk.take()
    assert.equal(greeting[3], 0)
    assert.match(
      greeting.toString('latin1'),
      /^[\s\S]{4}\n5\.7\.0-encke-0\.3\.0\0,\0\0\0[\s\S]*\0caching_sha2_password\0$/,
    )
    assert.equal(talk.salt().length, 20)
  })

  test('with nothing when the client is to go at once', (t) => {
    const talk = talkOf(t)
    talk.take()
    talk.conversation.fail('CONNECTION_LIMIT', 'Too many')
    assert.match(refused(talk.take(), 1040, 1), /^Too many$/)
    assert.ok(talk.line.hasEnded)
  })

  for (const plugin of [NATIVE, SHA2]) {
    const fast = plugin === SHA2 ? ['02 00 00 02 01 03', `07 00 00 03 ${OK}`] : [`07 00 00 02 ${OK}`]

    test(`with a login by ${plugin}`, async (t) => {
      const talk = talkOf(t, { password: PASSWORD, plugin })
      assert.deepEqual((await talk.login({ plugin })).map(noted), fast)
      assert.ok(talk.conversation.isLoggedIn)
    })

    test(`with a wrong password by ${plugin}, and is over`, async (t) => {
      const talk = talkOf(t, { password: PASSWORD, plugin })
      refused(await talk.login({ plugin, password: 'wrong' }), 16, 2)
      assert.ok(talk.line.hasEnded)
      assert.ok(!talk.conversation.isLoggedIn)
      assert.deepEqual(await talk.ask(PING), [])
    })

    test(`with a login by ${plugin} where no password is asked for`, async (t) => {
      const talk = talkOf(t, { plugin })
      assert.deepEqual((await talk.login({ plugin })).map(noted), [`07 00 00 02 ${OK}`])
    })

    test(`with another try by ${plugin} for a client whose proof can not be checked`, async (t) => {
      const other = plugin === NATIVE ? SHA2 : NATIVE
      const talk = talkOf(t, { password: PASSWORD, plugin: other })
      talk.take()
      const fixed = hex('0d a2 08 00 00 00 00 01 21', '00'.repeat(23))
      const login = hex("'1' 00", "04 'none' 'CometQL_v1' 00", `'${other}' 00`)
      const [asked = Buffer.alloc(0)] = await talk.ask(packet(1, Buffer.concat([fixed, login])))
      assert.equal(asked[3], 2)
      assert.equal(asked.toString('latin1', 5, asked.indexOf(0, 5)), plugin)
      assert.equal(talk.salt().length, 20)
      const packets = (await talk.ask(proof(talk, plugin))).map(noted)
      assert.deepEqual(
        packets,
        plugin === SHA2 ? ['02 00 00 04 01 03', `07 00 00 05 ${OK}`] : [`07 00 00 04 ${OK}`],
      )
    })
  }

  test('with a refusal for a wrong answer to another try', async (t) => {
    const talk = talkOf(t, { password: PASSWORD })
    await talk.login({ plugin: 'other' as PluginName, password: '' })
    refused(await talk.ask(proof(talk, NATIVE, 3, 'wrong')), 16, 4)
    assert.ok(talk.line.hasEnded)
  })

  test('with a refusal for an address that guessed too often', async (t) => {
    const core = localCore(t)
    const throttle = createLoginThrottle(core.clock, 1)
    refused(await cometqlTalk(core, { password: PASSWORD, throttle }).login({ password: 'wrong' }), 16, 2)
    const words = refused(await cometqlTalk(core, { password: PASSWORD, throttle }).login(), 16, 2)
    assert.match(words, /too many wrong passwords/)
    core.clock.turn(60_000)
    assert.ok(isOk((await cometqlTalk(core, { password: PASSWORD, throttle }).login())[0] ?? hex('00')))
  })

  test('with a refusal for bytes that are no login', async (t) => {
    for (const payload of ['', '85 a6', '01 00 00 00', "03 'SELECT 1'", '85 a6 ff 01 00 00 00 01 21']) {
      const talk = talkOf(t)
      talk.take()
      assert.match(
        refused(await talk.ask(packet(1, hex(payload))), MALFORMED, 2),
        /^Malformed packet: /,
        payload,
      )
      assert.ok(talk.line.hasEnded)
    }
  })

  test('with a refusal for a login above 64 KB, of which nothing is held', async (t) => {
    const talk = talkOf(t)
    talk.take()
    talk.conversation.receive(packet(1, Buffer.alloc(0xfffff)))
    assert.match(refused(await talk.said(), MALFORMED, 2), /login of 1048575 bytes/)
  })
})

describe('TLS', () => {
  test('begins with what came behind the wish for it, and ends the plain talk', async (t) => {
    const talk = talkOf(t, { hasTls: true })
    talk.take()
    talk.conversation.receive(Buffer.concat([TLS_REQUEST, hex("16 03 01 'hello'")]))
    assert.equal(talk.line.tlsRest, null, 'not before the chunk is read')
    assert.deepEqual(await talk.said(), [])
    assert.deepEqual(talk.line.tlsRest, hex("16 03 01 'hello'"))
    assert.ok(!talk.line.hasEnded)
    const login = loginPacket(talk.salt(), {}, 2)
    assert.deepEqual((await talk.ask(login)).map(noted), [`07 00 00 03 ${OK}`])
  })

  test('that is not offered ends the conversation', async (t) => {
    const talk = talkOf(t)
    talk.take()
    assert.match(refused(await talk.ask(TLS_REQUEST), MALFORMED, 2), /TLS was asked for and not offered/)
    assert.equal(talk.line.tlsRest, null)
    assert.ok(talk.line.hasEnded)
  })

  test('does not begin a second time inside itself', async (t) => {
    const talk = talkOf(t, { hasTls: true })
    talk.take()
    await talk.ask(TLS_REQUEST)
    refused(await talk.ask(TLS_REQUEST), MALFORMED, 2)
    assert.ok(talk.line.hasEnded)
  })
})

describe('conversation goes on', () => {
  test('with answers in the order of commands that came together', async (t) => {
    const talk = await inside(t)
    const commands = [PING, query('SELECT 1'), PING, query('SELEKT'), PING]
    const packets = await talk.ask(Buffer.concat(commands))
    assert.deepEqual(
      packets.map((one) => one[3]),
      [1, 1, 2, 3, 4, 5, 1, 1, 1],
    )
  })

  test('with numbers of packets that follow the number of the command, and wrap', async (t) => {
    const talk = await inside(t)
    const packets = await talk.ask(packet(253, hex("03 'SELECT 1'")))
    assert.deepEqual(
      packets.map((one) => one[3]),
      [254, 255, 0, 1, 2],
    )
  })

  test('whatever the pieces its bytes come in', async (t) => {
    const talk = await inside(t)
    const bytes = Buffer.concat([PING, query("SELECT 'x'"), PING])
    const whole = await talk.ask(bytes)
    for (const byte of bytes) talk.conversation.receive(Buffer.from([byte]))
    assert.deepEqual(await talk.said(), whole)
  })

  test('in one write for the answers of one turn', async (t) => {
    const talk = await inside(t)
    const before = talk.line.writes.length
    await talk.ask(Buffer.concat(Array(50).fill(PING)))
    assert.ok(talk.line.writes.length - before <= 3, `${talk.line.writes.length - before} writes`)
  })

  test('with reading stopped while too much waits to be done, and begun again', async (t) => {
    const talk = await inside(t)
    await talk.ask(
      query(
        `INSERT INTO users_data (id, data) VALUES (1, '${'x'.repeat(60_000)}'), (2, '${'x'.repeat(60_000)}')`,
      ),
    )
    const free = talk.jam()
    talk.conversation.receive(query('SELECT * FROM users_data'))
    await turn()
    talk.conversation.receive(Buffer.concat(Array(250).fill(PING)))
    assert.ok(!talk.line.isPaused)
    talk.conversation.receive(Buffer.concat(Array(10).fill(PING)))
    assert.ok(talk.line.isPaused)
    free()
    await until(() => !talk.line.isPaused, { what: 'reading to go on' })
    const packets = await talk.said()
    assert.equal(packets.filter((one) => noted(one) === `07 00 00 01 ${OK}`).length, 260)
  })

  test('after a command above the bound, which is refused in its turn and not held', async (t) => {
    const talk = await inside(t, { maxQueryBytes: 1_024 })
    const most = query('x'.repeat(1_024))
    assert.match(refused(await talk.ask(most), 3, 1), /^Syntax error/)
    const packets = await talk.ask(Buffer.concat([PING, query('x'.repeat(1_025)), PING]))
    assert.deepEqual(
      packets.map((one) => refusalOf(one)?.text ?? 'OK'),
      ['OK', 'Data is too long: 1025 of at most 1024 bytes (cometqlMaxQueryBytes)', 'OK'],
    )
  })

  test('as another user, who is asked for a proof', async (t) => {
    const talk = await inside(t, { password: PASSWORD })
    const change = command(0x11, hex("'2' 00 00 'CometQL_v1' 00 21 00 'mysql_native_password' 00"))
    const [asked = Buffer.alloc(0)] = await talk.ask(change)
    assert.match(asked.toString('latin1', 4), /^\xfemysql_native_password\0/)
    assert.equal(asked[3], 1)
    assert.deepEqual((await talk.ask(proof(talk, NATIVE, 2))).map(noted), [`07 00 00 03 ${OK}`])
    const status = rowsOf(await talk.ask(query('SHOW STATUS')))
    assert.deepEqual(status[1], ['id', '2'])
    assert.deepEqual(rowsOf(await talk.ask(query('SELECT USER()'))), [['2@192.0.2.7']])
  })

  test('without prepared statements for another user', async (t) => {
    const talk = await inside(t)
    await talk.ask(command(0x16, Buffer.from('SELECT 1')))
    await talk.ask(command(0x11, hex("'1' 00 00 00 21 00 'mysql_native_password' 00")))
    assert.ok(isOk((await talk.ask(packet(2, Buffer.alloc(0))))[0] ?? hex('00')))
    const execute = command(0x17, hex('01 00 00 00 00 01 00 00 00'))
    assert.match(refused(await talk.ask(execute), 15, 1), /There is no prepared statement 1/)
  })
})

describe('conversation ends', () => {
  test('with COM_QUIT, without a word', async (t) => {
    const talk = await inside(t)
    assert.deepEqual(await talk.ask(QUIT), [])
    assert.ok(talk.line.hasEnded)
  })

  test('with COM_QUIT after what came before it, and nothing of what comes behind it', async (t) => {
    const talk = await inside(t)
    const insert = query("INSERT INTO users_auth (id, hash) VALUES (7, 'late')")
    const packets = await talk.ask(Buffer.concat([query('SELECT 1'), QUIT, insert, PING]))
    assert.deepEqual(rowsOf(packets), [['1']])
    assert.equal(packets.length, 5)
    assert.ok(talk.line.hasEnded)
  })

  test('when the client has closed its side, after the answers it is owed', async (t) => {
    const talk = await inside(t)
    talk.conversation.receive(Buffer.concat([query('SELECT 1'), PING]))
    talk.conversation.finishReading()
    assert.equal((await talk.said()).length, 6)
    assert.ok(talk.line.hasEnded)
  })

  test('at once when the client closes its side in the middle of a packet', async (t) => {
    const talk = await inside(t)
    talk.conversation.receive(query('SELECT 1').subarray(0, 7))
    talk.conversation.finishReading()
    assert.deepEqual(await talk.said(), [])
    assert.ok(talk.line.hasEnded)
  })

  test('with a client that has gone: nothing that waits is done', async (t) => {
    const core = localCore(t)
    const talk = cometqlTalk(core)
    await talk.login()
    const free = talk.jam()
    await core.users.setKeys(1, new Map(Array.from({ length: 20_000 }, (_, n) => [String(n + 1), 'hash'])))
    talk.conversation.receive(query('SELECT * FROM users_auth'))
    talk.conversation.receive(query("INSERT INTO users_auth (id, hash) VALUES (99999, 'late')"))
    await talk.said()
    talk.conversation.closed()
    free()
    await talk.said()
    assert.equal(core.users.key(1, '99999'), '')
    assert.deepEqual(await talk.ask(PING), [])
  })

  test('with a packet that can not be read, after the answers before it', async (t) => {
    const talk = await inside(t)
    const empty = packet(0, Buffer.alloc(0))
    const packets = await talk.ask(Buffer.concat([query('SELECT 1'), empty, PING]))
    assert.equal(packets.length, 6)
    assert.match(refused(packets.slice(5), MALFORMED, 1), /^Malformed packet: /)
    assert.ok(talk.line.hasEnded)
  })

  test('with a change of user before all answers were read', async (t) => {
    const talk = await inside(t)
    const change = command(0x11, hex("'2' 00 00 00 21 00"))
    const packets = await talk.ask(Buffer.concat([query('SELECT 1'), change]))
    assert.match(refused(packets.slice(5), MALFORMED, 1), /a change of user before all answers were read/)
    assert.ok(talk.line.hasEnded)
  })

  test('with a wrong password of another user', async (t) => {
    const talk = await inside(t, { password: PASSWORD })
    await talk.ask(command(0x11, hex("'2' 00 00 00 21 00 'mysql_native_password' 00")))
    refused(await talk.ask(proof(talk, NATIVE, 2, 'wrong')), 16, 3)
    assert.ok(talk.line.hasEnded)
  })

  const reasons: readonly (readonly [CodeName, number])[] = [
    ['DRAINING', 1053],
    ['IDLE_TIMEOUT', 4031],
  ]
  for (const [code, number] of reasons) {
    test(`from our side with ${code}, as the first packet of a new exchange`, async (t) => {
      const talk = await inside(t)
      await talk.ask(query('SELECT 1'))
      talk.conversation.fail(code, 'why')
      assert.equal(refused(await talk.said(), number, 0), 'why')
      assert.ok(talk.line.hasEnded)
    })
  }

  test('from our side after what is under way was answered', async (t) => {
    const talk = await inside(t)
    talk.conversation.receive(query('SELECT 1'))
    talk.conversation.fail('DRAINING', 'why')
    assert.ok(!talk.line.hasEnded)
    talk.conversation.receive(PING)
    const packets = await talk.said()
    assert.deepEqual(rowsOf(packets), [['1']])
    refused(packets.slice(5), 1053, 0)
    assert.ok(talk.line.hasEnded)
  })

  test('once, whatever else would end it', async (t) => {
    const talk = await inside(t)
    talk.conversation.fail('DRAINING', 'why')
    talk.conversation.fail('IDLE_TIMEOUT', 'no')
    talk.conversation.finishReading()
    refused(await talk.said(), 1053, 0)
  })

  test('with its failures counted', async (t) => {
    const counted: CodeName[] = []
    const observer = { commandFailed: (code: CodeName) => void counted.push(code) }
    const talk = await inside(t, { observer })
    await talk.ask(query('SELEKT'))
    await talk.ask(query('SELECT * FROM nowhere'))
    talk.conversation.fail('DRAINING', 'why')
    assert.deepEqual(counted, ['BAD_MESSAGE', 'NOT_FOUND', 'DRAINING'])
  })
})
