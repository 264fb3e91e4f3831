/**
 * What the contract tests share: a node with tokens and a few rules, clients that end with their test, publishers.
 *
 * Owns the node's default flags and rules, tokens of its users, a flow of publications that never pauses, and the one
 * check of order. Channels are named by prefix: `list_`, `count_` and `off_` by what presence tells, `kept_` for a
 * history, `open_` for anyone to publish. Knows no transport.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { startNode, type TestNode } from './node.ts'
import { type Signer, secondsFromNow, signToken } from './tokens.ts'
import type { OpenOptions, Transport } from './transports.ts'
import { until } from './until.ts'
import { openClient, openPublisher, ops, post, type WirePublication } from './wire.ts'
import type { Position, TransportClient } from './wire-inbox.ts'

export const SECRET = 'a secret of more than sixteen bytes'
const hs256: Signer = { alg: 'HS256', secret: SECRET }

/** How many publications of a flow may be unanswered. */
const FLOW_WINDOW = 64

interface Gap {
  readonly from: number
  readonly to: number
}

const RULES = [
  { match: 'list_*', presence: 'list', publish: 'anyone' },
  { match: 'count_*', presence: 'count', publish: 'anyone' },
  { match: 'off_*', presence: 'off', publish: 'anyone' },
  { match: 'kept_*', historySize: 100, publish: 'anyone' },
  { match: 'open_*', publish: 'anyone' },
]

/** Sessions of polls and streams that are gone are kept so long: longer than a client here may stand still between two polls. */
const LINGER_MS = 3_000

/** A token for `user` that is good for a minute. */
export function tokenOf(user: string, more: object = {}): string {
  return signToken(hs256, { sub: user, exp: secondsFromNow(60), ...more })
}

/** A node that lets in users with tokens and anyone without. @param flags `--name`, value, …; they win */
export function startContractNode(t: TestContext, flags: readonly string[] = []): Promise<TestNode> {
  const defaults = {
    '--token-secret': SECRET,
    '--max-commands-per-second': '0',
    '--session-linger-ms': `${LINGER_MS}`,
    '--channels': JSON.stringify(RULES),
  }
  const missing = Object.entries(defaults).filter(([name]) => !flags.includes(name))
  return startNode(t, ['--anonymous', ...missing.flat(), ...flags])
}

/** Opens a client that is closed when the test ends. */
export async function open(
  t: TestContext,
  transport: Transport,
  node: TestNode,
  options: OpenOptions = {},
): Promise<TransportClient> {
  const client = await transport.open(node, options)
  t.after(() => client.close())
  return client
}

/** Publishes as the application; resolves to the place of the publication. */
export async function publish(
  node: TestNode,
  to: string,
  data: unknown,
  more: object = {},
): Promise<Position> {
  const target = to.startsWith('@') ? { user: to.slice(1) } : { channel: to }
  const { status, body } = await post(`${node.internalUrl}/api/publish`, { ...target, data, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return body as unknown as Position
}

/** Publishes `count` numbers from 1, all under way together; resolves once they have their offsets. */
export async function publishMany(node: TestNode, channel: string, count: number): Promise<void> {
  const line = await openPublisher({ port: node.publishPort })
  for (let n = 1; n <= count; n++) line.send(ops.publish, n + 1, channel, n)
  await line.answer(count)
  await line.close()
}

/** Keeps a channel's short ring alive with a subscriber until the test ends; resolves to where the channel is. */
export async function keep(t: TestContext, node: TestNode, channel: string): Promise<Position> {
  const keeper = await openClient(node.wsUrl)
  t.after(() => keeper.close())
  return (await keeper.ok({ subscribe: { channel } })) as unknown as Position
}

export interface Flow {
  /** Publications acknowledged so far. */
  count(): number
  /** Resolves once `more` further ones are acknowledged. */
  goOn(more: number): Promise<void>
  /** Stops and resolves to how many there were. */
  stop(): Promise<number>
}

/** Publishes numbers from 1 to a channel nobody else publishes to, as fast as they are acknowledged, until stopped. */
export async function startFlow(t: TestContext, node: TestNode, channel: string): Promise<Flow> {
  const line = await openPublisher({ port: node.publishPort })
  let sent = 0
  let isOver = false
  // The welcome is an answer as well.
  const count = () => line.answers.length - 1
  const fill = (): void => {
    while (!isOver && sent - count() < FLOW_WINDOW) {
      sent++
      line.send(ops.publish, sent + 1, channel, sent)
    }
  }
  line.socket.on('data', fill)
  fill()
  const stop = async (): Promise<number> => {
    isOver = true
    await until(() => count() === sent, { what: () => `answer ${sent}, ${count()} came` })
    return sent
  }
  t.after(async () => {
    isOver = true
    await line.close()
  })
  return {
    count,
    async goOn(more) {
      const target = count() + more
      await until(() => count() >= target, { what: `${more} more publications` })
    },
    stop,
  }
}

/** Every offset from `from` on must be there once, in order. @param last undefined = as far as they go */
export function assertUnbroken(
  publications: readonly WirePublication[],
  from: number,
  last = from + publications.length - 1,
): void {
  const wrong = publications.findIndex(({ offset }, n) => offset !== from + n)
  const around = publications.slice(Math.max(0, wrong - 2), wrong + 3).map(({ offset }) => offset)
  assert.equal(wrong, -1, `number ${wrong} from ${from} on is out of line: … ${around.join(', ')} …`)
  assert.equal(publications.length, last - from + 1, `offsets ${from} to ${last}`)
}

/**
 * Every offset from `first` to `last` must have come, in order: as a publication or in a gap, never both, never neither.
 *
 * @returns how many fell into gaps
 */
export function assertAccounted(
  client: TransportClient,
  channel: string,
  first: number,
  last: number,
): number {
  let next = first
  let missing = 0
  for (const message of client.messages as Partial<WirePublication & { gap: Gap }>[]) {
    if (message.channel !== channel) continue
    const { from, to } = message.gap ?? { from: message.offset ?? 0, to: message.offset ?? 0 }
    if (message.gap === undefined && message.offset === undefined) continue
    assert.equal(from, next, `${message.gap ? 'a gap' : 'a publication'} follows offset ${next - 1}`)
    if (message.gap !== undefined) missing += to - from + 1
    next = to + 1
  }
  assert.equal(next, last + 1, `${channel} is accounted for up to ${last}`)
  return missing
}

/** A channel name of its own for a test. */
export function channelFor(prefix: string, ...transports: readonly Transport[]): string {
  return [prefix, ...transports.map(({ name }) => name)].join('-').replaceAll(' ', '-').toLowerCase()
}
