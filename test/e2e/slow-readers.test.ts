/**
 * Readers that stop reading, against a real node over real sockets.
 *
 * Owns promises 1 to 3 and 6 of the design for them: whoever stops for a while gets what was published meanwhile, or is
 * told exactly what it does not get, once and in order; whoever stops for too long is ended; nobody else waits, and the
 * books balance. The system holds megabytes for a connection before the node notices anything, so every test publishes
 * until the node says that readers have fallen behind. Can not show what a slow network does: its packets are not lost.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as passes } from 'node:timers/promises'
import { assertWhole, type FrugalReader, openReader, reaches } from '../support/frugal-reader.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { counter, openPublisher, ops, post, type WireLine } from '../support/wire.ts'

const BEHIND = 'encke_sessions_behind_total'
const OWED = 'encke_deliveries_lagging'
const RECEIVED = 'encke_received_bytes_total'
const CLOSED = 'encke_connections_closed_total'

const SIZES = [8_000, 200_000]

/** What a reader that reads takes at once, and the time until there is more. */
const BURST_BYTES = 400_000
const BURST_EVERY_MS = 20

/** Publications, more than the ring of a channel holds. */
const OWED_AT_LEAST = 600

/** More than any system holds for two connections of this test. */
const FLOOD_BYTES = 150_000_000

const OTHERS = 1_000
const OPEN_AT_ONCE = 50
const TICK_MS = 100
/** How long those who stop may be behind: much more than the nap, though the machine stand still for a while. */
const MAX_LAG_MS = 12_000
/** Much more than a tick takes two busy processes, much less than those who sleep hold up whoever waits for them. */
const LATE_MS = 6_000

/** How long a goodbye waits for a reader, and until it is seen that it did. */
const GOODBYE_MS = 5_000
const SLACK_MS = 15_000

test('readers that stop', { concurrency: true }, async (t) => {
  await Promise.all([
    t.test('for a second or for ever are no trouble to a thousand others', stopWhileOthersRead),
    t.test('for ten seconds get all of it or are told what not', stopForLong),
    t.test('and read again have their ping answered while they are caught up', askWhileBehind),
  ])
})

// Alone: a goodbye waits for five seconds, which a busy machine lets pass.
test(
  'readers that are told to go, by the node or the application, hear it if they read again in time',
  readGoodbye,
)

async function stopWhileOthersRead(t: TestContext): Promise<void> {
  const node = await startNode(t, ['--max-lag-ms', `${MAX_LAG_MS}`])
  const others = await openOthers(t, node)
  const ticker = await startTicks(t, node)
  const floods = await Promise.all(SIZES.map((bytes) => startFlood(t, node, bytes)))

  const stopped = await Promise.all(
    floods.map(async (flood) => {
      const [napping, sleeping] = [await flood.open(), await flood.open()]
      napping.pause()
      sleeping.pause()
      return { flood, napping, sleeping }
    }),
  )
  await floodUntilBehind(node, floods, 2 * SIZES.length)
  await floodFor(floods, 1_000)
  for (const { napping } of stopped) napping.resume()
  await floodFor(floods, 500)
  for (const { flood, napping } of stopped) {
    await reaches(napping, flood.published())
    assertWhole(napping, flood.published())
    assert.equal(napping.closeCode(), null)
    for (const reader of flood.steady) assert.equal(assertWhole(reader, flood.published()), 0)
  }

  const ended = () => counter(node.internalUrl, CLOSED, { code: 'SLOW_CONSUMER' })
  await until(async () => (await ended()) === SIZES.length, {
    withinMs: MAX_LAG_MS + GOODBYE_MS + SLACK_MS,
    what: 'those who sleep to be ended',
  })
  for (const { flood, sleeping } of stopped) {
    sleeping.resume()
    assert.ok([1006, 3002].includes(await sleeping.closed()), 'a code that means: come back')
    assert.equal(assertWhole(sleeping), 0, 'it came as far as it came')
    assert.ok(sleeping.reached() < flood.published())
  }

  const ticks = ticker.stop()
  await until(() => others.every((one) => one.reached() === ticks), { what: 'all ticks' })
  for (const one of others) assert.equal(assertWhole(one, ticks), 0)
  const late = Math.max(...others.map((one) => one.worstDelayMs()))
  assert.ok(late < LATE_MS, `the latest tick took ${Math.round(late)} ms`)
  await assertBalanced(node)
}

