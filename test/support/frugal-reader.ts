/**
 * A reader of floods: a WebSocket client that remembers where it is and lets go of the data.
 *
 * Owns what the tests of slow readers look at: which offsets came and which were called missing, in order, how late the
 * latest were, and everything that is no publication. It can stop reading, as a page whose main thread hangs does. No
 * code of src/. Memory: one small object per publication or gap.
 */
import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { until } from './until.ts'
import type { Fields, WireBye, WireReply } from './wire.ts'

/** How a publication begins; its data is looked at where it is a number. */
const PUBLICATION = /^\{"channel":"([^"]*)","offset":(\d+),"data":(-?[\d.]+)?/

/** Letters of a message that hold all of that. */
const HEAD_LETTERS = 200

/** Longer than a reader takes that has to be caught up with tens of megabytes. */
const WITHIN_MS = 30_000

/** Offsets `from` to `to` came, or did not: a publication is one offset. */
export interface Step {
  readonly from: number
  readonly to: number
  readonly isGap: boolean
}

export interface FrugalReader {
  /** What came on its channel, in order. */
  readonly steps: readonly Step[]
  readonly replies: readonly WireReply[]
  /** Where it was when the reply of the same place came. */
  readonly reachedAtReply: readonly number[]
  /** The longest it took a publication whose data is the `performance.now()` of its publisher, ms. */
  worstDelayMs(): number
  /** Up to where it is; 0 = nothing came */
  reached(): number
  bye(): WireBye | null
  /** Null while the connection is open. */
  closeCode(): number | null
  /** Sends a command under the next id. */
  send(command: Fields): void
  /** Reads no more: what comes waits in the node and in the systems between. */
  pause(): void
  resume(): void
  closed(): Promise<number>
  close(): Promise<void>
}

/** Connects and subscribes to `channel` from now on. */
export async function openReader(wsUrl: string, channel: string): Promise<FrugalReader> {
  const socket = new WebSocket(wsUrl, { perMessageDeflate: false })
  const steps: Step[] = []
  const replies: WireReply[] = []
  const reachedAtReply: number[] = []
  let worstDelayMs = 0
  let lastId = 0
  let bye: WireBye | null = null
  let closeCode: number | null = null

  socket.on('message', (bytes: Buffer) => {
    const [, name, offset, data] = PUBLICATION.exec(bytes.toString('utf8', 0, HEAD_LETTERS)) ?? []
    if (name === undefined) return takeOther(JSON.parse(bytes.toString()))
    assert.equal(name, channel)
    steps.push({ from: Number(offset), to: Number(offset), isGap: false })
    if (data !== undefined) worstDelayMs = Math.max(worstDelayMs, performance.now() - Number(data))
  })
  socket.on('close', (code) => {
    closeCode = code
  })
  socket.on('error', () => {}) // a close event follows

  function takeOther(message: Fields): void {
    if ('id' in message) takeReply(message as unknown as WireReply)
    else if ('bye' in message) bye = message.bye as WireBye
    else if ('gap' in message) steps.push({ ...(message.gap as { from: number; to: number }), isGap: true })
    else throw new Error(`The reader knows no such message: ${JSON.stringify(message)}`)
  }

  function takeReply(reply: WireReply): void {
    replies.push(reply)
    reachedAtReply.push(reader.reached())
  }

  const reader: FrugalReader = {
    steps,
    replies,
    reachedAtReply,
    worstDelayMs: () => worstDelayMs,
    reached: () => steps.at(-1)?.to ?? 0,
    bye: () => bye,
    closeCode: () => closeCode,
    send(command) {
      lastId++
      socket.send(JSON.stringify({ id: lastId, ...command }))
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    closed: () => until(() => closeCode, { withinMs: WITHIN_MS, what: 'the reader to be closed' }),
    async close() {
      socket.resume()
      socket.terminate()
      await reader.closed()
    },
  }
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  reader.send({ connect: {} })
  reader.send({ subscribe: { channel } })
  await until(() => replies[1]?.ok, { withinMs: WITHIN_MS, what: 'the reader to be subscribed' })
  return reader
}

/** Resolves once the reader is at `offset`. */
export async function reaches(reader: FrugalReader, offset: number): Promise<void> {
  const what = () => `offset ${offset}: the reader is at ${reader.reached()}`
  await until(() => reader.reached() >= offset, { withinMs: WITHIN_MS, what })
}

/**
 * Every offset from 1 to `last` must have come, in order: as a publication or in a gap, never both, never neither.
 *
 * @param last default: as far as it got
 * @returns how many fell into gaps
 */
export function assertWhole(reader: FrugalReader, last = reader.reached()): number {
  let next = 1
  let missing = 0
  for (const { from, to, isGap } of reader.steps) {
    if (from !== next) assert.fail(`${isGap ? 'A gap' : 'A publication'} of ${from} follows ${next - 1}`)
    if (isGap) missing += to - from + 1
    next = to + 1
  }
  assert.equal(next - 1, last, 'the last that came')
  return missing
}
