/**
 * Entry of `npm run bench -- <scenario>`.
 *
 * Owns the flags, the tables on stdout, the JSON file and the exit code: 0 done, 64 usage, 70 when messages or
 * connections were lost, or a part failed. A bench ends by itself: every wait has a deadline, and all of it has one.
 */
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { errorText } from '../src/errors.ts'
import { runConnections } from './scenarios/connections.ts'
import { runDrops } from './scenarios/drops.ts'
import { runFanout } from './scenarios/fanout.ts'
import { runMixed } from './scenarios/mixed.ts'
import { runPoll } from './scenarios/poll.ts'
import { runPublish } from './scenarios/publish.ts'
import { runSlow } from './scenarios/slow.ts'
import { killChildrenAtExit } from './support/children.ts'
import { describeMachine } from './support/machine.ts'
import { type Rig, type ScenarioResult, setUpRig } from './support/rig.ts'
import { renderTable } from './support/table.ts'

const exitUsage = 64
const exitFailed = 70
const msPerMinute = 60_000

const shared = {
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

interface SharedFlags {
  readonly json: string | undefined
  readonly quick: boolean
  readonly native: boolean
  readonly 'max-minutes': number
}

async function main(): Promise<void> {
  await yargs(hideBin(process.argv))
    .scriptName('npm run bench --')
    .options(shared)
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
          'settle-seconds': { type: 'number', describe: 'Longest wait for memory to stand still' },
        }),
      (flags) =>
        bench('connections', flags, (rig) =>
          runConnections(rig, {
            connections: positive('connections', flags.connections ?? (flags.quick ? 2_000 : 19_000)),
            window: positive('window', flags.window),
            repeats: positive('repeats', flags.repeats ?? (flags.quick ? 1 : 3)),
            anonymous: flags.anonymous,
            rateWithUsers: flags['rate-with-users'],
            compare: flags.compare,
            settleSeconds: positive('settle-seconds', flags['settle-seconds'] ?? (flags.quick ? 6 : 30)),
          }),
        ),
    )
    .command(
      'fanout',
      'Deliveries per second to many subscribers, beside bare uWebSockets.js and a C loop',
      (command) =>
        command.options({
          subscribers: { type: 'string', describe: 'How many; a list with commas (default 10000)' },
          size: { type: 'string', default: '100', describe: 'Bytes of JSON data; a list with commas' },
          burst: { type: 'string', default: '1,30', describe: 'Publications per write; a list with commas' },
          'rounds-in-flight': { type: 'number', default: 1, describe: 'Rounds not yet received by all' },
          ceilings: { type: 'boolean', default: true, describe: 'Measure the ceilings too' },
        }),
      (flags) =>
        bench('fanout', flags, (rig) =>
          runFanout(rig, {
            subscribers: numbers('subscribers', flags.subscribers ?? (flags.quick ? '1000' : '10000')),
            sizes: numbers('size', flags.size),
            bursts: numbers('burst', flags.burst),
            roundsInFlight: positive('rounds-in-flight', flags['rounds-in-flight']),
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 1 : 4)),
            warmUpSeconds: positive('warm-up-seconds', flags['warm-up-seconds'] ?? (flags.quick ? 0.3 : 1)),
            repeats: positive('repeats', flags.repeats ?? (flags.quick ? 1 : 5)),
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
          size: { type: 'number', default: 100, describe: 'Bytes of JSON data' },
          burst: { type: 'string', default: '30', describe: 'Publications per write; a list with commas' },
          'rounds-in-flight': { type: 'number', default: 1, describe: 'Rounds not yet received by all' },
          'settle-seconds': { type: 'number', describe: 'Longest wait for memory to stand still' },
        }),
      (flags) =>
        bench('poll', flags, (rig) =>
          runPoll(rig, {
            connections: positive('connections', flags.connections ?? (flags.quick ? 1_000 : 10_000)),
            size: positive('size', flags.size),
            bursts: numbers('burst', flags.burst),
            roundsInFlight: positive('rounds-in-flight', flags['rounds-in-flight']),
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 1 : 10)),
            warmUpSeconds: positive('warm-up-seconds', flags['warm-up-seconds'] ?? (flags.quick ? 0.3 : 2)),
            repeats: positive('repeats', flags.repeats ?? (flags.quick ? 1 : 3)),
            settleSeconds: positive('settle-seconds', flags['settle-seconds'] ?? (flags.quick ? 6 : 30)),
          }),
        ),
    )
    .command(
      'publish',
      'Acknowledged publications per second on the publish port',
      (command) =>
        command.options({
          size: { type: 'string', default: '128', describe: 'Bytes of JSON data; a list with commas' },
          window: {
            type: 'number',
            default: 0,
            describe: 'Publications unanswered at once; 0 = as the node allows',
          },
        }),
      (flags) =>
        bench('publish', flags, (rig) =>
          runPublish(rig, {
            sizes: numbers('size', flags.size),
            window: flags.window,
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 1 : 5)),
            warmUpSeconds: positive('warm-up-seconds', flags['warm-up-seconds'] ?? (flags.quick ? 0.5 : 2)),
            repeats: positive('repeats', flags.repeats ?? (flags.quick ? 1 : 3)),
          }),
        ),
    )
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
            clients: positive('clients', flags.clients ?? (flags.quick ? 100 : 500)),
            channels: positive('channels', flags.channels),
            publicationsPerSecond: positive('rate', flags.rate),
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 15 : 60)),
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
          size: {
            type: 'string',
            default: '8192,204800',
            describe: 'Bytes of JSON data; a list with commas',
          },
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
            others: positive('others', flags.others ?? (flags.quick ? 100 : 1_000)),
            slow: positive('slow', flags.slow),
            sizes: numbers('size', flags.size),
            rates: numbers('rate', flags.rate),
            ringSize: positive('ring-size', flags['ring-size']),
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 5 : 45)),
            warmUpSeconds: positive('warm-up-seconds', flags['warm-up-seconds'] ?? (flags.quick ? 0.5 : 2)),
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
          size: { type: 'number', default: 100, describe: 'Bytes of JSON data' },
          burst: { type: 'string', default: '1,30', describe: 'Publications per write of the flood' },
          rate: { type: 'number', default: 100, describe: 'Publications per second to the small channel' },
        }),
      (flags) =>
        bench('mixed', flags, (rig) =>
          runMixed(rig, {
            subscribers: positive('subscribers', flags.subscribers ?? (flags.quick ? 1_000 : 10_000)),
            smallSubscribers: positive('small-subscribers', flags['small-subscribers']),
            size: positive('size', flags.size),
            bursts: numbers('burst', flags.burst),
            rate: positive('rate', flags.rate),
            seconds: positive('seconds', flags.seconds ?? (flags.quick ? 1 : 10)),
            warmUpSeconds: positive('warm-up-seconds', flags['warm-up-seconds'] ?? (flags.quick ? 0.3 : 1)),
            repeats: positive('repeats', flags.repeats ?? (flags.quick ? 1 : 3)),
          }),
        ),
    )
    .demandCommand(1, 1, 'Name one scenario')
    .strict()
    .fail((message, thrown, usage) => {
      if (thrown instanceof Error && !(thrown instanceof UsageError)) throw thrown
      usage.showHelp()
      console.error(`\n${thrown?.message ?? message}`)
      process.exit(exitUsage)
    })
    .parseAsync()
}

