/**
 * Inserts into a pipe by several MySQL connections at once.
 *
 * Owns the pace, each connection for itself: a write as soon as the window has room for a quarter of it. All inserts of
 * a run are the same bytes, made once. Bound: the window of each connection.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Condition, createCondition } from './condition.ts'
import { type Moment, windowBetween } from './cpu-window.ts'
import { nowNs } from './monotonic.ts'
import { allAnswered, type MysqlClient } from './mysql-client.ts'
import type { InsertOrder, InsertReport } from './mysql-orders.ts'
import { executePacket, queryPacket } from './mysql-packets.ts'

const nsPerMs = 1e6
/** Times are counted in steps of a thousandth of a millisecond up to one, then of a hundredth. */
const fineStepNs = 1_000
const coarseStepNs = 10_000
const writesPerWindow = 4
const event = 'bench'

/** The statement as a text. @param message without apostrophes and backslashes */
export function insertText(pipe: string, message: string): string {
  return `INSERT INTO pipes_messages (name, event, message) VALUES ('${pipe}', '${event}', '${message}')`
}

const preparedText = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)'

/** `{"pad":"…"}` of exactly so many bytes. */
export function messageOf(bytes: number): string {
  const frame = '{"pad":""}'
  return `{"pad":"${'x'.repeat(Math.max(0, bytes - frame.length))}"}`
}

/** @param moment reads one end of the measured window */
export async function runInserts(
  clients: readonly MysqlClient[],
  order: InsertOrder,
  moment: () => Moment,
): Promise<InsertReport> {
  const condition = createCondition()
  const inserters = await Promise.all(clients.map((client) => Inserter.create(client, order, condition)))
  const sum = (pick: (inserter: Inserter) => number) =>
    inserters.reduce((total, inserter) => total + pick(inserter), 0)
  const done = () => sum((each) => each.done)
  const waiting = () => sum((each) => each.client.waiting)
  const sentBefore = sum((each) => each.client.sent)
  const refusedBefore = sum((each) => each.client.answers.refused)
  const doneBefore = done()

  for (const inserter of inserters) inserter.begin()
  await sleep(order.warmUpMs)
  const start = { ...moment(), done: done() }
  for (const inserter of inserters) inserter.isMeasuring = true
  await sleep(order.measuredMs)
  const end = { ...moment(), done: done() }
  for (const inserter of inserters) inserter.stop()
  await allAnswered(clients, condition, order.patienceMs)

  return {
    acknowledged: end.done - start.done,
    sent: sum((each) => each.client.sent) - sentBefore,
    done: done() - doneBefore,
    unanswered: waiting(),
    refused: sum((each) => each.client.answers.refused) - refusedBefore,
    firstRefusal: clients.find(({ answers }) => answers.refused > 0)?.answers.firstRefusal ?? '',
    ...windowBetween(start, end),
    latencyNs: inserters.flatMap((each) => [...each.latencyNs]),
  }
}

class Inserter {
  readonly client: MysqlClient
  /** Until an insert was answered, counted while it is measured. */
  readonly latencyNs = new Map<number, number>()
  isMeasuring = false
  readonly #commands: Buffer
  readonly #perWrite: number
  readonly #window: number
  readonly #condition: Condition
  /** Writes whose last insert waits for its answer, from `#oldest` on. */
  #writes: { readonly through: number; readonly ns: number }[] = []
  #oldest = 0
  #isSending = false

  private constructor(client: MysqlClient, command: Buffer, window: number, condition: Condition) {
    this.client = client
    this.#window = window
    this.#condition = condition
    this.#perWrite = Math.max(1, Math.floor(window / writesPerWindow))
    this.#commands = Buffer.concat(Array.from({ length: this.#perWrite }, () => command))
  }

  static async create(client: MysqlClient, order: InsertOrder, condition: Condition): Promise<Inserter> {
    const { isPrepared, pipe, dataBytes, window } = order
    const message = messageOf(dataBytes)
    const command = isPrepared
      ? executePacket(await client.prepare(preparedText), [pipe, event, message])
      : queryPacket(insertText(pipe, message))
    return new Inserter(client, command, window, condition)
  }

  get done(): number {
    const { answered, refused } = this.client.answers
    return answered - refused
  }

  begin(): void {
    this.#isSending = true
    this.client.listen(() => this.#onAnswers())
    this.#send()
  }

  stop(): void {
    this.#isSending = false
    this.isMeasuring = false
  }

  #onAnswers(): void {
    this.#settle()
    if (this.#isSending) this.#send()
    else this.#condition.wake()
  }

  #send(): void {
    const { client } = this
    while (!client.isBlocked && client.waiting + this.#perWrite <= this.#window) {
      client.send(this.#commands, this.#perWrite)
      this.#writes.push({ through: client.sent, ns: nowNs() })
    }
  }

  /** Takes the times of the writes that are answered by now. */
  #settle(): void {
    const { answered } = this.client.answers
    const now = nowNs()
    let write = this.#writes[this.#oldest]
    while (write !== undefined && write.through <= answered) {
      if (this.isMeasuring) this.#count(now - write.ns)
      write = this.#writes[++this.#oldest]
    }
    if (this.#oldest < this.#writes.length) return
    this.#writes = []
    this.#oldest = 0
  }

  #count(ns: number): void {
    const step = ns < nsPerMs ? fineStepNs : coarseStepNs
    const bucket = Math.ceil(ns / step) * step
    this.latencyNs.set(bucket, (this.latencyNs.get(bucket) ?? 0) + this.#perWrite)
  }
}
