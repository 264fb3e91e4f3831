/**
 * What a session may ask for, whichever transport it came by.
 *
 * Owns the order of checks for every client command: is it the session's turn (id, rate, connected), may it (rules),
 * can it (limits), then the hub or the broker does it. Refusals are values with a registry code; nothing is thrown.
 */
import type { Clock } from '../clock.ts'
import { errorFace } from '../codes.ts'
import { historyLimit } from '../protocol/history-bounds.ts'
import { decodePublication } from '../protocol/json-codec.ts'
import type {
  Command,
  CommandResult,
  HistoryCommand,
  PublishCommand,
  StreamPosition,
  SubscribeCommand,
  SubscribeRequest,
  SubscribeResult,
  SubscribeRow,
} from '../protocol/messages.ts'
import { Payload } from '../protocol/payload.ts'
import { accessFailure } from './access.ts'
import { type Broker, type Failure, hasFailed, type PublishOutcome } from './broker.ts'
import type { ChannelRules, EffectiveRule } from './channel-rules.ts'
import { countedChannel, isCountChannel } from './count-channels.ts'
import type { Eventually } from './eventually.ts'
import type { Hub } from './hub.ts'
import type { Identification } from './identification.ts'
import { channelNameFailure, eventFault, shown, USER_CHANNEL_MARK, userIdFault } from './names.ts'
import type { Session } from './session.ts'
import { bare, ownChannel, scoped } from './tenants.ts'
import type { UserRecords } from './user-records.ts'

/** A session that sends this many times its rate is ended. */
const RATE_EXCESS = 10

/** Keeps the counted second a small integer. */
const SECONDS_WRAP = 2 ** 30

export interface CommandDeps {
  readonly broker: Broker
  readonly hub: Hub
  readonly rules: ChannelRules
  readonly clock: Clock
  readonly identification: Identification
  readonly users: Pick<UserRecords, 'data'>
}

export interface CommandLimits {
  readonly maxChannelsPerSession: number
  readonly maxChannelsPerCommand: number
  /** 0 = no limit */
  readonly maxCommandsPerSecond: number
  readonly maxHistoryPerCommand: number
  readonly maxPresenceListed: number
}

type Outcome = CommandResult | Failure

export interface Commands {
  /**
   * Null when the command with this id may run now; id 0 = the message had none, only its rate counts. Ends the
   * session when it is far above its rate.
   */
  admit(session: Session, id: number): Failure | null
  run(session: Session, command: Command): Eventually<Outcome>
  /** Subscribes a session to a channel, as the command does; its own channel as well. */
  subscribe(session: Session, request: SubscribeRequest): Eventually<SubscribeResult | Failure>
}

