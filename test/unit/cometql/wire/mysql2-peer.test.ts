/**
 * The codec against mysql2, a client that shares no code with it: what each writes, the other reads.
 *
 * Owns a peer of a few lines: it greets, logs in, and answers from a script, over a stream in memory. What a server does
 * between packets is no business of these tests.
 */
import assert from 'node:assert/strict'
import { type Duplex, duplexPair } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise'
import type { ResultColumn, Row } from '../../../../src/cometql/answer.ts'
import { queryFailure } from '../../../../src/cometql/query-failure.ts'
import type { Parameter } from '../../../../src/cometql/sql/values.ts'
import {
  writeBinaryRow,
  writeColumns,
  writeEof,
  writeFailure,
  writeOk,
  writePrepared,
  writeTextRow,
} from '../../../../src/cometql/wire/answers.ts'
import { status } from '../../../../src/cometql/wire/capabilities.ts'
import { charsetOfTexts } from '../../../../src/cometql/wire/charsets.ts'
import { type Command, readCommand } from '../../../../src/cometql/wire/commands.ts'
import {
  type LoginPacket,
  type PluginName,
  plugins,
  readChangeUser,
  readLogin,
  writeAuthSwitch,
  writeFastAuthOk,
  writeGreeting,
} from '../../../../src/cometql/wire/handshake.ts'
import { type Packet, PacketReader } from '../../../../src/cometql/wire/packet-reader.ts'
import { PacketWriter } from '../../../../src/cometql/wire/packet-writer.ts'
import { type ParameterTypes, readParameters } from '../../../../src/cometql/wire/parameters.ts'
import { isRightResponse, makeSalt } from '../../../../src/cometql/wire/passwords.ts'

const PASSWORD = 'pässwörd 🔑'

/** What the peer answers with: the columns and rows of every query and statement, and how many parameters it asks for. */
interface Script {
  readonly columns: readonly ResultColumn[]
  readonly rows: readonly Row[]
  readonly parameters: number
}

const NOTHING: Script = { columns: [], rows: [], parameters: 0 }

class Peer {
  readonly commands: Command[]
  readonly logins: LoginPacket[]
  readonly parameters: Parameter[][]
  script: Script
  readonly #stream: Duplex
  readonly #plugin: PluginName
  readonly #salt: Buffer
  readonly #writer: PacketWriter
  #types: ParameterTypes | null
  #isAsked: boolean

