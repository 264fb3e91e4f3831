/**
 * A node as a process: how it starts, what it says, and how it ends.
 *
 * Owns exit codes, signals, the ready file and ports that are taken. Every test runs its own processes and awaits their
 * ends; none outlives its test. Can not show what an init system adds to that.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type RunningCommand, runEncke, startNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { openClient, openLine, openPublisher, ops } from '../support/wire.ts'

const FREE_PORTS = [
  '--host',
  '127.0.0.1',
  '--port',
  '0',
  '--internal-port',
  '0',
  '--publish-port',
  '0',
  '--cometql-port',
  '0',
]
/** Many times what it takes: tests share the machine, and from source the compiler runs on the way. */
const START_WITHIN_MS = 15_000
const DRAIN_MS = 1000
/** Last bytes, the grace of the internal ports, and a machine that stands still now and then. */
const STOP_WITHIN_MS = DRAIN_MS + 12_000
/** A node takes 50 ms for the goodbye to each of so many clients: seconds, in which it can be looked at. */
const CROWD = 80
const CROWD_DRAIN_MS = 2 * 50 * CROWD

test('a node listens soon after it was started, and says where', async (t) => {
  const { file } = await folderFor(t)
  const startedMs = performance.now()
  const command = run(t, ['serve', ...FREE_PORTS, '--ready-file', file])
  await until(() => existsSync(file), { withinMs: 30_000, what: () => `the ready file: ${command.stderr()}` })
  const tookMs = Math.round(performance.now() - startedMs)
  t.diagnostic(`from start to listening: ${tookMs} ms, by ${process.env.ENCKE_TEST_DIST ? 'dist' : 'source'}`)
  assert.ok(tookMs < START_WITHIN_MS, `${tookMs} ms`)

  const ready = JSON.parse(readFileSync(file, 'utf8'))
  assert.deepEqual(Object.keys(ready), ['pid', 'public', 'internal', 'publish', 'cometql'])
  assert.equal(ready.pid, command.process.pid)
  for (const name of ['public', 'internal', 'publish', 'cometql']) {
    assert.equal(ready[name].host, '127.0.0.1')
    assert.ok(ready[name].port > 0)
  }
  await until(() => command.stdout().includes('Encke is ready'), { what: 'the announcement' })
  assert.ok(command.stdout().includes(`ws://127.0.0.1:${ready.public.port}/ws`), command.stdout())
  assert.equal((await fetch(`http://127.0.0.1:${ready.internal.port}/readyz`)).status, 200)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} drains the node: clients are told, the ready file goes, the exit code is 0`, async (t) => {
    const { file } = await folderFor(t)
    const node = await startNode(t, ['--drain-ms', `${DRAIN_MS}`])
    const own = run(t, ['serve', ...FREE_PORTS, '--drain-ms', '0', '--ready-file', file])
    await until(() => existsSync(file), { withinMs: 30_000, what: 'the ready file' })
    own.process.kill(signal)
    assert.equal(await own.ended, 0)
    assert.equal(existsSync(file), false, 'the ready file is gone')

    const client = await openClient(node.wsUrl)
    const line = await openPublisher({ port: node.publishPort })
    t.after(() => Promise.all([client.close(), line.close()]))
    const stoppedMs = performance.now()
    const stopped = node.stop(signal)
    assert.equal((await client.closed()).code, 3001)
    await line.closed()
    assert.equal(line.answers.at(-1)?.[3], 'DRAINING')
    assert.equal(await stopped, 0)
    assert.ok(performance.now() - stoppedMs < STOP_WITHIN_MS, `${performance.now() - stoppedMs} ms`)
    const lines = logLines(node.stderr())
    assert.equal(lines.filter(({ msg }) => msg === 'Node started').length, 1)
    const last = lines.filter(({ msg }) => msg === 'Node stopped')
    assert.deepEqual(
      last.map(({ reason }) => reason),
      [signal],
    )
  })
}

test('a draining node is not ready, takes no one new and delivers what it had accepted', async (t) => {
  const node = await startNode(t, ['--drain-ms', `${CROWD_DRAIN_MS}`])
  const clients = await Promise.all(Array.from({ length: CROWD }, () => openClient(node.wsUrl)))
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => Promise.all([...clients.map((client) => client.close()), line.close()]))
  for (const client of clients) await client.ok({ subscribe: { channel: 'last' } })
  for (let n = 1; n <= 500; n++) line.send(ops.publish, n + 1, 'last', n)
  await line.answer(500)
  const stopped = node.stop()
  await line.closed()
  assert.equal((await fetch(`${node.internalUrl}/readyz`)).status, 503)
  await assert.rejects(openClient(node.wsUrl), /ECONNREFUSED/)
  assert.equal(await stopped, 0)
  for (const client of clients) {
    assert.deepEqual(
      client.publications.map(({ data }) => data),
      Array.from({ length: 500 }, (_, n) => n + 1),
    )
    assert.equal(client.ended()?.code, 3001)
  }
})

// A publisher that neither read nor closed once kept a stopping node alive for ever.
test('peers that do not answer can not hold up the end', async (t) => {
  const node = await startNode(t, ['--drain-ms', `${DRAIN_MS}`])
  const client = await openClient(node.wsUrl)
  client.socket.pause()
  const silent = await openLine({ port: node.publishPort })
  const deaf = await openPublisher({ port: node.publishPort })
  deaf.socket.pause()
  for (let n = 0; n < 100_000; n++) deaf.send(ops.publish, n + 2, 'a', null)
  const request = await openLine({ port: node.internalPort })
  request.write(Buffer.from('POST /api/publish HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{'))
  t.after(() => Promise.all([client, silent, deaf, request].map((one) => one.close())))
  const stoppedMs = performance.now()
  assert.equal(await node.stop(), 0)
  assert.ok(performance.now() - stoppedMs < STOP_WITHIN_MS, `${performance.now() - stoppedMs} ms`)
})

test('a second signal ends the node at once', async (t) => {
  const { file } = await folderFor(t)
  const command = run(t, ['serve', ...FREE_PORTS, '--drain-ms', '60000', '--ready-file', file])
  await until(() => existsSync(file), { withinMs: 30_000, what: 'the ready file' })
  const { port } = JSON.parse(readFileSync(file, 'utf8')).public
  const clients = await Promise.all(
    Array.from({ length: CROWD }, () => openClient(`ws://127.0.0.1:${port}/ws`)),
  )
  t.after(() => Promise.all(clients.map((client) => client.close())))
  command.process.kill('SIGTERM')
  await until(() => clients.some((client) => client.ended() !== null), { what: 'the drain to begin' })
  // Signals within 100 ms count as one; ask until the second one is heard.
  await until(() => command.process.exitCode !== null || !command.process.kill('SIGTERM'), {
    what: 'the end',
  })
  assert.equal(await command.ended, 0)
  assert.equal(existsSync(file), false)
  await Promise.all(clients.map((client) => client.closed()))
  assert.ok(
    clients.some((client) => client.bye() === null),
    'nobody waited for the goodbyes that were left',
  )
})

