/**
 * Any bytes, and nearly right ones, for everything that reads the wire: a value made of what was sent, or
 * MalformedPacket.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCommand } from '../../../../src/cometql/wire/commands.ts'
import { FieldReader, MalformedPacket } from '../../../../src/cometql/wire/fields.ts'
import { readChangeUser, readLogin } from '../../../../src/cometql/wire/handshake.ts'
import { PacketReader } from '../../../../src/cometql/wire/packet-reader.ts'
import { type ParameterTypes, readParameters } from '../../../../src/cometql/wire/parameters.ts'
import { eachCase } from '../../../support/cases.ts'
import { hex } from '../../../support/hex.ts'
import { mutate } from '../../../support/mutate.ts'
import { login, packet } from '../../../support/mysql-bytes.ts'
import type { Random } from '../../../support/seed.ts'

const CASES = 20_000

/** A number as text may be longer than its bytes, but never than this. */
const LONGEST_NUMBER_LETTERS = 30

const logins: readonly Buffer[] = [
  { capabilities: '0da20800', response: `14 ${'5a'.repeat(20)}`, tail: "'db' 00 'mysql_native_password' 00" },
  { capabilities: '0d8a3800', tail: "'db' 00 'plugin' 00 08 01 'a' 01 'b' 01 'c' 01 'd'" },
  { capabilities: '00823800', response: `fc 2c01 ${'61'.repeat(300)}` },
  { capabilities: '08020000', response: "'old' 00", tail: "'db' 00" },
].map(login)

const changes: readonly Buffer[] = [
  hex("11 'two' 00 05 'proof' 'db_2' 00 2d00 'caching_sha2_password' 00 04 01 'a' 01 'b'"),
  hex("11 'old' 00 'proof' 00 'db' 00"),
]

const commands: readonly Buffer[] = [
  hex("03 'SELECT * FROM pipes'"),
  hex("02 'CometQL_v1'"),
  hex("04 'users_auth' 00"),
  hex("18 01000000 0200 'piece'"),
  hex('1b 0100'),
  hex('1c 01000000 0a000000'),
]

const HEAD = '17 01000000 00 01000000'
const executions: readonly Buffer[] = [
  hex(
    HEAD,
    "00 01 fd00 0300 0c00 0b00 0800 02 'ab' 01000000 07 e807021d0c2238 08 0000000000010203",
    '01'.repeat(8),
  ),
  hex(HEAD, '1f 01 fd00 0300 0c00 0b00 0800'),
  hex(HEAD, '00 01 0400 0500 0180 0d80 0600', '01'.repeat(15)),
  hex(HEAD, "00 00 fc 0300 'abc' 02 'cd' 00 00 00"),
]
const COUNT = 5
const KNOWN: ParameterTypes = { codes: Uint16Array.from([0xfd, 0xfd, 0xfd, 0xfd, 0xfd]) }

/** Of three cases one has nothing right about it. */
function nearly(samples: readonly Buffer[], random: Random): Buffer {
  const sample = samples[random.below(samples.length)] ?? Buffer.alloc(0)
  return random.below(3) === 0 ? random.bytes(random.below(60)) : mutate(sample, random)
}

/** What a reader made of the bytes; null = it refused them. Any other error fails. */
function read<T>(run: () => T): T | null {
  try {
    return run()
  } catch (error) {
    assert.ok(error instanceof MalformedPacket, error instanceof Error ? error.stack : String(error))
    assert.ok(error.message.length < 120, error.message)
    return null
  }
}

/** Both outcomes have to be frequent, or the cases show little. */
async function eachNearly(samples: readonly Buffer[], use: (bytes: Buffer, random: Random) => boolean) {
  let taken = 0
  await eachCase(CASES, (random) => {
    if (use(nearly(samples, random), random)) taken++
  })
  assert.ok(taken > CASES / 20 && taken < (CASES * 19) / 20, `took ${taken} of ${CASES}`)
}

test('logins of any bytes are read or refused', async () => {
  await eachNearly(logins, (bytes) => {
    const first = read(() => readLogin(bytes))
    if (first?.kind === 'login') {
      const { user, response, database, plugin } = first
      const letters = user.length + response.length + database.length + plugin.length
      assert.ok(letters <= bytes.length, 'more than was sent')
    }
    return first !== null
  })
})

