/**
 * Thirty browser clients on lines that go dark at random: all of them get everything, soon after the light is back.
 *
 * Owns ten seconds of blackouts, some of which end in a reset, under a steady publisher; all transports together. Measures
 * how long a client takes to have what was published while its line was dark. Can not show lost segments.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { TransportName } from '../../src/client/client.ts'
import { type Journal, startJournal, startSteady } from '../support/client-journal.ts'
import { startContractNode } from '../support/contract.ts'
import { createRandom, type Random, seed } from '../support/seed.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const CLIENTS = 30
const RUN_MS = 10_000
const PER_SECOND = 50
const DARK_MS = { from: 500, to: 2_000 }
const LIGHT_MS = { from: 500, to: 1_500 }
/** Of most; the others may meet the machine when it stands still. */
const CATCH_UP_MS = 2_000
/** Less than any limit of a silence that a client might wait for instead. */
const MAX_CATCH_UP_MS = 15_000
const CHANNEL = 'jitter'
const transports: readonly TransportName[] = ['websocket', 'websocket', 'websocket', 'long-poll', 'sse']

/** The line of one client came back when the channel was at `offset`. */
interface Dawn {
  readonly journal: Journal
  readonly atMs: number
  readonly offset: number
}

test('clients whose lines go dark at random get everything once, most within two seconds of the light [slow]', async (t) => {
  const node = await startContractNode(t, ['--ring-size', '10000'])
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, n) => {
      const proxy = await startTcpProxy(t, node.publicPort)
      const transport = transports[n % transports.length] ?? 'websocket'
      const url = `ws://127.0.0.1:${proxy.port}/ws`
      // Waits between attempts are the client's own: they are part of how soon it has everything.
      const options = { transports: [transport], backoff: {} }
      return { proxy, journal: await startJournal(t, url, [CHANNEL], options) }
    }),
  )
  const steady = await startSteady(t, node, [CHANNEL], PER_SECOND)
  const endMs = performance.now() + RUN_MS
  const dawns = await Promise.all(
    clients.map(({ proxy, journal }, n) =>
      shake(proxy, createRandom(seed + n), endMs, () => ({
        journal,
        atMs: performance.now(),
        offset: steady.count(),
      })),
    ),
  )
  const count = await steady.stop()
  for (const { journal } of clients) {
    await journal.reached(CHANNEL, count)
    journal.assertUnbroken(CHANNEL, 1, count)
    assert.deepEqual(journal.errors, [])
  }
  const tookMs = dawns
    .flat()
    .map(catchUpMs)
    .sort((a, b) => a - b)
  const at = (share: number) => Math.round(tookMs[Math.ceil(share * tookMs.length) - 1] ?? 0)
  t.diagnostic(
    `${count} publications, ${tookMs.length} blackouts, caught up within p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms`,
  )
  assert.ok(tookMs.length >= CLIENTS, `${tookMs.length} blackouts`)
  assert.ok(at(0.5) < CATCH_UP_MS, `half of them caught up after ${at(0.5)} ms`)
  assert.ok(at(1) < MAX_CATCH_UP_MS, `caught up after ${at(1)} ms`)
})

/** Darkens a line again and again until `endMs`; every third time it is reset in the end. */
async function shake(proxy: TcpProxy, random: Random, endMs: number, dawn: () => Dawn): Promise<Dawn[]> {
  const dawns: Dawn[] = []
  while (performance.now() < endMs) {
    await pause(between(random, LIGHT_MS))
    proxy.blackout()
    await pause(between(random, DARK_MS))
    if (random.below(3) === 0) proxy.reset()
    proxy.restore()
    dawns.push(dawn())
  }
  return dawns
}

function between(random: Random, { from, to }: typeof DARK_MS): number {
  return from + random.below(to - from)
}

/** How long it took until the client had what there was when its line came back; 0 when it had it already. */
function catchUpMs({ journal, atMs, offset }: Dawn): number {
  const heard = journal.heard(CHANNEL).find(({ publication }) => publication.offset >= offset)
  return Math.max(0, (heard?.atMs ?? Number.POSITIVE_INFINITY) - atMs)
}
