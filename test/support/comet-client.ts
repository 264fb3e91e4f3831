/**
 * A page of CppComet, as far as a server can tell: over a WebSocket or over long polls.
 *
 * Owns a connection and what the page makes of what comes (comet-digest.ts). It says what the original's script says, in the
 * same words; it neither reconnects nor waits a second before it begins. No code of src/. Everything digested stays in
 * memory until the page is closed.
 */
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { createDigest, type Digest, type Digested } from './comet-digest.ts'
import { type CometFields, cometPath } from './comet-line.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

const WITHIN_MS = 15_000

export const cometTransports = ['websocket', 'poll'] as const
export type CometTransport = (typeof cometTransports)[number]

export interface CometPage extends Digest {
  /** Replaces the list of pipes; over a WebSocket only. Resolves once messages on them will come. */
  subscribe(...pipes: readonly string[]): Promise<void>
  /** What the script does with a value; over a WebSocket only. */
  publish(pipe: string, event: string, value: unknown): void
  /** A command as text; over a WebSocket only. */
  say(text: string): void
  /** Resolves to the messages on a pipe once there are `count`. */
  received(pipe: string, count: number): Promise<Digested[]>
  /** Resolves to the answer to a question with that marker. */
  answer(marker: string): Promise<Digested>
  /** Null = open */
  closed(): 'clean' | 'unclean' | null
  close(): Promise<void>
}

export interface CometPageOptions extends CometFields {
  readonly transport?: CometTransport
  readonly pipes?: readonly string[]
}

/** Opens a page, waits for its greeting, and subscribes it to `pipes`; it is closed when the test ends. */
export async function openCometPage(
  t: Pick<TestContext, 'after'>,
  port: number,
  { transport = 'websocket', pipes = [], ...fields }: CometPageOptions = {},
): Promise<CometPage> {
  const digest = createDigest(Number.parseInt(fields.version ?? '4', 10) < 4)
  const isSocket = transport === 'websocket'
  const link = isSocket ? openSocket(port, fields, digest) : openPolls(port, fields, pipes, digest)
  const page = createPage(digest, link)
  atEnd(t, () => page.close())
  await until(() => digest.isAuthorized() !== undefined, { withinMs: WITHIN_MS, what: 'the greeting' })
  if (isSocket && pipes.length > 0) await page.subscribe(...pipes)
  return page
}

/** What carries a page. */
interface Link {
  subscribe(pipes: readonly string[]): void
  say(text: string): void
  closed(): 'clean' | 'unclean' | null
  close(): Promise<void>
  /** Subscriptions up to now are in force. */
  isSettled(): boolean
}

function createPage(digest: Digest, link: Link): CometPage {
  const seen = () => JSON.stringify(digest.messages.slice(-5))
  return {
    ...digest,
    async subscribe(...pipes) {
      link.subscribe(pipes)
      await until(link.isSettled, { withinMs: WITHIN_MS, what: 'the subscriptions' })
    },
    publish: (pipe, event, value) => link.say(`web_pipe2\n${pipe}\n${event}\n*\n${JSON.stringify(value)}`),
    say: link.say,
    received(pipe, count) {
      const found = () => digest.messages.filter((one) => one.signals.includes(pipe))
      const what = () => `${count} messages on ${pipe}, ${found().length} came; the latest: ${seen()}`
      return until(() => found().length >= count && found(), { withinMs: WITHIN_MS, what })
    },
    answer(marker) {
      const found = () => digest.messages.find((one) => one.signals.includes(marker))
      return until(found, { withinMs: WITHIN_MS, what: () => `the answer to ${marker}: ${seen()}` })
    },
    closed: link.closed,
    close: link.close,
  }
}

function openSocket(port: number, fields: CometFields, digest: Digest): Link {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${cometPath(fields)}`, { perMessageDeflate: false })
  let closed: 'clean' | 'unclean' | null = null
  let asked = 0
  const waiting: string[] = []
  socket.on('message', (bytes: Buffer) => digest.take(bytes.toString()))
  socket.on('close', (code) => {
    closed = code === 1006 ? 'unclean' : 'clean'
  })
  socket.on('error', () => {}) // a close event follows
  socket.on('open', () => {
    for (const text of waiting.splice(0)) socket.send(text)
  })

  function say(text: string): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(text)
    else waiting.push(text)
  }

  return {
    say,
    subscribe(pipes) {
      asked++
      say(`subscription\n${pipes.join('\n')}`)
      say(`pipe_count\nweb_settled\nsettled${asked}\n`) // its answer tells that the list was read
    },
    isSettled: () => digest.messages.some(({ marker }) => marker === `settled${asked}`),
    closed: () => closed,
    async close() {
      socket.terminate()
      await until(() => closed !== null, { withinMs: WITHIN_MS, what: 'the end of the page' })
    },
  }
}

function openPolls(port: number, fields: CometFields, pipes: readonly string[], digest: Digest): Link {
  const url = `http://127.0.0.1:${port}${cometPath({ prefix: '/', ...fields })}`
  const over = new AbortController()
  const loop = pollOn()

  async function pollOn(): Promise<void> {
    while (!over.signal.aborted) {
      try {
        const answer = await fetch(url, { method: 'POST', body: pipes.join('\n'), signal: over.signal })
        const text = await answer.text()
        if (answer.status !== 200) throw new Error(`A poll was answered with ${answer.status}: ${text}`)
        if (text.trim() !== '') digest.take(text)
      } catch (error) {
        if (!over.signal.aborted) throw error
      }
    }
  }

  function say(): never {
    throw new Error('A page over polls can not say anything')
  }

  return {
    say,
    subscribe: say,
    isSettled: () => true,
    closed: () => (over.signal.aborted ? 'unclean' : null),
    async close() {
      over.abort()
      await loop
    },
  }
}
