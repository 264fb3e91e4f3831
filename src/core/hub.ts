/**
 * The edge's side of channels: which sessions are subscribed to what, here.
 *
 * Owns sessions and the map channel → subscribers. The hub attaches to a channel at the broker when its first
 * subscriber comes and detaches when the last has been gone for `channelLingerMs`; publications it is given go through
 * the flush scheduler. A subscriber's position is that of the latest publication sent before it joined, so what it
 * gets next is exactly what follows.
 *
 * Memory: one `Session` per connection, one `HubChannel` per channel with subscribers here. Nothing is per message.
 */
import type { Clock } from '../clock.ts'
import { type CodeName, codes } from '../codes.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import type { Broker, DisconnectTarget, Edge, Failure } from './broker.ts'
import type { ChannelRules } from './channel-rules.ts'
import type { Eventually } from './eventually.ts'
import type { FanOut } from './fan-out.ts'
import { createFlushScheduler } from './flush-scheduler.ts'
import { HubChannel } from './hub-channel.ts'
import type { Observer } from './observer.ts'
import { Session } from './session.ts'

/** How often sessions that never connect and channels without subscribers are looked for. */
const SWEEP_MS = 250

export interface HubDeps {
  readonly broker: Broker
  readonly rules: ChannelRules
  readonly clock: Clock
  readonly observer: Observer
}

export interface HubLimits {
  readonly maxPendingBytes: number
  readonly channelLingerMs: number
  readonly connectTimeoutMs: number
}

export interface Hub extends Edge {
  /** A new connection; its session must connect within `connectTimeoutMs`. */
  open(fanOut: FanOut, address: string): Session
  /** The session proved who it is; until now it was a stranger. */
  markConnected(session: Session): void
  /**
   * A message for the session was lost: it ends before anything else is sent to anyone, but not now, as the transport
   * may be in the middle of sending. False when that was known.
   */
  lose(session: Session): boolean
  /** The connection of the session is gone. */
  close(session: Session): void
  /**
   * Subscribes; the position is the one just before the first publication the session will get.
   *
   * @param check asked at the moment of joining, which may come after other commands of the session; null = go on
   */
  subscribe(
    session: Session,
    channel: string,
    check?: () => Failure | null,
  ): Eventually<StreamPosition | Failure>
  /** False when the session was not subscribed. */
  unsubscribe(session: Session, channel: string): boolean
  isSubscribed(session: Session, channel: string): boolean
  /** The public id of a session. */
  sessionId(session: Session): string
  /** Ends a session with a registry code; `retryAfterMs` 0 = as the client likes. */
  end(session: Session, code: CodeName, reason: string): void
  /** Tells every session to go, spread evenly over half of `overMs`, each with a time to come back within `overMs` again. */
  drain(overMs: number): Promise<void>
  /** Leaves the broker. */
  stop(): void
}

