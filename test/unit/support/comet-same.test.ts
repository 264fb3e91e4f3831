/**
 * Tests of test/support/comet-same.ts: a comparison that overlooks something would make all of its tests worthless.
 *
 * Owns pairs of answers that must not be taken for the same, and misuse of deviations that must not go unseen.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frame, recorded } from '../../support/comet-frames.ts'
import { comparisonOf, evenedHead, frames, lastFrames, nothing, type Said } from '../../support/comet-same.ts'

const text = '{"data":"x","event":"e","message_send_time":1795324892,"pipe":"web_x"}'
const original = frames(['81 46', text])

function came(change: (text: string) => string): Said {
  return { ...nothing, frames: [frame(change(text))] }
}

test('comparison takes answers for the same that differ in time only', () => {
  const { sameAs } = comparisonOf('publish')
  sameAs(original, original)
  sameAs(
    original,
    came((one) => one.replace('1795324892', '1800000000')),
  )
})

test('comparison sees a letter, a frame, an end and the form of a length', () => {
  const { sameAs } = comparisonOf('publish')
  const [bytes = Buffer.alloc(0)] = original.frames
  const long = Buffer.concat([Buffer.from([0x81, 126, 0, 0x46]), bytes.subarray(2)])
  const others: readonly Said[] = [
    came((one) => one.replace('"x"', '"y"')),
    came((one) => `${one} `),
    came((one) => one.replace('"event":"e",', '')),
    came((one) => one.replace('1795324892', '17953248920')),
    frames(['81 46', text], ['81 46', text]),
    nothing,
    lastFrames(['81 46', text]),
    { ...original, head: 'HTTP/1.1 200 OK' },
    { ...original, body: 'x' },
    { ...original, frames: [frame(text, 0x82)] },
    { ...original, frames: [long] },
  ]
  for (const other of others) assert.throws(() => sameAs(original, other), assert.AssertionError)
})

test('comparison sees how far apart the times of one frame are', () => {
  const { sameAs } = comparisonOf('questions')
  const said = (seen: number) => ({
    ...nothing,
    frames: [frame(`{"data":{"data":${seen}},"message_send_time":1795324892}`)],
  })
  sameAs(said(1795324893), said(1795324893))
  assert.throws(() => sameAs(said(1795324893), said(1795324892)), assert.AssertionError)
})

test('comparison refuses deviations that change nothing or belong elsewhere, and tells those not used', () => {
  const { sameAs, unused } = comparisonOf('publish')
  assert.throws(() => sameAs(original, original, ['noDamage']), /changes nothing/)
  assert.throws(() => sameAs(original, original, ['pong']), /not said to belong/)
  assert.ok(unused().includes('textAsJson'))
  sameAs(
    original,
    came((one) => one.replace('"x"', '"\\"x\\""')),
    ['textAsJson'],
  )
  assert.ok(!unused().includes('textAsJson'))
})

test('recorded frame whose head does not fit its payload is refused', () => {
  assert.throws(() => recorded('81 45', text), /not one of 70 bytes/)
  assert.throws(() => recorded('81 47', text), /not one of 70 bytes/)
})

test('heads are the same in any case and order of names, not in what they say', () => {
  assert.equal(evenedHead('HTTP/1.1 200 OK\r\nB: 1\r\nA:2 '), evenedHead('HTTP/1.1 200 OK\r\na: 2\r\nb: 1'))
  assert.notEqual(evenedHead('HTTP/1.1 200 OK\r\nA: 1'), evenedHead('HTTP/1.1 200 OK\r\nA: 2'))
})
