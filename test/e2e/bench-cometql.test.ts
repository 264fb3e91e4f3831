/**
 * The benchmark's MySQL clients against a server that answers well, in shreds, or wrongly, and against a node; and the whole
 * scenario, as small as it gets.
 *
 * Real processes and sockets. The scenario measures the node in dist/, as the bench always does: build first. Shows that
 * the books are right and every figure is there; what the figures are is no matter.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { readMoment } from '../../bench/support/cpu-window.ts'
import { MysqlClient } from '../../bench/support/mysql-client.ts'
import { runInserts } from '../../bench/support/mysql-inserts.ts'
import { MysqlLoad, type MysqlLoadFlags } from '../../bench/support/mysql-load.ts'
import { runSelects } from '../../bench/support/mysql-selects.ts'
import { readMetric } from '../../bench/support/node-metrics.ts'
import { enckeProgram } from '../../bench/support/paths.ts'
import { queryFailure } from '../../src/cometql/query-failure.ts'
import {
  writeBinaryRow,
  writeColumns,
  writeEof,
  writeFailure,
  writeOk,
  writePrepared,
  writeTextRow,
} from '../../src/cometql/wire/answers.ts'
import { readCommand } from '../../src/cometql/wire/commands.ts'
import {
  type PluginName,
  plugins,
  readLogin,
  writeAuthSwitch,
  writeFastAuthOk,
  writeGreeting,
} from '../../src/cometql/wire/handshake.ts'
import { PacketReader } from '../../src/cometql/wire/packet-reader.ts'
import { PacketWriter } from '../../src/cometql/wire/packet-writer.ts'
import { isRightResponse, makeSalt } from '../../src/cometql/wire/passwords.ts'
import { runCommand, startNode } from '../support/node.ts'

const password = 'secret'
const pipe = 'web_bench'
const connections = 3
const statementId = 7
const status = 2
const columns = [
  { name: 'id', type: 'text' },
  { name: 'hash', type: 'text' },
] as const
const moment = () => readMoment(process.pid, -1)
/** Answers that come in any case are waited for as long as it takes. */
const times = { warmUpMs: 30, measuredMs: 120, patienceMs: 15_000 }
/** For what has to happen while it is measured: the machine may stand still for a part of that. */
const LONG_MS = 3_000
/** A machine that stands still for all of what is measured has measured nothing: it is done again. */
const RUNS = 3
const insertOrder = { connections, isPrepared: false, pipe, dataBytes: 128, window: 8, ...times }
const selectOrder = {
  connections,
  isPrepared: false,
  text: 'SELECT * FROM users_auth',
  bytesPerSecond: 0,
  ...times,
}

type Reply = 'well' | 'refusal' | 'nothing' | 'end'

interface Behaviour {
  /** Everything is written in pieces of so many bytes, each in a turn of its own. */
  readonly pieceBytes?: number
  /** How the password is asked for first, and in the end. */
  readonly plugins?: readonly [PluginName, PluginName]
  /** What becomes of a command that runs a statement, by its number from 0 on its connection. */
  readonly reply?: (number: number) => Reply
  readonly rows?: number
}

interface FakeServer {
  readonly port: number
  /** Statements that were run, whatever the answer. */
  statements(): number
}

