/**
 * When publications leave.
 *
 * Owns the queue between the broker and the subscribers of an edge, and all native publishes. A write to a socket
 * costs the kernel the same for one message as for thirty, so what arrives in one turn of the loop leaves together at
 * its end, outside any handler, at most 30 messages and 15 KB a turn: then every subscriber gets one write (the
 * library writes at 32 messages or 16 KB). What is left goes in the next turn, after other work had its chance.
 *
 * A channel of very many subscribers is given its messages shard by shard, a step of a wave a turn, so that nobody else
 * waits for all of them. Waves take turns with each other, and with the rest: never both in one turn, as a socket that
 * got more than its 30 messages would be written to twice, and could lose one in the middle. A channel with a latency
 * budget holds its publications back until the budget of the first has passed.
 *
 * Bound: `maxPendingBytes` of publications, their envelopes included; above it `room` makes publishers wait until half of that is sent.
 */
import type { Clock } from '../clock.ts'
import type { Publication } from './broker.ts'
import type { HubChannel } from './hub-channel.ts'
import type { Ledger } from './ledger.ts'
import type { Observer } from './observer.ts'
import { PublicationQueue } from './publication-queue.ts'
import { type Direct, FIRST_PLACE, type Session } from './session.ts'
import type { TurnLog } from './turn-log.ts'
import { encodeFor, publishPast, Wave } from './wave.ts'

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
  /** Sends what is pending, turn by turn, and resolves when all of it has left; for the end of a node. */
  drain(): Promise<void>
}

export interface FlushDeps {
  readonly clock: Clock
  readonly observer: Observer
  readonly ledger: Ledger
  readonly log: TurnLog
  /** Called first in a turn, while the log still holds what the last one sent: who lost some leaves the topics. */
  settle(): void
  /** Called next: feeds those who are behind; true = there is more to do at once. */
  replay(): boolean
  /** Whether somebody who is behind waits for what is sent in this turn. */
  isReplayWaiting(): boolean
  /** Called when a notice has been sent to all who are live on its channel. */
  noticed(channel: HubChannel): void
  /** Called when all of a turn was given: transports send what they collected. */
  endTurn(): void
  /** Called when a session did not take a direct message, with the message. */
  refused(session: Session, message: Buffer): void
}

