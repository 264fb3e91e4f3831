/**
 * Random histories of a node whose disk can not always be read, against the model of what clients have to see: whatever
 * the disk does not give is a gap, in its place, and everybody goes on behind it. TEST_SEED repeats a run, MODEL_RUNS asks
 * for more of them.
 */
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { histories, run } from '../../support/core-steps.ts'
import { recordingStore } from '../../support/recording-store.ts'
import { createRandom, seed } from '../../support/seed.ts'
import { unreadableStore } from '../../support/unreadable-store.ts'

/** Runs of each kind of disk. */
const RUNS = Number(process.env.MODEL_RUNS ?? 200)

const MAX_STEPS = 80

const TIME_LIMIT_MS = 60_000

/** What happens to the reads of one run, by what is wrong with the disk. */
const disks: Readonly<Record<string, () => (seq: number) => boolean>> = {
  'lost some entries for good': () => (seq) => seq % 7 === 2 || seq % 11 < 3,
  'lost all entries': () => () => true,
  'gives an entry now and then': () => {
    const random = createRandom()
    return () => random.below(2) === 0
  },
  'fails now and then': () => {
    const random = createRandom()
    return () => {
      if (random.below(3) === 0) throw new Error('The disk can not be read')
      return false
    }
  },
}

describe('clients of a node whose disk can not always be read', () => {
  for (const [name, damage] of Object.entries(disks)) {
    test(`every client gets all publications or their gaps, in order, once, from a disk that ${name}`, async () => {
      const property = fc.asyncProperty(histories(MAX_STEPS), (steps) => {
        const unreadable = unreadableStore(recordingStore())
        unreadable.isDamaged = damage()
        return run(steps, { ringSize: 3, store: unreadable.store })
      })
      const limits = { numRuns: RUNS, seed, interruptAfterTimeLimit: TIME_LIMIT_MS }
      const details = await fc.check(property, limits)
      if (!details.failed) return
      const message = `${fc.defaultReportMessage(details)}\nRepeat with TEST_SEED=${seed}`
      throw new Error(message, { cause: details.errorInstance })
    })
  }
})
