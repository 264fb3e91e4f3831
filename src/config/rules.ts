/**
 * Channel rules as an operator writes them.
 *
 * Owns the shape of a rule, the table of its fields and the built-in rules. A list of rules is ordered: the first
 * whose `match` fits a channel decides, all by itself (fields it leaves out get the defaults below, not those of a
 * later rule). parse-rules.ts checks rules against the table, docs/configuration.md is written from it.
 */
import type { Shape } from './options.ts'

/** Who may do something: nobody; sessions whose token lists the channel; sessions with a user; anyone. */
export const audiences = ['nobody', 'token', 'user', 'anyone'] as const
export type AudienceName = (typeof audiences)[number]

/** How much clients may learn of who is on a channel. */
export const presences = ['off', 'count', 'list'] as const
export type PresenceName = (typeof presences)[number]

export interface ChannelRule {
  /** Glob over the whole name: `*` any run of characters, `?` one character; everything else is itself. */
  readonly match: string
  /** Default: anyone */
  readonly subscribe?: AudienceName
  /** Who may publish from a client connection; internal ports always may. Default: nobody */
  readonly publish?: AudienceName
  /** Default: count */
  readonly presence?: PresenceName
  /** Milliseconds a publication may wait for others to leave with it, 0–50; 0 = the end of the turn. Default: 0 */
  readonly flushMs?: number
  /** Bytes of JSON; 0 = only the node's `maxPublicationBytes`. Default: 0 */
  readonly maxPublicationBytes?: number
  /** Publications kept for history and recovery; 0 = only the short ring of attached channels. Default: 0 */
  readonly historySize?: number
  /** Bytes kept at most; 0 = only the node's `maxHistoryBytes`. Default: 0 */
  readonly historyBytes?: number
  /** Age at which a kept publication goes, ms; 0 = none, it goes when others push it out. Default: 0 */
  readonly historyTtlMs?: number
  /** The history is on disk before a publication is acknowledged; needs a `historySize`. Default: false */
  readonly durable?: boolean
  /** Joins and leaves are publications on the channel. Default: false */
  readonly announce?: boolean
}

/** Every field of a rule: kind, bounds, default and meaning. */
export const ruleFields = {
  match: {
    kind: 'string',
    default: '',
    describe:
      'Glob over the whole channel name, 1–255 bytes: `*` is any run of characters, `?` one character. Must be given',
  },
  subscribe: {
    kind: 'choice',
    choices: audiences,
    default: 'anyone',
    describe: 'Who may subscribe',
  },
  publish: {
    kind: 'choice',
    choices: audiences,
    default: 'nobody',
    describe: 'Who may publish from a client connection; internal ports always may',
  },
  presence: {
    kind: 'choice',
    choices: presences,
    default: 'count',
    describe:
      'How much clients may learn of who is on the channel: nothing, how many sessions, or also which and when they come and go',
  },
  flushMs: {
    kind: 'integer',
    unit: 'ms',
    min: 0,
    max: 50,
    default: 0,
    zero: 'the end of the turn',
    describe: 'Time a publication may wait for others to leave with it: delay for throughput',
  },
  maxPublicationBytes: {
    kind: 'integer',
    unit: 'bytes of JSON',
    min: 0,
    max: 16_777_216,
    default: 0,
    zero: 'only the limit of the node',
    describe: 'Largest data of one publication on the channel',
  },
  historySize: {
    kind: 'integer',
    unit: 'publications',
    min: 0,
    max: 1_000_000,
    default: 0,
    zero: 'no history; recovery reaches as far as the short ring (`ringSize`, `ringMs`)',
    describe: 'Latest publications kept for history and recovery',
  },
  historyBytes: {
    kind: 'integer',
    unit: 'bytes',
    min: 0,
    max: 1_073_741_824,
    default: 0,
    zero: 'only the limit of the node, `maxHistoryBytes`',
    describe: 'Memory the history of one channel may take; the oldest go first',
  },
  historyTtlMs: {
    kind: 'integer',
    unit: 'ms',
    min: 0,
    max: 2_592_000_000,
    default: 0,
    zero: 'no bound of age',
    describe: 'Age at which a publication leaves the history',
  },
  durable: {
    kind: 'boolean',
    default: false,
    describe:
      'History is on disk: a publication is acknowledged once it is there, and positions go on after a restart. Needs `historySize` above 0 and a `dataDir`',
  },
  announce: {
    kind: 'boolean',
    default: false,
    describe:
      'Joins and leaves are published on the channel itself, as events subscription and unsubscription',
  },
} as const satisfies Record<keyof ChannelRule, Shape>

/**
 * The rules at the end of every list: CppComet's prefixes, then the rule for anything else.
 *
 * Without a `dataDir` a built-in `durable` is none: the history is kept in memory.
 */
export const builtInRules: readonly ChannelRule[] = [
  { match: '@*', subscribe: 'nobody', publish: 'nobody' },
  { match: 'web_*', publish: 'anyone' },
  { match: 'webauth_*', publish: 'user', presence: 'off' },
  { match: 'private_*', subscribe: 'user', presence: 'off' },
  { match: 'track_*', presence: 'list', announce: true },
  { match: 'trust_*', historySize: 1_000, durable: true },
  { match: 'user_status_*' },
  { match: '*', presence: 'count' },
]

/** The rule `--demo` puts in front of all others. */
export const demoRule: ChannelRule = { match: 'demo', publish: 'anyone' }
