/**
 * The round protocol of the ceilings. Bytes in, messages out; golden bytes are written by hand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeRounds } from '../../../bench/support/rounds.ts'

// two rounds: ["ab", "c"] and [""]
const golden = Buffer.from(
  '00000002' + '00000002' + '6162' + '00000001' + '63' + '00000001' + '00000000',
  'hex',
)

function collect(pieces: readonly Buffer[]) {
  const rounds: { messages: string[]; answer: string }[] = []
  let rest: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    rest = takeRounds(Buffer.concat([rest, piece]), (messages, answer) => {
      rounds.push({ messages: messages.map(String), answer: answer.toString('hex') })
    })
  }
  return { rounds, left: rest.length }
}

const expected = {
  rounds: [
    { messages: ['ab', 'c'], answer: '00000002' },
    { messages: [''], answer: '00000001' },
  ],
  left: 0,
}

test('takeRounds finds every round in one read', () => {
  assert.deepEqual(collect([golden]), expected)
})

test('takeRounds finds the same rounds wherever the stream is cut', () => {
  for (let cut = 0; cut <= golden.length; cut++) {
    assert.deepEqual(collect([golden.subarray(0, cut), golden.subarray(cut)]), expected, `cut at ${cut}`)
  }
})

test('takeRounds leaves a round that is not all there', () => {
  assert.deepEqual(collect([golden.subarray(0, 10)]), { rounds: [], left: 10 })
})