async function stopForLong(t: TestContext): Promise<void> {
  const node = await startNode(t)
  const floods = await Promise.all(SIZES.map((bytes) => startFlood(t, node, bytes)))
  const readers = await Promise.all(floods.map((flood) => flood.open()))
  for (const reader of readers) reader.pause()
  const untilMs = performance.now() + 10_000
  await floodUntilBehind(node, floods, SIZES.length)
  while (performance.now() < untilMs || (await counter(node.internalUrl, OWED)) < OWED_AT_LEAST) {
    for (const flood of floods)
      assert.ok(flood.published() * flood.bytes < FLOOD_BYTES, 'the readers are owed more')
    await Promise.all(floods.map((flood) => flood.burst()))
    await passes(5 * BURST_EVERY_MS)
  }
  for (const reader of readers) reader.resume()
  for (const [n, flood] of floods.entries()) {
    const [reader] = readers.slice(n)
    assert.ok(reader)
    await reaches(reader, flood.published())
    await flood.burst()
    await reaches(reader, flood.published())
    assertWhole(reader, flood.published())
    for (const one of flood.steady) assert.equal(assertWhole(one, flood.published()), 0)
  }
  assert.ok(
    assertWhole(readers[0] as FrugalReader) > 0,
    'thousands of small ones are more than the ring holds',
  )
  await assertBalanced(node)
}

async function askWhileBehind(t: TestContext): Promise<void> {
  const node = await startNode(t, ['--ring-size', '100000'])
  const flood = await startFlood(t, node, 8_000)
  const reader = await flood.open()
  reader.pause()
  await floodUntilBehind(node, [flood], 1)
  await floodFor([flood], 500)
  const received = () => counter(node.internalUrl, RECEIVED, { transport: 'websocket' })
  const before = await received()
  reader.send({ ping: {} })
  await until(async () => (await received()) > before, {
    what: 'the ping to be there before there is room for its reply',
  })
  reader.resume()
  const reply = await until(() => reader.replies[2], { what: 'the reply' })
  const reached = reader.reachedAtReply[2] ?? 0
  assert.ok(reached < flood.published(), 'it came before the reader was caught up')
  assert.deepEqual(reply, { id: 3, ok: {} }, 'a sum would say nothing yet')
  await reaches(reader, flood.published())
  assert.equal(assertWhole(reader, flood.published()), 0)
  reader.send({ ping: {} })
  const { ok } = await until(() => reader.replies[3], { what: 'the reply' })
  assert.deepEqual(ok, { sum: flood.published() })
  await assertBalanced(node)
}

async function readGoodbye(t: TestContext): Promise<void> {
  const maxLagMs = 1_000
  const node = await startNode(t, ['--max-lag-ms', `${maxLagMs}`])
  const flood = await startFlood(t, node, 200_000)
  const [slow, expelled] = [await flood.open(), await flood.open()]
  slow.pause()
  expelled.pause()
  await floodUntilBehind(node, [flood], 2)
  const session = expelled.replies[0]?.ok?.session
  const goodbye = { code: 4501, reason: 'account closed' }
  const answer = await post(`${node.internalUrl}/api/disconnect`, { session, ...goodbye })
  assert.deepEqual(answer.body, { disconnected: 1 })
  await passes(maxLagMs + 1_500) // both are ended, and their goodbyes wait
  assert.deepEqual([slow.closeCode(), expelled.closeCode()], [null, null])
  assert.equal(await counter(node.internalUrl, CLOSED, { code: 'SLOW_CONSUMER' }), 0)

  slow.resume()
  expelled.resume()
  assert.equal(await slow.closed(), 3002)
  assert.equal(slow.bye()?.code, 3002)
  assert.equal(await expelled.closed(), goodbye.code)
  assert.deepEqual(expelled.bye(), goodbye)
  for (const reader of [slow, expelled]) assert.equal(assertWhole(reader), 0, 'nothing out of line before it')
  const ended = (code: string) => counter(node.internalUrl, CLOSED, { code })
  await until(async () => (await ended('SLOW_CONSUMER')) === 1 && (await ended('DISCONNECTED')) === 1, {
    what: 'their ends to be counted',
  })
  await assertBalanced(node)
}

