/**
 * The logical client.
 *
 * Owns the state of one session. There is one object per client, so its size counts: fixed fields in a fixed order,
 * small integers instead of timestamps, arrays without spare room, nothing that can be derived. Behaviour is in
 * hub (channels) and commands (what a client asks for).
 */
import type { CodeName } from '../codes.ts'
import type { Identity } from './access.ts'
import type { FanOut } from './fan-out.ts'
import type { HubChannel } from './hub-channel.ts'

/** A live transport connection, opaque to core: only the fan-out that made it looks inside. */
export type Connection = object

export type SessionPhase = 'opening' | 'connected' | 'ended'

const NO_CHANNELS: readonly HubChannel[] = []
const NO_GRANTS: readonly string[] = []

/** Above this many channels an array grows in steps instead of fitting exactly. */
const EXACT_FIT = 16

export class Session implements Identity {
  readonly fanOut: FanOut
  /** Null until the transport has opened it. */
  connection: Connection | null
  /** Number within this node; public ids are made from it when asked for. */
  readonly number: number
  phase: SessionPhase
  /** Why the node ended it; null while it lives or when the client left. */
  endedBy: CodeName | null
  /** '' = anonymous */
  user: string
  grants: readonly string[]
  channels: readonly HubChannel[]
  /** Address of the client where one is needed for a limit, else ''. */
  readonly address: string
  lastCommandId: number
  /** The second (modulo 2^30) in which `commandsInSecond` were counted. */
  rateSecond: number
  commandsInSecond: number
  /** Messages of the current flush that go to this session alone. */
  outbox: Buffer[] | null

  constructor(number: number, fanOut: FanOut, address: string) {
    this.fanOut = fanOut
    this.connection = null
    this.number = number
    this.phase = 'opening'
    this.endedBy = null
    this.user = ''
    this.grants = NO_GRANTS
    this.channels = NO_CHANNELS
    this.address = address
    this.lastCommandId = 0
    this.rateSecond = 0
    this.commandsInSecond = 0
    this.outbox = null
  }

  identify(identity: Identity): void {
    this.user = identity.user
    if (identity.grants.length > 0) this.grants = identity.grants
  }

  addChannel(channel: HubChannel): void {
    const { channels } = this
    const [first] = channels
    // Literals and concat allocate what is needed; push and spread make room for many more.
    if (first === undefined) this.channels = [channel]
    else if (channels.length === 1) this.channels = [first, channel]
    else if (channels.length < EXACT_FIT) this.channels = channels.concat(channel)
    else (channels as HubChannel[]).push(channel)
  }

  removeChannel(channel: HubChannel): void {
    this.channels =
      this.channels.length === 1 ? NO_CHANNELS : this.channels.filter((held) => held !== channel)
  }

  clearChannels(): void {
    this.channels = NO_CHANNELS
  }
}
