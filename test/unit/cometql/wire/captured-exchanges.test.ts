/**
 * Exchanges captured from a CppComet server: our reader understands the client's bytes, and our writer makes the
 * server's again, with the same sequence numbers.
 *
 * Owns only exchanges whose answers have not changed since; each line is one packet.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Row } from '../../../../src/cometql/answer.ts'
import { type QueryFailure, queryFailure } from '../../../../src/cometql/query-failure.ts'
import {
  writeColumns,
  writeEof,
  writeFailure,
  writeOk,
  writeTextRow,
} from '../../../../src/cometql/wire/answers.ts'
import { type Command, readCommand } from '../../../../src/cometql/wire/commands.ts'
import { type Packet, PacketReader } from '../../../../src/cometql/wire/packet-reader.ts'
import type { PacketWriter } from '../../../../src/cometql/wire/packet-writer.ts'
import { hex } from '../../../support/hex.ts'
import { written } from '../../../support/mysql-bytes.ts'

const AUTOCOMMIT = 2

interface Exchange {
  readonly asked: Command
  readonly client: string
  readonly answer: (writer: PacketWriter) => void
  readonly server: readonly string[]
}

const query = (text: string): Command => ({ kind: 'query', text: Buffer.from(text) })

function rows(names: readonly string[], all: readonly Row[]) {
  return (writer: PacketWriter) => {
    writeColumns(
      writer,
      names.map((name) => ({ name, type: 'text' as const })),
      AUTOCOMMIT,
    )
    for (const row of all) writeTextRow(writer, row)
    writeEof(writer, AUTOCOMMIT)
  }
}

const failure = (refused: QueryFailure) => (writer: PacketWriter) => writeFailure(writer, refused)

const exchanges: Readonly<Record<string, Exchange>> = {
  'SHOW TABLES': {
    asked: query('SHOW TABLES'),
    client: '0c 00 00 00 03 53 48 4f 57 20 54 41 42 4c 45 53',
    answer: rows(
      ['Tables'],
      [
        ['users_auth'],
        ['users_time'],
        ['users_messages'],
        ['pipes_messages'],
        ['users_in_pipes'],
        ['pipes'],
        ['pipes_settings'],
      ],
    ),
    server: [
      '01 00 00 01 01',
      '1c 00 00 02 03 64 65 66 00 00 00 06 54 61 62 6c 65 73 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '05 00 00 03 fe 00 00 02 00',
      '0b 00 00 04 0a 75 73 65 72 73 5f 61 75 74 68',
      '0b 00 00 05 0a 75 73 65 72 73 5f 74 69 6d 65',
      '0f 00 00 06 0e 75 73 65 72 73 5f 6d 65 73 73 61 67 65 73',
      '0f 00 00 07 0e 70 69 70 65 73 5f 6d 65 73 73 61 67 65 73',
      '0f 00 00 08 0e 75 73 65 72 73 5f 69 6e 5f 70 69 70 65 73',
      '06 00 00 09 05 70 69 70 65 73',
      '0f 00 00 0a 0e 70 69 70 65 73 5f 73 65 74 74 69 6e 67 73',
      '05 00 00 0b fe 00 00 02 00',
    ],
  },
  'DESCRIBE users_auth': {
    asked: query('DESCRIBE users_auth'),
    client: '14 00 00 00 03 44 45 53 43 52 49 42 45 20 75 73 65 72 73 5f 61 75 74 68',
    answer: rows(
      ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
      [
        ['id', 'int(11)', 'NO', 'PRI', '', ''],
        ['hash', 'varchar(32)', 'NO', '', '', ''],
      ],
    ),
    server: [
      '01 00 00 01 06',
      '1b 00 00 02 03 64 65 66 00 00 00 05 46 69 65 6c 64 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1a 00 00 03 03 64 65 66 00 00 00 04 54 79 70 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1a 00 00 04 03 64 65 66 00 00 00 04 4e 75 6c 6c 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '19 00 00 05 03 64 65 66 00 00 00 03 4b 65 79 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1d 00 00 06 03 64 65 66 00 00 00 07 44 65 66 61 75 6c 74 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1b 00 00 07 03 64 65 66 00 00 00 05 45 78 74 72 61 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '05 00 00 08 fe 00 00 02 00',
      '14 00 00 09 02 69 64 07 69 6e 74 28 31 31 29 02 4e 4f 03 50 52 49 00 00',
      '17 00 00 0a 04 68 61 73 68 0b 76 61 72 63 68 61 72 28 33 32 29 02 4e 4f 00 00 00',
      '05 00 00 0b fe 00 00 02 00',
    ],
  },
  'SELECT without rows': {
    asked: query('SELECT * FROM conference WHERE name = "x"'),
    client:
      '2a 00 00 00 03 53 45 4c 45 43 54 20 2a 20 46 52 4f 4d 20 63 6f 6e 66 65 72 65 6e 63 65 20 \'WHERE name = "x"\'',
    answer: rows(['name', 'user_id', 'caller_id', 'message', 'profile', 'stream', 'node'], []),
    server: [
      '01 00 00 01 07',
      '1a 00 00 02 03 64 65 66 00 00 00 04 6e 61 6d 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1d 00 00 03 03 64 65 66 00 00 00 07 75 73 65 72 5f 69 64 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1f 00 00 04 03 64 65 66 00 00 00 09 63 61 6c 6c 65 72 5f 69 64 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1d 00 00 05 03 64 65 66 00 00 00 07 6d 65 73 73 61 67 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1d 00 00 06 03 64 65 66 00 00 00 07 70 72 6f 66 69 6c 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1c 00 00 07 03 64 65 66 00 00 00 06 73 74 72 65 61 6d 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1a 00 00 08 03 64 65 66 00 00 00 04 6e 6f 64 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '05 00 00 09 fe 00 00 02 00',
      '05 00 00 0a fe 00 00 02 00',
    ],
  },
  'SELECT of one row': {
    asked: query('select * from users_time where id = 7'),
    client: "26 00 00 00 03 73 65 6c 65 63 74 20 2a 20 'from users_time where id = 7'",
    answer: rows(['id', 'time'], [['7', '1795324971']]),
    server: [
      '01 00 00 01 02',
      '18 00 00 02 03 64 65 66 00 00 00 02 69 64 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '1a 00 00 03 03 64 65 66 00 00 00 04 74 69 6d 65 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00',
      '05 00 00 04 fe 00 00 02 00',
      '0d 00 00 05 01 37 0a 31 37 39 35 33 32 34 39 37 31',
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  'a table that is not there': {
    asked: query('SELECT * FROM nosuchtable WHERE id = 1'),
    client: "27 00 00 00 03 53 45 4c 45 43 54 20 2a 20 'FROM nosuchtable WHERE id = 1'",
    answer: failure(queryFailure('notFound', "Table doesn't exist")),
    server: [
      '1c 00 00 01 ff 0f 00 23 48 59 30 30 30 54 61 62 6c 65 20 64 6f 65 73 6e 27 74 20 65 78 69 73 74',
    ],
  },
  'a query that is refused': {
    asked: query('SHOW TABLES'),
    client: '0c 00 00 00 03 53 48 4f 57 20 54 41 42 4c 45 53',
    answer: failure(queryFailure('accessDenied', 'Access denied')),
    server: ['16 00 00 01 ff 93 01 23 48 59 30 30 30 41 63 63 65 73 73 20 64 65 6e 69 65 64'],
  },
  'a database that is not there': {
    asked: { kind: 'initDb', database: 'nodb' },
    client: '05 00 00 00 02 6e 6f 64 62',
    answer: failure(queryFailure('notFound', 'Select database failure')),
    server: ["20 00 00 01 ff 0f 00 23 48 59 30 30 30 'Select database failure'"],
  },
  'fields of a table, none of them told': {
    asked: { kind: 'fieldList', table: 'users_auth' },
    client: '0c 00 00 00 04 75 73 65 72 73 5f 61 75 74 68 00',
    answer: (writer) => writeEof(writer, AUTOCOMMIT),
    server: ['05 00 00 01 fe 00 00 02 00'],
  },
}

/** Exactly one packet. */
function onlyPacket(bytes: Buffer): Packet {
  const packets: Packet[] = []
  new PacketReader(1_000).push(bytes, (packet) => packets.push(packet) > 0)
  assert.equal(packets.length, 1)
  return packets[0] ?? assert.fail('no packet')
}

