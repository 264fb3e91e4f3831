/**
 * A number per label value.
 *
 * Owns a plain object with one field per value of a closed set, all 0 at the start: adding is one field access, which
 * is what a hot path can afford. Exact up to 2^53.
 */
import type { Sample } from './sample.ts'

export class Tally<Value extends string> {
  readonly #counts: Record<Value, number>

  /** @param values every value the label can take */
  constructor(values: readonly Value[]) {
    this.#counts = Object.fromEntries(values.map((value) => [value, 0])) as Record<Value, number>
  }

  add(value: Value, amount: number): void {
    this.#counts[value] += amount
  }

  total(): number {
    return Object.values<number>(this.#counts).reduce((sum, count) => sum + count, 0)
  }

  /** One sample per value, with the value under `label`. */
  samples(label: string): readonly Sample[] {
    return Object.entries<number>(this.#counts).map(([value, count]) => ({
      labels: { [label]: value },
      value: count,
    }))
  }
}
