/**
 * Mutated streams for the frame splitter and the publish port's conversation: whole frames, or an error frame and the
 * end; never an exception, never a publication that nobody sent, never an answer out of order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CodeName, codes } from '../../src/codes.ts'
import { FrameSplitter, FrameTooLarge } from '../../src/protocol/frame-splitter.ts'
import { encodeFrame } from '../../src/protocol/publish-frames.ts'
import { eachCase } from '../support/cases.ts'
import { framesOf, talk } from '../support/conversation-of-bytes.ts'
import { mutate } from '../support/mutate.ts'
import type { Random } from '../support/seed.ts'

const MAX_FRAME_BYTES = 2_048
const HELLO = encodeFrame([1, 0, { version: 1 }])

function randomFrame(random: Random, seq: number): Buffer {
  const channel = random.pick(['a', 'b', 'c'])
  const requests: readonly [unknown[], ...unknown[][]] = [
    [2, seq, channel, random.below(1_000)],
    [2, seq, channel, Buffer.from('{"a":[1,"é"]}'), 'e', '17'],
    [3, seq, ['a', 'b'], { n: [null] }],
    [4, seq, '17', 'hi'],
    [
      5,
      seq,
      [
        [channel, 1],
        [channel, Buffer.from('[]'), 'e'],
        ['c', 'x'.repeat(random.below(300)), null, '17'],
      ],
    ],
    [6, seq, ['17', '18']],
    [7, seq, channel],
    [7, seq],
    [8, seq, { user: '17' }, 4_501, 'bye'],
    [9, seq, channel, 10],
    [10, seq, channel],
    [11, seq, channel, random.pick([0, 5, null])],
    [99, seq, []],
  ]
  return encodeFrame(random.pick(requests))
}

function randomStream(random: Random): Buffer {
  const count = 1 + random.below(8)
  return Buffer.concat([HELLO, ...Array.from({ length: count }, (_, i) => randomFrame(random, i + 1))])
}

function cut(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(1 + random.below(bytes.length))
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}

test('splitter gives the same frames for any stream however it is cut', async () => {
  await eachCase(4_000, (random) => {
    const stream = mutate(randomStream(random), random)
    assert.deepEqual(splitAll(cut(stream, random)), splitAll([stream]))
  })
})

test('conversation answers any stream, or says what is wrong and ends', async () => {
  let ended = 0
  await eachCase(2_500, async (random) => {
    const stream = randomStream(random)
    const isIntact = random.below(10) === 0
    const bytes = isIntact ? stream : mutate(stream, random)
    const { one, stop } = begin()
    await one.say(...cut(bytes, random))
    one.conversation.finishReading()
    await one.settle()
    stop()

    assert.equal(one.isEnded(), true)
    const answers = framesOf(one.written())
    checkAnswers(answers)
    const last = answers.at(-1)
    if (last?.[0] === 68 && last[1] === null) ended++
    assert.ok(!isIntact || answers.length >= 2, 'an intact stream is welcome and answered')
    checkOffsets(one.edge.delivered)
  })
  assert.ok(ended > 100, `only ${ended} streams were broken: they test nothing`)
})

test('conversation gives the same answers however a broken stream is cut', async () => {
  await eachCase(600, async (random) => {
    const bytes = mutate(randomStream(random), random)
    const whole = begin()
    await whole.one.say(bytes)
    const pieces = begin()
    await pieces.one.say(...cut(bytes, random))
    assert.deepEqual(pieces.one.answers(), whole.one.answers())
    assert.deepEqual(pieces.one.edge.delivered.length, whole.one.edge.delivered.length)
    assert.equal(pieces.one.isEnded(), whole.one.isEnded())
    whole.stop()
    pieces.stop()
  })
})

/** A conversation outside a test context: there are thousands. */
function begin() {
  const ends: (() => void)[] = []
  const one = talk(
    { after: (run) => void ends.push(run as () => void) },
    {
      maxFrameBytes: MAX_FRAME_BYTES,
      subscribers: { a: 1, b: 1, c: 1, '@17': 1 },
      // A store takes its time: what is published meanwhile would depend on where the stream was cut.
      wrap: (broker) => ({ ...broker, configure: async () => null }),
    },
  )
  return { one, stop: () => ends.forEach((end) => void end()) }
}

function splitAll(chunks: readonly Buffer[]): unknown[] {
  const splitter = new FrameSplitter(MAX_FRAME_BYTES)
  const seen: unknown[] = []
  try {
    for (const chunk of chunks) {
      splitter.push(chunk, (bytes, start, end, at) => {
        assert.ok(end - start <= MAX_FRAME_BYTES)
        seen.push([at, bytes.toString('hex', start, end)])
        return true
      })
      assert.ok(splitter.heldBytes <= MAX_FRAME_BYTES + 4 + chunk.length)
    }
    seen.push([splitter.streamedBytes, splitter.heldBytes])
  } catch (error) {
    assert.ok(error instanceof FrameTooLarge, String(error))
    seen.push(['too large', error.at])
  }
  return seen
}

/** Every answer is well-formed, and sequence numbers never go back. */
function checkAnswers(answers: readonly unknown[][]): void {
  let latest = -1
  for (const [op, seq, code, name, message] of answers) {
    assert.ok([64, 65, 66, 67, 68].includes(Number(op)), `answer ${op}`)
    if (op === 68) {
      assert.equal(codes[name as CodeName].reply, code)
      assert.equal(typeof message, 'string')
      assert.notEqual(name, 'INTERNAL', String(message))
    }
    if (seq === null || name === 'DUPLICATE_ID') continue
    assert.ok(Number(seq) > latest, `answer to ${seq} after ${latest}`)
    latest = Number(seq)
  }
}

/** What reached the edge is in order and without a hole on every channel. */
function checkOffsets(delivered: readonly { readonly channel: string; readonly offset: number }[]): void {
  const latest = new Map<string, number>()
  for (const { channel, offset } of delivered) {
    assert.equal(offset, (latest.get(channel) ?? 0) + 1, channel)
    latest.set(channel, offset)
  }
}
