/**
 * Random histories of broker, hub and replay against the model of what clients have to see.
 *
 * Each run is a list of steps: publications in bursts, clients that come, stall, break, come back with all kinds of
 * positions, polls whose answers get lost, crowds that make shards and waves, time. A failure prints the shortest list
 * that still fails. TEST_SEED repeats a run, MODEL_RUNS asks for more of them.
 */
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Since } from '../../support/core-model.ts'
import { histories, run, type Step } from '../../support/core-steps.ts'
import type { LocalCoreOptions } from '../../support/local-core.ts'
import { seed } from '../../support/seed.ts'

/** Runs of each configuration. */
const RUNS = Number(process.env.MODEL_RUNS ?? 200)

const MAX_STEPS = 80

/** Of one configuration: then it fails with the shortest history that was found so far. */
const TIME_LIMIT_MS = 60_000

const configurations: Readonly<Record<string, LocalCoreOptions>> = {
  'a ring of 5': { ringSize: 5, channelIdleMs: 2_000 },
  'a large ring': { ringSize: 10_000, ringMs: 120_000 },
  'hardly any room': {
    ringSize: 40,
    maxPendingBytes: 4_000,
    channelLingerMs: 0,
    maxHistoryBytes: 60_000,
    channelIdleMs: 1_000,
  },
}

describe('clients of the core, whatever happens', () => {
  for (const [name, options] of Object.entries(configurations)) {
    test(`every client gets all publications or their gaps, in order, once, with ${name}`, async () => {
      const details = await fc.check(
        fc.asyncProperty(histories(MAX_STEPS), (taken) => run(taken, options)),
        { numRuns: RUNS, seed, path: process.env.MODEL_PATH ?? '', interruptAfterTimeLimit: TIME_LIMIT_MS },
      )
      if (!details.failed) return
      throw new Error(told(details), { cause: details.errorInstance })
    })
  }
})

/** Histories that once went wrong, each by what it is about. */
const remembered: Readonly<Record<string, readonly Step[]>> = {
  'a poll brings several channels up to date, each from where the client is': [
    { do: 'open', kind: 'poll' },
    subscribe(0, 'a'),
    subscribe(0, 'b'),
    { do: 'publish', channels: ['a', 'b'], count: 2, turns: 2 },
    { do: 'poll', who: 0, isAnswerLost: true },
    { do: 'poll', who: 0, isAnswerLost: false },
  ],
  'a poll comes in the turn after its session lost a message': [
    { do: 'open', kind: 'poll' },
    subscribe(0, 'a'),
    { do: 'publish', channels: ['a'], count: 1, turns: 1 },
    { do: 'poll', who: 0, isAnswerLost: false },
    { do: 'poll', who: 0, isAnswerLost: false },
  ],
  'a client subscribes in the turn after it lost a message': [
    { do: 'open', kind: 'socket' },
    { do: 'open', kind: 'socket' },
    { do: 'open', kind: 'socket' },
    subscribe(0, 'a'),
    subscribe(1, 'a'),
    subscribe(1, 'b'),
    subscribe(2, 'b'),
    { do: 'stall', who: 0, messages: 0 },
    { do: 'publish', channels: ['a', 'b'], count: 1, turns: 1 },
    subscribe(0, 'b'),
    { do: 'settle' },
    { do: 'resume', who: 0, isTold: true },
  ],
  'a client comes with a position ahead of the channel while publications wait': [
    { do: 'open', kind: 'socket' },
    { do: 'open', kind: 'socket' },
    subscribe(0, 'a'),
    { do: 'publish', channels: ['a'], count: 1, turns: 0 },
    subscribe(1, 'a', 'future'),
  ],
  'a client lost the notice of who came': [
    { do: 'crowd', channel: 'room', count: 2 },
    { do: 'rest' },
    { do: 'crowd', channel: 'room', count: 2 },
    { do: 'stall all', messages: 0 },
    { do: 'rest' },
  ],
}

function subscribe(who: number, channel: string, since: Since = 'none'): Step {
  return { do: 'subscribe', who, channel, since, isHasty: false }
}

describe('clients of the core, in a history that went wrong once', () => {
  for (const [name, steps] of Object.entries(remembered)) {
    test(`every client gets all publications or their gaps when ${name}`, () => run(steps, {}))
  }
})

/** The shortest history that fails, one step a line, and how to repeat it. */
function told({
  counterexample,
  counterexamplePath,
  errorInstance,
}: fc.RunDetails<[readonly Step[]]>): string {
  const steps = (counterexample?.[0] ?? []).map((one) => JSON.stringify(one))
  const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  return `${what}\nafter\n${steps.join('\n')}\nRepeat with TEST_SEED=${seed} MODEL_PATH=${counterexamplePath}`
}
