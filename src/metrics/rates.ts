/**
 * How fast totals grow, for people who look without a Prometheus.
 *
 * Owns a look at the totals every second and the last few looks. A rate is over WINDOW seconds, less right after the
 * start. Bound: WINDOW looks.
 */
import type { Clock } from '../clock.ts'

const EVERY_MS = 1_000
const WINDOW = 5

export interface Growing {
  readonly publications: number
  readonly deliveries: number
}

interface Look extends Growing {
  readonly atMs: number
}

export interface Rates {
  /** Growth per second over the last seconds. */
  perSecond(): Growing
  stop(): void
}

export function measureRates(clock: Clock, read: () => Growing): Rates {
  const look = (): Look => ({ atMs: clock.nowMs(), ...read() })
  const looks: Look[] = [look()]
  const stop = clock.every(EVERY_MS, () => {
    looks.push(look())
    if (looks.length > WINDOW) looks.shift()
  })

  return {
    perSecond() {
      const now = look()
      const then = looks[0] ?? now
      const seconds = (now.atMs - then.atMs) / 1000
      const rate = (grown: number) => (seconds > 0 ? Math.round((grown / seconds) * 10) / 10 : 0)
      return {
        publications: rate(now.publications - then.publications),
        deliveries: rate(now.deliveries - then.deliveries),
      }
    },
    stop,
  }
}
