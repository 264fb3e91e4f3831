/**
 * Crowds of CppComet pages beside other clients, and pages that stop reading, on a real node over real sockets.
 *
 * Owns promises 1 to 3 and 6 of the design for these pages: all see the same publications in order, whichever dialect and
 * transport; one that stops for a while gets what was published meanwhile or is told what it does not get, and nobody waits
 * for it; the books balance. The system holds megabytes for a connection before the node notices anything, so the tests
 * publish until the node says that readers have fallen behind.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openCometPage } from '../support/comet-client.ts'
import { cometPath } from '../support/comet-line.ts'
import { applicationOf, startCometNode } from '../support/comet-node.ts'
import {
  assertAllCame,
  type CometReader,
  cometReaches,
  numbered,
  openCometReader,
} from '../support/comet-reader.ts'
import type { TestNode } from '../support/node.ts'
import { openPoll } from '../support/poll-client.ts'
import { until } from '../support/until.ts'
import { counter, openClient, openPublisher, ops, type WireLine } from '../support/wire.ts'

const PIPE = 'web_crowd'
const VERSIONS = ['4.08', '3.25']

const CROWD = 1_000
const OPEN_AT_ONCE = 50
const FEW = 10
const PUBLICATIONS = 200

/** What a reader stops for. */
const PAUSE_MS = 2_000
const FLOOD_DATA_BYTES = 20_000
const BURST = 20
/** Publications owed to those who nap: to each more than the short ring holds. Who reads is owed a burst at most. */
const OWED_AT_LEAST = 1_000
/** More than any system holds for two connections. */
const FLOOD_BYTES = 300_000_000

test('thousand pages of both generations get the same in order as native clients and polls', async (t) => {
  const node = await startCometNode(t)
  const readers = await openCrowd(t, node)
  const natives = await Promise.all(
    Array.from({ length: FEW }, (_, n) =>
      openClient(node.wsUrl, { format: n % 2 === 0 ? 'json' : 'msgpack' }),
    ),
  )
  const polls = await Promise.all(Array.from({ length: FEW }, () => openPoll(node, { connect: {} })))
  t.after(() => Promise.all([...natives, ...polls].map((one) => one.close())))
  for (const one of [...natives, ...polls]) await one.ok({ subscribe: { channel: PIPE } })
  const pollers = await Promise.all(
    Array.from({ length: FEW }, (_, n) =>
      openCometPage(t, node.publicPort, {
        transport: 'poll',
        pipes: [PIPE],
        uuid: `poll${n}`,
        version: VERSIONS[n % VERSIONS.length] ?? '',
      }),
    ),
  )
  const line = await openFlood(t, node)
  for (let n = 1; n <= PUBLICATIONS; n++) line.send(ops.publish, n + 1, PIPE, numbered(n))
  for (const reader of readers) await cometReaches(reader, PUBLICATIONS)
  for (const reader of readers) assert.equal(assertAllCame(reader, PUBLICATIONS), 0)
  const expected = Array.from({ length: PUBLICATIONS }, (_, n) => n + 1)
  for (const one of [...natives, ...polls]) {
    const came = await one.received(PIPE, PUBLICATIONS)
    assert.deepEqual(
      came.map(({ offset, data }) => [offset, data]),
      expected.map((n) => [n, numbered(n)]),
    )
  }
  for (const one of pollers) {
    const came = await one.received(PIPE, PUBLICATIONS)
    assert.deepEqual(
      came.map(({ data }) => data),
      expected.map((n) => numbered(n)),
    )
  }
  await assertBalanced(node)
})

for (const [ringSize, what] of [
  ['100000', 'gets all of it, in order'],
  ['64', 'is told exactly what it does not get'],
] as const) {
  test(`page that does not read for two seconds of a flood ${what}`, async (t) => {
    const node = await startCometNode(t, ['--ring-size', ringSize])
    const readers = await Promise.all(
      VERSIONS.flatMap((version) => [read(t, node, { version }), read(t, node, { version })]),
    )
    const napping = readers.filter((_, n) => n % 2 === 0)
    const steady = readers.filter((_, n) => n % 2 === 1)
    const flood = await startFlood(t, node, steady)
    for (const reader of napping) reader.pause()
    const wakeMs = performance.now() + PAUSE_MS
    await flood.until(async () => {
      const owed = await counter(node.internalUrl, 'encke_deliveries_lagging')
      return owed >= OWED_AT_LEAST && performance.now() >= wakeMs
    })
    for (const reader of napping) reader.resume()
    await flood.until(() => napping.every((reader) => reader.reached() > flood.published() / 2))
    for (const reader of readers) await cometReaches(reader, flood.published())
    for (const reader of steady) assert.equal(assertAllCame(reader, flood.published()), 0)
    for (const reader of napping) {
      const missing = assertAllCame(reader, flood.published())
      if (ringSize === '64') assert.ok(missing > 0, 'the ring does not reach back so far')
      else assert.equal(missing, 0)
      assert.equal(reader.isDropped(), false)
    }
    await assertBalanced(node)
  })
}

