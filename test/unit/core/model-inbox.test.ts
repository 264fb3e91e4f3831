/**
 * Random histories of users who come and go, and of what was sent to them meanwhile, against the model of what they have
 * to get in the end. TEST_SEED repeats a run, MODEL_RUNS asks for more of them.
 */
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LocalCoreOptions } from '../../support/local-core.ts'
import { type InboxStep, inboxHistories, runInboxHistory } from '../../support/model-inbox.ts'
import { seed } from '../../support/seed.ts'

/** Runs of each configuration. */
const RUNS = Number(process.env.MODEL_RUNS ?? 200)

const MAX_STEPS = 60

const TIME_LIMIT_MS = 60_000

const configurations: Readonly<Record<string, LocalCoreOptions>> = {
  'room for everything': {},
  'room for three messages': { inboxSize: 3 },
  'room for some bytes': { inboxBytes: 120 },
  'little time': { inboxTtlMs: 5_000 },
  'a ring of two': { ringSize: 2 },
  'no lingering': { channelLingerMs: 0, channelIdleMs: 1_000 },
}

describe('users, whatever happens', () => {
  for (const [name, options] of Object.entries(configurations)) {
    test(`every message comes at least once, in order, or is counted, with ${name}`, async () => {
      const details = await fc.check(
        fc.asyncProperty(inboxHistories(MAX_STEPS), (steps) => runInboxHistory(steps, options)),
        { numRuns: RUNS, seed, path: process.env.MODEL_PATH ?? '', interruptAfterTimeLimit: TIME_LIMIT_MS },
      )
      if (details.failed) throw new Error(told(details), { cause: details.errorInstance })
    })
  }
})

/** The shortest history that fails, one step a line, and how to repeat it. */
function told({
  counterexample,
  counterexamplePath,
  errorInstance,
}: fc.RunDetails<[readonly InboxStep[]]>): string {
  const steps = (counterexample?.[0] ?? []).map((one) => JSON.stringify(one))
  const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return `${what}\nafter\n${steps.join('\n')}\nRepeat with TEST_SEED=${seed} MODEL_PATH=${counterexamplePath}`
}
