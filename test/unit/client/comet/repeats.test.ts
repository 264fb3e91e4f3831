/**
 * Tests of src/client/comet/repeats.ts: the mark, and for how long it is remembered.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { marked, Repeats } from '../../../../src/client/comet/repeats.ts'

test('mark goes onto a copy of an object, and onto nothing else', () => {
  const data = { a: 1 }
  const copy = marked(data)
  assert.deepEqual(Object.keys(copy ?? {}), ['a', '_cometApi_uuid'])
  assert.deepEqual(data, { a: 1 })
  for (const other of [[1], 'text', 5, null, undefined]) assert.equal(marked(other), null)
})

test('data of one mark is admitted once, and loses its mark', () => {
  const repeats = new Repeats()
  const data = { a: 1, _cometApi_uuid: 'm' }
  assert.equal(repeats.admit(data, 0), true)
  assert.deepEqual(data, { a: 1 })
  assert.equal(repeats.admit({ a: 1, _cometApi_uuid: 'm' }, 179_999), false)
  assert.equal(repeats.admit({ a: 1, _cometApi_uuid: 'n' }, 0), true)
  for (const plain of [{ a: 1 }, { a: 1 }, null, null, 'm', [1]]) assert.equal(repeats.admit(plain, 0), true)
})

test('mark that is no text is none', () => {
  // Such a mark was turned into text, which threw: one message of anybody's ended get_pipe_log for everybody.
  const repeats = new Repeats()
  for (const mark of [{ toString: 1, valueOf: 1 }, null, 5, ['m']]) {
    const data = { a: 1, _cometApi_uuid: mark }
    assert.deepEqual([repeats.admit(data, 0), repeats.admit(data, 0)], [true, true])
    assert.deepEqual(data, { a: 1, _cometApi_uuid: mark })
  }
})

test('mark is forgotten after three minutes, or when too many follow it', () => {
  const repeats = new Repeats()
  const admit = (mark: string, nowMs: number) => repeats.admit({ _cometApi_uuid: mark }, nowMs)
  admit('old', 0)
  assert.equal(admit('old', 180_000), true)
  for (let n = 0; n < 9_999; n++) admit(`m${n}`, 180_000)
  assert.equal(admit('m9998', 180_000), false)
  assert.equal(admit('old', 180_000), true)
})
