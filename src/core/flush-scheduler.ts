/**
 * When publications leave.
 *
 * Owns the queue between the broker and the subscribers of an edge, and all native publishes. A write to a socket
 * costs the kernel the same for one message as for thirty, so what arrives in one turn of the loop leaves together at
 * its end, outside any handler, at most 30 messages and 15 KB a turn: then every subscriber gets one write (the
 * library writes at 32 messages or 16 KB). What is left goes in the next turn, after other work had its chance.
 *
 * A turn also takes one step of one wave: a channel of very many subscribers is given its messages shard by shard, so
 * that nobody else waits for all of them. Waves take turns. A channel with a latency budget holds its publications
 * back until the budget of the first has passed.
 *
 * Bound: `maxPendingBytes` of publications, their envelopes included; above it `room` makes publishers wait until half of that is sent.
 */
import type { Clock } from '../clock.ts'
import type { Publication } from './broker.ts'
import type { HubChannel } from './hub-channel.ts'
import type { Observer } from './observer.ts'
import { PublicationQueue } from './publication-queue.ts'
import type { Session } from './session.ts'
import { Wave } from './wave.ts'

/** Below the library's 32 messages per subscriber and drain. */
const MAX_TURN_MESSAGES = 30

/** Below the library's 16 KB cork buffer; a larger message goes alone. */
const MAX_TURN_BYTES = 15 * 1024

/** Room for the envelope around the data when a turn is measured. */
const ENVELOPE_BYTES = 64

/** What a publication that waits takes in memory besides its data and names: without it the smallest had no bound. */
const WAITING_BYTES = 256

export interface FlushScheduler {
  /** Takes a publication of a channel, in the channel's order. */
  enqueue(channel: HubChannel, publication: Publication): void
  /** Makes sure that a turn comes, though nothing may be pending. */
  soon(): void
  /** Null when there is room, else resolves when there is again. */
  room(): Promise<void> | null
  /** Calls `run` once what is pending now has been sent to channels that are not sharded; at once when nothing is. */
  afterPending(run: () => void): void
  /** Sends what is pending now, whole; for the end of a node. */
  drain(): void
}

