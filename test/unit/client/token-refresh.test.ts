/**
 * Tests of src/client/token-refresh.ts through a client: when a token is replaced, and what a failure does.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { type ClientOptions, createClient } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

/** A connected client whose token runs out after 100 s. */
async function setUp(t: TestContext, answers: Answers, options: ClientOptions) {
  const node = await startScriptedNode(t, {
    connect: () => ({ ok: { session: 's', user: '', pingMs: 1e9, expiresInMs: 100_000 } }),
    ...answers,
  })
  const timers = new HandTimers()
  const client = createClient({
    ...{ url: node.url, transports: ['websocket'], WebSocket, timers, random: () => 0.5 },
    ...options,
  })
  t.after(() => client.disconnect())
  const errors: string[] = []
  client.on('error', (error) => errors.push(error.message))
  client.connect()
  await until(() => client.state === 'connected')
  return { node, client, timers, errors, connection: await node.connection(0) }
}

/** Tokens `t1`, `t2`, …; `fail` names those that can not be had. */
function counting(fail: readonly number[] = []) {
  let asked = 0
  const getToken = () => {
    asked++
    if (fail.includes(asked)) throw new Error(`no t${asked}`)
    return `t${asked}`
  }
  return { getToken, asked: () => asked }
}

test('token is replaced when 80 % of its time is over, and so is the one after it', async (t) => {
  const { getToken } = counting()
  const { client, timers, connection } = await setUp(
    t,
    { refresh: () => ({ ok: { expiresInMs: 10_000 } }) },
    { getToken },
  )
  timers.turn(79_999)
  assert.equal(connection.commands.length, 1)
  timers.turn(1)
  assert.deepEqual((await connection.command('refresh')).args, { token: 't2' })
  await client.stats('a') // the answer to refresh has come before this one
  timers.turn(8_000)
  assert.deepEqual((await connection.command('refresh', 1)).args, { token: 't3' })
})

test('token that does not run out any more is left alone', async (t) => {
  const { getToken, asked } = counting()
  const { client, timers, connection } = await setUp(t, {}, { getToken })
  timers.turn(80_000)
  await connection.command('refresh')
  await client.stats('a')
  timers.turn(1_000_000)
  assert.equal(asked(), 2)
})

test('token that can not be had is asked for again in the rest of the time, and an error says so', async (t) => {
  const { getToken } = counting([2])
  const { client, timers, errors, connection } = await setUp(t, {}, { getToken })
  timers.turn(80_000)
  await until(() => errors.length > 0)
  assert.deepEqual(errors, ['getToken failed: no t2'])
  timers.turn(16_000)
  assert.deepEqual((await connection.command('refresh')).args, { token: 't3' })
  assert.equal(client.state, 'connected')
})

test('token that the node refuses is replaced by the next, and an error says so', async (t) => {
  const error = { code: 141, name: 'TOKEN_INVALID', message: 'Wrong signature', retry: false }
  let refusals = 1
  const { getToken } = counting()
  const { timers, errors, connection } = await setUp(
    t,
    { refresh: () => (refusals-- > 0 ? { error } : { ok: {} }) },
    { getToken },
  )
  timers.turn(80_000)
  await until(() => errors.length > 0)
  assert.deepEqual(errors, ['Wrong signature'])
  timers.turn(16_000)
  assert.deepEqual((await connection.command('refresh', 1)).args, { token: 't3' })
})

test('token of no getToken is never replaced', async (t) => {
  const { client, timers, connection } = await setUp(t, {}, { token: 'fixed' })
  timers.turn(100_000)
  await client.stats('a')
  assert.deepEqual(
    connection.commands.map(({ name }) => name),
    ['connect', 'stats'],
  )
})

test('token is not replaced any more after the connection has ended', async (t) => {
  const { getToken, asked } = counting()
  const { client, timers, errors } = await setUp(t, { refresh: () => null }, { getToken })
  timers.turn(80_000)
  await until(() => asked() === 2)
  client.disconnect()
  assert.equal(timers.count, 0)
  assert.deepEqual(errors, [])
})
