/**
 * The edge's side of channels: which sessions are subscribed to what, here.
 *
 * Owns sessions and the map channel → subscribers. The hub attaches to a channel at the broker when its first
 * subscriber comes and detaches when the last has been gone for `channelLingerMs`; publications it is given go through
 * the flush scheduler. A subscriber is live, or lags behind: because it came with an old position, or because its
 * connection lost a message. Then replay feeds it from the channel's log until it is live again.
 *
 * Memory: one `Session` per connection, one `HubChannel` per channel with subscribers here. Nothing is per message.
 */
import type { Clock } from '../clock.ts'
import { type CodeName, codes, isFinalCode } from '../codes.ts'
import type { StreamPosition, SubscribeResult } from '../protocol/messages.ts'
import type { Broker, DisconnectTarget, Edge, Failure } from './broker.ts'
import type { ChannelRules } from './channel-rules.ts'
import type { Eventually } from './eventually.ts'
import { failureOf } from './failure-of.ts'
import type { FanOut } from './fan-out.ts'
import { createFlushScheduler } from './flush-scheduler.ts'
import { HubChannel } from './hub-channel.ts'
import { createHubPresence } from './hub-presence.ts'
import { createHubUsers } from './hub-users.ts'
import { type Books, createLedger, type Ledger, type LossReason } from './ledger.ts'
import type { Observer } from './observer.ts'
import { createOutOfStep } from './out-of-step.ts'
import { createReplay } from './replay.ts'
import { LAGGING, type Session } from './session.ts'
import { sessionStates } from './session-states.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { TurnLog } from './turn-log.ts'

/** How often channels without subscribers, and sessions that are behind, are looked at. */
const SWEEP_MS = 250

export interface HubDeps {
  readonly broker: Broker
  readonly rules: ChannelRules
  readonly clock: Clock
  readonly observer: Observer
  /** Whom the application does not want back: capsules of the session or the user are no good any more. */
  revoke(target: DisconnectTarget): void
}

export interface HubLimits {
  readonly maxPendingBytes: number
  readonly channelLingerMs: number
  readonly connectTimeoutMs: number
  readonly maxLagMs: number
  readonly sessionLingerMs: number
}

export interface SubscribeOptions {
  /** Where the session was before; null = from now on */
  readonly since?: StreamPosition | null
  /** Asked at the moment of joining, which may come after other commands of the session; null = go on */
  readonly check?: () => Failure | null
}

export interface Hub extends Edge {
  /** Sessions by their ids. */
  readonly sessions: Pick<Sessions, 'idOf' | 'byId' | 'adopt'>
  /** What subscribers were owed and what became of it. */
  readonly ledger: Ledger
  books(): Books
  /** A new connection; its session must connect within `connectTimeoutMs`. */
  open(fanOut: FanOut, address: string): Session
  /** The session proved who it is; until now it was a stranger. */
  markConnected(session: Session): void
  /**
   * A message for the session was lost, and with it all that followed in the turn. It is taken off what is sent live
   * before anything else is, but not now, as the transport may be in the middle of sending. A message that is no
   * publication of this turn is none of the hub's business. True when this is the first it lost.
   */
  lose(session: Session, message: Buffer): boolean
  /** The connection of a session can take data again; does nothing unless the session is behind. */
  ready(session: Session): void
  /** The connection of the session is gone. @param lingerMs how long it stays a member of channels with a list of those */
  close(session: Session, lingerMs?: number): void
  /** Subscribes; after the position in the answer the session gets everything, first what it missed since `since`. */
  subscribe(
    session: Session,
    channel: string,
    options?: SubscribeOptions,
  ): Eventually<SubscribeResult | Failure>
  /**
   * The session says up to where it got a channel that it holds: if that is not where it is here, it begins there anew.
   * For transports whose answers may be lost; `feed` follows when all channels are in their places.
   */
  reposition(session: Session, channel: string, since: StreamPosition): void
  /** Whether the session is live on a channel and has been sent just what `at` says. */
  isInStep(session: Session, channel: string, at: StreamPosition): boolean
  /** Offset up to which a session was sent a channel; null when it does not hold it. */
  sentTo(session: Session, channel: string): number | null
  /** Gives a session that is behind what its connection has room for, now. */
  feed(session: Session): void
  /** False when the session was not subscribed. */
  unsubscribe(session: Session, channel: string): boolean
  isSubscribed(session: Session, channel: string): boolean
  /** The session got its own channel up to there: what waited for its user need not be kept any longer. */
  acknowledge(session: Session, position: StreamPosition): Promise<void>
  /** Sum of the offsets the session has been sent; null while it is behind. */
  positionSum(session: Session): number | null
  /** Ends a session with a registry code; `retryAfterMs` 0 = as the client likes. */
  end(session: Session, code: CodeName, reason: string): void
  /** Tells every session to go, spread evenly over half of `overMs`, each with a time to come back within `overMs` again. */
  drain(overMs: number): Promise<void>
  /** Leaves the broker. */
  stop(): void
}