/** @param beforeTurn called before a turn gives anything to anyone */
export function createFlushScheduler(
  clock: Clock,
  observer: Observer,
  maxPendingBytes: number,
  beforeTurn: () => void = () => {},
): FlushScheduler {
  const queue = new PublicationQueue<HubChannel>()
  /** Publications of sharded channels that no wave has taken yet. */
  const backlogs = new Map<HubChannel, PublicationQueue<HubChannel>>()
  /** Sharded channels that have something to send, the next one first. */
  let waves: HubChannel[] = []
  let pendingBytes = 0
  let isScheduled = false
  let waiting: { promise: Promise<void>; resolve: () => void } | null = null
  /** Channels that hold publications back, with what calls their release off. */
  const heldChannels = new Map<HubChannel, () => void>()
  const direct: Session[] = []
  /** What to do once so many publications have left the queue, in order. */
  let waitingRuns: { readonly taken: number; readonly run: () => void }[] = []
  let taken = 0

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(turn)
  }

  function turn(): void {
    isScheduled = false
    flushTurn()
    if (queue.length > 0 || waves.length > 0) schedule()
    if (waiting !== null && pendingBytes * 2 <= maxPendingBytes) {
      waiting.resolve()
      waiting = null
    }
  }

  function flushTurn(): void {
    beforeTurn()
    const nowMs = clock.nowMs()
    let given = 0
    takeTurn(queue, (publication, channel) => {
      taken++
      if (channel.isSharded) {
        joinBacklog(channel, publication)
      } else {
        give(channel, publication)
        settle(publication, nowMs)
        given++
      }
    })
    emptyOutboxes()
    runWaiting()
    startWaves()
    stepWave(nowMs)
    if (given > 0) observer.flushed(given)
  }

  function give(channel: HubChannel, publication: Publication): void {
    channel.offset = publication.offset
    channel.epoch = publication.epoch
    const { only } = channel
    if (only !== null) {
      const message = only.fanOut.encode(publication)
      if (only.outbox === null) {
        only.outbox = [message]
        direct.push(only)
      } else {
        only.outbox.push(message)
      }
      observer.delivered(only.fanOut.transport, 1, message.length)
      return
    }
    for (const { fanOut, count } of channel.audiences) {
      const message = fanOut.encode(publication)
      fanOut.publish(channel.name, message)
      observer.delivered(fanOut.transport, count, count * message.length)
    }
  }

  function settle(publication: Publication, nowMs: number): void {
    pendingBytes -= waitingBytes(publication)
    observer.publicationFlushed(nowMs - publication.arrivedMs)
  }

  function emptyOutboxes(): void {
    for (const session of direct) {
      const messages = session.outbox
      session.outbox = null
      if (messages !== null && session.phase !== 'ended') session.fanOut.send(session, messages)
    }
    direct.length = 0
  }

  function runWaiting(): void {
    while (waitingRuns[0] !== undefined && waitingRuns[0].taken <= taken) {
      const [first, ...rest] = waitingRuns
      waitingRuns = rest
      first.run()
    }
  }

  function joinBacklog(channel: HubChannel, publication: Publication): void {
    let backlog = backlogs.get(channel)
    if (backlog === undefined) {
      backlog = new PublicationQueue()
      backlogs.set(channel, backlog)
      waves.push(channel)
    }
    backlog.push(publication, channel)
  }

  /** Only once the turn has brought all it had: what came together leaves together. */
  function startWaves(): void {
    for (const channel of waves) if (channel.wave === null) nextWave(channel)
  }

  function nextWave(channel: HubChannel): void {
    const publications: Publication[] = []
    const backlog = backlogs.get(channel)
    if (backlog !== undefined) takeTurn(backlog, (publication) => publications.push(publication))
    channel.wave = new Wave(channel, publications)
  }

  /** One step of the channel whose turn it is; then the next channel's. */
  function stepWave(nowMs: number): void {
    const channel = waves[0]
    const wave = channel?.wave ?? null
    if (channel === undefined || wave === null) return
    if (wave.step(observer)) {
      if (waves.length > 1) waves = [...waves.slice(1), channel]
      return
    }
    for (const publication of wave.publications) settle(publication, nowMs)
    observer.flushed(wave.publications.length)
    endWave(channel, wave)
  }

  function endWave(channel: HubChannel, wave: Wave): void {
    const last = wave.publications.at(-1)
    if (last !== undefined) {
      channel.offset = last.offset
      channel.epoch = last.epoch
    }
    const backlog = backlogs.get(channel)
    if (backlog !== undefined && backlog.length > 0) {
      nextWave(channel)
      return
    }
    channel.wave = null
    channel.dropEmpty()
    backlogs.delete(channel)
    waves = waves.filter((one) => one !== channel)
  }

  function push(channel: HubChannel, publication: Publication): void {
    queue.push(publication, channel)
    schedule()
  }

  function release(channel: HubChannel): void {
    const held = channel.held
    channel.held = null
    heldChannels.get(channel)?.()
    heldChannels.delete(channel)
    for (const publication of held ?? []) push(channel, publication)
  }

  return {
    enqueue(channel, publication) {
      pendingBytes += waitingBytes(publication)
      if (channel.flushMs === 0) {
        push(channel, publication)
      } else if (channel.held === null) {
        channel.held = [publication]
        heldChannels.set(
          channel,
          clock.after(channel.flushMs, () => release(channel)),
        )
      } else {
        channel.held.push(publication)
      }
    },
    soon: schedule,
    room() {
      if (pendingBytes <= maxPendingBytes) return null
      if (waiting === null) {
        let resolve = () => {}
        const promise = new Promise<void>((done) => {
          resolve = done
        })
        waiting = { promise, resolve }
      }
      return waiting.promise
    },
    afterPending(run) {
      for (const channel of heldChannels.keys()) release(channel)
      if (queue.length === 0) run()
      else waitingRuns.push({ taken: taken + queue.length, run })
    },
    drain() {
      for (const channel of heldChannels.keys()) release(channel)
      while (queue.length > 0 || waves.length > 0) flushTurn()
    },
  }
}

/** Takes as much from a queue as may leave in one turn, at least one where there is one. */
function takeTurn(
  queue: PublicationQueue<HubChannel>,
  take: (publication: Publication, channel: HubChannel) => void,
): void {
  let messages = 0
  let bytes = 0
  while (messages < MAX_TURN_MESSAGES) {
    const publication = queue.publication
    const channel = queue.owner
    if (publication === null || channel === null) break
    const size = ownBytes(publication) + ENVELOPE_BYTES
    if (messages > 0 && bytes + size > MAX_TURN_BYTES) break
    queue.shift()
    messages++
    bytes += size
    take(publication, channel)
  }
}

function waitingBytes(publication: Publication): number {
  return ownBytes(publication) + WAITING_BYTES
}

/** Data and names; those of ASCII letters are exact. */
function ownBytes({ channel, data, event, user }: Publication): number {
  return data.bytes + channel.length + event.length + user.length
}
