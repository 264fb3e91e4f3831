/**
 * Many cases of one kind, each with chance of its own.
 *
 * Owns `eachCase`, the loop of every fuzz test: a case that fails is named with the seed that repeats the run.
 */
import { createRandom, type Random, seed } from './seed.ts'

/** @throws {Error} naming case and seed; what went wrong is its cause and its text */
export async function eachCase(
  count: number,
  run: (random: Random, number: number) => void | Promise<void>,
): Promise<void> {
  for (let number = 0; number < count; number++) {
    try {
      await run(createRandom(seed + number), number)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(`Case ${number} failed, repeat with TEST_SEED=${seed}: ${text}`, { cause: error })
    }
  }
}
