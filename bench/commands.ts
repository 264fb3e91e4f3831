/**
 * The scenarios as commands: their flags, with defaults for a full and for a quick run.
 *
 * Owns every flag and its check. A scenario gets all its numbers from here; a list of numbers is text with commas. Must not
 * run anything by itself: `bench` does.
 */
import type { Argv } from 'yargs'
import { runComet } from './scenarios/comet.ts'
import { runCometql } from './scenarios/cometql.ts'
import { runConnections } from './scenarios/connections.ts'
import { runDrops } from './scenarios/drops.ts'
import { runDurable } from './scenarios/durable.ts'
import { runFanout } from './scenarios/fanout.ts'
import { runMixed } from './scenarios/mixed.ts'
import { runPoll } from './scenarios/poll.ts'
import { runPublish } from './scenarios/publish.ts'
import { runSlow } from './scenarios/slow.ts'
import type { Rig, ScenarioResult } from './support/rig.ts'
import type { Turns } from './support/timing.ts'

export const sharedFlags = {
  json: { type: 'string', describe: 'File that gets machine, flags and figures as JSON' },
  quick: { type: 'boolean', default: false, describe: 'Small and short: shows that it works, not how fast' },
  repeats: { type: 'number', describe: 'Turns per figure; the median counts' },
  seconds: { type: 'number', describe: 'Measured seconds per turn' },
  'warm-up-seconds': { type: 'number', describe: 'Seconds before measuring' },
  'max-minutes': { type: 'number', default: 30, describe: 'The bench gives up after this long' },
  native: {
    type: 'boolean',
    default: true,
    describe: 'Use the generator and ceiling in C (--no-native: Node only)',
  },
} as const

export interface SharedFlags {
  readonly json: string | undefined
  readonly quick: boolean
  readonly repeats: number | undefined
  readonly seconds: number | undefined
  readonly 'warm-up-seconds': number | undefined
  readonly 'max-minutes': number
  readonly native: boolean
}

type Flags = SharedFlags & Readonly<Record<string, unknown>>

/** Runs a scenario and shows what came of it. */
export type Bench = (
  scenario: string,
  flags: Flags,
  run: (rig: Rig) => Promise<ScenarioResult>,
) => Promise<void>

/** A flag that is not as it should be. */
export class UsageError extends Error {}

const burst = { type: 'string', describe: 'Publications per write; a list with commas' } as const
const size = { type: 'string', describe: 'Bytes of JSON data; a list with commas' } as const
const oneSize = { type: 'number', default: 100, describe: 'Bytes of JSON data' } as const
const inFlight = { type: 'number', default: 1, describe: 'Rounds not yet received by all' } as const
const settling = { type: 'number', describe: 'Longest wait for memory to stand still' } as const

/** Adds a command for each scenario. */
export function addCommands(line: Argv<SharedFlags>, bench: Bench): Argv<SharedFlags> {
  addLoads(line, bench)
  addStates(line, bench)
  return addTroubles(line, bench)
}

/** How much, and how fast. */
function addLoads(line: Argv<SharedFlags>, bench: Bench): Argv<SharedFlags> {
  return line
    .command(
      'fanout',
      'Deliveries per second to many subscribers, beside bare uWebSockets.js and a C loop',
      (command) =>
        command.options({
          subscribers: { type: 'string', describe: 'How many; a list with commas (default 10000)' },
          size: { ...size, default: '100' },
          burst: { ...burst, default: '1,30' },
          'rounds-in-flight': inFlight,
          ceilings: { type: 'boolean', default: true, describe: 'Measure the ceilings too' },
        }),
      (flags) =>
        bench('fanout', flags, (rig) =>
          runFanout(rig, {
            ...turns(flags, { seconds: 4, warmUpSeconds: 1, repeats: 5 }),
            subscribers: numbers('subscribers', flags.subscribers ?? (flags.quick ? '1000' : '10000')),
            sizes: numbers('size', flags.size),
            bursts: numbers('burst', flags.burst),
            roundsInFlight: positive('rounds-in-flight', flags['rounds-in-flight']),
            withCeilings: flags.ceilings,
          }),
        ),
    )
    .command(
      'poll',
      'Long polling: deliveries per second to clients that poll, and memory per waiting poll',
      (command) =>
        command.options({
          connections: { type: 'number', describe: 'How many polls wait (default 10000, at most 19000)' },
          size: oneSize,
          burst: { ...burst, default: '30' },
          'rounds-in-flight': inFlight,
          'settle-seconds': settling,
        }),
      (flags) =>
        bench('poll', flags, (rig) =>
          runPoll(rig, {
            ...turns(flags, { seconds: 10, warmUpSeconds: 2, repeats: 3 }),
            connections: given(flags, 'connections', 1_000, 10_000),
            size: positive('size', flags.size),
            bursts: numbers('burst', flags.burst),
            roundsInFlight: positive('rounds-in-flight', flags['rounds-in-flight']),
            settleSeconds: given(flags, 'settle-seconds', 6, 30),
          }),
        ),
    )
    .command(
      'comet',
      "CppComet's browser protocol: deliveries per second to its pages, and memory per idle page",
      (command) =>
        command.options({
          subscribers: { type: 'number', describe: 'Pages on one pipe, of each version (default 1000)' },
          size: { type: 'number', default: 171, describe: 'Bytes of payload text' },
          burst: { ...burst, default: '1,30' },
          connections: { type: 'number', describe: 'Idle pages (default 10000, at most 19000)' },
          'settle-seconds': settling,
        }),
      (flags) =>
        bench('comet', flags, (rig) =>
          runComet(rig, {
            ...turns(flags, { seconds: 3, warmUpSeconds: 1, repeats: 3 }),
            subscribers: given(flags, 'subscribers', 100, 1_000),
            size: positive('size', flags.size),
            bursts: numbers('burst', flags.burst),
            idleConnections: given(flags, 'connections', 1_000, 10_000),
            settleSeconds: given(flags, 'settle-seconds', 6, 30),
          }),
        ),
    )
    .command(
      'publish',
      'Acknowledged publications per second on the publish port',
      (command) =>
        command.options({
          size: { ...size, default: '128' },
          window: {
            type: 'number',
            default: 0,
            describe: 'Publications unanswered at once; 0 = as the node allows',
          },
        }),
      (flags) =>
        bench('publish', flags, (rig) =>
          runPublish(rig, {
            ...turns(flags, { seconds: 5, warmUpSeconds: 2, repeats: 3 }),
            sizes: numbers('size', flags.size),
            window: flags.window,
          }),
        ),
    )
}