/** @param nodeId makes session ids unique between nodes and restarts */
export function createHub(deps: HubDeps, limits: HubLimits, nodeId: string): Hub {
  const { broker, rules, clock, observer, revoke } = deps
  const ledger = createLedger(observer)
  const log = new TurnLog()
  const presence = createHubPresence(clock, broker)
  const replay = createReplay({ ledger, missedNotices: presence.tellStale })
  const outOfStep = createOutOfStep({ clock, log, ledger, replay, soon: () => flush.soon() })
  const users = createHubUsers(broker, outOfStep)
  const fanOuts = new Set<FanOut>()
  const flush = createFlushScheduler(
    {
      clock,
      observer,
      ledger,
      log,
      settle: outOfStep.settle,
      replay: replay.step,
      isReplayWaiting: replay.isWaiting,
      noticed: replay.noticeMissed,
      endTurn,
      refused: outOfStep.lose,
    },
    limits.maxPendingBytes,
  )
  const channels = new Map<string, HubChannel>()
  const sessions = createSessions(clock, nodeId, limits.connectTimeoutMs, end)
  /** Channels without subscribers, oldest first, with the time at which they are left. */
  const lingering = new Map<HubChannel, number>()
  let subscriptions = 0
  const stopSweep = clock.every(SWEEP_MS, sweep)

  function sweep(): void {
    const now = clock.nowMs()
    sessions.sweep()
    for (const [channel, deadline] of lingering) {
      if (deadline > now) break
      if (channel.wave !== null || channel.members?.count) continue
      lingering.delete(channel)
      forget(channel)
    }
    if (replay.size === 0) return
    for (const session of replay.overdue(now - limits.maxLagMs)) {
      end(session, 'SLOW_CONSUMER', `Behind for more than ${limits.maxLagMs} ms`)
    }
    replay.allReady() // a transport may forget to say that it has room
    flush.soon()
  }

  function endTurn(): void {
    for (const fanOut of fanOuts) fanOut.flush()
  }

  function forget(channel: HubChannel): void {
    channels.delete(channel.name)
    presence.remove(channel)
    broker.detach(hub, channel.name)
  }

  /** Asks the broker for the channel, once for all who wait for it. */
  function attach(name: string): HubChannel {
    const rule = rules.ruleFor(name)
    const channel = new HubChannel(name, rule)
    channels.set(name, channel)
    const attached = broker.attach(hub, name).catch(failureOf)
    channel.attachment = attached.then((answer) => {
      channel.attachment = null
      if ('failed' in answer) {
        channels.delete(name)
        return answer
      }
      channel.log = answer.log
      // Publications may have been sent since the broker answered; then the channel knows better.
      if (channel.epoch === '') {
        channel.epoch = answer.position.epoch
        channel.offset = answer.position.offset
      }
      channel.received = Math.max(channel.received, channel.offset)
      presence.add(channel)
      linger(channel)
      return null
    })
    return channel
  }

  function join(session: Session, channel: HubChannel, since: StreamPosition | null): SubscribeResult {
    if (session.channels.includes(channel)) return { epoch: channel.epoch, offset: channel.offset }
    outOfStep.takeOff(session, true) // what it lost was lost before it came to this channel
    lingering.delete(channel)
    channel.count++
    subscriptions++
    channel.members?.came(sessions.idOf(session), session)
    announce(channel, session)
    const result = joinFrom(session, channel, since)
    users.joined(session, channel, since)
    return result
  }

  function joinFrom(session: Session, channel: HubChannel, since: StreamPosition | null): SubscribeResult {
    const announced = { epoch: channel.epoch, offset: channel.received }
    // Its own join is on its way to all who were there before.
    if (since === null && !channel.announces) return joinLive(session, channel)
    session.addChannel(channel, LAGGING)
    channel.lagging++
    const gap = outOfStep.beginAfter(session, channel, since ?? announced)
    if (since === null) return announced
    const position = { epoch: channel.epoch, offset: channel.offset }
    return gap === null ? { ...position, recovered: true } : { ...position, recovered: false, gap }
  }

  /** Who came and left is published on the channel itself, where its rule says so; to others than themselves. */
  function announce(channel: HubChannel, session: Session): void {
    const change = channel.announces ? (channel.members?.takeChange() ?? null) : null
    if (change !== null) broker.announce(channel.name, change, session)
  }

  function joinLive(session: Session, channel: HubChannel): SubscribeResult {
    const place = channel.goLive(session)
    session.addChannel(channel, place)
    return { epoch: channel.epoch, offset: channel.sentAt(session.fanOut, place) }
  }

  function linger(channel: HubChannel): void {
    if (channel.count === 0) lingering.set(channel, clock.nowMs() + limits.channelLingerMs)
  }

  function leave(session: Session, channel: HubChannel, isOpen: boolean, reason: LossReason): void {
    const place = session.placeOf(channel)
    if (place === LAGGING) {
      outOfStep.leave(session, channel, reason)
    } else {
      channel.leaveLive(session, place, isOpen)
    }
    channel.count--
    subscriptions--
    if (channel.count > 0) return
    users.left(session, channel)
    const isBusy = channel.wave !== null || (channel.members?.count ?? 0) > 0
    if (limits.channelLingerMs === 0 && !isBusy) forget(channel)
    else linger(channel)
  }

  function end(session: Session, code: CodeName, reason: string): void {
    session.endedBy = code
    session.fanOut.end(session, codes[code].close, reason, 0)
  }

  const hub: Hub = {
    sessions,
    ledger,
    books: () => ledger.books(replay.owed()),
    open(fanOut, address) {
      fanOuts.add(fanOut)
      return sessions.open(fanOut, address)
    },
    markConnected: sessions.markConnected,
    lose: outOfStep.lose,
    ready(session) {
      if (replay.ready(session)) flush.soon()
    },
    close(session, lingerMs = limits.sessionLingerMs) {
      if (session.phase === 'ended') return
      outOfStep.takeOff(session, false)
      session.phase = 'ended'
      session.connection = null
      const id = sessions.idOf(session)
      const awayMs = sessions.byId(id) === null ? 0 : lingerMs // who has no capsule does not come back
      for (const channel of session.channels) {
        if (channel.members !== null) presence.wentAway(session, id, channel, awayMs)
        leave(session, channel, false, 'ended')
        announce(channel, session)
      }
      replay.remove(session)
      session.clearChannels()
      session.held = null
      sessions.close(session)
    },
    subscribe(session, name, { since = null, check = noCheck }: SubscribeOptions = {}) {
      if (session.phase === 'ended') return hasEnded
      const channel = channels.get(name) ?? attach(name)
      if (channel.attachment === null) return check() ?? join(session, channel, since)
      return channel.attachment.then((failure) => {
        if (failure !== null) return failure
        if (session.phase === 'ended') return hasEnded
        return check() ?? join(session, channel, since)
      })
    },
    reposition(session, name, since) {
      const channel = channels.get(name)
      if (channel !== undefined && session.channels.includes(channel)) {
        outOfStep.reposition(session, channel, since)
      }
    },
    isInStep(session, name, at) {
      const channel = channels.get(name)
      if (channel === undefined || at.epoch !== channel.epoch || session.lostAt !== -1) return false
      const index = session.channels.indexOf(channel)
      const place = session.places[index]
      if (place === undefined || place === LAGGING) return false
      return at.offset === channel.sentAt(session.fanOut, place)
    },
    sentTo(session, name) {
      const channel = channels.get(name)
      return channel !== undefined && session.channels.includes(channel) ? channel.sentTo(session) : null
    },
    feed(session) {
      if (session.lags === null) return
      replay.feed(session)
      flush.soon() // what was given is put into the books at the next turn
    },
    unsubscribe(session, name) {
      const channel = channels.get(name)
      if (channel === undefined || !session.channels.includes(channel)) return false
      outOfStep.takeOff(session, true)
      channel.members?.left(sessions.idOf(session), session)
      leave(session, channel, true, 'unsubscribed')
      session.removeChannel(channel)
      announce(channel, session)
      if (session.lags === null) replay.remove(session)
      return true
    },
    isSubscribed(session, name) {
      const channel = channels.get(name)
      return channel !== undefined && session.channels.includes(channel)
    },
    async acknowledge(session, position) {
      const own = session.ownChannel()
      if (own !== null) await broker.acknowledge(own, position)
    },
    positionSum(session) {
      if (session.lags !== null || session.lostAt !== -1) return null
      return session.channels.reduce((sum, channel) => sum + channel.offset, 0)
    },
    end,

    deliver(publications) {
      for (const publication of publications) {
        const channel = channels.get(publication.scoped)
        if (channel === undefined) continue
        channel.received = publication.offset
        flush.enqueue(channel, publication)
      }
    },
    room: () => flush.room(),
    subscribers: (name) => channels.get(name)?.count ?? 0,
    present: (name, limit) => channels.get(name)?.members?.list(limit) ?? null,
    sentOffset: (name) => channels.get(name)?.offset ?? 0,
    memberCount: (name) => channels.get(name)?.members?.count ?? 0,
    tellPresence(name, change, count) {
      const channel = channels.get(name)
      if (channel !== undefined) flush.enqueue(channel, presence.notice(channel, change, count))
    },
    disconnect(target, goodbye) {
      const ended = sessions.matching(target)
      for (const session of ended) session.endedBy = 'DISCONNECTED'
      if (goodbye.isRevoking ?? isFinalCode(goodbye.code)) revoke(target)
      // Whatever was published to them before goes out first: "you were logged out", say.
      flush.afterPending(() => {
        for (const session of ended) session.fanOut.end(session, goodbye.code, goodbye.reason, 0)
      })
      return ended.length
    },
    counts: () => ({
      connections: sessions.count(),
      sessions: sessions.connectedCount(),
      subscriptions,
      channels: channels.size,
    }),
    sessionStates(tenant, name) {
      const channel = name === null ? null : channels.get(name)
      return channel === undefined ? [] : sessionStates(sessions, tenant, channel)
    },
    async drain(overMs) {
      await flush.drain()
      await sessions.sayGoodbye(overMs)
    },
    stop() {
      stopSweep()
      presence.stop()
      broker.leave(hub)
    },
  }
  broker.join(hub)
  return hub
}

const noCheck = () => null

const hasEnded: Failure = { failed: 'NOT_CONNECTED', message: 'The session has ended' }
