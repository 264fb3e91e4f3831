/**
 * Tests of src/cometql/wire/commands.ts: every command by its bytes, as MySQL's documentation and captures have them.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Command, readCommand } from '../../../../src/cometql/wire/commands.ts'
import { MalformedPacket } from '../../../../src/cometql/wire/fields.ts'
import { hex } from '../../../support/hex.ts'

const refuses = (payload: string, message: RegExp) =>
  assert.throws(
    () => readCommand(hex(payload)),
    (error) => error instanceof MalformedPacket && message.test(error.message),
  )

describe('commands', () => {
  const commands: Readonly<Record<string, Command>> = {
    '01': { kind: 'quit' },
    '02 43 6f 6d 65 74 51 4c 5f 76 31': { kind: 'initDb', database: 'CometQL_v1' },
    "02 'dźb'": { kind: 'initDb', database: 'dźb' },
    '02': { kind: 'initDb', database: '' },
    '03 53 48 4f 57 20 54 41 42 4c 45 53': { kind: 'query', text: Buffer.from('SHOW TABLES') },
    '03': { kind: 'query', text: Buffer.alloc(0) },
    '04 75 73 65 72 73 5f 61 75 74 68 00': { kind: 'fieldList', table: 'users_auth' },
    "04 'pipes' 00 'na%'": { kind: 'fieldList', table: 'pipes' },
    "04 'pipes'": { kind: 'fieldList', table: 'pipes' },
    '09': { kind: 'statistics' },
    '0a': { kind: 'processInfo' },
    '0e': { kind: 'ping' },
    "11 'user' 00 00": { kind: 'changeUser' },
    '16 53 45 4c 45 43 54 20 31': { kind: 'prepare', text: Buffer.from('SELECT 1') },
    "18 01000000 0200 'piece'": { kind: 'longData', id: 1, parameter: 2, bytes: Buffer.from('piece') },
    '18 ffffffff ffff': { kind: 'longData', id: 0xffffffff, parameter: 0xffff, bytes: Buffer.alloc(0) },
    '19 04030201': { kind: 'closeStatement', id: 0x01020304 },
    '1a 01000000': { kind: 'resetStatement', id: 1 },
    '1b 0000': { kind: 'setOption', multiStatements: true },
    '1b 0100': { kind: 'setOption', multiStatements: false },
    '1c 01000000 0a000000': { kind: 'fetch', id: 1 },
    '1f': { kind: 'resetConnection' },
  }
  for (const [payload, command] of Object.entries(commands)) {
    test(`command ${payload} is ${command.kind}`, () => {
      assert.deepEqual(readCommand(hex(payload)), command)
    })
  }

  test('command to execute hands on the whole packet', () => {
    const payload = hex('17 01000000 00 01000000')
    const command = readCommand(payload)
    assert.ok(command.kind === 'execute' && command.payload === payload)
    assert.equal(command.id, 1)
  })

  test('command to query gives a view, not a copy', () => {
    const payload = hex("03 'abc'")
    const command = readCommand(payload)
    payload.fill('z')
    assert.deepEqual(command, { kind: 'query', text: Buffer.from('zzz') })
  })

  test('command of any other number is unknown, with its number', () => {
    const known = Object.keys(commands).map((payload) => hex(payload)[0])
    const execute = 0x17
    for (let code = 0; code < 256; code++) {
      if (known.includes(code) || code === execute) continue
      assert.deepEqual(readCommand(Buffer.from([code, 1, 2, 3])), { kind: 'unknown', code })
    }
  })

  test('command ends where it ends: bytes behind it mean nothing', () => {
    assert.deepEqual(readCommand(hex('0e ff ff')), { kind: 'ping' })
    assert.deepEqual(readCommand(hex('1b 0000 ff')), { kind: 'setOption', multiStatements: true })
    assert.deepEqual(readCommand(hex('19 01000000 ff')), { kind: 'closeStatement', id: 1 })
  })
})

describe('broken commands', () => {
  test('command of no bytes is refused', () => {
    refuses('', /^Cannot read a byte at byte 0: the packet has 0 bytes$/)
  })

  for (const payload of [
    '17',
    '17 010000',
    '18 01000000',
    '18 010000',
    '19 0100',
    '1a',
    '1b 00',
    '1c 010000',
  ]) {
    test(`command ${payload} is refused: it ends too early`, () => {
      refuses(payload, /^Cannot read a \d-byte integer at byte \d/)
    })
  }

  test('command to set an option that is not known is refused', () => {
    refuses('1b 0200', /^There is no option 2 to set$/)
  })
})