  /** @param plugin the one that counts; `greeting`: the one the greeting names */
  constructor(stream: Duplex, plugin: PluginName, greeting: PluginName = plugin) {
    this.commands = []
    this.logins = []
    this.parameters = []
    this.script = NOTHING
    this.#stream = stream
    this.#plugin = plugin
    this.#salt = makeSalt()
    this.#writer = new PacketWriter()
    this.#types = null
    this.#isAsked = false
    const reader = new PacketReader(2 ** 26)
    stream.on('data', (chunk: Buffer) => reader.push(chunk, (packet) => this.#take(packet)))
    const facts = { version: '5.7.0-peer', connectionId: 7, salt: this.#salt, hasTls: false }
    writeGreeting(this.#writer, { ...facts, plugin: greeting })
    this.#send()
  }

  #take({ payload, sequence }: Packet): boolean {
    const bytes = Buffer.from(payload ?? assert.fail('too large'))
    this.#writer.sequence = (sequence + 1) & 0xff
    if (this.logins.length === 0) this.#logIn(bytes)
    else if (this.#isAsked) this.#prove(bytes)
    else this.#answer(bytes)
    this.#send()
    return true
  }

  #logIn(bytes: Buffer): void {
    const login = readLogin(bytes)
    assert.equal(login.kind, 'login')
    if (login.kind !== 'login') return
    this.logins.push(login)
    this.#writer.textCharset = charsetOfTexts(login.charset)
    if (login.plugin === this.#plugin) this.#prove(login.response)
    else this.#ask()
  }

  #ask(): void {
    this.#isAsked = true
    writeAuthSwitch(this.#writer, this.#plugin, this.#salt)
  }

  #prove(response: Buffer): void {
    this.#isAsked = false
    if (!isRightResponse(this.#plugin, response, PASSWORD, this.#salt)) {
      writeFailure(this.#writer, queryFailure('authentication', 'Authentication failure'))
      return
    }
    if (this.#plugin === 'caching_sha2_password') writeFastAuthOk(this.#writer)
    this.#ok()
  }

  #answer(bytes: Buffer): void {
    const command = readCommand(bytes)
    this.commands.push(command)
    switch (command.kind) {
      case 'query':
        this.#rows((row) => writeTextRow(this.#writer, row))
        break
      case 'prepare': {
        const { columns, parameters } = this.script
        writePrepared(this.#writer, { id: 5, columns, parameters, status: status.autocommit })
        break
      }
      case 'execute':
        this.#readParameters(command.payload)
        this.#rows((row) => writeBinaryRow(this.#writer, row, this.script.columns))
        break
      case 'changeUser':
        this.logins.push(readChangeUser(bytes, this.logins[0]?.capabilities ?? 0))
        this.#ask()
        break
      case 'quit':
        this.#stream.end()
        break
      case 'closeStatement':
        break
      default:
        this.#ok()
    }
  }

  #rows(write: (row: Row) => void): void {
    const { columns, rows } = this.script
    if (columns.length === 0) {
      this.#ok()
      return
    }
    writeColumns(this.#writer, columns, status.autocommit)
    for (const row of rows) write(row)
    writeEof(this.#writer, status.autocommit)
  }

  #readParameters(payload: Buffer): void {
    const given = readParameters(payload, this.script.parameters, this.#types, new Map())
    this.#types = given.types
    this.parameters.push(given.parameters)
  }

  #ok(): void {
    writeOk(this.#writer, { affected: 3, insertId: 2 ** 40, status: status.autocommit })
  }

  /** Not at once: to a client, an answer never comes while it is still writing. */
  #send(): void {
    const bytes = this.#writer.take()
    if (bytes.length > 0) setImmediate(() => this.#stream.write(bytes))
  }
}

/** A client that is logged in, and the peer it talks to. */
async function connected(
  t: TestContext,
  plugin: PluginName = 'mysql_native_password',
  options: ConnectionOptions = {},
): Promise<{ client: Connection; peer: Peer }> {
  const [near, far] = duplexPair()
  const peer = new Peer(far, plugin)
  const client = await createConnection({ stream: near, user: '1', password: PASSWORD, ...options })
  t.after(() => client.end())
  return { client, peer }
}

const textsOf = (parameters: readonly Parameter[] | undefined) =>
  parameters?.map((parameter) => parameter?.toString() ?? null)

const kindsOf = (peer: Peer) => peer.commands.map(({ kind }) => kind)

describe('logins of mysql2', () => {
  for (const plugin of plugins) {
    test(`login with ${plugin} is understood and right`, async (t) => {
      const { peer } = await connected(t, plugin, { database: 'CometQL_v1' })
      const [login] = peer.logins
      assert.deepEqual([login?.user, login?.database, login?.plugin], ['1', 'CometQL_v1', plugin])
    })

    test(`login with a wrong password is refused by ${plugin}`, async (t) => {
      await assert.rejects(connected(t, plugin, { password: 'another' }), {
        errno: 16,
        sqlState: 'HY000',
        message: 'Authentication failure',
      })
    })

    test(`login without a password is refused by ${plugin}`, async (t) => {
      await assert.rejects(connected(t, plugin, { password: '' }), { errno: 16 })
    })

    test(`login is switched to ${plugin}`, async (t) => {
      const [near, far] = duplexPair()
      const other = plugins.find((name) => name !== plugin) ?? assert.fail('there is one plugin only')
      const peer = new Peer(far, plugin, other)
      const client = await createConnection({ stream: near, user: '1', password: PASSWORD })
      t.after(() => client.end())
      assert.deepEqual([peer.logins[0]?.plugin, peer.logins.length], [other, 1])
    })
  }

  test('change of user is understood', async (t) => {
    const { client, peer } = await connected(t)
    await client.changeUser({ user: 'two', password: PASSWORD, database: 'db_2' })
    const login = peer.logins[1]
    assert.deepEqual([login?.user, login?.database], ['two', 'db_2'])
  })
})

describe('answers to mysql2', () => {
  const columns = [
    { name: 'näme', type: 'text' },
    { name: 'count', type: 'integer' },
    { name: 'share', type: 'number' },
  ] as const
  const values = ['', 'short', 'it\'s \\ "quoted"\n😀', 'x'.repeat(250), 'y'.repeat(251), 'z'.repeat(70_000)]
  const rows = values.map((value, i) => [value, (-1) ** i * 3 ** (5 * i), i / 3] as const)
  const seen = rows.map(([value, count, share]) => ({ näme: value, count, share }))

  test('rows of a query are read by mysql2 as they were written', async (t) => {
    const { client, peer } = await connected(t)
    peer.script = { columns, rows, parameters: 0 }
    const [result] = await client.query('SELECT *')
    assert.deepEqual(result, seen)
    assert.deepEqual(peer.commands, [{ kind: 'query', text: Buffer.from('SELECT *') }])
  })

  test('rows of a prepared statement are read by mysql2 as they were written', async (t) => {
    const { client, peer } = await connected(t)
    peer.script = { columns, rows, parameters: 1 }
    const [result] = await client.execute('SELECT * WHERE name = ?', ['web_ü'])
    assert.deepEqual(result, seen)
    assert.deepEqual(textsOf(peer.parameters[0]), ['web_ü'])
  })

  test('many rows are read by mysql2, their sequence numbers past 255', async (t) => {
    const { client, peer } = await connected(t)
    const many = Array.from({ length: 1_000 }, (_, i) => [`row ${i}`, i, i / 2] as const)
    peer.script = { columns, rows: many, parameters: 0 }
    const [result] = await client.query('SELECT *')
    assert.deepEqual(
      result,
      many.map(([value, count, share]) => ({ näme: value, count, share })),
    )
  })

  test('OK is read by mysql2', async (t) => {
    const { client } = await connected(t)
    const [result] = await client.query('INSERT')
    const { affectedRows, insertId, serverStatus, warningStatus } = result as unknown as Record<
      string,
      number
    >
    assert.deepEqual([affectedRows, insertId, serverStatus, warningStatus], [3, 2 ** 40, 2, 0])
  })

  test('a value of more than 16 MB goes to mysql2 and comes back', async (t) => {
    const { client, peer } = await connected(t)
    const large = 'x'.repeat(0xffffff + 10)
    peer.script = { columns: [{ name: 'v', type: 'text' }], rows: [[large]], parameters: 0 }
    const [result] = await client.query(large)
    const [row] = result as { v: string }[]
    assert.ok(row?.v === large)
    const [command] = peer.commands
    assert.ok(command?.kind === 'query' && command.text.toString('latin1') === large)
  })
})

describe('commands of mysql2', () => {
  test('parameters of every kind that mysql2 sends are their texts', async (t) => {
    const { client, peer } = await connected(t)
    peer.script = { ...NOTHING, parameters: 8 }
    const date = new Date(2024, 1, 29, 12, 34, 56, 789)
    const given = ['', "it's 😀", 7, -1.5, true, null, Buffer.from([0x61, 0x00, 0x62]), { a: "'" }]
    await client.execute('INSERT', given)
    assert.deepEqual(textsOf(peer.parameters[0]), [
      '',
      "it's 😀",
      '7',
      '-1.5',
      '1',
      null,
      'a\0b',
      '{"a":"\'"}',
    ])
    peer.script = { ...NOTHING, parameters: 1 }
    await client.execute('INSERT another', [date])
    assert.match(textsOf(peer.parameters[1])?.[0] ?? '', /^2024-02-29 12:34:56(\.789000)?$/)
  })

  test('a statement is prepared once, executed twice and closed', async (t) => {
    const { client, peer } = await connected(t)
    peer.script = { ...NOTHING, parameters: 2 }
    const statement = await client.prepare('INSERT')
    await statement.execute(['a', 'b'])
    await statement.execute(['c', null])
    await statement.close()
    await client.ping()
    assert.deepEqual(peer.parameters.map(textsOf), [
      ['a', 'b'],
      ['c', null],
    ])
    assert.deepEqual(kindsOf(peer), ['prepare', 'execute', 'execute', 'closeStatement', 'ping'])
  })

  test('reset, ping and the end are understood', async (t) => {
    const { client, peer } = await connected(t)
    await client.ping()
    await client.reset()
    await client.end()
    assert.deepEqual(kindsOf(peer), ['ping', 'resetConnection', 'quit'])
  })
})
