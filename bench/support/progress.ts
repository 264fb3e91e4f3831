/**
 * What the bench is doing, while it does it.
 *
 * Owns one bar on a terminal (cli-progress), or one plain line per step where there is none; both on stderr, so
 * that stdout holds only results.
 */
import { Presets, SingleBar } from 'cli-progress'

export interface Progress {
  /** The next step begins. */
  step(label: string): void
  stop(): void
}

/** @param steps how many steps there will be */
export function startProgress(steps: number): Progress {
  if (!process.stderr.isTTY) {
    return { step: (label) => void process.stderr.write(`${label}\n`), stop() {} }
  }
  const format = '{bar} {value}/{total} {label}'
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true }, Presets.shades_classic)
  let begun = 0
  bar.start(steps, 0, { label: '' })
  return {
    step: (label) => bar.update(Math.min(begun++, steps), { label }),
    stop: () => bar.stop(),
  }
}
