/**
 * From the answer of a statement to packets.
 *
 * Owns how a result goes out: header, rows as they are found, end. After every `CHUNK_BYTES` it waits for the client to
 * take them, so a large result needs the memory of a batch and a chunk, however slowly it is read; the walk ends when the
 * client has gone. What goes wrong among the rows is told in the place of the next one.
 */
import type { Answer, ResultColumn, Row } from './answer.ts'
import type { QueryFailure } from './query-failure.ts'
import {
  writeBinaryRow,
  writeColumns,
  writeEof,
  writeFailure,
  writeOk,
  writeTextRow,
} from './wire/answers.ts'
import { status as bits } from './wire/capabilities.ts'
import type { PacketWriter } from './wire/packet-writer.ts'

const CHUNK_BYTES = 65_536

/** Where packets go. */
export interface Output {
  readonly writer: PacketWriter
  /** Gives what is ready to the client. */
  flush(): void
  /** Resolves when the client has taken most of it; null = it has. */
  room(): Promise<void> | null
  readonly isOpen: boolean
}

export interface AnswerForm {
  /** Rows as a prepared statement gives them */
  readonly isBinary: boolean
  /** Another answer follows */
  readonly hasMore: boolean
  /** Of the connection: bits of `status` in wire/capabilities.ts */
  readonly status: number
}

/** What became of an answer. */
export interface WrittenAnswer {
  readonly failure: QueryFailure | null
  readonly rows: number
}

/** @param failureOf a thrown thing as a refusal */
export async function writeAnswer(
  output: Output,
  answer: Answer,
  { isBinary, hasMore, status: now }: AnswerForm,
  failureOf: (thrown: unknown) => QueryFailure,
): Promise<WrittenAnswer> {
  const { writer } = output
  const status = hasMore ? now | bits.moreResults : now
  switch (answer.kind) {
    case 'done':
      writeOk(writer, { affected: answer.affected, insertId: answer.insertId, status })
      return { failure: null, rows: 0 }
    case 'failed':
      writeFailure(writer, answer.failure)
      return { failure: answer.failure, rows: 0 }
    case 'rows': {
      const { columns, batches } = answer
      writeColumns(writer, columns, status)
      const write = isBinary ? binaryWriter(writer, columns) : (row: Row) => writeTextRow(writer, row)
      const { rows, failure } = await writeRows(output, batches, write).catch((thrown: unknown) => ({
        rows: 0,
        failure: failureOf(thrown),
      }))
      if (failure === null) writeEof(writer, status)
      else writeFailure(writer, failure)
      if (writer.size >= CHUNK_BYTES) await take(output)
      return { failure, rows }
    }
  }
}

async function writeRows(
  output: Output,
  batches: Extract<Answer, { kind: 'rows' }>['batches'],
  write: (row: Row) => void,
): Promise<WrittenAnswer> {
  let rows = 0
  for await (const batch of batches) {
    for (const row of batch) {
      write(row)
      rows++
      if (output.writer.size < CHUNK_BYTES) continue
      await take(output)
      if (!output.isOpen) return { rows, failure: null }
    }
    if (!output.isOpen) return { rows, failure: null }
  }
  return { rows, failure: null }
}

/** Gives what is ready to the client, and waits until it has taken most of it. */
async function take(output: Output): Promise<void> {
  output.flush()
  await output.room()
}

function binaryWriter(writer: PacketWriter, columns: readonly ResultColumn[]): (row: Row) => void {
  return (row) => writeBinaryRow(writer, row, columns)
}
