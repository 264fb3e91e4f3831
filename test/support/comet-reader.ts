/**
 * A reader of floods that speaks CppComet's browser protocol: it remembers where it is and lets go of the data.
 *
 * Owns what the tests of crowds and slow readers look at: which publications came and which were called missing, in order,
 * and any frame that is no message. It can stop reading. Publications carry their number, which is their offset. Bare TCP;
 * no code of src/. Memory: one small object per run of publications or gap.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { masked, opcodeOf, opcodes, payloadOf, splitFrames } from './comet-frames.ts'
import { type CometFields, cometPath, upgradeRequest } from './comet-line.ts'
import { until } from './until.ts'

/** Longer than a reader takes that has to be caught up with tens of megabytes. */
const WITHIN_MS = 30_000

/** Letters of a message that hold its number, in either dialect. */
const HEAD_LETTERS = 120
const NUMBER = /"data":"(?:\\")?(\d+)[ "\\]/

/** Publications `from` to `to` came one after the other, or did not come. */
export interface Run {
  readonly from: number
  to: number
  readonly isGap: boolean
}

export interface CometReader {
  readonly runs: readonly Run[]
  /** Up to where it is; 0 = nothing came */
  reached(): number
  /** A Close frame came: a page would stay away. */
  hasClosed(): boolean
  isDropped(): boolean
  pause(): void
  resume(): void
  dropped(): Promise<void>
  close(): Promise<void>
}

/** Data of the `n`th publication, of about `bytes`: a text that begins with its number. */
export function numbered(n: number, bytes = 0): string {
  return bytes === 0 ? `${n}` : `${n} ${'x'.repeat(bytes)}`
}

/** Connects and subscribes to `pipe`; resolves once it is. */
export async function openCometReader(
  port: number,
  pipe: string,
  fields: CometFields = {},
): Promise<CometReader> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const runs: Run[] = []
  let parts: Buffer[] = []
  let heldBytes = 0
  let wantedBytes = 0
  let hasHead = false
  let isSettled = false
  let hasClosed = false
  let isDropped = false

  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk)
    heldBytes += chunk.length
    if (heldBytes >= wantedBytes) takeBytes(Buffer.concat(parts))
  })
  socket.on('error', () => {}) // a close event follows
  socket.on('close', () => {
    isDropped = true
  })

  function takeBytes(bytes: Buffer): void {
    let rest = bytes
    if (!hasHead) {
      const end = bytes.indexOf('\r\n\r\n')
      hasHead = end >= 0
      if (hasHead) rest = bytes.subarray(end + 4)
    }
    if (hasHead) {
      const split = splitFrames(rest)
      for (const frame of split.frames) takeFrame(frame)
      rest = split.rest
    }
    parts = rest.length === 0 ? [] : [Buffer.from(rest)]
    heldBytes = rest.length
    wantedBytes = rest.length < 65_536 ? 0 : 2 * rest.length // a large frame is not looked at for each chunk
  }

  function takeFrame(frame: Buffer): void {
    if (opcodeOf(frame) === opcodes.close) hasClosed = true
    if (opcodeOf(frame) !== opcodes.text) return
    const payload = payloadOf(frame)
    const number = NUMBER.exec(payload.toString('latin1', 0, HEAD_LETTERS))?.[1]
    if (number === undefined) takeOther(payload.toString())
    else came(Number(number))
  }

  function came(number: number): void {
    const last = runs.at(-1)
    if (last !== undefined && !last.isGap && last.to + 1 === number) last.to = number
    else runs.push({ from: number, to: number, isGap: false })
  }

  function takeOther(text: string): void {
    const { event, data, marker } = JSON.parse(text)
    if (event === 'gap') {
      const { from, to } = typeof data === 'string' ? JSON.parse(data) : data
      runs.push({ from, to, isGap: true })
    } else if (marker === 'subscribed') isSettled = true
    else {
      assert.equal(event, 'serverInfo', text.slice(0, 200))
      socket.write(masked(`subscription\n${pipe}`))
      socket.write(masked('pipe_count\nweb_settled\nsubscribed\n')) // its answer tells that the list was read
    }
  }

  await once(socket, 'connect')
  socket.write(upgradeRequest(cometPath(fields)))
  socket.write(
    Buffer.concat([masked(`subscription\n${pipe}`), masked('pipe_count\nweb_settled\nsubscribed\n')]),
  )
  await until(() => isSettled, { withinMs: WITHIN_MS, what: 'the reader to be subscribed' })
  const reader: CometReader = {
    runs,
    reached: () => runs.at(-1)?.to ?? 0,
    hasClosed: () => hasClosed,
    isDropped: () => isDropped,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    dropped: async () => void (await until(() => isDropped, { withinMs: WITHIN_MS, what: 'the end' })),
    async close() {
      socket.resume()
      socket.destroy()
      await reader.dropped()
    },
  }
  return reader
}

/**
 * Everything from 1 to `last` must have come, in order: as a publication or in a gap, never both, never neither.
 *
 * @returns how many fell into gaps
 */
export function assertAllCame(reader: CometReader, last: number): number {
  let next = 1
  let missing = 0
  for (const { from, to, isGap } of reader.runs) {
    if (from !== next) assert.fail(`${isGap ? 'A gap' : 'A publication'} of ${from} follows ${next - 1}`)
    if (isGap) missing += to - from + 1
    next = to + 1
  }
  assert.equal(next - 1, last, 'the last that came')
  return missing
}

/** Resolves once the reader is at `number`. */
export async function cometReaches(reader: CometReader, number: number): Promise<void> {
  const what = () => `publication ${number}: the reader is at ${reader.reached()}`
  await until(() => reader.reached() >= number, { withinMs: WITHIN_MS, what })
}
