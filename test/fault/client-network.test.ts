/**
 * The browser client on a bad network, over every transport: nothing lost, none twice, and the page hears of it only in states.
 *
 * Owns what a TCP proxy can do to a client that comes back by itself: darkness, resets anywhere in a message, lines that are
 * dead without a word. The client is the real one, in Node; test/browser has it in a browser.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { ClientOptions, TransportName } from '../../src/client/client.ts'
import { fastTimers, type Journal, startJournal, startSteady } from '../support/client-journal.ts'
import { publish, startContractNode, tokenOf } from '../support/contract.ts'
import type { TestNode } from '../support/node.ts'
import { createRandom } from '../support/seed.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const transports: readonly TransportName[] = ['websocket', 'long-poll', 'sse']
const RESETS = 10
const BLACKOUT_MS = 2_000
/** So much faster runs the time of clients that wait for the limit of a silence, half a minute and more. */
const TIMES = 8
/** Tests at once: most of their time is spent waiting, each for its own network. */
const AT_ONCE = 3

describe('clients on a bad network', { concurrency: AT_ONCE }, () => {
  for (const transport of transports) {
    test(`${transport} client in the dark for two seconds gets everything once, and its publishes are stored once`, async (t) => {
      const { proxy, node, start } = await setUp(t)
      const journal = await start(transport, ['steady', 'open_own', 'quiet'])
      const steady = await startSteady(t, node, ['steady'], 100)
      await journal.reached('steady', 20)
      proxy.blackout(BLACKOUT_MS)
      const published = [1, 2, 3].map((n) => journal.client.publish('open_own', n))
      await steady.goOn(BLACKOUT_MS / 10 + 50)
      assert.deepEqual(
        (await Promise.all(published)).map(({ offset }) => offset),
        [1, 2, 3],
      )
      const count = await steady.stop()
      await journal.reached('steady', count)
      await journal.reached('open_own', 3)
      journal.assertUnbroken('steady', 1, count)
      journal.assertUnbroken('open_own', 1, 3)
      assert.deepEqual(journal.errors, [])
    })

    test(`${transport} client that is reset anywhere in a message gets everything once`, async (t) => {
      const { proxy, node, start } = await setUp(t)
      const random = createRandom()
      const user = `reset-${transport}`
      const journal = await start(transport, ['steady'], { token: tokenOf(user) })
      const steady = await startSteady(t, node, ['steady', `@${user}`], 200)
      for (let n = 0; n < RESETS; n++) {
        const before = journal.states.length
        for (const line of proxy.connections()) line.resetAfter(1 + random.below(3_000))
        await until(() => journal.states.length > before && journal.client.state === 'connected', {
          what: () => `connection ${n + 2}, it is ${journal.client.state}`,
        })
        await steady.goOn(10)
      }
      const count = await steady.stop()
      await journal.reached('steady', count)
      await journal.reached(`@${user}`, count)
      journal.assertUnbroken('steady', 1, count)
      journal.assertUnbroken(`@${user}`, 1, count)
      assert.equal(sessions(journal).size, 1)
      assert.deepEqual(journal.errors, [])
    })

    test(`${transport} client on a line that is dead without a word notices, comes back and gets everything once`, async (t) => {
      const { proxy, node, start } = await setUp(t, ['--poll-hold-ms', '1000'])
      const journal = await start(transport, ['steady'], { timers: fastTimers(TIMES), timeoutMs: 600_000 })
      const steady = await startSteady(t, node, ['steady'], 50)
      await journal.reached('steady', 10)
      const before = journal.states.length
      proxy.halfOpen()
      const published = journal.client.publish('open_own', 'into the void')
      await until(() => journal.states.slice(before).some(({ state }) => state === 'waiting'), {
        what: 'the client to give the line up',
      })
      assert.equal((await published).offset, 1)
      const count = await steady.stop()
      await journal.reached('steady', count)
      journal.assertUnbroken('steady', 1, count)
      assert.equal((await publish(node, 'open_own', 'next')).offset, 2)
      assert.deepEqual(journal.errors, [])
    })
  }
})

interface Setup {
  readonly node: TestNode
  readonly proxy: TcpProxy
  start(transport: TransportName, channels: readonly string[], options?: ClientOptions): Promise<Journal>
}

/** A node that holds everything, a bad network before it, and clients of one transport. */
async function setUp(t: TestContext, flags: readonly string[] = []): Promise<Setup> {
  const node = await startContractNode(t, ['--ring-size', '100000', ...flags])
  const proxy = await startTcpProxy(t, node.publicPort)
  const url = `ws://127.0.0.1:${proxy.port}/ws`
  const start: Setup['start'] = (transport, channels, options) =>
    startJournal(t, url, channels, { transports: [transport], ...options })
  return { node, proxy, start }
}

/** The sessions a client has had. */
function sessions({ states }: Journal): ReadonlySet<string> {
  return new Set(states.flatMap((state) => (state.state === 'connected' ? [state.session] : [])))
}
