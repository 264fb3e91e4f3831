/**
 * How connections are spread over processes.
 *
 * Owns the arithmetic. Pure.
 */
export interface Share {
  /** Number of its first connection. */
  readonly first: number
  readonly count: number
}

/** As even as can be; together they are all connections, each once. */
export function sharesOf(connections: number, processes: number): Share[] {
  const start = (index: number) => Math.floor((connections * index) / processes)
  return Array.from({ length: processes }, (_, index) => ({
    first: start(index),
    count: start(index + 1) - start(index),
  }))
}