/** What it holds, in memory and on disk. */
function addStates(line: Argv<SharedFlags>, bench: Bench): Argv<SharedFlags> {
  return line
    .command(
      'cometql',
      'SQL for CppComet applications: inserts per second in memory and on disk, and large results',
      (command) =>
        command.options({
          size: { ...oneSize, default: 128 },
          window: {
            type: 'number',
            default: 256,
            describe: 'Inserts of a connection that does not wait for each, unanswered at once',
          },
          'sustained-seconds': { type: 'number', describe: 'Of ten connections at once (default 60)' },
          rows: { type: 'number', describe: 'Of the table that is selected (default 100000)' },
          'slow-readers': { type: 'number', default: 4, describe: 'Clients that read their results slowly' },
          'slow-rate': { type: 'number', default: 250_000, describe: 'Bytes per second each of them reads' },
          folder: { type: 'string', describe: "Where the node's folder is made (default: temporary files)" },
        }),
      (flags) =>
        bench('cometql', flags, (rig) =>
          runCometql(rig, {
            ...turns(flags, { seconds: 5, warmUpSeconds: 2, repeats: 3 }),
            size: positive('size', flags.size),
            window: positive('window', flags.window),
            sustainedSeconds: given(flags, 'sustained-seconds', 2, 60),
            rows: given(flags, 'rows', 10_000, 100_000),
            slowReaders: positive('slow-readers', flags['slow-readers']),
            slowBytesPerSecond: positive('slow-rate', flags['slow-rate']),
            folder: flags.folder,
          }),
        ),
    )
    .command(
      'connections',
      'Connection rate, and memory per idle connection',
      (command) =>
        command.options({
          connections: { type: 'number', describe: 'How many; more than 19,000 take several processes' },
          window: {
            type: 'number',
            default: 256,
            describe: 'Connections being opened at once, per generator',
          },
          anonymous: { type: 'boolean', default: false, describe: 'No tokens at all' },
          'rate-with-users': {
            type: 'boolean',
            default: false,
            describe: 'Tokens when measuring the rate too',
          },
          compare: { type: 'boolean', default: false, describe: 'Take turns with bare uWebSockets.js' },
          'settle-seconds': settling,
        }),
      (flags) =>
        bench('connections', flags, (rig) =>
          runConnections(rig, {
            connections: given(flags, 'connections', 2_000, 19_000),
            window: positive('window', flags.window),
            repeats: given(flags, 'repeats', 1, 3),
            anonymous: flags.anonymous,
            rateWithUsers: flags['rate-with-users'],
            compare: flags.compare,
            settleSeconds: given(flags, 'settle-seconds', 6, 30),
          }),
        ),
    )
    .command(
      'durable',
      'Durable channels: publications per second on disk and in memory, and the way back after a kill',
      (command) =>
        command.options({
          size: { ...oneSize, default: 128 },
          fill: { type: 'number', describe: 'Publications in the channel that is started again (1000000)' },
          missed: { type: 'number', describe: 'Publications a page missed that comes back (10000)' },
          folder: {
            type: 'string',
            describe: "Where the nodes' folders are made (default: temporary files)",
          },
        }),
      (flags) =>
        bench('durable', flags, (rig) =>
          runDurable(rig, {
            ...turns(flags, { seconds: 5, warmUpSeconds: 1, repeats: 3 }),
            size: positive('size', flags.size),
            fill: given(flags, 'fill', 10_000, 1_000_000),
            missed: given(flags, 'missed', 1_000, 10_000),
            folder: flags.folder,
          }),
        ),
    )
}

