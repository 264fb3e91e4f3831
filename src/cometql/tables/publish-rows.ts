/**
 * Rows that are publications.
 *
 * Owns what an INSERT of several of them comes to: all are looked over, then handed to the broker in order, and it is
 * answered when all are acknowledged. Some hundred are handed over within the call; more than that in parts, with rests in
 * between. When one is refused, the answer says which, and how many were published all the same.
 */
import { inBatches } from '../../core/batches.ts'
import { type Broker, hasFailed, type PublishOutcome, type PublishRequest } from '../../core/broker.ts'
import { QueryError } from '../query-failure.ts'
import { forEach } from './lookup.ts'

/** Rows that are published within the call, so that what comes after it may begin at once. */
export const MAX_AT_ONCE = 256

/**
 * @param requestOf throws a `QueryError` for a row that can not be published: then none is
 * @returns what was published, in order
 * @throws {QueryError} the first refusal
 */
export async function publishRows<T>(
  broker: Broker,
  rows: readonly T[],
  requestOf: (row: T) => PublishRequest,
): Promise<readonly PublishRequest[]> {
  const requests: PublishRequest[] = []
  if (rows.length > MAX_AT_ONCE) await forEach(rows, (row) => void requests.push(requestOf(row)))
  else requests.push(...rows.map(requestOf))
  checkOutcomes(await publish(broker, requests))
  return requests
}

async function publish(broker: Broker, requests: readonly PublishRequest[]): Promise<PublishOutcome[]> {
  if (requests.length <= MAX_AT_ONCE) return broker.publish(requests, 'cometql')
  const outcomes: PublishOutcome[] = []
  for await (const part of inBatches(requests, MAX_AT_ONCE)) {
    outcomes.push(...(await broker.publish(part, 'cometql')))
  }
  return outcomes
}

function checkOutcomes(outcomes: readonly PublishOutcome[]): void {
  for (const [at, outcome] of outcomes.entries()) {
    if (!hasFailed(outcome)) continue
    if (outcomes.length === 1) throw new QueryError(outcome)
    const published = outcomes.filter((one) => !hasFailed(one)).length
    const others = published === 1 ? '1 row was published' : `${published} rows were published`
    const message = `Row ${at + 1} of ${outcomes.length}: ${outcome.message}; ${others}`
    throw new QueryError({ failed: outcome.failed, message })
  }
}
