/**
 * Properties: a statement that must hold for any input, tried with many.
 *
 * Owns `holds` and `holdsAsync`, which run a fast-check property and fail with the smallest counterexample and the
 * seed. `TEST_SEED=<number>` repeats a run.
 */
import fc from 'fast-check'
import { seed } from './seed.ts'

/** @throws {Error} with seed, path and the shrunk counterexample */
export function holds<T>(property: fc.IProperty<T>, numRuns = 1_000): void {
  report(fc.check(property, { numRuns, seed }))
}

/** The same for a property that is a promise. */
export async function holdsAsync<T>(property: fc.IAsyncProperty<T>, numRuns = 200): Promise<void> {
  report(await fc.check(property, { numRuns, seed }))
}

function report<T>(details: fc.RunDetails<T>): void {
  const message = fc.defaultReportMessage(details)
  if (message !== undefined) throw new Error(`${message}\nRepeat with TEST_SEED=${seed}`)
}
