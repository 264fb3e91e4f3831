/**
 * Answers on their way to packets: when they leave, when they wait, and what is told when something goes wrong among rows.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Answer, Batches, Row } from '../../../src/cometql/answer.ts'
import { type Output, writeAnswer } from '../../../src/cometql/answer-writer.ts'
import { type QueryFailure, queryFailure } from '../../../src/cometql/query-failure.ts'
import { PacketWriter } from '../../../src/cometql/wire/packet-writer.ts'
import { splitPackets } from '../../support/cometql-line.ts'
import { noted, payloadOf, refusalOf, rowsOf } from '../../support/cometql-packets.ts'

const COLUMNS = [{ name: 'x', type: 'text' }] as const
const AUTOCOMMIT = 2
const TEXT = { isBinary: false, hasMore: false, status: AUTOCOMMIT }
const MORE = { ...TEXT, hasMore: true }
/** Of rows that are written before anything is given to the client. */
const CHUNK_BYTES = 65_536

/** An output that keeps what it was given, and whose client takes as much as the test lets it. */
function taken(changes: Partial<Output> = {}) {
  const chunks: Buffer[] = []
  const writer = new PacketWriter()
  writer.sequence = 1
  const output: Output = {
    writer,
    flush: () => void chunks.push(writer.take()),
    room: () => null,
    isOpen: true,
    ...changes,
  }
  const packets = () => {
    output.flush()
    return splitPackets(Buffer.concat(chunks)).packets
  }
  return { output, chunks, packets }
}

function failureOf(thrown: unknown): QueryFailure {
  return queryFailure('internal', String(thrown))
}

function rows(batches: Batches): Answer {
  return { kind: 'rows', columns: COLUMNS, batches }
}

describe('writeAnswer', () => {
  test('writes what was done as an OK', async () => {
    const { output, packets } = taken()
    const done = { kind: 'done', affected: 3, insertId: 7 } as const
    const outcome = await writeAnswer(output, done, TEXT, failureOf)
    assert.deepEqual(outcome, { failure: null, rows: 0 })
    assert.deepEqual(packets().map(noted), ['07 00 00 01 00 03 07 02 00 00 00'])
  })

  test('says of every answer but the last that more follow', async () => {
    const { output, packets } = taken()
    const done = { kind: 'done', affected: 0, insertId: 0 } as const
    await writeAnswer(output, done, MORE, failureOf)
    await writeAnswer(output, rows([[['a']]]), MORE, failureOf)
    const [ok, , , eof, , end] = packets().map((one) => noted(payloadOf(one)))
    assert.deepEqual([ok, eof, end], ['00 00 00 0a 00 00 00', 'fe 00 00 0a 00', 'fe 00 00 0a 00'])
  })

  test('tells the status of the connection with whatever ends an answer', async () => {
    const { output, packets } = taken()
    const inTransaction = { ...TEXT, status: 3 }
    await writeAnswer(output, { kind: 'done', affected: 0, insertId: 0 }, inTransaction, failureOf)
    await writeAnswer(output, rows([]), inTransaction, failureOf)
    const ends = packets().map((one) => noted(payloadOf(one)))
    assert.deepEqual([ends[0], ends.at(-1)], ['00 00 00 03 00 00 00', 'fe 00 00 03 00'])
  })

  test('writes a refusal and gives it back', async () => {
    const { output, packets } = taken()
    const failure = queryFailure('syntax', 'no')
    const outcome = await writeAnswer(output, { kind: 'failed', failure }, TEXT, failureOf)
    assert.deepEqual(outcome, { failure, rows: 0 })
    assert.deepEqual(packets().map(noted), ["0b 00 00 01 ff 03 00 '#HY000no'"])
  })

  test('writes rows of all batches, and counts them', async () => {
    const { output, packets } = taken()
    const outcome = await writeAnswer(output, rows([[['a'], ['b']], [], [['c']]]), TEXT, failureOf)
    assert.deepEqual(outcome, { failure: null, rows: 3 })
    assert.deepEqual(rowsOf(packets()), [['a'], ['b'], ['c']])
  })

  test('writes rows of a prepared statement in binary', async () => {
    const { output, packets } = taken()
    const columns = [{ name: 'n', type: 'integer' }] as const
    const answer: Answer = { kind: 'rows', columns, batches: [[[258]]] }
    await writeAnswer(output, answer, { ...TEXT, isBinary: true }, failureOf)
    assert.equal(noted(packets().at(-2) ?? Buffer.alloc(0)), '0a 00 00 04 00 00 02 01 00 00 00 00 00 00')
  })

  test('gives a small result to nobody before it is whole', async () => {
    const { output, chunks } = taken()
    await writeAnswer(output, rows([[['a']], [['b']]]), TEXT, failureOf)
    assert.deepEqual(chunks, [])
    assert.ok(output.writer.size > 0)
  })

  test('gives the client a chunk at a time, and waits until there is room', async () => {
    let rooms = 0
    const { output, chunks } = taken({ room: () => Promise.resolve(void rooms++) })
    const row: Row = ['r'.repeat(1_000)]
    await writeAnswer(output, rows(Array.from({ length: 20 }, () => Array(10).fill(row))), TEXT, failureOf)
    assert.ok(chunks.length >= 3, `${chunks.length} chunks of 200 KB`)
    assert.equal(rooms, chunks.length)
    for (const { length } of chunks) assert.ok(length <= CHUNK_BYTES + 1_100, `a chunk of ${length}`)
  })

  test('takes no further batch while the client does not read', async () => {
    let free = () => {}
    const waiting = new Promise<void>((resolve) => {
      free = resolve
    })
    const { output } = taken({ room: () => waiting })
    let batches = 0
    async function* endless(): Batches {
      while (batches < 100) {
        batches++
        yield [['r'.repeat(CHUNK_BYTES)]]
      }
    }
    const written = writeAnswer(output, rows(endless()), TEXT, failureOf)
    await new Promise(setImmediate)
    assert.equal(batches, 1)
    free()
    assert.equal((await written).rows, 100)
  })

  test('ends the walk when the client has gone', async () => {
    let isEnded = false
    async function* endless(): Batches {
      try {
        for (;;) yield [['r'.repeat(CHUNK_BYTES)]]
      } finally {
        isEnded = true
      }
    }
    const gone = { isOpen: true }
    const { output } = taken({
      room: async () => {
        gone.isOpen = false
      },
    })
    Object.defineProperty(output, 'isOpen', { get: () => gone.isOpen })
    const { rows: count } = await writeAnswer(output, rows(endless()), TEXT, failureOf)
    assert.equal(count, 1)
    assert.ok(isEnded)
  })

  test('tells in the place of the next row what went wrong, and ends the answer with it', async () => {
    async function* broken(): Batches {
      yield [['a']]
      throw new Error('the disk')
    }
    const { output, packets } = taken()
    const outcome = await writeAnswer(output, rows(broken()), TEXT, failureOf)
    assert.equal(outcome.failure?.message, 'Error: the disk')
    const all = packets()
    assert.equal(all.length, 5)
    assert.deepEqual(refusalOf(all.at(-1)), { code: 500, state: 'HY000', text: 'Error: the disk' })
    assert.deepEqual(
      all.map((one) => one[3]),
      [1, 2, 3, 4, 5],
    )
  })
})
