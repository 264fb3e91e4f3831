/**
 * The walk over rows that most statements begin with.
 *
 * Owns which rows of it pass, that testing them rests where it takes long, and that the walk ends when nobody waits for its
 * rows any more: looking on for a row that is not there would go on for minutes after a client has hung up. Memory: one
 * batch.
 */
import type { Batches, Row } from '../answer.ts'
import { createPace } from '../pace.ts'
import type { RowTest } from './conditions.ts'

/** Rows that pass, in batches of which none is empty. @param isWanted asked before each batch is tested */
export async function* filtered(
  batches: Batches,
  test: RowTest,
  isWanted: () => boolean,
): AsyncGenerator<readonly Row[]> {
  const pace = createPace()
  for await (const rows of batches) {
    if (!isWanted()) return
    const passing: Row[] = []
    for (const row of rows) {
      if (test(row)) passing.push(row)
      const rest = pace.rest() // a row may be long, and its condition too
      if (rest !== null) await rest
    }
    if (passing.length > 0) yield passing
  }
}