class UsageError extends Error {}

async function bench(
  scenario: string,
  flags: SharedFlags & Readonly<Record<string, unknown>>,
  run: (rig: Rig) => Promise<ScenarioResult>,
): Promise<void> {
  const limit = setTimeout(() => giveUp(flags['max-minutes']), flags['max-minutes'] * msPerMinute)
  const startedAt = new Date().toISOString()
  const machine = describeMachine()
  const rig = setUpRig(!flags.native)
  const result = await run(rig)
  clearTimeout(limit)

  const { cpu, cores, kernel, congestionControl, node, uws, commit } = machine
  console.log(
    `\n${cpu}, ${cores} cores, ${kernel}, ${congestionControl}, Node ${node}, ${uws}, commit ${commit}`,
  )
  for (const table of result.tables) console.log(`\n${renderTable(table)}`)
  console.log(`\n${result.notes.map((note) => `· ${note}`).join('\n')}`)
  for (const problem of result.problems) console.error(`PROBLEM: ${problem}`)
  if (flags.json !== undefined) {
    const { notes, problems, figures } = result
    const { generatorKind, cores: assigned } = rig
    const conditions = { generator: generatorKind, isPinned: assigned.isPinned, notes }
    const content = { scenario, startedAt, machine, flags: namedFlags(flags), conditions, problems, figures }
    writeFileSync(flags.json, `${JSON.stringify(content, null, 2)}\n`)
  }
  if (result.problems.length > 0) process.exitCode = exitFailed
}

/** The flags as they are written, without yargs' camel-case twins and its own members. */
function namedFlags(flags: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => /^[a-z-]+$/.test(name)))
}

function giveUp(minutes: number): void {
  console.error(`The bench took longer than ${minutes} minutes and was ended`)
  process.exit(exitFailed)
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new UsageError(`--${name} must be above 0: ${value}`)
  return value
}

function numbers(name: string, list: string): number[] {
  return list.split(',').map((item) => positive(name, Math.floor(Number(item))))
}

killChildrenAtExit()
try {
  await main()
} catch (thrown) {
  console.error(`The bench failed: ${errorText(thrown)}`)
  process.exit(exitFailed)
}
