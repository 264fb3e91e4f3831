/**
 * Bounds of the MySQL port on real nodes: how many may come, how long they may be silent, how often they may guess, and
 * what they are told when the node goes.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { dialCometql, loginPacket, openCometql, PING, query } from '../support/cometql-line.ts'
import { isEof, isOk, refusalOf } from '../support/cometql-packets.ts'
import { hex } from '../support/hex.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { counter } from '../support/wire.ts'

const PASSWORD = 'secret'
/** Longer than this process may stand still between two commands. */
const TIMEOUT_MS = 4_000
/** More than kernels keep for two ends of a connection: what is left waits in the node. */
const LARGE_ROWS = 250
const ROW_BYTES = 60_000

function start(t: TestContext, ...flags: readonly string[]): Promise<TestNode> {
  return startNode(t, ['--cometql-password', PASSWORD, ...flags])
}

/** Ends with one refusal. */
function refusal(packets: readonly Buffer[]): string {
  const refused = refusalOf(packets.at(-1))
  assert.ok(refused !== null, `no refusal: ${packets.at(-1)}`)
  return `${refused.code} ${packets.at(-1)?.[3]}: ${refused.text}`
}

test('connection above the limit is told so instead of a greeting, and one that goes makes room', async (t) => {
  const node = await start(t, '--cometql-max-connections', '2')
  const open = () => openCometql(t, node.cometqlPort, { password: PASSWORD })
  const lines = [await open(), await open()]
  const refused = await dialCometql(t, node.cometqlPort)
  assert.equal(
    refusal([refused.greeting]),
    '1040 0: Too many connections: 2 of at most 2 (cometqlMaxConnections)',
  )
  assert.deepEqual((await refused.dropped()).packets, [])
  assert.equal(
    await counter(node.internalUrl, 'encke_connections_refused_total', { code: 'CONNECTION_LIMIT' }),
    1,
  )
  lines[0]?.end()
  await lines[0]?.dropped()
  const isOne = async () => (await counter(node.internalUrl, 'encke_cometql_connections')) === 1
  await until(isOne, { what: 'one connection' })
  const next = await open()
  assert.ok(isOk((await next.ask(PING)).packets[0] ?? hex('00')))
})

test('client that is silent is told and let go, one that speaks is not', async (t) => {
  const node = await start(t, '--cometql-idle-timeout-ms', String(TIMEOUT_MS))
  const open = () => openCometql(t, node.cometqlPort, { password: PASSWORD })
  const began = performance.now()
  const [silent, lively] = [await open(), await open()]
  let isOver = false
  const ended = silent.dropped().finally(() => {
    isOver = true
  })
  await until(async () => isOk((await lively.ask(PING)).packets[0] ?? hex('00')) && isOver, {
    what: 'the silent one to be let go',
  })
  assert.equal(refusal((await ended).packets), `4031 0: Nothing was heard for ${TIMEOUT_MS} ms`)
  assert.ok(performance.now() - began >= TIMEOUT_MS - 50)
  assert.ok(lively.isOpen())
})

test('stranger that does not log in is let go, whatever it sends, and one that did is not', async (t) => {
  const node = await start(t, '--connect-timeout-ms', String(TIMEOUT_MS))
  const inside = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  const [silent, slow] = [await dialCometql(t, node.cometqlPort), await dialCometql(t, node.cometqlPort)]
  slow.write(loginPacket(slow.salt, { password: PASSWORD }).subarray(0, 20))
  for (const line of [silent, slow]) {
    assert.equal(refusal((await line.dropped()).packets), `1159 1: No login within ${TIMEOUT_MS} ms`)
  }
  assert.ok(isOk((await inside.ask(PING)).packets[0] ?? hex('00')))
})

test('address that guesses is refused for the rest of the minute, with the right password too; others are not', async (t) => {
  const node = await start(t, '--cometql-login-failures', '3')
  const login = async (password: string, from = '127.0.0.1') => {
    const line = await dialCometql(t, node.cometqlPort, from)
    line.write(loginPacket(line.salt, { password }))
    const [answer = hex('00')] = (await line.seen(1)).packets
    line.destroy()
    return refusalOf(answer)?.text ?? 'OK'
  }
  for (let left = 3; left > 0; left--) {
    assert.equal(await login('wrong'), 'Authentication failure: wrong password')
  }
  const shutOut = /^Authentication failure: too many wrong passwords from 127\.0\.0\.1: wait ([1-5]?\d|60) s$/
  assert.match(await login(PASSWORD), shutOut)
  assert.match(await login('wrong'), shutOut)
  assert.equal(await login(PASSWORD, '127.0.0.2'), 'OK')
  for (let left = 9; left > 0; left--) {
    assert.equal(await login('wrong', '127.0.0.2'), 'Authentication failure: wrong password')
  }
  assert.equal(await login(PASSWORD, '127.0.0.2'), 'OK', 'the right password came from there')
})

test('node that goes ends what is under way, tells who is idle, and takes nobody', async (t) => {
  const node = await start(t)
  const open = () => openCometql(t, node.cometqlPort, { password: PASSWORD })
  const [idle, busy] = [await open(), await open()]
  for (let n = 1; n <= LARGE_ROWS; n += 10) {
    const rows = Array.from({ length: 10 }, (_, at) => `(${n + at}, '${'x'.repeat(ROW_BYTES)}')`)
    await idle.ask(query(`INSERT INTO users_data (id, data) VALUES ${rows.join(', ')}`))
  }
  const stranger = await dialCometql(t, node.cometqlPort)
  busy.pause()
  busy.write(query('SELECT * FROM users_data'))
  // Its command is read when another's answer to a later one has come.
  await idle.ask(PING)
  const exit = node.stop()
  const draining = 'The node is shutting down'
  const told = await idle.dropped()
  busy.resume() // at once: the node gives it two seconds
  assert.equal(refusal(told.packets), `1053 0: ${draining}`)
  assert.equal(refusal((await stranger.dropped()).packets), `1053 1: ${draining}`)
  await assert.rejects(open(), 'somebody is let in')
  const { packets } = await busy.dropped()
  const around = 1 + 2 + 1
  assert.equal(packets.length, around + LARGE_ROWS + 2)
  assert.ok(isEof(packets.at(-2) ?? hex('00')))
  assert.equal(refusal(packets), `1053 0: ${draining}`)
  assert.equal(await exit, 0)
})

test('client that does not take the end is cut off, so that the node can go', async (t) => {
  const node = await start(t)
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  const rows = Array.from({ length: 15 }, (_, at) => `(${at + 1}, '${'x'.repeat(ROW_BYTES)}')`)
  await line.ask(query(`INSERT INTO users_data (id, data) VALUES ${rows.join(', ')}`))
  line.pause()
  line.write(Buffer.concat(Array(40).fill(query('SELECT * FROM users_data'))))
  const other = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  await other.ask(PING)
  assert.equal(await node.stop(), 0, 'a node that does not go is killed, and has no exit code')
})
