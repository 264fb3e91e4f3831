/**
 * The one table of options.
 *
 * Owns every option's name, kind, unit, bounds, default and meaning. Flags (kebab case), environment variables
 * (`ENCKE_` and upper snake case), file keys (camel case, as here), `encke print-config` and docs/configuration.md
 * all come from this table; nothing else defines an option (its rows about limits stand in limit-options.ts). Longer
 * than most files because it is a table.
 */
import { logLevels } from '../log.ts'
import { limitOptions } from './limit-options.ts'
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
  cometqlPort: port('CometQL port on `internalHost`: MySQL clients connect here', 3307),
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
  cometqlPassword: {
    kind: 'string',
    group: 'access',
    isSecret: true,
    default: '',
    zero: 'the value of `key`',
    describe:
      'Password of CppComet applications: secret of their tokens (HMAC, followed by the number of the tenant) and of CometQL logins',
  },
  cometqlAuthPlugin: {
    kind: 'choice',
    group: 'access',
    choices: ['mysql_native_password', 'caching_sha2_password'],
    default: 'mysql_native_password',
    describe:
      'How CometQL asks for passwords first; clients that come with the other way are taken as well, those with neither are asked to change',
  },
  cometqlTlsCertFile: {
    kind: 'string',
    group: 'access',
    default: '',
    zero: 'CometQL offers no TLS',
    describe: 'PEM file with the certificate (and those it was signed with) that CometQL offers TLS with',
  },
  cometqlTlsKeyFile: {
    kind: 'string',
    group: 'access',
    default: '',
    zero: 'CometQL offers no TLS',
    describe: 'PEM file with the private key of `cometqlTlsCertFile`',
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
    min: 0,
    max: 2_147_483_647,
    default: 1,
    describe: 'Tenant of clients and publishers that name none',
  },
  ...limitOptions,
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
      'Memory that rings and histories of all channels may take together; above it those that were longest in use shrink first. Without a data folder, messages that wait for absent users may take as much again; then they are refused',
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
    describe:
      'Users whose last-seen time is remembered; the longest gone are forgotten first. With a data folder every user who ever left keeps one small row there, and only 0 matters',
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
  inboxSize: {
    kind: 'integer',
    group: 'channels',
    unit: 'messages',
    min: 0,
    max: 1_000_000,
    default: 1_000,
    zero: 'messages to absent users are not kept',
    describe: 'Messages that wait for one absent user; above it the oldest go',
  },
  inboxBytes: {
    kind: 'integer',
    group: 'channels',
    unit: 'bytes',
    min: 0,
    max: 1_073_741_824,
    default: 1_048_576,
    zero: 'no bound of its own',
    describe: 'Bytes of messages that wait for one absent user; above it the oldest go',
  },
  inboxTtlMs: {
    kind: 'integer',
    group: 'channels',
    unit: 'ms',
    min: 0,
    max: 31_536_000_000,
    default: 604_800_000,
    zero: 'no bound of age',
    describe: 'Age at which a message that waits for an absent user goes',
  },
  userOnlineEvents: {
    kind: 'boolean',
    group: 'channels',
    default: true,
    describe: 'Publish on user_status_ID when the first session of a user comes',
  },
  userOfflineEvents: {
    kind: 'boolean',
    group: 'channels',
    default: true,
    describe: 'Publish on user_status_ID when the last session of a user is gone',
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
    default: '.encke',
    describe:
      'Folder of the durable store, made when it is not there; a relative path begins at the working directory. none: nothing is on disk, everything goes with the process',
  },
  comet: {
    kind: 'boolean',
    group: 'running',
    default: true,
    describe: "Serve CppComet's browser protocol on the public port",
  },
  cometql: {
    kind: 'boolean',
    group: 'running',
    default: true,
    describe: 'Serve CometQL: publish and look at live state with SQL from any MySQL client',
  },
  clientDetails: {
    kind: 'boolean',
    group: 'running',
    default: true,
    describe:
      'Keep address, user agent, origin and language of sessions over WebSocket, for the tables `sessions` and `users_in_pipes`. Costs some 3 µs per connection, and little memory, as sessions of like browsers share it',
  },
  cometRestartFix: {
    kind: 'boolean',
    group: 'running',
    default: false,
    describe:
      "Send pages that bring CppComet's own script along a line of code that lets its restart() come back; they evaluate it",
  },
  cometIni: {
    kind: 'string',
    group: 'running',
    default: '',
    zero: 'none',
    describe:
      'comet.ini of a CppComet to take password, ports and event switches from; options given in any other way win over it',
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
