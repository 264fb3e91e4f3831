/**
 * A node that is killed while it writes: what was acknowledged is there, in order, and nothing is there by halves.
 *
 * Owns SIGKILL at moments of chance, on one store over and over. It shows that a commit is whole or not there, and that the folder
 * and its lock can be used again at once. It can't show a power cut: the kernel goes on writing for a dead process.
 * `STORE_CRASH_ROUNDS` sets the number of rounds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { openStore } from '../../src/store/open-store.ts'
import { createRandom, seed } from '../support/seed.ts'
import { startChild } from '../unit/store/support/child.ts'
import { checkLoad, LANES } from '../unit/store/support/load.ts'
import { folderFor } from '../unit/store/support/stores.ts'

const ROUNDS = Number(process.env.STORE_CRASH_ROUNDS ?? 10)
/** From the first write to the kill, at most. */
const MAX_LIFE_MS = 400
const ROUND_TIMEOUT_MS = 30_000

test(`store has all that was acknowledged after each of ${ROUNDS} kills (TEST_SEED=${seed})`, {
  timeout: ROUNDS * ROUND_TIMEOUT_MS,
}, async (t) => {
  const dataDir = folderFor(t)
  const random = createRandom()
  let acknowledged = Array.from({ length: LANES }, () => 0)
  let writes = 0
  for (let round = 0; round < ROUNDS; round++) {
    const child = startChild(t, ['load', dataDir])
    await child.line(2)
    // The moment of the kill is chance, not a condition.
    await pause(random.below(MAX_LIFE_MS))
    child.kill('SIGKILL')
    assert.equal(await child.ended, 'SIGKILL', child.stderr)
    const latest = acknowledgedBy(child.lines, acknowledged)
    const store = await openStore({ dataDir })
    acknowledged = checkLoad(store, latest)
    await store.close()
    writes += child.lines.length
  }
  t.diagnostic(`${writes} writes acknowledged`)
  assert.ok(writes > ROUNDS)
})

/** By lane, the last number that was told. */
function acknowledgedBy(lines: readonly unknown[], before: readonly number[]): number[] {
  const latest = [...before]
  for (const line of lines) {
    if (!Array.isArray(line)) continue
    const [lane, n] = line.map(Number)
    if (lane !== undefined && n !== undefined) latest[lane] = n
  }
  return latest
}
