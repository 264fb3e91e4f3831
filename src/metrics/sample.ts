/**
 * One line of the exposition, before it is text.
 *
 * Owns the type every reader of a metric gives back.
 */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Full name of the line where it is not the metric's own: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string
}

/** A metric without labels. */
export function single(value: number): readonly Sample[] {
  return [{ labels: {}, value }]
}
