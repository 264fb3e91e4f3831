/**
 * The browser client on a network that lets WebSockets through now and then: it falls back, returns, and loses nothing.
 *
 * Owns an HTTP proxy that changes its mind, steady publications to the client and steady publishes by it. What is shown:
 * every publication comes once and in order, and every publish is stored once, whatever transport carried what.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClientOptions, TransportName } from '../../src/client/client.ts'
import { type Journal, startJournal, startSteady } from '../support/client-journal.ts'
import { startContractNode } from '../support/contract.ts'
import type { TestNode } from '../support/node.ts'
import { createRandom } from '../support/seed.ts'
import { until } from '../support/until.ts'
import { startWebProxy, type UpgradeRule, type WebProxy } from '../support/web-proxy.ts'

const fallbacks: readonly TransportName[] = ['long-poll', 'sse']
const SWITCHING_MS = 15_000
/** A busy machine gets so long for the turns there must be. */
const MAX_SWITCHING_MS = 60_000
const SAY_EVERY_MS = 10
/** Turns there must be at least, for the test to show anything. */
const MIN_SWITCHES = 6
/** Tests at once: most of their time is spent waiting, each for its own network. */
const AT_ONCE = 4

describe('clients on a network that changes its mind', { concurrency: AT_ONCE }, () => {
  for (const fallback of fallbacks) {
    for (const rule of ['refused', 'cut', 'swallowed'] as const) {
      test(`client goes on with ${fallback} where upgrades are ${rule}, and returns when they are not`, async (t) => {
        const { node, proxy, network, start } = await setUp(t)
        proxy.upgrades = rule
        const journal = await start(['steady'], fallback)
        assert.deepEqual(used(journal), [fallback])
        const steady = await startSteady(t, node, ['steady'], 100)
        await journal.reached('steady', 20)
        proxy.upgrades = 'passed'
        network.dispatchEvent(new Event('online'))
        await until(() => used(journal).length === 2, { what: 'the other transport' })
        await steady.goOn(20)
        const count = await steady.stop()
        await journal.reached('steady', count)
        journal.assertUnbroken('steady', 1, count)
        assert.deepEqual(used(journal), [fallback, 'websocket'])
        const { state: last } = journal.states.at(-1) ?? assert.fail()
        assert.equal(last, 'connected')
      })
    }

    test(`client that is moved between WebSocket and ${fallback} at random loses nothing and says nothing twice [slow]`, async (t) => {
      const { node, proxy, network, start } = await setUp(t)
      const random = createRandom()
      const journal = await start(['steady', 'open_own'], fallback, { timeoutMs: 60_000 })
      const steady = await startSteady(t, node, ['steady'], 100)
      const talk = startTalk(journal)
      const beganMs = performance.now()
      const passedMs = () => performance.now() - beganMs
      const switchesNow = () => used(journal).length - 1
      while (passedMs() < SWITCHING_MS || (switchesNow() < MIN_SWITCHES && passedMs() < MAX_SWITCHING_MS)) {
        proxy.upgrades = random.pick<UpgradeRule>(['passed', 'passed', 'refused', 'cut'])
        if (random.below(2) === 0) proxy.cutWebSockets()
        network.dispatchEvent(new Event('online'))
        await pause(random.below(400)) // the pace at which the network changes its mind is the test
      }
      proxy.upgrades = 'passed'
      const said = await talk.stop()
      const count = await steady.stop()
      await journal.reached('steady', count)
      await journal.reached('open_own', said.length)
      journal.assertUnbroken('steady', 1, count)
      journal.assertUnbroken('open_own', 1, said.length)
      const stored = journal.heard('open_own').map(({ publication }) => publication.data)
      assert.deepEqual([...stored].sort(byNumber), said)
      const switches = switchesNow()
      t.diagnostic(`${switches} switches, ${count} received, ${said.length} published`)
      assert.ok(switches >= MIN_SWITCHES, `${switches} switches`)
      assert.deepEqual(journal.errors, [])
    })
  }
})

interface Setup {
  readonly node: TestNode
  readonly proxy: WebProxy
  /** Where the client hears that the network has changed. */
  readonly network: EventTarget
  start(channels: readonly string[], fallback: TransportName, options?: ClientOptions): Promise<Journal>
}

async function setUp(t: TestContext): Promise<Setup> {
  const node = await startContractNode(t, ['--ring-size', '100000'])
  const proxy = await startWebProxy(t, node.publicPort)
  const network = new EventTarget()
  const start: Setup['start'] = (channels, fallback, options) =>
    startJournal(t, proxy.wsUrl, channels, {
      transports: ['websocket', fallback],
      page: network,
      connectTimeoutMs: 5_000,
      ...options,
    })
  return { node, proxy, network, start }
}

/** Publishes numbers from 0 as the page, one after the other or not, until stopped; resolves to all of them. */
function startTalk({ client }: Journal): { stop(): Promise<number[]> } {
  const said: Promise<number>[] = []
  const timer = setInterval(() => {
    const number = said.length
    said.push(client.publish('open_own', number).then(() => number))
  }, SAY_EVERY_MS)
  return {
    stop() {
      clearInterval(timer)
      return Promise.all(said)
    },
  }
}

/** The transports a client has been connected with, each run of the same one once. */
function used({ states }: Journal): readonly TransportName[] {
  const names = states.flatMap((state) => (state.state === 'connected' ? [state.transport] : []))
  return names.filter((name, n) => name !== names[n - 1])
}

function byNumber(a: unknown, b: unknown): number {
  return Number(a) - Number(b)
}