/** A MySQL server that lives as long as the test: rows for a SELECT, OK for anything else. */
async function startFakeServer(t: TestContext, behaviour: Behaviour): Promise<FakeServer> {
  const { pieceBytes = 100_000, reply = () => 'well', rows = 3 } = behaviour
  const [asked, wanted] = behaviour.plugins ?? [plugins[0], plugins[0]]
  const sockets = new Set<Socket>()
  let statements = 0

  function serve(socket: Socket): void {
    const writer = new PacketWriter()
    const reader = new PacketReader(65_536)
    const salt = makeSalt()
    let phase: 'greeted' | 'asked again' | 'in' = 'greeted'
    let prepared = ''
    let run = 0
    let last = Promise.resolve()

    const flush = () => {
      const bytes = writer.take()
      last = last.then(async () => {
        for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
          socket.write(bytes.subarray(at, at + pieceBytes))
          await turn()
        }
      })
    }
    const logIn = (response: Buffer, plugin: PluginName) => {
      if (!isRightResponse(plugin, response, password, salt))
        return writeFailure(writer, queryFailure('authentication', 'Wrong password'))
      phase = 'in'
      if (plugin === 'caching_sha2_password') writeFastAuthOk(writer)
      writeOk(writer, { affected: 0, insertId: 0, status })
    }
    const takeLogin = (payload: Buffer) => {
      const packet = readLogin(payload)
      assert.ok(packet.kind === 'login')
      assert.equal(packet.plugin, asked)
      if (asked === wanted) return logIn(packet.response, wanted)
      phase = 'asked again'
      writeAuthSwitch(writer, wanted, salt)
    }
    const answer = (text: string, isBinary: boolean) => {
      statements++
      const kind = reply(run++)
      if (kind === 'end') return socket.destroy()
      if (kind === 'nothing') return
      if (kind === 'refusal') return writeFailure(writer, queryFailure('invalid', 'No such thing'))
      if (!text.startsWith('SELECT')) return writeOk(writer, { affected: 0, insertId: 0, status })
      writeColumns(writer, columns, status)
      for (let row = 0; row < rows; row++) {
        const values = [String(row), 'h'.repeat(100)]
        if (isBinary) writeBinaryRow(writer, values, columns)
        else writeTextRow(writer, values)
      }
      writeEof(writer, status)
    }
    const takeCommand = (payload: Buffer) => {
      const command = readCommand(payload)
      if (command.kind === 'query') return answer(command.text.toString(), false)
      if (command.kind === 'execute' && command.id === statementId) return answer(prepared, true)
      assert.ok(command.kind === 'prepare')
      prepared = command.text.toString()
      const parameters = prepared.split('?').length - 1
      const given = prepared.startsWith('SELECT') ? columns : []
      writePrepared(writer, { id: statementId, columns: given, parameters, status })
    }

    writeGreeting(writer, { version: '5.7.0', connectionId: 1, salt, plugin: asked, hasTls: false })
    flush()
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk, ({ payload, sequence }) => {
        assert.ok(payload !== null)
        writer.sequence = sequence + 1
        if (phase === 'in') takeCommand(payload)
        else if (phase === 'greeted') takeLogin(payload)
        else logIn(payload, wanted)
        return true
      })
      flush()
    })
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}) // generators reset their connections when they end
    serve(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  return { port: (server.address() as AddressInfo).port, statements: () => statements }
}

/** Clients in this process, which are gone with the test. */
async function openClients(
  t: TestContext,
  { port }: FakeServer,
  count = connections,
): Promise<MysqlClient[]> {
  const address = { host: '127.0.0.1', port, user: 'root', password }
  const clients = await Promise.all(Array.from({ length: count }, () => MysqlClient.open(address)))
  t.after(() => {
    for (const client of clients) client.end()
  })
  return clients
}

/** Clients in a process of their own. */
async function startLoad(t: TestContext, flags: Pick<MysqlLoadFlags, 'port'> & Partial<MysqlLoadFlags>) {
  const load = await MysqlLoad.start([], { password, connections, serverPid: process.pid, ...flags })
  t.after(() => load.stop())
  return load
}