/** @param nodeId makes session ids unique between nodes and restarts */
export function createHub(deps: HubDeps, limits: HubLimits, nodeId: string): Hub {
  const { broker, rules, clock, observer } = deps
  const flush = createFlushScheduler(clock, observer, limits.maxPendingBytes, endLost)
  const channels = new Map<string, HubChannel>()
  const sessions = new Map<number, Session>()
  /** Sessions that have not connected yet, oldest first, with the time by which they must. */
  const strangers = new Map<Session, number>()
  /** Channels without subscribers, oldest first, with the time at which they are left. */
  const lingering = new Map<HubChannel, number>()
  /** Sessions that lost a message and must get nothing more. */
  const lost: Session[] = []
  let lastNumber = 0
  let subscriptions = 0
  const stopSweep = clock.every(SWEEP_MS, sweep)

  function sweep(): void {
    const now = clock.nowMs()
    for (const [session, deadline] of strangers) {
      if (deadline > now) break
      strangers.delete(session)
      end(session, 'CONNECT_TIMEOUT', `No connect within ${limits.connectTimeoutMs} ms`)
    }
    for (const [channel, deadline] of lingering) {
      if (deadline > now) break
      if (channel.wave !== null) continue // it publishes to topics that the channel would have again
      lingering.delete(channel)
      forget(channel)
    }
  }

  function endLost(): void {
    if (lost.length === 0) return
    for (const session of lost.splice(0)) end(session, 'SLOW_CONSUMER', 'Too slow to read what was sent')
  }

  function forget(channel: HubChannel): void {
    channels.delete(channel.name)
    broker.detach(hub, channel.name)
  }

  /** Asks the broker for the channel, once for all who wait for it. */
  function attach(name: string): HubChannel {
    const channel = new HubChannel(name, rules.ruleFor(name).flushMs)
    channels.set(name, channel)
    channel.attachment = broker.attach(hub, name).then((answer) => {
      channel.attachment = null
      if ('failed' in answer) {
        channels.delete(name)
        return answer
      }
      // Publications may have been sent since the broker answered; then the channel knows better.
      if (channel.epoch === '') {
        channel.epoch = answer.epoch
        channel.offset = answer.offset
      }
      linger(channel)
      return null
    })
    return channel
  }

  function join(session: Session, channel: HubChannel): StreamPosition {
    if (session.channels.includes(channel)) return { epoch: channel.epoch, offset: channel.offset }
    lingering.delete(channel)
    const offset = channel.add(session)
    session.addChannel(channel)
    subscriptions++
    return { epoch: channel.epoch, offset }
  }

  function linger(channel: HubChannel): void {
    if (channel.count === 0) lingering.set(channel, clock.nowMs() + limits.channelLingerMs)
  }

  function leave(session: Session, channel: HubChannel, isOpen: boolean): void {
    channel.remove(session, isOpen)
    subscriptions--
    if (channel.count > 0) return
    if (limits.channelLingerMs === 0 && channel.wave === null) forget(channel)
    else linger(channel)
  }

  function end(session: Session, code: CodeName, reason: string): void {
    session.endedBy = code
    session.fanOut.end(session, codes[code].close, reason, 0)
  }

  function matching(target: DisconnectTarget): Session[] {
    if ('user' in target) return [...sessions.values()].filter((one) => one.user === target.user)
    const session = sessions.get(Number.parseInt(target.session.slice(nodeId.length + 1), 36))
    return session !== undefined && hub.sessionId(session) === target.session ? [session] : []
  }

  const hub: Hub = {
    open(fanOut, address) {
      lastNumber++
      const session = new Session(lastNumber, fanOut, address)
      sessions.set(session.number, session)
      strangers.set(session, clock.nowMs() + limits.connectTimeoutMs)
      return session
    },
    markConnected(session) {
      session.phase = 'connected'
      strangers.delete(session)
    },
    lose(session) {
      if (session.endedBy !== null) return false
      session.endedBy = 'SLOW_CONSUMER'
      lost.push(session)
      flush.soon()
      return true
    },
    close(session) {
      if (session.phase === 'ended') return
      session.phase = 'ended'
      session.connection = null
      sessions.delete(session.number)
      strangers.delete(session)
      for (const channel of session.channels) leave(session, channel, false)
      session.clearChannels()
    },
    subscribe(session, name, check = noCheck) {
      if (session.phase === 'ended') return hasEnded
      const channel = channels.get(name) ?? attach(name)
      if (channel.attachment === null) return check() ?? join(session, channel)
      return channel.attachment.then((failure) => {
        if (failure !== null) return failure
        if (session.phase === 'ended') return hasEnded
        return check() ?? join(session, channel)
      })
    },
    unsubscribe(session, name) {
      const channel = channels.get(name)
      if (channel === undefined || !session.channels.includes(channel)) return false
      session.removeChannel(channel)
      leave(session, channel, true)
      return true
    },
    isSubscribed(session, name) {
      const channel = channels.get(name)
      return channel !== undefined && session.channels.includes(channel)
    },
    sessionId: (session) => `${nodeId}-${session.number.toString(36)}`,
    end,

    deliver(publications) {
      for (const publication of publications) {
        const channel = channels.get(publication.channel)
        if (channel !== undefined) flush.enqueue(channel, publication)
      }
    },
    room: () => flush.room(),
    subscribers: (name) => channels.get(name)?.count ?? 0,
    disconnect(target, goodbye) {
      const ended = matching(target)
      for (const session of ended) session.endedBy = 'DISCONNECTED'
      // Whatever was published to them before goes out first: "you were logged out", say.
      flush.afterPending(() => {
        for (const session of ended) session.fanOut.end(session, goodbye.code, goodbye.reason, 0)
      })
      return ended.length
    },
    counts: () => ({
      connections: sessions.size,
      sessions: sessions.size - strangers.size,
      subscriptions,
      channels: channels.size,
    }),
    async drain(overMs) {
      flush.drain()
      await sayGoodbye([...sessions.values()], overMs, clock)
    },
    stop() {
      stopSweep()
      broker.leave(hub)
    },
  }
  broker.join(hub)
  return hub
}

const noCheck = () => null

const hasEnded: Failure = { failed: 'NOT_CONNECTED', message: 'The session has ended' }

/** Ends sessions in even steps over half the time, so that they do not all come back at once. */
async function sayGoodbye(sessions: readonly Session[], overMs: number, clock: Clock): Promise<void> {
  const steps = Math.max(1, Math.min(sessions.length, Math.floor(overMs / 2 / 50)))
  const perStep = Math.ceil(sessions.length / steps)
  for (let first = 0; first < sessions.length; first += perStep) {
    for (const session of sessions.slice(first, first + perStep)) {
      if (session.phase === 'ended') continue
      const retryAfterMs = Math.ceil(Math.random() * Math.max(overMs, 1000))
      session.endedBy = 'DRAINING'
      session.fanOut.end(session, codes.DRAINING.close, 'draining', retryAfterMs)
    }
    await new Promise<void>((resolve) => clock.after(overMs === 0 ? 0 : 50, resolve))
  }
}
