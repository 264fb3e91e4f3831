/**
 * How long a run lasts, as every scenario is told it.
 *
 * Owns the shape and its way into an order for a generator. Pure.
 */
export interface Timing {
  /** Measured, per turn. */
  readonly seconds: number
  readonly warmUpSeconds: number
}

export interface Turns extends Timing {
  /** Turns per figure; the median counts. */
  readonly repeats: number
}

export function runTimes({ seconds, warmUpSeconds }: Timing): { warmUpMs: number; measuredMs: number } {
  return { warmUpMs: warmUpSeconds * 1000, measuredMs: seconds * 1000 }
}

/** The items in order, beginning with the one at `by`, so that nobody always goes first. */
export function rotate<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length
  return [...items.slice(start), ...items.slice(0, start)]
}
