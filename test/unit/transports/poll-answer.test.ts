/**
 * Tests of src/transports/poll-answer.ts: the array a poll gets, and that polls with the same messages share it.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PollAnswer } from '../../../src/transports/poll-answer.ts'

const message = (n: number) => Buffer.from(`{"n":${n}}`)

describe('poll answer', () => {
  test('poll answer without messages is an empty array', () => {
    const answer = PollAnswer.empty()
    assert.deepEqual([answer.isEmpty, answer.bytes, answer.body().toString()], [true, 0, '[]'])
  })

  test('poll answer is an array of its messages in the order they came', () => {
    let answer = PollAnswer.empty()
    for (let n = 1; n <= 1000; n++) answer = answer.with(message(n))
    const parsed = JSON.parse(answer.body().toString()) as { n: number }[]
    assert.deepEqual(
      parsed.map(({ n }) => n),
      Array.from({ length: 1000 }, (_, n) => n + 1),
    )
    assert.equal(answer.isEmpty, false)
  })

  test('poll answer counts the bytes of its messages', () => {
    assert.equal(PollAnswer.empty().with(Buffer.from('"é"')).with(Buffer.from('1')).bytes, 5)
  })

  test('poll answers that begin alike and get the same messages are one answer with one body', () => {
    const empty = PollAnswer.empty()
    const [one, two] = [message(1), message(2)]
    const first = empty.with(one).with(two)
    assert.equal(empty.with(one).with(two), first)
    assert.equal(empty.with(one).with(two).body(), first.body())
  })

  test('poll answers that get different messages stay apart', () => {
    const empty = PollAnswer.empty()
    const shared = empty.with(message(1))
    const [two, three] = [message(2), message(3)]
    const first = shared.with(two)
    const second = shared.with(three)
    assert.equal(first.body().toString(), '[{"n":1},{"n":2}]')
    assert.equal(second.body().toString(), '[{"n":1},{"n":3}]')
    assert.equal(shared.body().toString(), '[{"n":1}]')
    assert.equal(empty.body().toString(), '[]')
    assert.notEqual(shared.with(two), second)
  })

  test('poll answer with the same bytes in another buffer is another answer, right all the same', () => {
    const empty = PollAnswer.empty()
    const first = empty.with(message(1))
    const second = empty.with(message(1))
    assert.notEqual(first, second)
    assert.deepEqual(first.body(), second.body())
  })
})