for (const pieceBytes of [1, 7, 100_000]) {
  test(`clients count every answer that arrives in pieces of ${pieceBytes} bytes`, async (t) => {
    const server = await startFakeServer(t, { pieceBytes })
    const clients = await openClients(t, server)
    let told = 0
    for (const isPrepared of [false, true]) {
      for (const window of [1, 8]) {
        const report = await runInserts(clients, { ...insertOrder, isPrepared, window }, moment)
        const { acknowledged, sent, done, unanswered, refused, latencyNs } = report
        assert.ok(acknowledged > 0)
        assert.ok(latencyNs.length > 0)
        assert.deepEqual([done, unanswered, refused], [sent, 0, 0])
        told += done
        assert.equal(server.statements(), told)
      }
      const selected = await runSelects(clients, { ...selectOrder, isPrepared }, moment)
      const { results, rows, fewestRows, mostRows, unanswered } = selected
      assert.ok(rows > 0 && results > 0)
      assert.deepEqual([fewestRows, mostRows, unanswered], [3, 3, 0])
      told += results
      assert.equal(server.statements(), told)
    }
  })
}

for (const first of plugins) {
  for (const last of plugins) {
    test(`a client that is asked for its password by ${first} logs in by ${last}`, async (t) => {
      const server = await startFakeServer(t, { plugins: [first, last] })
      const address = { host: '127.0.0.1', port: server.port, user: 'root' }
      const client = await MysqlClient.open({ ...address, password })
      await client.run('INSERT INTO nothing VALUES (1)')
      client.end()
      assert.equal(server.statements(), 1)
      await assert.rejects(MysqlClient.open({ ...address, password: 'wrong' }), /16 Wrong password/)
    })
  }
}

test('clients report how many inserts were refused, and why the first one was', async (t) => {
  const server = await startFakeServer(t, { reply: (number) => (number % 2 === 1 ? 'refusal' : 'well') })
  const report = await runInserts(await openClients(t, server, 1), insertOrder, moment)
  assert.equal(report.done + report.refused, report.sent)
  assert.ok(Math.abs(report.done - report.refused) <= 1)
  assert.equal(report.firstRefusal, '12 No such thing')
})

test('a generator reports an answer that never comes, and takes no further orders', async (t) => {
  const server = await startFakeServer(t, { reply: (number) => (number < 5 ? 'well' : 'nothing') })
  const load = await startLoad(t, server)
  const patient = { ...insertOrder, measuredMs: LONG_MS, patienceMs: LONG_MS }
  const report = await load.insert({ ...patient, connections: 1, window: 1 })
  assert.deepEqual([report.done, report.sent, report.unanswered], [5, 6, 1])
  await assert.rejects(load.insert(insertOrder), /1 commands were never answered|ended/)
})

test('a generator that loses a connection says so', async (t) => {
  const server = await startFakeServer(t, { reply: (number) => (number < 20 ? 'well' : 'end') })
  const load = await startLoad(t, server)
  await assert.rejects(load.insert({ ...insertOrder, measuredMs: 5 * LONG_MS }), /closed a MySQL connection/)
})

test('clients stop to ask for a result that is refused', async (t) => {
  const server = await startFakeServer(t, { reply: (number) => (number < 2 ? 'well' : 'refusal') })
  const order = { ...selectOrder, measuredMs: LONG_MS }
  const report = await runSelects(await openClients(t, server), order, moment)
  const { results, refused, firstRefusal, unanswered } = report
  assert.deepEqual([results, refused, unanswered], [2 * connections, connections, 0])
  assert.equal(firstRefusal, '12 No such thing')
})

test('clients that read slowly take what they were told to, and then everything', async (t) => {
  const rows = 20_000
  const bytesPerSecond = 400_000
  const server = await startFakeServer(t, { rows })
  const clients = await openClients(t, server, 1)
  const report = await runSelects(clients, { ...selectOrder, bytesPerSecond, measuredMs: 1_000 }, moment)
  assert.ok(report.bytes > 0)
  const most = bytesPerSecond * 1.5 * report.seconds
  assert.ok(report.bytes < most, `${report.bytes} bytes in ${report.seconds} seconds`)
  assert.ok(report.totalBytes > rows * 100)
  assert.deepEqual([report.results, report.fewestRows, report.mostRows], [1, rows, rows])
})

