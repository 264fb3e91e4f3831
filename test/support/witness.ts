/**
 * A healthy client that watches a node while something bad is done to it.
 *
 * Owns one subscriber and one publisher that ticks all the time, and the question whether both were left in peace: the
 * same process answers, every tick came, in order, and new ones go on coming. Bound: a tick every 20 ms until the test
 * ends. Knows nothing of what the bad thing is.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { TestNode } from './node.ts'
import { until } from './until.ts'
import {
  answers,
  counter,
  type Fields,
  openClient,
  openPublisher,
  ops,
  type WireClientOptions,
} from './wire.ts'

const TICK_MS = 20
const CHANNEL = 'witness'

export interface Witness {
  /** Resolves once ticks published from now on have arrived. @throws when anything was lost, late or restarted */
  unharmed(): Promise<void>
  /**
   * Runs `act` and waits until the counter has risen; then the node must be unharmed.
   *
   * @returns what `act` returned
   */
  sees<T>(name: CounterName, code: string, act: () => Promise<T>): Promise<T>
}

export type CounterName =
  | 'encke_command_errors_total'
  | 'encke_connections_refused_total'
  | 'encke_connections_closed_total'

/** Starts a witness that lives as long as the test. @param options what the node asks of clients and publishers */
export async function startWitness(
  t: TestContext,
  node: TestNode,
  options: WireClientOptions & { readonly token?: string; readonly hello?: Fields } = {},
): Promise<Witness> {
  const { hello, ...clientOptions } = options
  const client = await openClient(node.wsUrl, clientOptions)
  await client.ok({ subscribe: { channel: CHANNEL } })
  const line = await openPublisher({ port: node.publishPort }, hello)
  let ticks = 0
  const timer = setInterval(() => {
    ticks++
    line.send(ops.publish, ticks + 1, CHANNEL, ticks)
  }, TICK_MS)
  t.after(async () => {
    clearInterval(timer)
    await client.close()
    await line.close()
  })

  async function unharmed(): Promise<void> {
    const before = ticks
    await until(() => client.publications.length > before || client.ended() !== null, {
      what: () => `tick ${before + 1} to reach the witness, which got ${client.publications.length}`,
    })
    assert.equal(client.ended(), null, 'the witness is still connected')
    for (const [n, { offset, data }] of client.publications.entries()) {
      assert.deepEqual([offset, data], [n + 1, n + 1], 'the witness got every tick in order')
    }
    assert.deepEqual(
      line.answers.slice(1).filter(([op]) => op !== answers.ack),
      [],
      'every tick was acknowledged',
    )
    assert.equal((await fetch(`${node.internalUrl}/healthz`)).status, 200)
    assert.equal(process.kill(node.pid, 0), true)
  }

  return {
    unharmed,
    async sees(name, code, act) {
      const read = () => counter(node.internalUrl, name, { code })
      const before = await read()
      const result = await act()
      await until(async () => (await read()) > before, { what: `${name}{code="${code}"} to rise` })
      await unharmed()
      return result
    },
  }
}