/** A channel that is published to in bursts, and two readers who always read and set the pace. */
interface Flood {
  readonly bytes: number
  readonly steady: readonly FrugalReader[]
  published(): number
  open(): Promise<FrugalReader>
  /** Publishes some; resolves once the steady readers have them. */
  burst(): Promise<void>
}

async function startFlood(t: TestContext, node: TestNode, bytes: number): Promise<Flood> {
  const channel = `flood-${bytes}`
  const line = await openLineOf(t, node)
  const data = 'x'.repeat(bytes)
  let published = 0
  const open = async () => {
    const reader = await openReader(node.wsUrl, channel)
    t.after(() => reader.close())
    return reader
  }
  const steady = [await open(), await open()]
  return {
    bytes,
    steady,
    published: () => published,
    open,
    async burst() {
      for (let n = 0; n < BURST_BYTES / bytes; n++) {
        published++
        line.send(ops.publish, published + 1, channel, data)
      }
      await Promise.all(steady.map((reader) => reaches(reader, published)))
    },
  }
}

/** Publishes to all of them until the node says that `sessions` have fallen behind. */
async function floodUntilBehind(node: TestNode, floods: readonly Flood[], sessions: number): Promise<void> {
  while ((await counter(node.internalUrl, BEHIND)) < sessions) {
    const bytes = Math.max(...floods.map((flood) => flood.published() * flood.bytes))
    assert.ok(bytes < FLOOD_BYTES, `${sessions} readers fall behind before ${FLOOD_BYTES} bytes`)
    await Promise.all(floods.map((flood) => flood.burst()))
  }
}

async function floodFor(floods: readonly Flood[], ms: number): Promise<void> {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs) {
    await Promise.all(floods.map((flood) => flood.burst()))
    await passes(BURST_EVERY_MS)
  }
}

/** A thousand readers of another channel. */
async function openOthers(t: TestContext, node: TestNode): Promise<readonly FrugalReader[]> {
  const others: FrugalReader[] = []
  t.after(() => Promise.all(others.map((one) => one.close())))
  while (others.length < OTHERS) {
    const opening = Array.from({ length: OPEN_AT_ONCE }, () => openReader(node.wsUrl, 'ticks'))
    others.push(...(await Promise.all(opening)))
  }
  return others
}

/** Publishes the time, again and again; `stop` resolves to how often. */
async function startTicks(t: TestContext, node: TestNode): Promise<{ stop(): number }> {
  const line = await openLineOf(t, node)
  let ticks = 0
  const timer = setInterval(() => {
    ticks++
    line.send(ops.publish, ticks + 1, 'ticks', performance.now())
  }, TICK_MS)
  t.after(() => clearInterval(timer))
  return {
    stop() {
      clearInterval(timer)
      return ticks
    },
  }
}

async function openLineOf(t: TestContext, node: TestNode): Promise<WireLine> {
  const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
  t.after(() => line.close())
  return line
}

async function assertBalanced(node: TestNode): Promise<void> {
  const answer = await fetch(`${node.internalUrl}/api/books`)
  const { balance, due } = (await answer.json()) as Record<string, number>
  assert.equal(balance, 0)
  assert.ok(due !== undefined && due > 0)
}
