/**
 * How far an import is, on a terminal.
 *
 * Owns one bar over all rows, on stderr; where that is no terminal there is nothing, and nothing is loaded.
 */

const UPDATES_PER_SECOND = 5

export interface Progress {
  /** Rows of `table` that are done. */
  step(table: string, rows: number): void
  end(): void
}

/** @param total rows of all tables, counted before; a running CppComet may add some */
export async function openProgress(total: number): Promise<Progress> {
  if (!process.stderr.isTTY) return { step() {}, end() {} }
  const { SingleBar } = await import('cli-progress')
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {value} of {total} rows | {table}',
    stream: process.stderr,
    fps: UPDATES_PER_SECOND,
    clearOnComplete: true,
  })
  bar.start(total, 0, { table: '' })
  return {
    step: (table, rows) => bar.increment(rows, { table }),
    end: () => bar.stop(),
  }
}