test('clients insert into a node as much as it counts, select all of its rows, and give its words', async (t) => {
  const node = await startNode(t, ['--cometql-password', password])
  await assert.rejects(startLoad(t, { port: node.cometqlPort, password: 'wrong' }), /Authentication failure/)
  const load = await startLoad(t, { port: node.cometqlPort, serverPid: node.pid })
  let told = 0
  for (const isPrepared of [false, true]) {
    for (const window of [1, 64]) {
      const { done, sent, refused } = await load.insert({ ...insertOrder, isPrepared, window })
      assert.ok(done > 0)
      assert.deepEqual([sent, refused], [done, 0])
      told += done
    }
  }
  assert.equal(await readMetric(node, 'encke_publications_total{source="cometql"}'), told)

  const address = { host: '127.0.0.1', port: node.cometqlPort, user: 'root', password }
  const client = await MysqlClient.open(address)
  t.after(() => client.end())
  await client.run("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
  await assert.rejects(client.run('SELECT nothing FROM users_auth'), /refused a statement: 14 /)
  for (const isPrepared of [false, true]) {
    const { fewestRows, mostRows, refused } = await load.select({ ...selectOrder, isPrepared })
    assert.deepEqual([fewestRows, mostRows, refused], [3, 3, 0])
  }
})

/** As the bench writes it. */
interface Outcome {
  readonly problems: readonly string[]
  readonly figures: {
    readonly inserts: readonly object[]
    readonly sustained: { readonly acknowledged: number; readonly counted: number }
    readonly syncs: object
    readonly selects: readonly object[]
    readonly slow: object
  }
}

test('cometql inserts in every way, loses nothing, and selects large results', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'encke-bench-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const json = join(folder, 'figures.json')
  const short = ['--quick', '--seconds', '0.2', '--warm-up-seconds', '0.1', '--max-minutes', '1.5']
  const small = ['--sustained-seconds', '0.3', '--rows', '3000', '--slow-readers', '2', '--folder', folder]
  const bench = ['--import', 'tsx', 'bench/main.ts', 'cometql', ...short, ...small, '--json', json]
  for (let run = 1; ; run++) {
    const command = runCommand(process.execPath, bench)
    t.after(() => command.process.kill())
    const code = await command.ended
    assert.equal(code, 0, `${command.stderr()}\nIt measures ${enckeProgram}, which must be built`)
    assert.match(command.stdout(), /INSERT INTO pipes_messages.*SELECT \* FROM users_auth/s)
    const { problems, figures } = JSON.parse(readFileSync(json, 'utf8')) as Outcome
    assert.deepEqual(problems, [])
    assert.equal(figures.sustained.acknowledged, figures.sustained.counted)
    try {
      assertAllFigures(figures)
      return
    } catch (missing) {
      if (run === RUNS) throw missing
    }
  }
})

function assertAllFigures({ inserts, sustained, syncs, selects, slow }: Outcome['figures']): void {
  assert.equal(inserts.length, 4 * 2 + 2)
  assertFigures(inserts, ['publicationsPerSecond', 'cpuSecondsPer1000'])
  assertFigures(inserts.slice(0, 1), ['originalRatio'])
  assertFigures(inserts.slice(1, 2), ['memoryRatio', 'syncRatio'])
  assertFigures([sustained], ['publicationsPerSecond', 'acknowledged', 'peakBytes'])
  assertFigures([syncs], ['syncsPerSecond'])
  assert.equal(selects.length, 2)
  assertFigures(selects, ['rowsPerSecond', 'textRatio', 'peakBytes', 'cpuSecondsPer1000'])
  assertFigures([slow], ['results', 'resultBytes', 'peakBytes'])
}

/** Every number of `rows` under these names is there and above zero. */
function assertFigures(rows: readonly object[], names: readonly string[]): void {
  for (const row of rows)
    for (const name of names) {
      const value: unknown = Reflect.get(row, name)
      assert.ok(
        typeof value === 'number' && value > 0,
        `${name} is ${String(value)} in ${JSON.stringify(row)}`,
      )
    }
}
