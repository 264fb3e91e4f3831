/**
 * Entry of `npm run bench -- <scenario>`.
 *
 * Owns the tables on stdout, the JSON file and the exit code: 0 done, 64 usage, 70 when messages or
 * connections were lost, or a part failed. A bench ends by itself: every wait has a deadline, and all of it has one.
 */
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { errorText } from '../src/errors.ts'
import { addCommands, type Bench, sharedFlags, UsageError } from './commands.ts'
import { killChildrenAtExit } from './support/children.ts'
import { describeMachine } from './support/machine.ts'
import { setUpRig } from './support/rig.ts'
import { renderTable } from './support/table.ts'

const exitUsage = 64
const exitFailed = 70
const msPerMinute = 60_000

async function main(): Promise<void> {
  await addCommands(yargs(hideBin(process.argv)).scriptName('npm run bench --').options(sharedFlags), bench)
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

const bench: Bench = async (scenario, flags, run) => {
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

killChildrenAtExit()
try {
  await main()
} catch (thrown) {
  console.error(`The bench failed: ${errorText(thrown)}`)
  process.exit(exitFailed)
}
