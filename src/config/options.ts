/**
 * The one table of options.
 *
 * Owns every option's name, kind, unit, bounds, default and meaning. Flags (kebab case), environment variables
 * (`ENCKE_` and upper snake case), file keys (camel case, as here), `encke print-config` and docs/configuration.md
 * all come from this table; nothing else defines an option. Longer than most files because it is a table.
 */
import { logLevels } from '../log.ts'
import type { ChannelRule } from './rules.ts'

interface Described {
  readonly group: 'listeners' | 'access' | 'limits' | 'channels' | 'running'
  /** One or two sentences, no full stop needed at the end of a fragment. */
  readonly describe: string
  /** What zero or empty means, where it is not obvious. */
  readonly zero?: string
}

export interface IntegerOption extends Described {
  readonly kind: 'integer'
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly default: number
}
export interface StringOption extends Described {
  readonly kind: 'string'
  readonly default: string
  /** Never shown in full: print-config masks it, logs leave it out. */
  readonly isSecret?: true
}
export interface BooleanOption extends Described {
  readonly kind: 'boolean'
  readonly default: boolean
}
export interface ListOption extends Described {
  readonly kind: 'list'
  readonly default: readonly string[]
}
export interface ChoiceOption extends Described {
  readonly kind: 'choice'
  readonly choices: readonly string[]
  readonly default: string
}
export interface RulesOption extends Described {
  readonly kind: 'rules'
  readonly default: readonly ChannelRule[]
}
export type Option = IntegerOption | StringOption | BooleanOption | ListOption | ChoiceOption | RulesOption

/** What a value must look like, without a place among the options; fields of a channel rule are described so too. */
export type Shape = Ungrouped<Exclude<Option, RulesOption>>
type Ungrouped<O> = O extends unknown ? Omit<O, 'group'> : never

const port = (describe: string, value: number) =>
  ({
    kind: 'integer',
    group: 'listeners',
    unit: 'port',
    min: 0,
    max: 65535,
    default: value,
    zero: 'the system picks a free port',
    describe,
  }) as const satisfies IntegerOption

