/**
 * CppComet's browser protocol, byte for byte: frames of all kinds and lengths.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09, played against a node as in
 * comet-capture-publish.test.ts: what is odd about frames here, lengths around those where their head changes form below.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { masked, payloadOf } from '../support/comet-frames.ts'
import { openComet } from '../support/comet-line.ts'
import { applicationOf, startCometNode } from '../support/comet-node.ts'
import { comparisonOf, frames, lastFrames, nothing } from '../support/comet-same.ts'
import { play } from '../support/comet-stage.ts'
import { hex } from '../support/hex.ts'

const comparison = comparisonOf('frames')
const { sameAs } = comparison

/** `pipe_count\nweb_test\nm1\n` */
const COUNT = '37 fa 21 3d 47 93 51 58 68 99 4e 48 59 8e 2b 4a 52 98 7e 49 52 89 55 37 5a cb 2b'
const COUNTED =
  '{"data":["user_in_pipe",1],"event":"user_in_pipe","marker":"m1","message_send_time":1795324945,"pipe":"_answer_pipe_count"\x00'

/** A frame of that length was sent with more than 16 bits of length. */
const LONG_BYTES = 70_000

play('pages of CppComet send frames as to the original', comparison, {
  async 'two frames in one segment are two commands'({ page, on }) {
    await on('web_test\nweb_a')
    const line = await page()
    line.write(
      hex(`81 97 ${COUNT}`, '81 94 37 fa 21 3d 47 93 51 58 68 99 4e 48 59 8e 2b 4a 52 98 7e 5c 3d 97 13 37'),
    )
    sameAs(frames(['81 7b', COUNTED], ['81 7b', COUNTED.replace('"m1"', '"m2"')]), await line.settled(2), [
      'noDamage',
      'countAsObject',
    ])
  },

  async 'one frame in two segments is one command'({ page, on }) {
    await on('web_test')
    const line = await page()
    line.write(hex('81 97 37 fa 21 3d 47 93 51'))
    await (await page()).settled() // the node has read it by then
    line.write(hex('58 68 99 4e 48 59 8e 2b 4a 52 98 7e 49 52 89 55 37 5a cb 2b'))
    sameAs(frames(['81 7b', COUNTED]), await line.settled(1), ['noDamage', 'countAsObject'])
  },

  async 'binary frame is taken for a text and nothing else'({ page, on }) {
    await on('web_test')
    const line = await page()
    line.write(hex(`82 97 ${COUNT}`))
    sameAs(lastFrames(['81 7b', COUNTED]), await line.settled(1), ['noDamage', 'countAsObject', 'staysOpen'])
  },

  async 'ping is answered'({ page }) {
    const line = await page()
    line.write(hex('89 82 37 fa 21 3d 5f 93'))
    sameAs(lastFrames(), await line.settled(1), ['pong', 'staysOpen'])
  },

  async 'pong has no answer'({ page }) {
    const line = await page()
    line.write(hex('8a 82 37 fa 21 3d 5f 93'))
    sameAs(nothing, await line.settled())
  },

  async 'Close frame is answered by the library, and the connection ends'({ page }) {
    const line = await page()
    line.write(hex('88 82 37 fa 21 3d 34 12'))
    sameAs(lastFrames(), await line.dropped(), ['closeAnswered'])
  },

  async 'frame that is not masked is not a command'({ page }) {
    const line = await page()
    line.write(hex('81 17 70 69 70 65 5f 63 6f 75 6e 74 0a 77 65 62 5f 74 65 73 74 0a 6d 31 0a'))
    const { frames: none } = await (await page()).settled() // time for an answer
    assert.equal(none.length, 0)
    sameAs(nothing, await line.seen(0))
  },

  async 'command in two fragments is a command'({ page, on }) {
    await on('web_test')
    const line = await page()
    line.write(hex('01 8f 37 fa 21 3d 47 93 51 58 68 99 4e 48 59 8e 2b 4a 52 98 7e'))
    line.write(masked('test\nm1\n', 0x80))
    sameAs(lastFrames(), await line.settled(1), ['fragments', 'staysOpen'])
  },

  async 'frame of 70,000 bytes ends the connection where messages may not be so long'({ page }) {
    const line = await page()
    line.write(masked(`web_pipe2\nweb_test\ne\n*\n"${'x'.repeat(LONG_BYTES)}"`))
    sameAs(lastFrames(), await line.dropped(), ['saysTooLong'])
  },
})

