/**
 * Answers of a MySQL server as the benchmark counts them. Bytes in, numbers out; packets are written by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerCounter } from '../../../bench/support/mysql-answers.ts'
import { packet } from '../../support/mysql-bytes.ts'

const ok = packet(1, '00 01 00 0200 0000')
const eof = packet(9, 'fe 0000 0200')
const definition = packet(2, "03 'def' 00 00 00 02 'id' 00 0c 2100 4d000000 fd 0100 1f 0000")
const refusal = packet(1, "ff 0e00 '#HY000' 'Not a column'")
/** Begins like EOF, and is a row: its first value has a length of 8 bytes. */
const longRow = packet(5, Buffer.concat([Buffer.from('fe2c01000000000000', 'hex'), Buffer.alloc(300, 'x')]))
const rows = [packet(4, "01 '7'"), packet(5, "00 03 'abc'"), longRow]
const head = [packet(1, '01'), definition, eof]
const result = Buffer.concat([...head, ...rows, eof])
const empty = Buffer.concat([...head, eof])

function count(pieces: readonly Buffer[]) {
  const counter = new AnswerCounter()
  for (const piece of pieces) counter.feed(piece)
  const { answered, refused, rows, lastResultRows, firstRefusal } = counter
  return { answered, refused, rows, lastResultRows, firstRefusal }
}

const all = Buffer.concat([ok, result, refusal, ok, empty, result])
const counted = {
  answered: 6,
  refused: 1,
  rows: 6,
  lastResultRows: 3,
  firstRefusal: '14 Not a column',
}

test('AnswerCounter counts done, refused and results that come in one read', () => {
  assert.deepEqual(count([all]), counted)
})

test('AnswerCounter counts the same wherever the stream is cut in two', () => {
  for (let cut = 0; cut <= all.length; cut++)
    assert.deepEqual(count([all.subarray(0, cut), all.subarray(cut)]), counted, `cut at ${cut}`)
})

test('AnswerCounter counts the same when bytes come one by one into the same buffer', () => {
  const counter = new AnswerCounter()
  const reused = Buffer.alloc(1)
  for (const byte of all) {
    reused[0] = byte
    counter.feed(reused)
  }
  assert.equal(counter.answered, counted.answered)
  assert.equal(counter.rows, counted.rows)
  assert.equal(counter.firstRefusal, counted.firstRefusal)
})

test('AnswerCounter does not count an answer before its last byte', () => {
  for (const answer of [ok, refusal, result]) {
    assert.equal(count([answer.subarray(0, -1)]).answered, 0)
    assert.equal(count([answer]).answered, 1)
  }
})

test('AnswerCounter tells how many rows the last result had, none in an empty one', () => {
  assert.equal(count([result, empty]).lastResultRows, 0)
  assert.equal(count([empty, result]).lastResultRows, 3)
})

test('AnswerCounter takes an error among the rows for the end of a refused answer', () => {
  const broken = Buffer.concat([...head, ...rows, refusal])
  const { answered, refused, lastResultRows } = count([broken, ok])
  assert.deepEqual({ answered, refused, lastResultRows }, { answered: 2, refused: 1, lastResultRows: 3 })
})

test('AnswerCounter keeps the words of the first refusal only', () => {
  const other = packet(1, "ff 0300 '#HY000' 'Something else'")
  assert.equal(count([refusal, other]).firstRefusal, '14 Not a column')
})

test('AnswerCounter reads a refusal without a state as it was before MySQL 4.1', () => {
  assert.equal(count([packet(1, "ff 1004 'Too many'")]).firstRefusal, '1040 Too many')
})