test('page that polls late gets what came meanwhile, in order, or is told what not', async (t) => {
  // However long the publishing takes, the page is not gone for good meanwhile.
  const node = await startCometNode(t, ['--session-linger-ms', '300000'])
  const app = applicationOf(node)
  for (const version of VERSIONS) {
    const pipe = `web_late_${version.slice(0, 1)}`
    const path = cometPath({ prefix: '/', version, uuid: `late-${version}` })
    const poll = () => fetch(`${node.publicUrl}${path}`, { method: 'POST', body: pipe })
    assert.match(await (await poll()).text(), /serverInfo/)
    const numbers: number[] = []
    for (const count of [3, 100, 200]) {
      const before = numbers.length
      for (let n = 1; n <= count; n++) await app.publish(pipe, 'e', before + n)
      while (numbers.length < before + count) {
        const lines = (await (await poll()).text()).trim().split('\n')
        for (const one of lines) numbers.push(Number(JSON.parse(one).data))
      }
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: 303 }, (_, n) => n + 1),
    )

    for (let n = 304; n <= 1_000; n++) await app.publish(pipe, 'e', n) // more than the ring keeps
    const lines: { event: string; data: unknown }[] = []
    await until(
      async () => {
        const text = await (await poll()).text()
        lines.push(
          ...text
            .trim()
            .split('\n')
            .map((one) => JSON.parse(one)),
        )
        return lines.at(-1)?.data === '1000'
      },
      { what: 'the last' },
    )
    const [gap, first] = lines
    assert.equal(gap?.event, 'gap')
    const told = typeof gap?.data === 'string' ? JSON.parse(gap.data) : gap?.data
    assert.deepEqual([told.from, told.to], [304, Number(first?.data) - 1])
    assert.deepEqual(
      lines.slice(1).map(({ data }) => Number(data)),
      Array.from({ length: 1_000 - told.to }, (_, n) => told.to + 1 + n),
    )
  }
})

test('newer poll of a page takes over from the one that waits', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const poll = () => fetch(`${node.publicUrl}${cometPath({ prefix: '/' })}`, { method: 'POST', body: PIPE })
  assert.match(await (await poll()).text(), /serverInfo/)
  const older = poll()
  const newer = poll()
  const first = await Promise.race([older, newer])
  assert.equal(await first.text(), '')
  await app.publish(PIPE, 'e', 'once')
  const texts = (await Promise.all([older, newer])).map((answer) => (answer.bodyUsed ? '' : answer.text()))
  const [came = ''] = (await Promise.all(texts)).filter((text) => text !== '')
  assert.equal(JSON.parse(JSON.parse(came).data), 'once')
})

async function openCrowd(t: TestContext, node: TestNode): Promise<readonly CometReader[]> {
  const readers: CometReader[] = []
  t.after(() => Promise.all(readers.map((one) => one.close())))
  while (readers.length < CROWD) {
    const opening = Array.from({ length: OPEN_AT_ONCE }, (_, n) =>
      openCometReader(node.publicPort, PIPE, { version: VERSIONS[n % VERSIONS.length] ?? '' }),
    )
    readers.push(...(await Promise.all(opening)))
  }
  return readers
}

async function read(t: TestContext, node: TestNode, { version }: { version: string }): Promise<CometReader> {
  const reader = await openCometReader(node.publicPort, PIPE, { version })
  t.after(() => reader.close())
  return reader
}

/** Publishes at the pace of those who always read. */
async function startFlood(t: TestContext, node: TestNode, steady: readonly CometReader[]) {
  const line = await openFlood(t, node)
  let published = 0

  async function burst(): Promise<void> {
    for (let n = 0; n < BURST; n++) {
      published++
      line.send(ops.publish, published + 1, PIPE, numbered(published, FLOOD_DATA_BYTES))
    }
    for (const reader of steady) await cometReaches(reader, published)
  }

  return {
    published: () => published,
    /** Publishes until something is so. */
    async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
      do {
        await burst()
        assert.ok(published * FLOOD_DATA_BYTES < FLOOD_BYTES, `not so after ${FLOOD_BYTES} bytes`)
      } while (!(await isSo()))
    },
  }
}

async function openFlood(t: TestContext, node: TestNode): Promise<WireLine> {
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