for (const flag of ['--port', '--internal-port', '--publish-port', '--cometql-port'] as const) {
  test(`a node whose ${flag} is taken exits with 69 and names the port`, async (t) => {
    const { file } = await folderFor(t)
    const port = await takenPort(t)
    const flags = FREE_PORTS.map((word, n) => (FREE_PORTS[n - 1] === flag ? `${port}` : word))
    const command = run(t, ['serve', ...flags, '--ready-file', file])
    assert.equal(await command.ended, 69)
    const lines = command.stderr().trim().split('\n')
    const told = lines.filter((line) => line.startsWith('Cannot listen on '))
    assert.equal(told.length, 1, command.stderr())
    assert.ok(told[0]?.includes(`127.0.0.1:${port}`) && told[0].includes('EADDRINUSE'), told[0])
    assert.equal(existsSync(file), false)
    assert.doesNotMatch(command.stdout(), /ready/)
  })

  test(`a second node on the ${flag} of a first is refused and leaves the first alone`, async (t) => {
    const node = await startNode(t)
    const taken = {
      '--port': node.publicPort,
      '--internal-port': node.internalPort,
      '--publish-port': node.publishPort,
      '--cometql-port': node.cometqlPort,
    }
    const flags = FREE_PORTS.map((word, n) => (FREE_PORTS[n - 1] === flag ? `${taken[flag]}` : word))
    assert.equal(await run(t, ['serve', ...flags]).ended, 69)
    const clients = await Promise.all(Array.from({ length: 8 }, () => openClient(node.wsUrl)))
    await Promise.all(clients.map((client) => client.close()))
  })
}