/** What happens when others are slow, busy or gone. */
function addTroubles(line: Argv<SharedFlags>, bench: Bench): Argv<SharedFlags> {
  return line
    .command(
      'drops',
      'Lines that fail: nothing lost, nothing twice, and how soon clients have caught up',
      (command) =>
        command.options({
          clients: {
            type: 'number',
            describe: 'Browser clients, each behind a line of its own (default 500)',
          },
          channels: { type: 'number', default: 5, describe: 'Channels published to in turn' },
          rate: { type: 'number', default: 100, describe: 'Publications per second' },
          'outage-seconds': { type: 'number', default: 2, describe: 'How long a line is dark' },
          'every-seconds': { type: 'number', default: 10, describe: 'Mean time between outages of a line' },
          seed: { type: 'number', default: 1, describe: 'Of the moments and kinds of the outages' },
        }),
      (flags) =>
        bench('drops', flags, (rig) =>
          runDrops(rig, {
            clients: given(flags, 'clients', 100, 500),
            channels: positive('channels', flags.channels),
            publicationsPerSecond: positive('rate', flags.rate),
            seconds: given(flags, 'seconds', 15, 60),
            outageSeconds: positive('outage-seconds', flags['outage-seconds']),
            everySeconds: positive('every-seconds', flags['every-seconds']),
            seed: flags.seed,
          }),
        ),
    )
    .command(
      'slow',
      'Readers that stop: what they cost the others, and whether they are told the truth',
      (command) =>
        command.options({
          others: { type: 'number', describe: 'Readers that always read (default 1000)' },
          slow: { type: 'number', default: 10, describe: 'Slow readers of each of the three kinds' },
          size: { ...size, default: '8192,204800' },
          rate: { type: 'string', default: '20,2', describe: 'Publications per second for each size' },
          'ring-size': {
            type: 'number',
            default: 64,
            describe: 'Publications the node keeps of the channel',
          },
        }),
      (flags) =>
        bench('slow', flags, (rig) =>
          runSlow(rig, {
            others: given(flags, 'others', 100, 1_000),
            slow: positive('slow', flags.slow),
            sizes: numbers('size', flags.size),
            rates: numbers('rate', flags.rate),
            ringSize: positive('ring-size', flags['ring-size']),
            seconds: given(flags, 'seconds', 5, 45),
            warmUpSeconds: given(flags, 'warm-up-seconds', 0.5, 2),
          }),
        ),
    )
    .command(
      'mixed',
      'How much the flood of a large channel delays a small one',
      (command) =>
        command.options({
          subscribers: { type: 'number', describe: 'Of the large channel (default 10000)' },
          'small-subscribers': { type: 'number', default: 100, describe: 'Of the small channel' },
          size: oneSize,
          burst: { ...burst, default: '1,30', describe: 'Publications per write of the flood' },
          rate: { type: 'number', default: 100, describe: 'Publications per second to the small channel' },
        }),
      (flags) =>
        bench('mixed', flags, (rig) =>
          runMixed(rig, {
            ...turns(flags, { seconds: 10, warmUpSeconds: 1, repeats: 3 }),
            subscribers: given(flags, 'subscribers', 1_000, 10_000),
            smallSubscribers: positive('small-subscribers', flags['small-subscribers']),
            size: positive('size', flags.size),
            bursts: numbers('burst', flags.burst),
            rate: positive('rate', flags.rate),
          }),
        ),
    )
}

const quickTurns: Turns = { seconds: 1, warmUpSeconds: 0.3, repeats: 1 }

function turns(flags: Flags, full: Turns): Turns {
  return {
    seconds: given(flags, 'seconds', quickTurns.seconds, full.seconds),
    warmUpSeconds: given(flags, 'warm-up-seconds', quickTurns.warmUpSeconds, full.warmUpSeconds),
    repeats: given(flags, 'repeats', quickTurns.repeats, full.repeats),
  }
}

/** The flag as it was given; else what it is in a quick or in a full run. */
function given(flags: Flags, name: string, quick: number, full: number): number {
  const value = flags[name]
  return positive(name, typeof value === 'number' ? value : flags.quick ? quick : full)
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new UsageError(`--${name} must be above 0: ${value}`)
  return value
}

function numbers(name: string, list: string): number[] {
  return list.split(',').map((item) => positive(name, Math.floor(Number(item))))
}
