/**
 * `encke serve`: a node as a process.
 *
 * Owns the life of the process around the node: configuration, log, ready file, signals, the last exit code. One
 * signal drains and stops; a second one ends the process at once. Faults nobody caught are logged and end it too:
 * a node in an unknown state is worse than one that is restarted.
 */
import { createLogger } from '../json-log.ts'
import type { Logger } from '../log.ts'
import { stopYoungGenerationGrowth } from '../young-generation.ts'
import { announcement } from './announce.ts'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { optionFlags, optionNotes } from './option-flags.ts'
import { readConfig } from './read-config.ts'
import { openReadyFile } from './ready-file.ts'

/** The same signal within this time is the first one again: a terminal and npm may both pass on one Ctrl-C. */
const SAME_SIGNAL_MS = 100

export const serve: Command = {
  name: 'serve',
  describe: 'Runs a node until it gets SIGTERM or SIGINT, then drains its connections and ends.',
  positionals: [],
  flags: optionFlags,
  examples: [
    ['serve --demo', 'Try it: open the demo page that is printed'],
    ['serve --config encke.yaml', 'Run with a configuration file'],
    ['serve --port 0 --ready-file ready.json', 'Pick a free port and write it to a file'],
  ],
  notes: [
    ...optionNotes,
    'The first SIGTERM or SIGINT drains for --drain-ms and ends with code 0; a second one ends at once.',
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  stopYoungGenerationGrowth()
  const { config, warnings } = await readConfig(args)
  const log = createLogger(config.logLevel)
  const readyFile = openReadyFile(config.readyFile)
  process.on('exit', () => readyFile.remove())
  endOnFaults(log)
  const stopping = stopSignal(log)
  for (const warning of warnings) log.warn('Configuration warning', { warning })

  const { startNode } = await import('../server.ts')
  const node = await startNode(config, log)
  try {
    readyFile.write({ pid: process.pid, ...node.addresses })
  } catch (error) {
    await node.stop('the ready file can not be written')
    throw error
  }
  console.log(announcement(config, node.addresses))
  await node.stop(await stopping)
  return process.exit(exitCodes.done)
}

/** Resolves to the first signal that asks the process to stop; a second one ends it there and then. */
function stopSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let firstMs: number | null = null
    const take = (signal: string): void => {
      if (firstMs === null) {
        firstMs = performance.now()
        resolve(signal)
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
        log.warn('Ended at once by a second signal', { signal })
        process.exit(exitCodes.done)
      }
    }
    process.on('SIGTERM', take)
    process.on('SIGINT', take)
  })
}

function endOnFaults(log: Logger): void {
  const end = (message: string) => (fault: unknown) => {
    log.error(message, { fault: fault instanceof Error ? fault.stack : String(fault) })
    process.exit(exitCodes.internal)
  }
  process.on('uncaughtException', end('Uncaught exception'))
  process.on('unhandledRejection', end('Unhandled rejection'))
}