test('a node without CometQL opens no port for it', async (t) => {
  const { file } = await folderFor(t)
  const port = await takenPort(t)
  const flags = FREE_PORTS.map((word, n) => (FREE_PORTS[n - 1] === '--cometql-port' ? `${port}` : word))
  const command = run(t, ['serve', ...flags, '--no-cometql', '--ready-file', file])
  await until(() => existsSync(file), { withinMs: 30_000, what: () => `the ready file: ${command.stderr()}` })
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, 'utf8'))), [
    'pid',
    'public',
    'internal',
    'publish',
  ])
  await until(() => command.stdout().includes('Encke is ready'), { what: 'the announcement' })
  assert.doesNotMatch(command.stdout(), /CometQL/)
})

test('a ready file left by a killed node is removed before the next one is ready', async (t) => {
  const { file } = await folderFor(t)
  writeFileSync(file, '{"pid":1}')
  const port = await takenPort(t)
  const command = run(t, ['serve', ...FREE_PORTS.slice(0, 2), '--port', `${port}`, '--ready-file', file])
  assert.notEqual(await command.ended, 0)
  assert.equal(existsSync(file), false)
})

test('a ready file that can not be written ends the node with 73', async (t) => {
  const { folder } = await folderFor(t)
  const command = run(t, [
    'serve',
    ...FREE_PORTS,
    '--drain-ms',
    '0',
    '--ready-file',
    join(folder, 'no', 'such', 'file'),
  ])
  assert.equal(await command.ended, 73)
  assert.match(command.stderr(), /Cannot create the ready file/)
})

test('a node with a mistake in its configuration exits with 78 and names it', async (t) => {
  const command = run(t, ['serve', ...FREE_PORTS, '--token-secret', 'short'])
  assert.equal(await command.ended, 78)
  assert.match(command.stderr(), /tokenSecret|token-secret/)
})

test('a node that nobody asked to stop keeps running, and the same port can be had after it', async (t) => {
  const first = await startNode(t)
  const client = await openClient(first.wsUrl)
  t.after(() => client.close())
  await first.stop('SIGKILL')
  assert.equal((await client.closed()).code, 1006)
  const second = await startNode(t, ['--port', `${first.publicPort}`])
  assert.equal(second.publicPort, first.publicPort)
  const again = await openClient(second.wsUrl)
  await again.close()
})

/** Runs `encke`; the process does not outlive the test. */
function run(t: TestContext, args: readonly string[]): RunningCommand {
  const command = runEncke(args)
  t.after(async () => {
    command.process.kill('SIGKILL')
    await command.ended
  })
  return command
}

async function folderFor(t: TestContext): Promise<{ folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'encke-life-'))
  t.after(() => rm(folder, { recursive: true }))
  return { folder, file: join(folder, 'ready.json') }
}

/** A port that somebody listens on until the test ends. */
async function takenPort(t: TestContext): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

function logLines(text: string): { msg: string; reason?: string }[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
}