export const options = {
  host: {
    kind: 'string',
    group: 'listeners',
    default: '0.0.0.0',
    describe: 'Address the public listener binds to: browsers connect here',
  },
  port: port('Public port: WebSocket, browser client, demo page', 8080),
  internalHost: {
    kind: 'string',
    group: 'listeners',
    default: '127.0.0.1',
    describe:
      'Address the internal listeners bind to (HTTP API, metrics, publish port). Anything but loopback needs a key',
  },
  internalPort: port('Internal HTTP port: API, metrics, health', 8081),
  publishPort: port('Internal binary publish port', 8082),
  publishSocket: {
    kind: 'string',
    group: 'listeners',
    default: '',
    zero: 'no Unix socket',
    describe: 'Path of a Unix socket that speaks the publish protocol too',
  },
  cometqlPort: port('CometQL port. Reserved: this version opens no such port', 3307),
  key: {
    kind: 'string',
    group: 'access',
    isSecret: true,
    default: '',
    zero: 'internal ports take anyone who reaches them; allowed on loopback only',
    describe: 'Key of the internal ports: HTTP bearer token and publish-port hello',
  },
  trustedKey: {
    kind: 'string',
    group: 'access',
    isSecret: true,
    default: '',
    zero: 'no key is trusted',
    describe:
      'Second key for the publish port; publishers that use it send JSON bytes that the node does not check. A broken one breaks its subscribers',
  },
  tokenSecret: {
    kind: 'string',
    group: 'access',
    isSecret: true,
    default: '',
    zero: 'no HS256 tokens',
    describe: 'Secret of client tokens signed with HS256; at least 16 bytes',
  },
  tokenPublicKeyFile: {
    kind: 'string',
    group: 'access',
    default: '',
    zero: 'no RS256 or ES256 tokens',
    describe:
      'PEM file with the public key of client tokens signed with RS256 (RSA key) or ES256 (P-256 key)',
  },
  anonymous: {
    kind: 'boolean',
    group: 'access',
    default: false,
    describe:
      'Let clients connect without a token although tokens are configured. With no token configured they may anyway',
  },
  capsuleKeys: {
    kind: 'string',
    group: 'access',
    isSecret: true,
    default: '',
    zero: 'derived from `tokenSecret` or else `key`; with neither, made anew at every start',
    describe:
      'Secrets that sign the capsules of sessions, separated by commas, each at least 16 bytes. The first signs, all are accepted: to change, put a new one in front',
  },
  capsuleTtlMs: {
    kind: 'integer',
    group: 'access',
    unit: 'ms',
    min: 10_000,
    max: 86_400_000,
    default: 600_000,
    describe: 'How long a capsule can be used; one in use is replaced when half of it is over',
  },
  origins: {
    kind: 'list',
    group: 'access',
    default: [],
    zero: 'any origin',
    describe: 'Origins whose pages may connect, such as https://example.com',
  },
  clientIpHeader: {
    kind: 'string',
    group: 'access',
    default: '',
    zero: 'the address of the socket',
    describe:
      'Request header that a trusted proxy sets to the address of the client, such as x-forwarded-for (the last entry counts)',
  },
  tenant: {
    kind: 'integer',
    group: 'access',
    unit: 'tenant number',
    min: 1,
    max: 1,
    default: 1,
    describe: 'Tenant of clients and publishers that name none. This version knows one',
  },
  maxConnections: {
    kind: 'integer',
    group: 'limits',
    unit: 'connections',
    min: 0,
    max: 1_000_000,
    default: 0,
    zero: 'as many as the file descriptor limit allows, less a reserve of 400',
    describe: 'Client connections at once. Never above the descriptor limit less the reserve',
  },
  maxConnectionsPerIp: {
    kind: 'integer',
    group: 'limits',
    unit: 'connections',
    min: 0,
    max: 1_000_000,
    default: 0,
    zero: 'no limit per address',
    describe: 'Client connections at once from one address',
  },
  maxMessageBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 256,
    max: 16_777_216,
    default: 65_536,
    describe: 'Largest message a client may send; a larger one closes its connection',
  },
  maxPublicationBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes of JSON',
    min: 16,
    max: 16_777_216,
    default: 1_048_576,
    describe: 'Largest data of one publication, from any source. A channel rule may set less',
  },
  maxChannelsPerSession: {
    kind: 'integer',
    group: 'limits',
    unit: 'channels',
    min: 1,
    max: 100_000,
    default: 128,
    describe: 'Channels one session may be subscribed to, its user channel not counted',
  },
  maxChannelsPerCommand: {
    kind: 'integer',
    group: 'limits',
    unit: 'names',
    min: 1,
    max: 100_000,
    default: 128,
    describe: 'Channels or user ids one command may name',
  },
  maxCommandsPerSecond: {
    kind: 'integer',
    group: 'limits',
    unit: 'commands/s',
    min: 0,
    max: 1_000_000,
    default: 100,
    zero: 'no limit',
    describe:
      'Commands one session may send within a second; more are answered with an error, ten times as many close it',
  },
  connectTimeoutMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 100,
    max: 600_000,
    default: 10_000,
    describe: 'Time from opening a connection to its connect command (publish port: hello)',
  },
  pingMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 1_000,
    max: 600_000,
    default: 25_000,
    describe: 'Silence after which a client is asked to ping',
  },
  idleTimeoutMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 8_000,
    max: 960_000,
    default: 60_000,
    describe:
      'Silence from a client, pings included, after which its connection counts as dead; steps of 4 s',
  },
  maxBackpressureBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 16_384,
    max: 1_073_741_824,
    default: 262_144,
    describe:
      'Bytes the node holds for a connection that reads too slowly, beyond what the kernel holds. Above it the session is fed from the history at its own pace',
  },
  maxReplyBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 1_024,
    max: 16_777_216,
    default: 65_536,
    describe:
      'Replies and notices held for a connection above `maxBackpressureBytes`, so that they come through when it reads again; more ends it as SLOW_CONSUMER',
  },
  maxLagMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 100,
    max: 3_600_000,
    default: 30_000,
    describe: 'How long a session may lag behind its channels before it is ended as SLOW_CONSUMER',
  },
  pollHoldMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 0,
    max: 25_000,
    default: 25_000,
    zero: 'polls are answered at once',
    describe: 'How long a long poll waits for messages at the most; a client may ask for less',
  },
  maxPollBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 1_024,
    max: 16_777_216,
    default: 1_048_576,
    describe: 'Bytes of messages after which a poll gets its answer; the rest comes with the next one',
  },
  sessionLingerMs: {
    kind: 'integer',
    group: 'limits',
    unit: 'ms',
    min: 0,
    max: 600_000,
    default: 15_000,
    zero: 'a session ends with its connection',
    describe:
      'How long a session with a capsule is kept between two polls or connections: it comes back within that time without leaving and joining',
  },
  publishMaxConnections: {
    kind: 'integer',
    group: 'limits',
    unit: 'connections',
    min: 1,
    max: 10_000,
    default: 256,
    describe: 'Publisher connections at once',
  },
  publishMaxFrameBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 1_024,
    max: 268_435_456,
    default: 8_388_608,
    describe: 'Largest frame on the publish port, without its 4-byte length',
  },
  publishWindow: {
    kind: 'integer',
    group: 'limits',
    unit: 'frames',
    min: 1,
    max: 1_000_000,
    default: 16_384,
    describe: 'Frames a publisher may have unanswered; told in the welcome',
  },
  maxPendingBytes: {
    kind: 'integer',
    group: 'limits',
    unit: 'bytes',
    min: 65_536,
    max: 4_294_967_296,
    default: 33_554_432,
    describe:
      'Publications that have their offset and wait for their turn to be sent, 256 bytes for each besides its data and names; above it publishers wait for their answer',
  },
  maxChannels: {
    kind: 'integer',
    group: 'channels',
    unit: 'channels',
    min: 0,
    max: 1_000_000_000,
    default: 1_000_000,
    zero: 'no limit',
    describe: 'Channels the node keeps a position for; a new name above it is refused',
  },
  channelLingerMs: {
    kind: 'integer',
    group: 'channels',
    unit: 'ms',
    min: 0,
    max: 3_600_000,
    default: 30_000,
    zero: 'leave at once',
    describe:
      'How long an edge stays attached to a channel after its last subscriber left, so that the short ring is there when they come back',
  },
  ringSize: {
    kind: 'integer',
    group: 'channels',
    unit: 'publications',
    min: 0,
    max: 100_000,
    default: 256,
    zero: 'no short ring: slow readers and those who come back get gaps, except by `historySize`',
    describe:
      'Latest publications kept for every channel with subscribers, for slow readers, polls and recovery',
  },
  ringMs: {
    kind: 'integer',
    group: 'channels',
    unit: 'ms',
    min: 1_000,
    max: 3_600_000,
    default: 30_000,
    describe: 'Age at which a publication leaves the short ring',
  },
  maxHistoryBytes: {
    kind: 'integer',
    group: 'channels',
    unit: 'bytes',
    min: 65_536,
    max: 1_073_741_824,
    default: 134_217_728,
    describe:
      'Memory that rings and histories of all channels may take together; above it those that were longest in use shrink first',
  },
  maxHistoryPerCommand: {
    kind: 'integer',
    group: 'channels',
    unit: 'publications',
    min: 1,
    max: 100_000,
    default: 1_000,
    describe: 'Publications one history command or request gets at once',
  },
  maxPresenceListed: {
    kind: 'integer',
    group: 'channels',
    unit: 'sessions',
    min: 1,
    max: 100_000,
    default: 1_000,
    describe: 'Sessions one presence command or request names; the count is whole',
  },
  maxLastSeen: {
    kind: 'integer',
    group: 'channels',
    unit: 'users',
    min: 0,
    max: 10_000_000,
    default: 100_000,
    zero: 'last-seen times are not kept',
    describe: 'Users whose last-seen time is remembered; the longest gone are forgotten first',
  },
  idempotencyMs: {
    kind: 'integer',
    group: 'channels',
    unit: 'ms',
    min: 0,
    max: 86_400_000,
    default: 300_000,
    zero: 'keys of publications mean nothing',
    describe: 'How long the key of a publication is remembered',
  },
  maxIdempotencyKeys: {
    kind: 'integer',
    group: 'channels',
    unit: 'keys',
    min: 1,
    max: 10_000_000,
    default: 100_000,
    describe: 'Keys of publications remembered at once; the oldest are forgotten first',
  },
  channelIdleMs: {
    kind: 'integer',
    group: 'channels',
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    default: 600_000,
    describe:
      'How long the position of a channel without subscribers and publications is kept; then its epoch ends',
  },
  channels: {
    kind: 'rules',
    group: 'channels',
    default: [],
    zero: 'only the built-in rules',
    describe:
      'Channel rules, in order: the first whose match fits a channel decides. Built-in rules follow them',
  },
  edges: {
    kind: 'integer',
    group: 'running',
    unit: 'processes',
    min: 1,
    max: 1,
    default: 1,
    describe: 'Edge processes. This version runs one, in the process of the broker',
  },
  engine: {
    kind: 'choice',
    group: 'running',
    choices: ['memory'],
    default: 'memory',
    describe: 'Where the broker keeps state',
  },
  dataDir: {
    kind: 'string',
    group: 'running',
    default: 'none',
    describe:
      'Folder of the durable store, or none for nothing on disk. Reserved: this version writes nothing to disk',
  },
  demo: {
    kind: 'boolean',
    group: 'running',
    default: false,
    describe: 'Serve the demo page at /demo/ and let anyone publish to the channel demo',
  },
  drainMs: {
    kind: 'integer',
    group: 'running',
    unit: 'ms',
    min: 0,
    max: 600_000,
    default: 2_000,
    zero: 'close all connections at once',
    describe: 'At shutdown: time over which clients are told to go, and are spread over when they come back',
  },
  logLevel: {
    kind: 'choice',
    group: 'running',
    choices: logLevels,
    default: 'info',
    describe: 'Least serious level that is logged',
  },
  readyFile: {
    kind: 'string',
    group: 'running',
    default: '',
    zero: 'no file',
    describe: 'File that gets one JSON object with pid and actual addresses once the node is ready',
  },
} as const satisfies Record<string, Option>

export type OptionName = keyof typeof options

type ValueOf<O extends Option> = O extends IntegerOption
  ? number
  : O extends BooleanOption
    ? boolean
    : O extends ListOption
      ? readonly string[]
      : O extends RulesOption
        ? readonly ChannelRule[]
        : O extends { choices: readonly (infer C)[] }
          ? C
          : string

/** The effective configuration: one value per option, checked. */
export type Config = { readonly [Name in OptionName]: ValueOf<(typeof options)[Name]> }