export function createCommands(deps: CommandDeps, limits: CommandLimits): Commands {
  const { broker, hub, rules, clock, identification, users: records } = deps

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

  function subscribe(session: Session, command: SubscribeCommand): Eventually<Outcome> {
    const { channels, isList } = command
    const tooMany = countFailure('subscribe.channels', channels.length)
    if (tooMany !== null) return tooMany
    const [only] = channels
    return isList || only === undefined ? subscribeMany(session, channels) : subscribeOne(session, only)
  }

  async function subscribeMany(session: Session, requests: readonly SubscribeRequest[]): Promise<Outcome> {
    const rows: SubscribeRow[] = []
    for (const request of requests) {
      const outcome = await subscribeOne(session, request)
      const row = hasFailed(outcome) ? { error: errorFace(outcome.failed, outcome.message) } : outcome
      rows.push({ channel: request.channel, ...row })
    }
    return { channels: rows }
  }

  function subscribeOne(
    session: Session,
    { channel: name, since }: SubscribeRequest,
  ): Eventually<SubscribeResult | Failure> {
    const channel = scoped(session.tenant, name)
    const failure =
      channelNameFailure(name) ??
      readFailure(session, channel, 'subscribe to') ??
      roomFailure(session, channel)
    return failure ?? hub.subscribe(session, channel, { since, check: () => roomFailure(session, channel) })
  }

  /** What a session may subscribe to it may also ask about; its own channel among it. */
  function readFailure(
    session: Session,
    channel: string,
    verb: Parameters<typeof accessFailure>[3],
  ): Failure | null {
    if (verb !== 'subscribe to' && channel === session.ownChannel()) return null
    const name = bare(channel)
    if (!isCountChannel(name)) return accessFailure(session, rules.ruleFor(channel).subscribe, name, verb)
    // A count channel is for those who may know the count.
    const counted = countedChannel(name)
    const { subscribe, presence } = rules.ruleFor(counted)
    return accessFailure(session, subscribe, counted, verb) ?? presenceFailure(counted, presence)
  }

  function roomFailure(session: Session, channel: string): Failure | null {
    if (hub.isSubscribed(session, channel)) {
      const message = `Cannot subscribe to ${shown(bare(channel))}: the session is subscribed already`
      return { failed: 'ALREADY_SUBSCRIBED', message }
    }
    const held = session.channels.length - (session.user === '' ? 0 : 1)
    if (held < limits.maxChannelsPerSession) return null
    const message = `Cannot subscribe to ${shown(bare(channel))}: session already holds ${held} of ${limits.maxChannelsPerSession} channels`
    return { failed: 'CHANNEL_LIMIT', message }
  }

  function unsubscribe(session: Session, channel: string): Outcome {
    const isOwn = channel.startsWith(USER_CHANNEL_MARK)
    if (!isOwn && hub.unsubscribe(session, scoped(session.tenant, channel))) return {}
    const reason = isOwn
      ? 'a user channel stays as long as its session'
      : 'the session is not subscribed to it'
    return { failed: 'NOT_SUBSCRIBED', message: `Cannot unsubscribe from ${shown(channel)}: ${reason}` }
  }

  async function publish(session: Session, command: PublishCommand): Promise<Outcome> {
    const { channel: name, event, key } = command
    const { user } = session
    const channel = scoped(session.tenant, name)
    const failure =
      channelNameFailure(name) ?? accessFailure(session, rules.ruleFor(channel).publish, name, 'publish to')
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
    const request = { channel, data, event, user, key }
    if (command.echo) return oneOf(await broker.publish([request], 'client'))
    const before = await broker.channel(channel)
    const outcome = oneOf(await broker.publish([{ ...request, except: session }], 'client'))
    if (hasFailed(outcome)) return outcome
    const others = before.subscribers - (hub.isSubscribed(session, channel) ? 1 : 0)
    return { ...outcome, reached: isAfter(outcome, before.position) ? others : 0 }
  }

  async function history(session: Session, command: HistoryCommand): Promise<Outcome> {
    const { since, isReverse } = command
    const channel = scoped(session.tenant, command.channel)
    const failure =
      channelNameFailure(command.channel) ?? readFailure(session, channel, 'read the history of')
    if (failure !== null) return failure
    const limit = historyLimit(command.limit, limits.maxHistoryPerCommand)
    const page = await broker.history(channel, { since, limit, isReverse })
    if (hasFailed(page)) return page
    const publications = page.messages.map((message, at) => ({
      ...decodePublication(message),
      time: page.timesMs[at] ?? 0,
    }))
    return { ...page.position, publications, ...(page.gap === null ? {} : { gap: page.gap }) }
  }

  async function presence(session: Session, name: string): Promise<Outcome> {
    const channel = scoped(session.tenant, name)
    const failure =
      channelNameFailure(name) ??
      readFailure(session, channel, 'see who is on') ??
      presenceFailure(name, rules.ruleFor(channel).presence)
    if (failure !== null) return failure
    const { count, clients } = await broker.presence(channel, limits.maxPresenceListed)
    return clients === null ? { channel: name, count } : { channel: name, count, clients }
  }

  async function users({ tenant }: Session, ids: readonly string[]): Promise<Outcome> {
    const tooMany = countFailure('users.ids', ids.length)
    if (tooMany !== null) return tooMany
    const isShown = (id: string) => rules.ruleFor(ownChannel(tenant, id)).presence !== 'off'
    return broker.usersOnline(tenant, ids.filter(isShown))
  }

  async function stats(session: Session, name: string): Promise<Outcome> {
    const channel = scoped(session.tenant, name)
    const failure =
      channelNameFailure(name) ??
      readFailure(session, channel, 'count subscribers of') ??
      presenceFailure(name, rules.ruleFor(channel).presence)
    if (failure !== null) return failure
    const state = await broker.channel(channel)
    return { channel: name, subscribers: state.subscribers }
  }

  function userData({ tenant }: Session, user: string): Outcome {
    const fault = userIdFault(user)
    if (fault === null) return { user, data: records.data(tenant, user) }
    return { failed: 'INVALID_ARGUMENT', message: `Field "userData.user" can not be a user id: ${fault}` }
  }

  async function acknowledge(session: Session, position: StreamPosition): Promise<Outcome> {
    await hub.acknowledge(session, position)
    return {}
  }

  /** A sum means something where this reply comes after what it counts. */
  function ping(session: Session): Outcome {
    identification.renew(session)
    const sum = session.fanOut.repliesInStream ? hub.positionSum(session) : null
    return sum === null ? {} : { sum }
  }

  function countFailure(field: string, count: number): Failure | null {
    if (count <= limits.maxChannelsPerCommand) return null
    const message = `Field "${field}" names ${count} of at most ${limits.maxChannelsPerCommand}`
    return { failed: 'CHANNEL_LIMIT', message }
  }

  return {
    admit,
    subscribe(session, request) {
      const channel = scoped(session.tenant, request.channel)
      const isOwn = channel === session.ownChannel()
      return isOwn ? hub.subscribe(session, channel, request) : subscribeOne(session, request)
    },
    run(session, command) {
      if (command.kind === 'connect') return identification.connect(session, command)
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
          return users(session, command.ids)
        case 'stats':
          return stats(session, command.channel)
        case 'refresh':
          return identification.refresh(session, command.token)
        case 'history':
          return history(session, command)
        case 'presence':
          return presence(session, command.channel)
        case 'userData':
          return userData(session, command.user)
        case 'ack':
          return acknowledge(session, command.position)
        case 'ping':
          return ping(session)
      }
    },
  }
}

function oneOf([outcome]: readonly PublishOutcome[]): PublishOutcome {
  return outcome ?? { failed: 'INTERNAL', message: 'The broker gave no outcome' }
}

/** False for what a key says was published before: nobody gets it now. */
function isAfter(at: StreamPosition, before: StreamPosition): boolean {
  return at.epoch !== before.epoch || at.offset > before.offset
}

function presenceFailure(channel: string, presence: EffectiveRule['presence']): Failure | null {
  if (presence !== 'off') return null
  const message = `Cannot tell who is on ${shown(channel)}: its rule has presence off`
  return { failed: 'ACCESS_DENIED', message }
}
