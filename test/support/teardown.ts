/**
 * What a test has opened is closed in the opposite order.
 *
 * Owns that order: hooks of node:test run as they were added, which would stop a node before the page that talks to it
 * is closed, and the page would rightly complain. The first failure of a hook is thrown once all have run.
 */
import type { TestContext } from 'node:test'

type Run = () => unknown

const hooks = new WeakMap<Pick<TestContext, 'after'>, Run[]>()

/** Calls `run` when the test is over, before everything that was given earlier. */
export function atEnd(t: Pick<TestContext, 'after'>, run: Run): void {
  const known = hooks.get(t)
  if (known !== undefined) {
    known.push(run)
    return
  }
  const runs = [run]
  hooks.set(t, runs)
  t.after(async () => {
    const failures: unknown[] = []
    for (const one of runs.toReversed()) {
      try {
        await one()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  })
}
