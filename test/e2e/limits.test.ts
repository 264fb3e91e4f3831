/**
 * The bounds of a node, each reached on purpose.
 *
 * Owns limits on connections, rates, sizes, time and slow readers: what is refused is named and counted, and clients
 * within their bounds notice nothing. One node per test, started with the limit under test made small.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import {
  counter,
  openClient,
  openLine,
  openPublisher,
  openSocket,
  ops,
  post,
  RefusedUpgrade,
  type WireClientOptions,
} from '../support/wire.ts'
import { startWitness } from '../support/witness.ts'

const REFUSED = 'encke_connections_refused_total'
const ERRORS = 'encke_command_errors_total'
const CLOSED = 'encke_connections_closed_total'

/** Time for the witness, and for a refused command, on a machine that stands still now and then. */
const CONNECT_TIMEOUT = ['--connect-timeout-ms', '4000']

const BEHIND = 'encke_sessions_behind_total'

/** What a reader that reads takes at once. */
const BURST_BYTES = 500_000

/** How long a reader may be behind. */
const MAX_LAG_MS = 1_000
/** Until it is looked at, and until its goodbye has waited for it. */
const ENDED_WITHIN_MS = 20_000
/** A reader is seen to be behind up to a burst after it fell behind. */
const SEEN_LATE_MS = 500

test('a connection above the limit of the node is refused, and has room once another left', async (t) => {
  const node = await startNode(t, ['--max-connections', '3'])
  const witness = await startWitness(t, node)
  const clients = [await openClient(node.wsUrl), await openClient(node.wsUrl)]
  t.after(() => Promise.all(clients.map((client) => client.close())))
  const refusal = await witness.sees(REFUSED, 'CONNECTION_LIMIT', () => refused(node))
  assert.deepEqual(refusal, { status: 503, name: 'CONNECTION_LIMIT', retry: true })
  await clients[0]?.close()
  const next = await until(() => openClient(node.wsUrl), { what: 'a free place' })
  await next.close()
  await witness.unharmed()
})

test('a connection above the limit of its address is refused', async (t) => {
  const node = await startNode(t, ['--max-connections-per-ip', '2'])
  const witness = await startWitness(t, node)
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  const refusal = await witness.sees(REFUSED, 'CONNECTION_IP_LIMIT', () => refused(node))
  assert.deepEqual(refusal, { status: 429, name: 'CONNECTION_IP_LIMIT', retry: true })
  await client.close()
  const next = await until(() => openClient(node.wsUrl), { what: 'a free place' })
  await next.close()
})

test('the address of a client is what the trusted proxy says last', async (t) => {
  const node = await startNode(t, ['--max-connections-per-ip', '1', '--client-ip-header', 'x-forwarded-for'])
  const from = (...lines: string[]) => ({ headers: { 'x-forwarded-for': lines } })
  const clients = [
    await openClient(node.wsUrl, from('10.0.0.1')),
    await openClient(node.wsUrl, from('10.0.0.1, 10.0.0.2')),
  ]
  t.after(() => Promise.all(clients.map((client) => client.close())))
  assert.equal((await refused(node, from('10.9.9.9, 10.0.0.2'))).name, 'CONNECTION_IP_LIMIT')
  // A proxy may add a line of its own to one the client made up.
  assert.equal((await refused(node, from('10.9.9.9', '10.0.0.2'))).name, 'CONNECTION_IP_LIMIT')
  const other = await openClient(node.wsUrl, from('10.0.0.2, 10.0.0.3'))
  await other.close()
})

test('a thousand refused connections cost the node nothing', async (t) => {
  const node = await startNode(t, ['--max-connections', '1'])
  const witness = await startWitness(t, node)
  for (let round = 0; round < 20; round++) {
    const names = await Promise.all(Array.from({ length: 50 }, () => refused(node)))
    assert.ok(names.every(({ name }) => name === 'CONNECTION_LIMIT'))
  }
  assert.equal(await counter(node.internalUrl, REFUSED, { code: 'CONNECTION_LIMIT' }), 1000)
  assert.equal(await counter(node.internalUrl, 'encke_connections', { transport: 'websocket' }), 1)
  await witness.unharmed()
})

test('a client that connects and says nothing is told that its time is over', async (t) => {
  const node = await startNode(t, CONNECT_TIMEOUT)
  const witness = await startWitness(t, node)
  await witness.sees(CLOSED, 'CONNECT_TIMEOUT', async () => {
    const silent = await openSocket(node.wsUrl)
    t.after(() => silent.close())
    const refusedBefore = await openSocket(node.wsUrl)
    t.after(() => refusedBefore.close())
    await refusedBefore.refused({ ping: {} })
    assert.equal((await silent.closed()).code, 3003)
    assert.equal(silent.bye()?.code, 3003)
    assert.equal((await refusedBefore.closed()).code, 3003, 'commands before connect do not buy time')
  })
})

