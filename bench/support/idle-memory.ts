/**
 * What idle connections cost: resident memory before, right after opening them, and once it stands still.
 *
 * Owns the order of these readings and the check that the connections are still there. It includes what the heap grew by
 * while connecting, and not the kernel's socket buffers. Bound: the servers and generators it is given.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sumOf } from './deliveries.ts'
import type { Generator } from './generator.ts'
import { residentBytes, settledBytes } from './process-status.ts'
import { formatCount, type Table } from './table.ts'

const beforeSettleMs = 1_000
const steadyMs = 3_000

export interface IdleMemory {
  readonly connections: number
  readonly bytesPerConnection: number
  readonly bytesPerConnectionAtOnce: number
  readonly baseBytes: number
}

/**
 * Opens connections to servers that have none, measures, and ends them.
 *
 * @param open resolves once all are open
 * @param settleSeconds longest wait for memory to stand still
 * @param problems gets a sentence when connections were closed meanwhile
 */
export async function measureIdle(
  servers: readonly { readonly pid: number }[],
  open: () => Promise<readonly Generator[]>,
  settleSeconds: number,
  problems: string[],
): Promise<IdleMemory> {
  await sleep(beforeSettleMs)
  const resident = () => sumOf(servers, ({ pid }) => residentBytes(pid))
  const baseBytes = resident()
  const generators = await open()
  try {
    const atOnce = resident()
    const settled = await Promise.all(
      servers.map(({ pid }) => settledBytes(pid, steadyMs, settleSeconds * 1000)),
    )
    const standing = await Promise.all(generators.map((generator) => generator.status()))
    const connections = sumOf(standing, ({ established }) => established)
    for (const { closed, reasons } of standing)
      if (closed > 0)
        problems.push(`${formatCount(closed)} idle connections were closed: ${JSON.stringify(reasons)}`)
    return {
      connections,
      bytesPerConnection: (sumOf(settled, (bytes) => bytes) - baseBytes) / connections,
      bytesPerConnectionAtOnce: (atOnce - baseBytes) / connections,
      baseBytes,
    }
  } finally {
    await Promise.all(generators.map((generator) => generator.stop()))
  }
}

/**
 * A table with a row for each measurement.
 *
 * @param first title and cells of the columns before the figures
 */
export function idleTable<T extends IdleMemory>(
  title: string,
  first: { readonly columns: readonly string[]; readonly cells: (row: T) => readonly string[] },
  rows: readonly T[],
): Table {
  return {
    title,
    columns: [...first.columns, 'connections', 'bytes/connection', 'right after connecting', 'MB before'],
    rows: rows.map((row) => [
      ...first.cells(row),
      formatCount(row.connections),
      formatCount(row.bytesPerConnection),
      formatCount(row.bytesPerConnectionAtOnce),
      (row.baseBytes / 1e6).toFixed(1),
    ]),
  }
}
