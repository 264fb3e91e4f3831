/**
 * The publisher client for Node against real nodes that come, go and hang.
 *
 * Owns what `encke/publisher` promises: order, reconnect, a bounded queue, and that nobody waits for ever for an answer
 * that can not come. A node that hangs is one that was sent SIGSTOP. Can not show a network that loses packets.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { AccessError, EnckeError, LimitError, UnavailableError } from '../../src/errors.ts'
import { createPublisher, type Publisher, type PublisherOptions } from '../../src/publish-port/publisher.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { openClient, ops } from '../support/wire.ts'

const MEBIBYTE = 1024 * 1024

test('a publisher', async (t) => {
  const node = await startNode(t)
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())

  await t.test('publishes values and JSON bytes in order, and is told their places', async (t) => {
    const publisher = publisherFor(t, node)
    await publisher.ready()
    await client.ok({ subscribe: { channel: 'basics' } })
    const places = await Promise.all([
      publisher.publish('basics', { a: [1, null, 'ü'] }),
      publisher.publish('basics', Buffer.from('{"b":2}'), { event: 'happened' }),
      publisher.publish('basics', 'as someone', { user: '17' }),
    ])
    assert.deepEqual(
      places.map(({ offset }) => offset),
      [1, 2, 3],
    )
    assert.equal(new Set(places.map(({ epoch }) => epoch)).size, 1)
    assert.deepEqual(await client.received('basics', 3), [
      { channel: 'basics', offset: 1, data: { a: [1, null, 'ü'] } },
      { channel: 'basics', offset: 2, event: 'happened', data: { b: 2 } },
      { channel: 'basics', offset: 3, user: '17', data: 'as someone' },
    ])
  })

  await t.test('publishes to a user, and asks what only requests can', async (t) => {
    const publisher = publisherFor(t, node)
    assert.equal((await publisher.publishToUser('17', 'hello', { event: 'mail' })).offset, 0, 'it waits')
    assert.deepEqual(await publisher.request(ops.users, ['17']), { online: [], lastSeen: {} })
    const stats = (await publisher.request(ops.stats, '@17')) as { offset: number }
    assert.equal(stats.offset, 0)
    const { positions } = (await publisher.request(ops.many, ['a', 'b'], 1)) as { positions: object[] }
    assert.equal(positions.length, 2)
  })

  await t.test('publishes once what it publishes with a key', async (t) => {
    const publisher = publisherFor(t, node)
    const place = await publisher.publish('keyed', 1, { key: 'k' })
    assert.deepEqual(await publisher.publish('keyed', 1, { key: 'k' }), place)
    assert.equal((await publisher.publish('keyed', 2)).offset, place.offset + 1)
    assert.equal((await publisher.publish('keyed', 3, { event: 'e', key: 'l' })).offset, place.offset + 2)
    const first = await publisher.publishToUser('18', 'hello', { key: 'k' })
    assert.deepEqual(await publisher.publishToUser('18', 'hello', { key: 'k' }), first)
    await assert.rejects(publisher.publish('keyed', 1, { key: 'k'.repeat(129) }), {
      code: 'INVALID_ARGUMENT',
    })
    // Empty text at the end of a request is left out, unless it is the data.
    assert.equal((await publisher.publish('keyed', '')).offset, place.offset + 3)
  })

  await t.test('fails the publication that was refused and no other', async (t) => {
    for (const acks of ['each', 'cumulative'] as const) {
      const publisher = publisherFor(t, node, { acks })
      const [good, bad, next] = await Promise.allSettled([
        publisher.publish('some', 1),
        publisher.publish('', 2),
        publisher.publish('some', 3),
      ])
      assert.deepEqual([good.status, bad.status, next.status], ['fulfilled', 'rejected', 'fulfilled'], acks)
      assert.ok(bad.status === 'rejected' && bad.reason instanceof EnckeError)
      assert.equal(bad.reason.code, 'INVALID_CHANNEL')
    }
  })

  await t.test('close() waits until everything that was published is acknowledged', async (t) => {
    await client.ok({ subscribe: { channel: 'flushed' } })
    for (const acks of ['each', 'cumulative'] as const) {
      const before = client.publications.length
      const publisher = publisherFor(t, node, { acks })
      let acknowledged = 0
      const count = () => {
        acknowledged++
      }
      for (let n = 0; n < 20_000; n++) publisher.publish('flushed', n).then(count, assert.ifError)
      await publisher.close()
      assert.equal(acknowledged, 20_000, 'close() came after the last answer')
      await until(() => client.publications.length === before + 20_000, { what: 'all of them' })
      await assert.rejects(publisher.publish('flushed', 'late'), { code: 'CONNECTION_LOST' })
    }
    const data = client.publications.filter(({ channel }) => channel === 'flushed').map((one) => one.data)
    assert.deepEqual(
      data,
      data.map((_, n) => n % 20_000),
    )
  })
})

test('a publisher asks for the history and the presence of a channel', async (t) => {
  const rules = [{ match: 'kept', historySize: 3, presence: 'list' }]
  const node = await startNode(t, ['--channels', JSON.stringify(rules)])
  const publisher = publisherFor(t, node)
  const deep = '['.repeat(400) + ']'.repeat(400)
  for (const json of ['1', '{"b":[true]}', deep]) await publisher.publish('kept', Buffer.from(json))
  const { epoch } = await publisher.publish('kept', 'four', { event: 'e', user: '17' })

  const four = { channel: 'kept', offset: 4, event: 'e', user: '17', data: 'four' }
  const all = await publisher.history('kept')
  assert.deepEqual(all, {
    epoch,
    offset: 4,
    publications: [
      { channel: 'kept', offset: 2, data: { b: [true] } },
      { channel: 'kept', offset: 3, data: JSON.parse(deep) },
      four,
    ],
  })
  const last = await publisher.history('kept', { limit: 1, reverse: true })
  assert.deepEqual(last.publications, [four])
  const rest = await publisher.history('kept', { since: { epoch, offset: 3 } })
  assert.deepEqual([rest.publications, rest.gap], [[four], undefined])
  const trimmed = await publisher.history('kept', { since: { epoch, offset: 0 }, limit: 1 })
  assert.deepEqual(trimmed.gap, { from: 1, to: 1, reason: 'trimmed' })
  await assert.rejects(publisher.history('other'), { code: 'HISTORY_OFF' })
  await assert.rejects(publisher.history('kept', { limit: 0 }), { code: 'INVALID_ARGUMENT' })

  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  await client.ok({ subscribe: { channels: ['kept', 'other'] } })
  const session = String(client.replies[0]?.ok?.session)
  assert.deepEqual(await publisher.presence('kept'), {
    channel: 'kept',
    count: 1,
    clients: [{ session, user: '' }],
  })
  assert.deepEqual(await publisher.presence('other'), { channel: 'other', count: 1 })
})

test('a publisher speaks over a Unix socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'encke-socket-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'publish.sock')
  await startNode(t, ['--publish-socket', path])
  const publisher = createPublisher({ path })
  t.after(() => publisher.close())
  assert.equal((await publisher.publish('unix', 1)).offset, 1)
})

test('a publisher with the wrong key fails at once and does not come back', async (t) => {
  const node = await startNode(t, ['--key', 'the right key'])
  const publisher = publisherFor(t, node, { key: 'a wrong key' })
  const early = publisher.publish('a', 1)
  await assert.rejects(
    publisher.ready(),
    (error) => error instanceof AccessError && error.code === 'KEY_INVALID',
  )
  await assert.rejects(early, { code: 'KEY_INVALID' })
  await assert.rejects(publisher.publish('a', 2), { code: 'KEY_INVALID' })
  await publisher.close()
  const right = publisherFor(t, node, { key: 'the right key' })
  assert.equal((await right.publish('a', 3)).offset, 1)
})

test('a publisher comes back when the node restarts on the same port, and sends what waited', async (t) => {
  const first = await startNode(t)
  const publisher = publisherFor(t, first)
  assert.equal((await publisher.publish('news', 'before')).offset, 1)
  await first.stop('SIGKILL')
  // Whatever is written before the loss is noticed is lost with the connection; the rest waits and goes out in order.
  const outcomes: ReturnType<Publisher['publish']>[] = []
  for (let n = 0; n < 100; n++) {
    outcomes.push(publisher.publish('news', n))
    outcomes.at(-1)?.catch(() => {}) // looked at below
    await turn()
  }
  const second = await startNode(t, ['--publish-port', `${first.publishPort}`])
  const settled = await Promise.allSettled(outcomes)
  const lost = settled.findIndex(({ status }) => status === 'fulfilled')
  assert.ok(lost !== -1, 'some waited')
  for (const [n, outcome] of settled.entries()) {
    if (outcome.status === 'fulfilled') assert.equal(outcome.value.offset, n - lost + 1)
    else assert.ok(n < lost && outcome.reason.code === 'CONNECTION_LOST', String(outcome.reason))
  }
  assert.equal(await second.stop(), 0)
})

test('a publisher survives a node that drains, without losing what it was promised', async (t) => {
  const first = await startNode(t)
  const publisher = publisherFor(t, first)
  await publisher.ready()
  let stopped: Promise<unknown> = Promise.resolve()
  const outcomes = { accepted: 0, lost: 0 }
  for (let n = 0; n < 3000; n++) {
    if (n === 1000) stopped = first.stop()
    publisher.publish('news', n).then(
      () => outcomes.accepted++,
      (error: unknown) => {
        assert.ok(error instanceof EnckeError && ['CONNECTION_LOST', 'DRAINING'].includes(error.code))
        outcomes.lost++
      },
    )
    if (n % 100 === 0) await turn()
  }
  await stopped
  await startNode(t, ['--publish-port', `${first.publishPort}`])
  await until(() => outcomes.accepted + outcomes.lost === 3000, { what: 'an outcome for each' })
  assert.ok(outcomes.accepted > 0)
})

test('frames that were written and not answered fail as CONNECTION_LOST', async (t) => {
  const node = await startNode(t)
  const publisher = publisherFor(t, node)
  await publisher.publish('a', 0)
  process.kill(node.pid, 'SIGSTOP')
  const written = Promise.allSettled(Array.from({ length: 50 }, (_, n) => publisher.publish('a', n)))
  // A turn of the loop later they are on their way.
  await turn()
  await turn()
  await node.stop('SIGKILL')
  for (const outcome of await written) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof UnavailableError)
    assert.equal(outcome.reason.code, 'CONNECTION_LOST')
    assert.match(outcome.reason.message, /^Connection lost before the answer: /)
  }
})

test('a publisher without a node queues up to its bound, refuses more, and makes room when the node comes', async (t) => {
  const port = await freePort()
  const publisher = createPublisher({ port, maxQueueBytes: 10_000 })
  t.after(() => publisher.close())
  assert.equal(publisher.room(), null)
  const queued: Promise<unknown>[] = []
  let refusal: unknown = null
  while (refusal === null && queued.length < 1000) {
    const one = publisher.publish('queued', 'x'.repeat(900))
    const outcome = await Promise.race([one.catch((error: unknown) => error), turn()])
    if (outcome === undefined) queued.push(one)
    else refusal = outcome
  }
  assert.ok(refusal instanceof LimitError, String(refusal))
  assert.match(refusal.message, /await room\(\) first/)
  assert.ok(queued.length >= 9 && queued.length <= 11, `${queued.length} were queued`)
  const room = publisher.room()
  assert.ok(room !== null)
  const node = await startNode(t, ['--publish-port', `${port}`])
  await room
  assert.equal((await Promise.all(queued)).length, queued.length)
  assert.equal((await publisher.publish('queued', 1)).offset, queued.length + 1)
  await node.stop()
})

// room() used to look at its own queue alone, which was emptied into the socket however far behind the node was: a
// publisher that awaited it held as much as the window allows, 16,384 frames of any size.
test('a publisher that awaits room() is held back by a node that hangs', async (t) => {
  const node = await startNode(t)
  const publisher = publisherFor(t, node, { maxQueueBytes: 4 * MEBIBYTE })
  await publisher.ready()
  process.kill(node.pid, 'SIGSTOP')
  const data = Buffer.from(JSON.stringify('x'.repeat(64 * 1024)))
  const outcomes: Promise<unknown>[] = []
  let room: Promise<void> | null = null
  while (room === null && outcomes.length < 4096) {
    outcomes.push(publisher.publish('hung', data))
    await turn()
    room = publisher.room()
  }
  const heldMib = (outcomes.length * data.length) / MEBIBYTE
  process.kill(node.pid, 'SIGCONT')
  t.diagnostic(`${Math.round(heldMib)} MiB were taken before room() made it wait`)
  assert.ok(heldMib < 24, `${heldMib} MiB for a queue of 4`)
  assert.ok(room !== null)
  await room
  assert.equal((await Promise.all(outcomes)).length, outcomes.length)
})

test('a publisher gives up after the attempts it was allowed', async (t) => {
  const publisher = createPublisher({ port: await freePort(), maxReconnectAttempts: 3 })
  t.after(() => publisher.close())
  const waiting = publisher.publish('a', 1)
  await assert.rejects(publisher.ready(), /Cannot reach the publish port: .*ECONNREFUSED/)
  await assert.rejects(waiting, UnavailableError)
  await assert.rejects(publisher.publish('a', 2), { code: 'CONNECTION_LOST' })
})

test('a publisher tells a peer that is no publish port from a node', async (t) => {
  const node = await startNode(t)
  const publisher = createPublisher({ port: node.publicPort, maxReconnectAttempts: 1 })
  t.after(() => publisher.close())
  await assert.rejects(publisher.ready(), UnavailableError)
})

function publisherFor(t: TestContext, node: TestNode, options: PublisherOptions = {}): Publisher {
  const publisher = createPublisher({ port: node.publishPort, ...options })
  t.after(() => publisher.close())
  return publisher
}

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