test('a publisher that connects and says nothing is told that its time is over', async (t) => {
  const node = await startNode(t, CONNECT_TIMEOUT)
  const witness = await startWitness(t, node)
  await witness.sees(ERRORS, 'CONNECT_TIMEOUT', async () => {
    const line = await openLine({ port: node.publishPort })
    t.after(() => line.close())
    await line.closed()
    assert.deepEqual(line.answers[0]?.slice(0, 4), [68, null, 103, 'CONNECT_TIMEOUT'])
  })
})

test('a publisher above the limit of publishers is told so', async (t) => {
  const node = await startNode(t, ['--publish-max-connections', '2'])
  const witness = await startWitness(t, node)
  const second = await openPublisher({ port: node.publishPort })
  t.after(() => second.close())
  await witness.sees(REFUSED, 'CONNECTION_LIMIT', async () => {
    const third = await openLine({ port: node.publishPort })
    await third.closed()
    assert.equal(third.answers[0]?.[3], 'CONNECTION_LIMIT')
  })
})

test('commands above the rate are refused, far above it they end the session', async (t) => {
  const perSecond = 50
  const node = await startNode(t, ['--max-commands-per-second', `${perSecond}`])
  const witness = await startWitness(t, node)
  const hasty = await openClient(node.wsUrl)
  const flood = await openClient(node.wsUrl)
  t.after(() => Promise.all([hasty.close(), flood.close()]))

  const tookMs = await witness.sees(ERRORS, 'COMMAND_RATE', async () => {
    const beganMs = performance.now()
    for (let id = 2; id <= 200; id++) hasty.send({ id, ping: {} })
    await until(() => hasty.replies.length === 200, { what: 'a reply to each' })
    return performance.now() - beganMs
  })
  const over = hasty.replies.filter(({ error }) => error?.name === 'COMMAND_RATE')
  // The commands may fall into two seconds, and into more where the machine stood still.
  const seconds = 2 + Math.floor(tookMs / 1000)
  assert.ok(over.length >= 199 - seconds * perSecond && over.length <= 150, `${over.length} were refused`)
  assert.ok(over.every(({ error }) => error?.retry === true))
  await until(async () => (await hasty.ask({ ping: {} })).ok !== undefined, { what: 'the next second' })

  await witness.sees(CLOSED, 'COMMAND_RATE', async () => {
    const isOpen = () => flood.ended() === null
    for (let id = 2; isOpen() && id < 200_000; id++) {
      flood.send({ id, ping: {} })
      if (id % 500 === 0) await turn()
    }
    assert.equal((await flood.closed()).code, 3004)
  })
  assert.equal(flood.bye()?.code, 3004)
})

test('messages without an id count for the rate as well', async (t) => {
  const node = await startNode(t, ['--max-commands-per-second', '20'])
  const witness = await startWitness(t, node)
  const flood = await openClient(node.wsUrl)
  t.after(() => flood.close())
  await witness.sees(CLOSED, 'COMMAND_RATE', async () => {
    for (let n = 0; n < 1000; n++) flood.socket.send('[]')
    assert.equal((await flood.closed()).code, 3004)
  })
})

for (const form of ['many small', 'few large'] as const) {
  test(`a client that never reads ${form} publications is ended in its time, others get all of them`, async (t) => {
    const node = await startNode(t, ['--max-lag-ms', `${MAX_LAG_MS}`])
    const witness = await startWitness(t, node)
    const reader = await openClient(node.wsUrl)
    const sleeper = await openClient(node.wsUrl)
    t.after(() => Promise.all([reader.close(), sleeper.close()]))
    await reader.ok({ subscribe: { channel: 'flood' } })
    await sleeper.ok({ subscribe: { channel: 'flood' } })
    sleeper.socket.pause()

    const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
    t.after(() => line.close())
    const data = 'x'.repeat(form === 'many small' ? 1000 : 100_000)
    let published = 0
    let behindSinceMs = 0
    await witness.sees(CLOSED, 'SLOW_CONSUMER', async () => {
      while ((await counter(node.internalUrl, BEHIND)) === 0) {
        assert.ok(published * data.length < 100_000_000, 'the sleeper falls behind before 100 MB')
        for (let n = 0; n < BURST_BYTES / data.length; n++) {
          published++
          line.send(ops.publish, published + 1, 'flood', data)
        }
        // The reader sets the pace: it must never be behind by more than one burst.
        await until(() => reader.publications.length === published, { withinMs: 15_000, what: 'the reader' })
      }
      behindSinceMs = performance.now()
      const isEnded = async () => (await counter(node.internalUrl, CLOSED, { code: 'SLOW_CONSUMER' })) > 0
      await until(isEnded, { withinMs: MAX_LAG_MS + ENDED_WITHIN_MS, what: 'the sleeper to be ended' })
    })
    assert.ok(performance.now() - behindSinceMs >= MAX_LAG_MS - SEEN_LATE_MS, 'it had the time it may have')
    assert.ok(
      reader.publications.every(({ offset }, n) => offset === n + 1),
      'the reader got all, in order',
    )
    assert.ok((await counter(node.internalUrl, 'encke_deliveries_lost_total', { reason: 'ended' })) > 0)
    assert.equal(await counter(node.internalUrl, 'encke_books_balance'), 0)

    sleeper.socket.resume()
    assert.ok([1006, 3002].includes((await sleeper.closed()).code), 'a code that means: come back')
    const offsets = sleeper.publications.map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      offsets.map((_, n) => n + 1),
      'what it got has no gap',
    )
    assert.ok(offsets.length < published)
  })
}

