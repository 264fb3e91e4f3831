/**
 * Chance that can be repeated.
 *
 * Owns the one seed of a test process and a small generator made from it. The seed is new in each run, so that runs
 * together see more; `TEST_SEED=<number>` repeats one. Not for secrets.
 */

/** From `TEST_SEED`, else by chance; 32 bits. */
export const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0

export interface Random {
  /** An integer from 0 to `below` − 1. */
  below(below: number): number
  /** One of `choices`. */
  pick<T>(choices: readonly [T, ...T[]]): T
  bytes(count: number): Buffer
}

/** A generator of its own, so that tests do not disturb each other's draws (mulberry32). */
export function createRandom(from: number = seed): Random {
  let state = from >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (bound: number) => next() % bound
  return {
    below,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  }
}