export function createFlushScheduler(deps: FlushDeps, maxPendingBytes: number): FlushScheduler {
  const { clock, observer, ledger, log } = deps
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
  /** Sessions with an outbox. */
  const directs: Session[] = []
  /** What to do once so many publications have left the queue, in order. */
  const waitingRuns: { readonly taken: number; readonly run: () => void }[] = []
  let taken = 0
  /** Whose turn it is when both the queue and a wave have something to send. */
  let isWaveNext = false
  let hasReplayLeft = false
  /** Channels have moved on in this turn. */
  let hasSent = false

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(turn)
  }

  function turn(): void {
    isScheduled = false
    flushTurn()
    const isReplayNext = hasReplayLeft || (hasSent && deps.isReplayWaiting())
    if (ledger.isTurnOpen() || isReplayNext || queue.length > 0 || waves.length > 0) schedule()
    if (waiting !== null && pendingBytes * 2 <= maxPendingBytes) {
      waiting.resolve()
      waiting = null
    }
  }

  function flushTurn(): void {
    deps.settle()
    ledger.closeTurn()
    log.clear()
    hasReplayLeft = deps.replay()
    hasSent = false
    const nowMs = clock.nowMs()
    if (isWaveNext && waves.length > 0) stepWave(nowMs)
    else if (queue.length > 0) sendQueue(nowMs)
    else if (waves.length > 0) stepWave(nowMs)
    isWaveNext = !isWaveNext
    runWaiting()
    deps.endTurn()
  }

  function sendQueue(nowMs: number): void {
    let given = 0
    takeTurn(queue, (publication, channel) => {
      taken++
      if (channel.isSharded) {
        joinBacklog(channel, publication)
      } else {
        give(channel, publication)
        settlePending(publication, nowMs)
        given++
      }
    })
    emptyOutboxes()
    startWaves()
    if (given > 0) observer.flushed(given)
  }

  function give(channel: HubChannel, publication: Publication): void {
    const { offset } = publication
    hasSent = true
    if (offset > 0) {
      channel.offset = offset
      channel.epoch = publication.epoch
      ledger.due(channel.count)
    } else {
      deps.noticed(channel)
    }
    const { only } = channel
    const { except } = publication
    except?.lagOf(channel)?.skip(offset)
    if (only !== null) {
      const direct = {
        channel,
        offset,
        message: encodeFor(only.fanOut, publication),
        isOwn: only === except,
      }
      if (only.outbox === null) {
        only.outbox = [direct]
        directs.push(only)
      } else {
        only.outbox.push(direct)
      }
      return
    }
    for (const { fanOut, count } of channel.audiences) {
      if (count === 0) continue
      const message = encodeFor(fanOut, publication)
      log.add({ channel, fanOut, offset, message, ...FIRST_TOPIC, session: null, except, isTaken: false })
      const topic = channel.name
      const reached =
        except === null
          ? fanOut.publish(topic, message, offset)
          : publishPast(except, { channel, fanOut, shard: FIRST_PLACE, topic }, { message, offset }, ledger)
      if (offset > 0) ledger.give(fanOut, reached, reached * message.length)
    }
  }

  function settlePending(publication: Publication, nowMs: number): void {
    pendingBytes -= waitingBytes(publication)
    if (publication.offset > 0) observer.publicationFlushed(nowMs - publication.arrivedMs)
  }

  function emptyOutboxes(): void {
    for (const session of directs) {
      const outbox = session.outbox
      session.outbox = null
      if (outbox !== null && session.phase !== 'ended') sendDirect(session, outbox)
    }
    directs.length = 0
  }

  function sendDirect(session: Session, outbox: readonly Direct[]): void {
    const { fanOut } = session
    const entries = outbox.map(({ channel, offset, message, isOwn }) => {
      if (isOwn) ledger.deferred(1)
      else if (offset > 0) ledger.give(fanOut, 1, message.length)
      const except = isOwn ? session : null
      return { channel, fanOut, offset, message, ...FIRST_TOPIC, session, except, isTaken: false }
    })
    for (const entry of entries) log.add(entry)
    const sent = entries.filter(({ except }) => except === null)
    const messages = sent.map(({ message }) => message)
    const took = session.lostAt === -1 && messages.length > 0 ? fanOut.send(session, messages) : 0
    for (const entry of sent.slice(0, took)) entry.isTaken = true
    const refused = messages[took]
    if (refused !== undefined) deps.refused(session, refused)
  }

  function runWaiting(): void {
    while (waitingRuns[0] !== undefined && waitingRuns[0].taken <= taken) {
      waitingRuns.shift()?.run()
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
    if (wave.step(ledger, log)) {
      if (waves.length > 1) waves = [...waves.slice(1), channel]
      return
    }
    for (const publication of wave.publications) settlePending(publication, nowMs)
    observer.flushed(wave.publications.length)
    endWave(channel, wave)
  }

  function endWave(channel: HubChannel, wave: Wave): void {
    hasSent = true
    for (const { epoch, offset, except } of wave.publications) {
      if (offset === 0) {
        deps.noticed(channel)
        continue
      }
      except?.lagOf(channel)?.skip(offset)
      channel.epoch = epoch
      channel.offset = offset
      ledger.due(channel.lagging)
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
    async drain() {
      for (const channel of heldChannels.keys()) release(channel)
      while (queue.length > 0 || waves.length > 0 || ledger.isTurnOpen()) {
        schedule()
        await new Promise((resolve) => setImmediate(resolve)) // behind the turn; the library sends before the next
      }
    },
  }
}

/** Places of what is published to a channel that is not sharded. */
const FIRST_TOPIC = { firstPlace: FIRST_PLACE, lastPlace: FIRST_PLACE } as const

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