test('a message at its size limit is taken, one above it ends the connection', async (t) => {
  const node = await startNode(t, ['--max-message-bytes', '1000'])
  const witness = await startWitness(t, node)
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  const text = (bytes: number) => {
    const head = '{"id":2,"publish":{"channel":"web_a","data":"'
    return `${head}${'x'.repeat(bytes - head.length - 3)}"}}`
  }
  client.socket.send(text(1000))
  await until(() => client.replies[1]?.ok !== undefined, { what: 'the reply' })
  await witness.sees(CLOSED, 'MESSAGE_TOO_LARGE', async () => {
    client.socket.send(text(1001))
    assert.equal((await client.closed()).code, 3526)
  })
  assert.equal(client.replies.at(-1)?.error?.name, 'MESSAGE_TOO_LARGE')
})

test('a message of more than twice the size limit is not even read', async (t) => {
  const node = await startNode(t, ['--max-message-bytes', '1000'])
  const witness = await startWitness(t, node)
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  await witness.sees(CLOSED, 'MESSAGE_TOO_LARGE', async () => {
    client.socket.send('x'.repeat(2001))
    assert.equal((await client.closed()).code, 1006)
  })
})

test('a publication at the size limit of its rule is taken, one above it is refused on every way in', async (t) => {
  const rules = [{ match: 'small', publish: 'anyone', maxPublicationBytes: 100 }]
  const node = await startNode(t, ['--channels', JSON.stringify(rules)])
  const witness = await startWitness(t, node)
  const client = await openClient(node.wsUrl)
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => Promise.all([client.close(), line.close()]))
  const [fits, large] = ['x'.repeat(98), 'x'.repeat(99)]

  await client.ok({ publish: { channel: 'small', data: fits } })
  line.send(ops.publish, 2, 'small', fits)
  assert.equal((await line.answer(1))[0], 65)
  assert.equal((await post(`${node.internalUrl}/api/publish`, { channel: 'small', data: fits })).status, 200)

  await witness.sees(ERRORS, 'PUBLICATION_TOO_LARGE', async () => {
    const error = await client.refused({ publish: { channel: 'small', data: large } })
    assert.equal(error.name, 'PUBLICATION_TOO_LARGE')
  })
  await witness.sees(ERRORS, 'PUBLICATION_TOO_LARGE', async () => {
    line.send(ops.publish, 3, 'small', large)
    assert.equal((await line.answer(2))[3], 'PUBLICATION_TOO_LARGE')
  })
  await witness.sees(ERRORS, 'PUBLICATION_TOO_LARGE', async () => {
    assert.equal(
      (await post(`${node.internalUrl}/api/publish`, { channel: 'small', data: large })).status,
      413,
    )
  })
})

test('a channel above the number the node keeps is refused on every way in', async (t) => {
  const node = await startNode(t, ['--max-channels', '2'])
  const witness = await startWitness(t, node)
  const client = await openClient(node.wsUrl)
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => Promise.all([client.close(), line.close()]))
  await client.ok({ subscribe: { channel: 'second' } })
  await witness.sees(ERRORS, 'NODE_CHANNEL_LIMIT', async () => {
    assert.equal((await client.refused({ subscribe: { channel: 'third' } })).name, 'NODE_CHANNEL_LIMIT')
    line.send(ops.publish, 2, 'third', 1)
    assert.equal((await line.answer(1))[3], 'NODE_CHANNEL_LIMIT')
    assert.equal((await post(`${node.internalUrl}/api/publish`, { channel: 'third', data: 1 })).status, 503)
  })
  line.send(ops.publish, 3, 'second', 1)
  assert.equal((await line.answer(2))[0], 65)
})

/** Opens a WebSocket that must be refused; resolves to what was said. */
async function refused(node: TestNode, options: WireClientOptions = {}) {
  try {
    const client = await openSocket(node.wsUrl, options)
    await client.close()
  } catch (error) {
    if (!(error instanceof RefusedUpgrade)) throw error
    const face = JSON.parse(error.body).error
    return { status: error.status, name: face.name as string, retry: face.retry as boolean }
  }
  throw new Error('The connection was let in')
}
