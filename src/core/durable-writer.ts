/**
 * Publications that have to be on disk before anybody sees them.
 *
 * Owns the queue in front of the store, for all durable channels: one write is under way at a time, and what arrives
 * meanwhile goes with the next, so the slower the disk the more goes in one write. Offsets are given when a write
 * begins and shown when it has been kept; a write that fails gives its offsets back, so there are no holes. What changes
 * how a channel is kept is done between two writes, so no offset is given twice. Bound: publishers wait for their
 * answer, so what waits is what they may have under way.
 */
import { encodePublication } from '../protocol/json-codec.ts'
import type { Failure, Origin, PublishOutcome, PublishRequest } from './broker.ts'
import type { BrokerChannel } from './broker-channel.ts'
import type { Change, Store } from './store.ts'
import { encodePosition } from './stored-forms.ts'
import { bare, tenantOf } from './tenants.ts'

/** Publications in one write. */
const MAX_WRITE = 1000

/** A publication on its way to the disk. */
export interface DurableJob {
  readonly channel: BrokerChannel
  readonly request: PublishRequest
  readonly origin: Origin
  /** Monotonic time of arrival at the node, ms */
  readonly arrivedMs: number
  /** The same since 1970 */
  readonly timeMs: number
}

/** One that is on disk. */
export interface Written extends DurableJob {
  readonly offset: number
  /** The whole message as JSON */
  readonly message: Buffer
}

interface Waiting {
  readonly job: DurableJob
  readonly resolve: (outcome: PublishOutcome) => void
}

export interface DurableWriter {
  /** Resolves once it is on disk and was shown, or could not be kept. */
  append(job: DurableJob): Promise<PublishOutcome>
  /** Runs `task` while nothing is being written; what has no offset by then is written after it. */
  between(task: () => Promise<void>): Promise<void>
  /** Resolves when nothing is on its way. */
  idle(): Promise<void>
}

/** @param show called in the order of offsets for what is on disk */
export function createDurableWriter(store: Store, show: (written: Written) => void): DurableWriter {
  let waiting: Waiting[] = []
  /** What to do before the next write. */
  const tasks: (() => Promise<void>)[] = []
  let isWriting = false
  const idlers: (() => void)[] = []

  function schedule(): void {
    if (isWriting) return
    isWriting = true
    setImmediate(() => void goOn())
  }

  async function goOn(): Promise<void> {
    const task = tasks.shift()
    await (task === undefined ? writeNext() : task())
    isWriting = false
    if (tasks.length > 0 || waiting.length > 0) schedule()
    else for (const done of idlers.splice(0)) done()
  }

  async function writeNext(): Promise<void> {
    const batch = waiting.slice(0, MAX_WRITE)
    waiting = waiting.slice(MAX_WRITE)
    const written = place(batch.map(({ job }) => job))
    const failure = await store.write(changesOfAll(written)).then(
      () => null,
      (error: unknown): Failure => ({ failed: 'STORE_FAILED', message: textOf(error) }),
    )
    for (const [at, { resolve }] of batch.entries()) {
      const one = written[at]
      if (failure !== null || one === undefined) {
        resolve(failure ?? lost)
        continue
      }
      show(one)
      resolve({ epoch: one.channel.epoch, offset: one.offset })
    }
  }

  return {
    append(job) {
      return new Promise((resolve) => {
        waiting.push({ job, resolve })
        schedule()
      })
    },
    between(task) {
      return new Promise((resolve, reject) => {
        tasks.push(() => task().then(resolve, reject))
        schedule()
      })
    },
    idle() {
      if (!isWriting) return Promise.resolve()
      return new Promise((resolve) => idlers.push(resolve))
    },
  }
}

/** Gives each its offset, as if all before it were kept. */
function place(jobs: readonly DurableJob[]): Written[] {
  const latest = new Map<BrokerChannel, number>()
  return jobs.map((job) => {
    const { channel, request } = job
    const offset = (latest.get(channel) ?? channel.offset) + 1
    latest.set(channel, offset)
    const message = encodePublication({
      ...request,
      channel: bare(channel.name),
      offset,
      inbox: job.origin.inbox,
    })
    return { ...job, offset, message }
  })
}

/** What is beyond a history's size goes once for all of a write: a cut for each would look through all before it. */
function changesOfAll(written: readonly Written[]): Change[] {
  const latest = new Map(written.map((one) => [one.channel, one.offset]))
  return written.flatMap((one) => changesOf(one, latest.get(one.channel) === one.offset))
}

function changesOf({ channel, offset, message, timeMs }: Written, isLatest: boolean): Change[] {
  const { name, epoch, stored } = channel
  if (stored === null) return [] // it is not kept any more: it only had to wait for those before it
  const at = { tenant: tenantOf(name), owner: bare(name) } as const
  const changes: Change[] = [{ append: 'history', ...at, entry: { seq: offset, timeMs, value: message } }]
  const cut = isLatest ? stored.beyond(offset) : null
  if (cut !== null) changes.push({ cut: 'history', ...at, ...cut })
  if (!stored.isNamed) {
    const value = encodePosition({ epoch, offset: offset - 1 })
    changes.unshift({ put: 'channels', tenant: at.tenant, key: at.owner, value })
  }
  return changes
}

const lost: Failure = { failed: 'INTERNAL', message: 'The publication was lost on its way to the store' }

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