test('changes of user of any bytes are read or refused', async () => {
  await eachNearly(changes, (bytes, random) => {
    const flags = random.pick([0x0038_820f, 0x0008_8200, 0x200])
    const change = read(() => readChangeUser(bytes, flags))
    assert.ok(change === null || change.user.length + change.response.length <= bytes.length)
    return change !== null
  })
})

test('commands of any bytes are read or refused', async () => {
  await eachNearly(commands, (bytes) => {
    const command = read(() => readCommand(bytes))
    if (command?.kind === 'query') assert.equal(command.text.length, bytes.length - 1)
    if (command?.kind === 'longData') assert.equal(command.bytes.length, bytes.length - 7)
    return command !== null && command.kind !== 'unknown'
  })
})

test('parameters of any bytes are read or refused', async () => {
  await eachNearly(executions, (bytes, random) => {
    const known = random.below(2) === 0 ? KNOWN : null
    const longData = new Map(random.below(4) === 0 ? [[random.below(8), Buffer.from('long')]] : [])
    const result = read(() => readParameters(bytes, COUNT, known, longData))
    if (result === null) return false
    assert.equal(result.parameters.length, COUNT)
    const sent = bytes.length + COUNT * LONGEST_NUMBER_LETTERS
    const given = result.parameters.map((parameter) => parameter?.length ?? 0)
    assert.ok(given.reduce((sum, length) => sum + length) <= sent, 'more than was sent')
    return true
  })
})

test('parameters in any number are read or refused', async () => {
  await eachCase(CASES, (random) => {
    const count = 1 + random.below(random.pick([5, 50, 70_000]))
    const bytes = nearly(executions, random)
    const result = read(() => readParameters(bytes, count, null, new Map()))
    assert.ok(result === null || result.parameters.length === count)
  })
})

test('fields of any bytes are read within their bounds or refused', async () => {
  await eachCase(CASES, (random) => {
    // What lies behind the bytes must never come out.
    const whole = Buffer.alloc(80, 0x53)
    const bytes = whole.subarray(0, random.below(40))
    random
      .bytes(bytes.length)
      .map((byte) => byte | 0x80)
      .forEach((byte, i) => {
        bytes[i] = byte
      })
    const reader = new FieldReader(bytes)
    while (reader.left > 0) {
      const field = read(() => readField(reader, random))
      if (field === null) break
      assert.ok(!field.includes(0x53), 'bytes of behind the packet')
    }
    assert.ok(reader.at <= bytes.length)
  })
})

test('packets of any bytes come out the same in any pieces, and none beyond the bound', async () => {
  await eachCase(CASES / 4, (random) => {
    const stream = anyStream(random)
    const maxBytes = random.below(30)
    assert.deepEqual(packetsOf([stream], maxBytes), packetsOf(pieces(stream, random), maxBytes))
  })
})

function readField(reader: FieldReader, random: Random): Buffer {
  switch (random.below(5)) {
    case 0:
      return reader.bytes(random.below(50))
    case 1:
      return reader.zeroTerminated()
    case 2:
      return reader.lenencBytes() ?? Buffer.alloc(0)
    case 3:
      return reader.restBytes()
    default:
      reader.int32()
      return Buffer.alloc(0)
  }
}

/** Packets, some of them mutated, and bytes at random behind them. */
function anyStream(random: Random): Buffer {
  const packets = Array.from({ length: random.below(8) }, (_, i) => packet(i, random.bytes(random.below(40))))
  const stream = Buffer.concat([...packets, random.bytes(random.below(10))])
  return random.below(2) === 0 ? stream : mutate(stream, random)
}

function pieces(stream: Buffer, random: Random): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + random.below(12)
    found.push(stream.subarray(at, end))
    at = end
  }
  return found
}

function packetsOf(chunks: readonly Buffer[], maxBytes: number) {
  const reader = new PacketReader(maxBytes)
  const packets: unknown[] = []
  for (const chunk of chunks) {
    reader.push(chunk, ({ payload, head, bytes, sequence }) => {
      assert.equal(payload === null, bytes > maxBytes)
      packets.push([payload?.toString('hex') ?? null, head.toString('hex'), bytes, sequence])
      return true
    })
  }
  return packets
}
