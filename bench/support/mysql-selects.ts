/**
 * Queries with large results, by several MySQL connections at once, read as fast as they come or slowly.
 *
 * Owns the repetition and the counting of rows, each connection for itself; rows are counted as they arrive, so a result
 * may be longer than what is measured. Slow ones read the rest of their results quickly once the time is over.
 * Bound: nothing is kept of a result.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Condition, createCondition } from './condition.ts'
import { type Moment, windowBetween } from './cpu-window.ts'
import { allAnswered, type MysqlClient } from './mysql-client.ts'
import type { SelectOrder, SelectReport } from './mysql-orders.ts'
import { executePacket, queryPacket } from './mysql-packets.ts'

/** @param moment reads one end of the measured window */
export async function runSelects(
  clients: readonly MysqlClient[],
  order: SelectOrder,
  moment: () => Moment,
): Promise<SelectReport> {
  const condition = createCondition()
  const selectors = await Promise.all(clients.map((client) => Selector.create(client, order, condition)))
  const sum = (pick: (client: MysqlClient) => number) =>
    clients.reduce((total, client) => total + pick(client), 0)
  const now = () => ({ rows: sum((each) => each.answers.rows), bytes: sum((each) => each.bytesRead) })
  const refusedBefore = sum((each) => each.answers.refused)
  const before = now()

  for (const client of clients) client.readAt(order.bytesPerSecond)
  for (const selector of selectors) selector.begin()
  await sleep(order.warmUpMs)
  const start = { ...moment(), ...now() }
  await sleep(order.measuredMs)
  const end = { ...moment(), ...now() }
  for (const selector of selectors) selector.isAsking = false
  for (const client of clients) client.readAt(0)
  await allAnswered(clients, condition, order.patienceMs)

  const counts = selectors.flatMap(({ resultRows }) => [...resultRows.keys()])
  return {
    rows: end.rows - start.rows,
    bytes: end.bytes - start.bytes,
    results: selectors.reduce((total, each) => total + each.results, 0),
    fewestRows: counts.length === 0 ? 0 : Math.min(...counts),
    mostRows: Math.max(0, ...counts),
    refused: sum((each) => each.answers.refused) - refusedBefore,
    firstRefusal: clients.find(({ answers }) => answers.refused > 0)?.answers.firstRefusal ?? '',
    unanswered: sum((each) => each.waiting),
    totalBytes: now().bytes - before.bytes,
    ...windowBetween(start, end),
  }
}

class Selector {
  isAsking = true
  results = 0
  /** How many rows results had, each number once. */
  readonly resultRows = new Set<number>()
  readonly #client: MysqlClient
  readonly #command: Buffer
  readonly #condition: Condition
  #refused: number

  private constructor(client: MysqlClient, command: Buffer, condition: Condition) {
    this.#client = client
    this.#command = command
    this.#condition = condition
    this.#refused = client.answers.refused
  }

  static async create(client: MysqlClient, order: SelectOrder, condition: Condition): Promise<Selector> {
    const { text, isPrepared } = order
    const command = isPrepared ? executePacket(await client.prepare(text), []) : queryPacket(text)
    return new Selector(client, command, condition)
  }

  begin(): void {
    this.#client.listen(() => this.#onAnswers())
    this.#client.send(this.#command, 1)
  }

  #onAnswers(): void {
    const { answers, waiting } = this.#client
    if (waiting > 0) return
    if (answers.refused > this.#refused) {
      this.isAsking = false
      this.#refused = answers.refused
    } else {
      this.results++
      this.resultRows.add(answers.lastResultRows)
    }
    if (this.isAsking) this.#client.send(this.#command, 1)
    else this.#condition.wake()
  }
}
