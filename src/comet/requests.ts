/**
 * What happens when a CppComet page asks for something.
 *
 * Owns the doing of every command, one after the other for each session, so that a list of pipes is never overtaken by
 * the next one. Who may do what is decided by the rules of channels, as for any client; the words of refusals are the
 * original's. Bound: `MAX_WAITING` commands of a session that wait for those before them.
 */

import type { Clock } from '../clock.ts'
import type { CodeName } from '../codes.ts'
import { accessFailure } from '../core/access.ts'
import { type Broker, type HistoryPage, hasFailed, type PublishRequest } from '../core/broker.ts'
import type { ChannelRules } from '../core/channel-rules.ts'
import type { Commands } from '../core/commands.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Hub } from '../core/hub.ts'
import { UUID_MARK } from '../core/names.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { bare, ownChannel, scoped } from '../core/tenants.ts'
import type { UserRecords } from '../core/user-records.ts'
import { errorText } from '../errors.ts'
import type { Logger } from '../log.ts'
import { Payload } from '../protocol/payload.ts'
import { historyFrameOf } from './encoder.ts'
import type { Frames } from './frames.ts'
import {
  type CometRequest,
  countRefusal,
  type PublishRequest as PagePublish,
  presentRefusal,
  type Refusal,
  readRequest,
  type SubscriptionRequest,
  tooManyPipes,
} from './request.ts'

/** As many of the newest messages of a pipe as the original gives. */
const LOG_MESSAGES = 99

/** More than a page asks for at once when it begins. */
const MAX_WAITING = 256

export interface CometRequestsDeps {
  readonly hub: Hub
  readonly broker: Broker
  readonly rules: ChannelRules
  readonly users: Pick<UserRecords, 'data'>
  readonly commands: Pick<Commands, 'admit'>
  readonly clock: Clock
  readonly observer: Observer
  readonly log: Logger
}

export interface CometRequestsLimits {
  readonly maxMessageBytes: number
  readonly maxChannelsPerSession: number
  readonly maxPresenceListed: number
}

export interface CometRequests {
  /** Reads a message and does what it says, after what was asked before. @param bytes not kept */
  take(session: Session, bytes: Buffer): void
  /** Does what was asked some other way, after what was asked before. */
  perform(session: Session, request: CometRequest): Promise<void>
}

/** What a transport of pages has besides that of others. */
export interface PageFanOut extends FanOut {
  readonly frames: Frames
  /** Sends what is no publication, or holds it back. */
  say(session: Session, message: string): void
}