function commandOf({ payload }: Packet): Command {
  return payload === null ? assert.fail('too large') : readCommand(payload)
}

describe('captured exchanges', () => {
  for (const [what, { asked, client, answer, server }] of Object.entries(exchanges)) {
    test(`exchange about ${what} is the same`, () => {
      const packet = onlyPacket(hex(client))
      assert.deepEqual(commandOf(packet), asked)
      assert.deepEqual(written(answer, packet.sequence + 1), hex(...server))
    })
  }

  test('exchange that ends with OK differs in the status only, whose bytes CppComet swaps', () => {
    const captured = hex('08 00 00 01 00 00 00 00 02 00 00 00')
    const ok = written((writer) => writeOk(writer, { affected: 0, insertId: 0, status: AUTOCOMMIT }))
    // One byte more comes at the end of the captured one; clients read no further than the warnings.
    assert.deepEqual(ok, hex('07 00 00 01 00 00 00 02 00 00 00'))
    assert.deepEqual(captured.subarray(3, 7), ok.subarray(3, 7))
  })

  test('two queries in one segment are two commands', () => {
    const [first, second] = [
      'SELECT * FROM pipes WHERE name = "web_one"',
      'SELECT * FROM users_time WHERE id = 77',
    ].map((text) => query(text))
    const segment = hex(
      '2b000000 03 \'SELECT * FROM pipes WHERE name = "web_one"\'',
      "27000000 03 'SELECT * FROM users_time WHERE id = 77'",
    )
    const commands: Command[] = []
    new PacketReader(1_000).push(segment, (packet) => commands.push(commandOf(packet)) > 0)
    assert.deepEqual(commands, [first, second])
  })
})
