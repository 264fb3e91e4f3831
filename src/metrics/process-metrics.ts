/**
 * What the operating system knows of the process.
 *
 * Owns the readers of the `process_` and `nodejs_` metrics, under the names every Prometheus client uses. Each costs
 * microseconds at a scrape, however many connections are open: descriptors are counted by the kernel, never listed.
 */
import { readFileSync, statSync } from 'node:fs'
import { type Sample, single } from './sample.ts'
import type { MetricName } from './table.ts'

const MICROSECONDS = 1e6

export type ProcessMetricName = Extract<MetricName, `process_${string}` | `nodejs_${string}`>

export const processReaders: Readonly<Record<ProcessMetricName, () => readonly Sample[]>> = {
  process_cpu_user_seconds_total: () => single(process.cpuUsage().user / MICROSECONDS),
  process_cpu_system_seconds_total: () => single(process.cpuUsage().system / MICROSECONDS),
  process_cpu_seconds_total: () => {
    const { user, system } = process.cpuUsage()
    return single((user + system) / MICROSECONDS)
  },
  process_start_time_seconds: () => single(Math.round(Date.now() / 1000 - process.uptime())),
  process_resident_memory_bytes: () => single(process.memoryUsage.rss()),
  process_open_fds: () => known(openDescriptors()),
  process_max_fds: () => known(maxDescriptors()),
  nodejs_heap_size_total_bytes: () => single(process.memoryUsage().heapTotal),
  nodejs_heap_size_used_bytes: () => single(process.memoryUsage().heapUsed),
  nodejs_external_memory_bytes: () => single(process.memoryUsage().external),
}

/** No sample at all is how Prometheus says that a number is not known. */
function known(value: number | null): readonly Sample[] {
  return value === null ? [] : single(value)
}

/** The size of this folder is the number of descriptors since Linux 6.2; before that it was 0. */
function openDescriptors(): number | null {
  try {
    return statSync('/proc/self/fd').size || null
  } catch {
    return null // not Linux
  }
}

function maxDescriptors(): number | null {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
    return limit === undefined ? null : Number(limit)
  } catch {
    return null // not Linux
  }
}
