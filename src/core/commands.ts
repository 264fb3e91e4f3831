/**
 * What a session may ask for, whichever transport it came by.
 *
 * Owns the order of checks for every client command: is it the session's turn (id, rate, connected), may it (rules),
 * can it (limits), then the hub or the broker does it. Refusals are values with a registry code; nothing is thrown.
 */
import type { Clock } from '../clock.ts'
import { errorFace } from '../codes.ts'
import {
  type Command,
  type CommandResult,
  type ConnectCommand,
  type PublishCommand,
  type StreamPosition,
  type SubscribeCommand,
  type SubscribeRow,
  userChannel,
} from '../protocol/messages.ts'
import { Payload } from '../protocol/payload.ts'
import { accessFailure } from './access.ts'
import { type Broker, type Failure, hasFailed } from './broker.ts'
import type { ChannelRules } from './channel-rules.ts'
import { type Eventually, whenDone } from './eventually.ts'
import type { Hub } from './hub.ts'
import { channelNameFailure, eventFault, shown, USER_CHANNEL_MARK } from './names.ts'
import type { Session } from './session.ts'
import type { VerifyToken } from './tokens.ts'

/** A session that sends this many times its rate is ended. */
const RATE_EXCESS = 10

/** Keeps the counted second a small integer. */
const SECONDS_WRAP = 2 ** 30

export interface CommandDeps {
  readonly broker: Broker
  readonly hub: Hub
  readonly rules: ChannelRules
  readonly clock: Clock
  /** Null when no token is configured: then everyone is anonymous. */
  readonly verifyToken: VerifyToken | null
  readonly isAnonymousAllowed: boolean
}

export interface CommandLimits {
  readonly maxChannelsPerSession: number
  readonly maxChannelsPerCommand: number
  /** 0 = no limit */
  readonly maxCommandsPerSecond: number
  readonly pingMs: number
}

type Outcome = CommandResult | Failure

export interface Commands {
  /**
   * Null when the command with this id may run now; id 0 = the message had none, only its rate counts. Ends the
   * session when it is far above its rate.
   */
  admit(session: Session, id: number): Failure | null
  run(session: Session, command: Command): Eventually<Outcome>
}

