/**
 * The browser client in Node, and everything it told its page.
 *
 * Owns `startJournal`: a client from the sources over real sockets, written down as a page would hear it. Also a publisher
 * that keeps a steady pace, and time that runs faster for clients whose limits are long. Ends with its test.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import {
  type ChannelGap,
  type Client,
  type ClientError,
  type ClientOptions,
  type ClientState,
  createClient,
  type Timers,
} from '../../src/client/client.ts'
import type { PublicationMessage } from '../../src/protocol/messages.ts'
import type { TestNode } from './node.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'
import { openPublisher, ops } from './wire.ts'

/** Reconnects at once, so that a test is about the network and not about waiting. */
const QUICK = { minMs: 20, maxMs: 200 }
const COMES_WITHIN_MS = 30_000

export interface Heard {
  readonly publication: PublicationMessage
  readonly atMs: number
}

export interface Journal {
  readonly client: Client
  readonly states: readonly ClientState[]
  readonly gaps: readonly ChannelGap[]
  readonly errors: readonly ClientError[]
  /** What came on `channel`, in order. */
  heard(channel: string): readonly Heard[]
  /** Resolves once publication `offset` has come on `channel`. */
  reached(channel: string, offset: number): Promise<void>
  /** Every offset of `channel` from `from` to `to` came once, in order, and nothing was said to be missing. */
  assertUnbroken(channel: string, from: number, to: number): void
}

/** Starts a client subscribed to `channels`; resolves once it is subscribed to all of them. */
export async function startJournal(
  t: Pick<TestContext, 'after'>,
  url: string,
  channels: readonly string[],
  options: ClientOptions = {},
): Promise<Journal> {
  const client = createClient({ url, WebSocket, backoff: QUICK, ...options })
  atEnd(t, () => client.disconnect())
  const states: ClientState[] = []
  const gaps: ChannelGap[] = []
  const errors: ClientError[] = []
  const heard = new Map<string, Heard[]>()
  client.on('state', (state) => states.push(state))
  client.on('error', (error) => errors.push(error))
  client.on('gap', (gap) => gaps.push(gap))
  const write = (publication: PublicationMessage): void => {
    const list = heard.get(publication.channel) ?? []
    heard.set(publication.channel, list)
    list.push({ publication, atMs: performance.now() })
  }
  client.on('message', write)
  const subscriptions = channels.map((channel) => client.subscribe(channel, write))
  for (const subscription of subscriptions) subscription.on('gap', (gap) => gaps.push(gap))
  client.connect()
  await until(() => subscriptions.every(({ state }) => state === 'active'), {
    withinMs: COMES_WITHIN_MS,
    what: () => `subscriptions, which are ${subscriptions.map(({ state }) => state)}; ${client.state}`,
  })

  const journal: Journal = {
    client,
    states,
    gaps,
    errors,
    heard: (channel) => heard.get(channel) ?? [],
    async reached(channel, offset) {
      const last = () => journal.heard(channel).at(-1)?.publication.offset ?? 0
      await until(() => last() >= offset, {
        withinMs: COMES_WITHIN_MS,
        what: () => `offset ${offset} of ${channel}, which is at ${last()}; ${JSON.stringify(states.at(-1))}`,
      })
    },
    assertUnbroken(channel, from, to) {
      const offsets = journal.heard(channel).map(({ publication }) => publication.offset)
      const wrong = offsets.findIndex((offset, n) => offset !== from + n)
      assert.equal(wrong, -1, `number ${wrong} of ${channel} is ${offsets[wrong]}, not ${from + wrong}`)
      assert.equal(offsets.length, to - from + 1, `publications of ${channel} from ${from} to ${to}`)
      assert.deepEqual(gaps, [])
    },
  }
  return journal
}

export interface SteadyPublisher {
  /** Publications acknowledged so far; the offset of the last one, on a channel nobody else publishes to. */
  count(): number
  /** Resolves once `more` further ones are acknowledged. */
  goOn(more: number): Promise<void>
  /** Stops and resolves to how many there were. */
  stop(): Promise<number>
}

/** Publishes numbers from 1 to every one of `channels`, `perSecond` to each, until stopped. */
export async function startSteady(
  t: Pick<TestContext, 'after'>,
  node: TestNode,
  channels: readonly string[],
  perSecond: number,
): Promise<SteadyPublisher> {
  const line = await openPublisher({ port: node.publishPort })
  const beganMs = performance.now()
  let ticks = 0
  let frames = 1 // the hello
  const timer = setInterval(() => {
    const due = ((performance.now() - beganMs) / 1_000) * perSecond
    while (ticks < due) {
      ticks++
      for (const channel of channels) line.send(ops.publish, ++frames, channel, ticks)
    }
  }, 5)
  atEnd(t, async () => {
    clearInterval(timer)
    await line.close()
  })
  const count = () => Math.floor((line.answers.length - 1) / channels.length)
  return {
    count,
    async goOn(more) {
      const target = count() + more
      await until(() => count() >= target, { withinMs: COMES_WITHIN_MS, what: `${more} more publications` })
    },
    async stop() {
      clearInterval(timer)
      await until(() => count() === ticks, { what: () => `answer ${ticks}, ${count()} came` })
      return ticks
    },
  }
}

/** Time that runs `times` as fast: limits of half a minute in seconds. */
export function fastTimers(times: number): Timers {
  return {
    nowMs: () => performance.now() * times,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs / times)
      return () => clearTimeout(timer)
    },
  }
}
