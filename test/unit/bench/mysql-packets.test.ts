/**
 * Packets of the benchmark's MySQL client, as the node reads them, and the greeting, as the client does.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  executePacket,
  loginPacket,
  preparePacket,
  queryPacket,
  readAuthSwitch,
  readGreeting,
  readPrepared,
} from '../../../bench/support/mysql-packets.ts'
import { readCommand } from '../../../src/cometql/wire/commands.ts'
import { plugins, readLogin, writeAuthSwitch, writeGreeting } from '../../../src/cometql/wire/handshake.ts'
import { readParameters } from '../../../src/cometql/wire/parameters.ts'
import { isRightResponse, makeSalt } from '../../../src/cometql/wire/passwords.ts'
import { written } from '../../support/mysql-bytes.ts'

const headerBytes = 4
const payloadOf = (packet: Buffer) => packet.subarray(headerBytes)

for (const plugin of plugins) {
  test(`a greeting and a request for another way are read with their salt and ${plugin}`, () => {
    const salt = makeSalt()
    const greeting = { version: '5.7.0-encke', connectionId: 7, salt, plugin, hasTls: false }
    assert.deepEqual(readGreeting(payloadOf(written((writer) => writeGreeting(writer, greeting)))), {
      plugin,
      salt,
    })
    const again = written((writer) => writeAuthSwitch(writer, plugin, salt))
    assert.deepEqual(readAuthSwitch(payloadOf(again)), { plugin, salt })
  })

  test(`a login proves the password by ${plugin} as the node checks it`, () => {
    const salt = makeSalt()
    const packet = loginPacket('root', 'secret', { plugin, salt })
    assert.equal(packet[3], 1)
    const login = readLogin(payloadOf(packet))
    assert.ok(login.kind === 'login')
    assert.equal(login.user, 'root')
    assert.equal(login.plugin, plugin)
    assert.ok(isRightResponse(plugin, login.response, 'secret', salt))
    assert.ok(!isRightResponse(plugin, login.response, 'other', salt))
  })
}

test('readGreeting refuses a server that wants the password in a way that is not known', () => {
  const salt = makeSalt()
  const greeting = written((writer) =>
    writeGreeting(writer, { version: '8', connectionId: 1, salt, plugin: plugins[0], hasTls: false }),
  )
  const odd = Buffer.from(greeting.toString('latin1').replace('native', 'oddest'), 'latin1')
  assert.throws(() => readGreeting(payloadOf(odd)), /mysql_oddest_password/)
})

test('commands carry their text as it is and begin a sequence', () => {
  for (const [packet, kind] of [
    [queryPacket('SELECT "ä"'), 'query'],
    [preparePacket('SELECT "ä"'), 'prepare'],
  ] as const) {
    assert.equal(packet[3], 0)
    const command = readCommand(payloadOf(packet))
    assert.ok(command.kind === kind)
    assert.equal(command.text.toString(), 'SELECT "ä"')
  }
})

test('executePacket gives a statement its values as texts', () => {
  for (const values of [[], ['web_bench'], Array.from({ length: 9 }, (_, at) => 'ü'.repeat(at * 200))]) {
    const payload = payloadOf(executePacket(7, values))
    const command = readCommand(payload)
    assert.ok(command.kind === 'execute')
    assert.equal(command.id, 7)
    const { parameters } = readParameters(payload, values.length, null, new Map())
    assert.deepEqual(
      parameters.map((value) => value?.toString()),
      values,
    )
  }
})

test('readPrepared tells how many packets follow: definitions of both kinds, and what ends them', () => {
  for (const [columns, parameters, packetsToCome] of [
    [0, 0, 0],
    [0, 3, 4],
    [2, 0, 3],
    [2, 3, 7],
  ] as const) {
    const payload = Buffer.from([0, 5, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0])
    assert.deepEqual(readPrepared(payload), { id: 5, packetsToCome })
  }
})