export function createCommands(deps: CommandDeps, limits: CommandLimits): Commands {
  const { broker, hub, rules, clock, verifyToken } = deps

  function admit(session: Session, id: number): Failure | null {
    const overRate = rateFailure(session)
    if (overRate !== null) return overRate
    if (id === 0) return null
    if (id <= session.lastCommandId) {
      const message = `Command id ${id} was used before: ids must rise, the latest is ${session.lastCommandId}`
      return { failed: 'DUPLICATE_ID', message }
    }
    session.lastCommandId = id
    return null
  }

  function rateFailure(session: Session): Failure | null {
    const limit = limits.maxCommandsPerSecond
    if (limit === 0) return null
    const second = Math.floor(clock.nowMs() / 1000) % SECONDS_WRAP
    if (session.rateSecond !== second) {
      session.rateSecond = second
      session.commandsInSecond = 0
    }
    session.commandsInSecond++
    if (session.commandsInSecond <= limit) return null
    const message = `Too many commands: ${session.commandsInSecond} in this second, ${limit} allowed`
    if (session.commandsInSecond === limit * RATE_EXCESS) hub.end(session, 'COMMAND_RATE', message)
    return { failed: 'COMMAND_RATE', message }
  }

  function connect(session: Session, command: ConnectCommand): Eventually<Outcome> {
    if (session.phase === 'connected') {
      return { failed: 'ALREADY_CONNECTED', message: 'The session is connected already' }
    }
    const failure = identify(session, command.token)
    if (failure !== null) return failure
    hub.markConnected(session)
    const { user } = session
    const connected = { session: hub.sessionId(session), user, pingMs: limits.pingMs }
    if (user === '') return connected
    return whenDone(hub.subscribe(session, userChannel(user)), (attached) => {
      if (!hasFailed(attached)) return connected
      // Without its channel the user would miss messages: the session goes, after it was told why.
      clock.after(0, () => hub.end(session, attached.failed, attached.message))
      return attached
    })
  }

  /** Sets the identity of the session, or says why not. Without token keys every token is ignored. */
  function identify(session: Session, token: string): Failure | null {
    if (verifyToken === null) return null
    if (token === '') {
      if (deps.isAnonymousAllowed) return null
      return {
        failed: 'TOKEN_MISSING',
        message: 'Field "connect.token" is missing: this node asks for a token',
      }
    }
    const identity = verifyToken(token)
    if ('failed' in identity) return identity
    session.identify(identity)
    return null
  }

  function subscribe(session: Session, command: SubscribeCommand): Eventually<Outcome> {
    const { channels, isList } = command
    const tooMany = countFailure('subscribe.channels', channels.length)
    if (tooMany !== null) return tooMany
    const [only] = channels
    return isList || only === undefined ? subscribeMany(session, channels) : subscribeOne(session, only)
  }

  async function subscribeMany(session: Session, channels: readonly string[]): Promise<Outcome> {
    const rows: SubscribeRow[] = []
    for (const channel of channels) {
      const outcome = await subscribeOne(session, channel)
      const row = hasFailed(outcome) ? { error: errorFace(outcome.failed, outcome.message) } : outcome
      rows.push({ channel, ...row })
    }
    return { channels: rows }
  }

  function subscribeOne(session: Session, channel: string): Eventually<StreamPosition | Failure> {
    const failure =
      channelNameFailure(channel) ??
      accessFailure(session, rules.ruleFor(channel).subscribe, channel, 'subscribe to') ??
      roomFailure(session, channel)
    return failure ?? hub.subscribe(session, channel, () => roomFailure(session, channel))
  }

  function roomFailure(session: Session, channel: string): Failure | null {
    if (hub.isSubscribed(session, channel)) {
      const message = `Cannot subscribe to ${shown(channel)}: the session is subscribed already`
      return { failed: 'ALREADY_SUBSCRIBED', message }
    }
    const held = session.channels.length - (session.user === '' ? 0 : 1)
    if (held < limits.maxChannelsPerSession) return null
    const message = `Cannot subscribe to ${shown(channel)}: session already holds ${held} of ${limits.maxChannelsPerSession} channels`
    return { failed: 'CHANNEL_LIMIT', message }
  }

  function unsubscribe(session: Session, channel: string): Outcome {
    const isOwn = channel.startsWith(USER_CHANNEL_MARK)
    if (!isOwn && hub.unsubscribe(session, channel)) return {}
    const reason = isOwn
      ? 'a user channel stays as long as its session'
      : 'the session is not subscribed to it'
    return { failed: 'NOT_SUBSCRIBED', message: `Cannot unsubscribe from ${shown(channel)}: ${reason}` }
  }

  async function publish(session: Session, command: PublishCommand): Promise<Outcome> {
    const { channel, event } = command
    const { user } = session
    const failure =
      channelNameFailure(channel) ??
      accessFailure(session, rules.ruleFor(channel).publish, channel, 'publish to')
    if (failure !== null) return failure
    const fault = eventFault(event)
    if (fault !== null) {
      return { failed: 'INVALID_ARGUMENT', message: `Field "publish.event" is not allowed: ${fault}` }
    }
    if (hub.room() !== null) {
      return { failed: 'BUSY', message: 'Too much waits to be sent: try again in a moment' }
    }
    const data = Payload.fromValue(command.data)
    if (data === null) return { failed: 'INVALID_DATA', message: 'Field "publish.data" has no JSON form' }
    const [outcome] = await broker.publish([{ channel, data, event, user }], 'client')
    return outcome ?? { failed: 'INTERNAL', message: 'The broker gave no outcome' }
  }

  async function users(ids: readonly string[]): Promise<Outcome> {
    const tooMany = countFailure('users.ids', ids.length)
    if (tooMany !== null) return tooMany
    const visible = ids.filter((id) => rules.ruleFor(userChannel(id)).presence !== 'off')
    return { online: await broker.usersOnline(visible) }
  }

  async function stats(session: Session, channel: string): Promise<Outcome> {
    const rule = rules.ruleFor(channel)
    const failure =
      channelNameFailure(channel) ??
      accessFailure(session, rule.subscribe, channel, 'count subscribers of') ??
      presenceFailure(channel, rule.presence)
    if (failure !== null) return failure
    const state = await broker.channel(channel)
    return { channel, subscribers: state.subscribers }
  }

  function countFailure(field: string, count: number): Failure | null {
    if (count <= limits.maxChannelsPerCommand) return null
    const message = `Field "${field}" names ${count} of at most ${limits.maxChannelsPerCommand}`
    return { failed: 'CHANNEL_LIMIT', message }
  }

  return {
    admit,
    run(session, command) {
      if (command.kind === 'connect') return connect(session, command)
      if (session.phase !== 'connected') {
        return {
          failed: 'NOT_CONNECTED',
          message: `Cannot ${command.kind}: the first command must be connect`,
        }
      }
      switch (command.kind) {
        case 'subscribe':
          return subscribe(session, command)
        case 'unsubscribe':
          return unsubscribe(session, command.channel)
        case 'publish':
          return publish(session, command)
        case 'users':
          return users(command.ids)
        case 'stats':
          return stats(session, command.channel)
        case 'ping':
          return {}
      }
    },
  }
}

function presenceFailure(channel: string, presence: 'off' | 'count'): Failure | null {
  if (presence !== 'off') return null
  const message = `Cannot count subscribers of ${shown(channel)}: its rule has presence off`
  return { failed: 'ACCESS_DENIED', message }
}