/** Frames as recorded, and the text they are shown to hold. */
const recordedFrames = [
  [
    '81 95 37 fa 21 3d 44 8f 43 4e 54 88 48 4d 43 93 4e 53 3d 8d 44 5f 68 8e 44 4e 43',
    'subscription\nweb_test',
  ],
  [
    '81 aa 37 fa 21 3d 40 9f 43 62 47 93 51 58 05 f0 56 58 55 a5 55 58 44 8e 2b 57 44 bf 57 58 59 8e 2b 17 3d 81 03 5b 45 95 4c 1f 0d d8 4b 4e 15 87',
    'web_pipe2\nweb_test\njsEvent\n*\n{"from":"js"}',
  ],
  [
    '81 b4 37 fa 21 3d 44 8e 40 49 5e 89 55 54 54 89 2b 46 15 8f 53 51 15 c0 03 48 15 d6 03 59 52 8c 7e 54 53 d8 1b 1f 06 d8 0d 1f 41 9f 53 4e 5e 95 4f 1f 0d d8 15 13 07 c2 03 40',
    'statistics\n{"url":"u","dev_id":"1","version":"4.08"}',
  ],
  ['81 85 37 fa 21 3d 5f 9f 4d 51 58', 'hello'],
] as const

test('texts of these tests go out as the recorded bytes', () => {
  for (const [bytes, text] of recordedFrames) assert.deepEqual(masked(text), hex(bytes))
  const pipes = `subscription\n${Array.from({ length: 33 }, (_, n) => `web_p${n}`).join('\n')}`
  assert.deepEqual(masked(pipes).subarray(0, 12), hex('81 fe 01 0a 37 fa 21 3d 44 8f 43 4e'))
})

test('frames of 65,536 bytes and more go both ways where messages may be so long', async (t) => {
  const node = await startCometNode(t, ['--max-message-bytes', '100000'])
  const [line, other] = [await openComet(t, node.publicPort), await openComet(t, node.publicPort)]
  other.say('subscription\nweb_test')
  await other.settled()
  line.write(masked(`web_pipe2\nweb_test\ne\n*\n"${'x'.repeat(LONG_BYTES)}"`))
  const [came] = (await other.settled(1)).frames
  assert.ok(came)
  assert.deepEqual(came.subarray(0, 2), hex('81 7f'))
  assert.deepEqual(JSON.parse(JSON.parse(payloadOf(came).toString()).data), 'x'.repeat(LONG_BYTES))
})

/** Length of the JSON text, head and the end of it as recorded; the digits are of the time. */
const lengths = [
  [120, '81 78', '324954,"pipe":"web_len"}'],
  [121, '81 79', '324954,"pipe":"web_len"}'],
  [122, '81 7a', '324955,"pipe":"web_len"}'],
  // These three are what the original means to send; it sends damaged ones.
  [123, '81 7b', '324955,"pipe":"web_len"}'],
  [124, '81 7c', '324956,"pipe":"web_len"}'],
  [125, '81 7d', '324956,"pipe":"web_len"}'],
  [126, '81 7e 00 7e', '324957,"pipe":"web_len"}'],
  [127, '81 7e 00 7f', '324957,"pipe":"web_len"}'],
  [128, '81 7e 00 80', '324958,"pipe":"web_len"}'],
  [200, '81 7e 00 c8', '324958,"pipe":"web_len"}'],
  [1000, '81 7e 03 e8', '324959,"pipe":"web_len"}'],
  [8000, '81 7e 1f 40', '324959,"pipe":"web_len"}'],
  // The original sends nothing above 65,535.
  [65_535, '81 7e ff ff', '324959,"pipe":"web_len"}'],
  [65_536, '81 7f 00 00 00 00 00 01 00 00', '324959,"pipe":"web_len"}'],
] as const

test('frames of any length have the head that fits and arrive undamaged', async (t) => {
  const node = await startCometNode(t)
  const app = applicationOf(node)
  const line = await openComet(t, node.publicPort)
  line.say('subscription\nweb_len')
  await line.settled()
  const around = '{"data":"","event":"e","message_send_time":1795324954,"pipe":"web_len"}'.length
  for (const [length, head, end] of lengths) {
    const data = '1'.repeat(length - around)
    await app.publishJson('web_len', 'e', data)
    const [came = Buffer.alloc(0), ...others] = (await line.settled(1)).frames
    assert.deepEqual(others, [])
    const payload = payloadOf(came)
    assert.equal(came.subarray(0, came.length - payload.length).toString('hex'), hex(head).toString('hex'))
    assert.equal(withoutTime(payload.toString().slice(-24)), withoutTime(end), `${length}`)
    assert.deepEqual(JSON.parse(payload.toString()).data, data)
  }
})

function withoutTime(end: string): string {
  return end.replace(/^\d{6}/, 'nnnnnn')
}