export function createCometRequests(deps: CometRequestsDeps, limits: CometRequestsLimits): CometRequests {
  const { hub, broker, rules, users, commands, clock, observer, log } = deps
  const requestLimits = { maxPipes: limits.maxChannelsPerSession }
  /** Sessions with commands that have not come to their end. */
  const underWay = new Map<Session, UnderWay>()

  function take(session: Session, bytes: Buffer): void {
    if (session.endedBy !== null) return
    if (bytes.length > limits.maxMessageBytes) {
      const error = `Message is too large: ${bytes.length} of at most ${limits.maxMessageBytes} bytes`
      refuse(session, { error, members: {} }, 'MESSAGE_TOO_LARGE')
      hub.end(session, 'MESSAGE_TOO_LARGE', error)
      return
    }
    const overRate = commands.admit(session, 0)
    if (overRate !== null) refuse(session, { error: overRate.message, members: {} }, overRate.failed)
    else void inTurn(session, readRequest(bytes, requestLimits))
  }

  /** Null when it is done already. */
  function inTurn(session: Session, request: CometRequest): Promise<void> | null {
    const before = underWay.get(session)
    const count = before?.count ?? 0
    if (count > MAX_WAITING) {
      refuse(session, tooManyWait, 'BUSY')
      return null
    }
    const doing = before === undefined ? run(session, request) : before.last.then(() => run(session, request))
    if (doing === null) return null
    const last = doing
      .catch((error) => log.error('Command failed', { command: request.kind, error: errorText(error) }))
      .then(() => leaveQueue(session))
    underWay.set(session, { last, count: count + 1 })
    return last
  }

  function leaveQueue(session: Session): void {
    const now = underWay.get(session)
    if (now === undefined || now.count === 1) underWay.delete(session)
    else underWay.set(session, { ...now, count: now.count - 1 })
  }

  /** Null when it is done already. */
  function run(session: Session, request: CometRequest): Promise<void> | null {
    if (session.phase !== 'connected' || session.endedBy !== null) return null
    switch (request.kind) {
      case 'subscription':
        return subscribe(session, request)
      case 'publish':
        return publish(session, request)
      case 'log':
        return tellLog(session, request.pipe, request.marker)
      case 'count':
        return tellCount(session, request.pipe, request.marker)
      case 'present':
        return tellPresent(session, request.pipe, request.marker)
      case 'userStatus':
        return tellStatus(session, request.user)
      case 'userData': {
        const text = users.data(session.tenant, request.user)
        say(session, framesOf(session).userData(request.user, text, request.marker))
        return null
      }
      case 'refused':
        for (const refusal of request.refusals) refuse(session, refusal)
        if (request.isFatal) hub.end(session, 'BAD_MESSAGE', 'The list of pipes is no good')
        return null
      case 'unknown':
        hub.end(session, 'BAD_MESSAGE', 'There is no such command')
        return null
      case 'nothing':
        return null
    }
  }

  async function subscribe(session: Session, { pipes, isCut }: SubscriptionRequest): Promise<void> {
    if (isCut) refuse(session, tooManyPipes)
    const own = session.ownChannel()
    const wanted = new Set(pipes.map((pipe) => scoped(session.tenant, pipe)))
    const left = session.channels.filter(({ name }) => name !== own && !wanted.has(name))
    for (const { name } of left) hub.unsubscribe(session, name)
    for (const channel of wanted) {
      if (hub.isSubscribed(session, channel) || !maySubscribe(session, channel)) continue
      const outcome = hub.subscribe(session, channel)
      const result = outcome instanceof Promise ? await outcome : outcome
      if (session.phase !== 'connected') return
      if (hasFailed(result))
        refuse(session, { error: result.message, members: { code: '403' } }, result.failed)
    }
  }

  function maySubscribe(session: Session, channel: string): boolean {
    const { subscribe: audience } = rules.ruleFor(channel)
    return accessFailure(session, audience, bare(channel), 'subscribe to') === null
  }

  async function publish(session: Session, request: PagePublish): Promise<void> {
    const { pipe, isHidden, event, payload } = request
    const denial = publishDenial(session, pipe)
    if (denial !== null) return refuse(session, denial, 'ACCESS_DENIED')
    if (request.fault !== null) return refuse(session, request.fault)
    if (hub.room() !== null) return refuse(session, busy, 'BUSY')
    const channel = scoped(session.tenant, pipe)
    const user = isHidden ? '' : session.user
    const { subscribers } = await broker.channel(channel)
    const asked: PublishRequest = {
      channel,
      data: Payload.fromBytes(payload),
      event,
      user,
      key: '',
      except: session,
    }
    const [outcome] = await broker.publish([asked], 'client')
    if (outcome !== undefined && hasFailed(outcome)) {
      return refuse(session, { error: outcome.message, members: { number_messages: -1 } }, outcome.failed)
    }
    // What it would tell is how many are there.
    const isCounted = rules.ruleFor(channel).presence !== 'off'
    const others = subscribers - (hub.isSubscribed(session, channel) ? 1 : 0)
    say(session, framesOf(session).report(pipe, payload.toString(), isCounted ? others : 0))
  }

  function publishDenial(session: Session, pipe: string): Refusal | null {
    const { publish: audience } = rules.ruleFor(scoped(session.tenant, pipe))
    if (accessFailure(session, audience, pipe, 'publish to') === null) return null
    return audience === 'user' && pipe.startsWith('webauth_') ? anonymousRefusal : prefixRefusal
  }

  async function tellLog(session: Session, pipe: string, marker: string): Promise<void> {
    const channel = scoped(session.tenant, pipe)
    if (!maySubscribe(session, channel) || isFull(session)) return
    const page = await broker.history(channel, { since: null, limit: LOG_MESSAGES, isReverse: true })
    if (!hasFailed(page)) sayAll(session, logFrames(session, page, marker))
  }

  function logFrames(session: Session, { messages, timesMs }: HistoryPage, marker: string): string[] {
    const frames = messages.map((message, at) => {
      const known = historyFrameOf(message, Math.floor((timesMs[at] ?? 0) / 1000))
      return known === null ? [] : [framesOf(session).history(known, marker)]
    })
    return frames.reverse().flat()
  }

  async function tellCount(session: Session, pipe: string, marker: string): Promise<void> {
    const channel = scoped(session.tenant, pipe)
    if (rules.ruleFor(channel).presence === 'off' || !maySubscribe(session, channel)) {
      return refuse(session, countRefusal, 'ACCESS_DENIED')
    }
    const { subscribers } = await broker.channel(channel)
    say(session, framesOf(session).count(subscribers, marker))
  }

  async function tellPresent(session: Session, pipe: string, marker: string): Promise<void> {
    const channel = scoped(session.tenant, pipe)
    if (!maySubscribe(session, channel)) return refuse(session, presentRefusal, 'ACCESS_DENIED')
    if (isFull(session)) return
    const { clients } = await broker.presence(channel, limits.maxPresenceListed)
    if (clients === null) return refuse(session, presentRefusal, 'ACCESS_DENIED')
    const rows = clients.map((one) => ({ user: one.user, uuid: uuidOf(one.session) }))
    say(session, framesOf(session).present(pipe, rows.reverse(), marker)) // who came last is first there
  }

  async function tellStatus(session: Session, user: string): Promise<void> {
    const { tenant } = session
    const isKnown = rules.ruleFor(ownChannel(tenant, user)).presence !== 'off'
    const { online, lastSeen } = await broker.usersOnline(tenant, isKnown ? [user] : [])
    const now = Math.floor(clock.wallMs() / 1000)
    const seenMs = lastSeen[user]
    const away = seenMs === undefined ? now + 1 : now - Math.floor(seenMs / 1000)
    say(session, framesOf(session).userStatus(user, online.length > 0 ? now : away))
  }

  /** Messages as frames, for as long as there is room; the rest as lines of one frame, which pages take as well. */
  function sayAll(session: Session, frames: readonly string[]): void {
    let at = 0
    while (at < frames.length && session.fanOut.room(session) > 0) say(session, frames[at++] ?? '')
    if (at < frames.length) say(session, frames.slice(at).join('\n'))
  }

  /** A page that does not take its answers gets none that may be large. */
  function isFull(session: Session): boolean {
    if (session.fanOut.room(session) > 0) return false
    const error = 'Answers wait to be read: take them first, then ask again'
    refuse(session, { error, members: {} }, 'BUSY')
    return true
  }

  /** @param code of the refusal, for metrics: pages have numbers of their own */
  function refuse(session: Session, { error, members }: Refusal, code: CodeName = 'INVALID_ARGUMENT'): void {
    observer.commandFailed(code)
    say(session, framesOf(session).error(error, members))
  }

  return {
    take,
    async perform(session, request) {
      await inTurn(session, request)
    },
  }
}

/** Commands of a session, one after the other. */
interface UnderWay {
  readonly last: Promise<void>
  readonly count: number
}

const tooManyWait: Refusal = {
  error: 'Too many commands wait for those before them: try again in a moment',
  members: {},
}

const busy: Refusal = {
  error: 'Too much waits to be sent: try again in a moment',
  members: { number_messages: -1 },
}

const prefixRefusal: Refusal = {
  error: '[pipe_msg2] Invalid channel name. The channel should begin with web_',
  members: { number_messages: -1 },
}

const anonymousRefusal: Refusal = {
  error:
    '[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users',
  members: { number_messages: -1 },
}

function framesOf(session: Session) {
  return (session.fanOut as PageFanOut).frames
}

function say(session: Session, frame: string): void {
  ;(session.fanOut as PageFanOut).say(session, frame)
}

/** Sessions that came with the name of a browser have it in front of their id; of others the id has to do. */
function uuidOf(session: string): string {
  return session.split(UUID_MARK, 1)[0] ?? ''
}
