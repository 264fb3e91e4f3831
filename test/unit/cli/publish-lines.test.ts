/**
 * Lines of a stream, published at the pace of the node.
 */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type LineJob, publishLines } from '../../../src/cli/publish-lines.ts'
import { LimitError, UnavailableError } from '../../../src/errors.ts'

function job(text: string, changes: Partial<LineJob> = {}) {
  const complaints: string[] = []
  const made: LineJob = {
    input: Readable.from([text]),
    publish: async () => {},
    room: () => null,
    progress() {},
    complain: (message) => complaints.push(message),
    ...changes,
  }
  return { job: made, complaints }
}

function gateOf() {
  let resolve = () => {}
  const promise = new Promise<void>((open) => {
    resolve = open
  })
  return { promise, resolve }
}

test('lines are published in order, whatever ends them, without the empty ones', async () => {
  const seen: string[] = []
  const { job: lines } = job('a\r\n\nb\nc', { publish: async (line) => seen.push(line) })
  assert.deepEqual(await publishLines(lines), { accepted: 3, refused: 0, hasLostNode: false })
  assert.deepEqual(seen, ['a', 'b', 'c'])
})

test('no input is no publication', async () => {
  assert.deepEqual(await publishLines(job('').job), { accepted: 0, refused: 0, hasLostNode: false })
})

test('refused line is told with its number and stops nothing', async () => {
  const publish = async (line: string) => {
    if (line === 'bad') throw new LimitError('INVALID_DATA', 'No good')
  }
  const { job: lines, complaints } = job('a\n\nbad\nb\n', { publish })
  assert.deepEqual(await publishLines(lines), { accepted: 2, refused: 1, hasLostNode: false })
  assert.deepEqual(complaints, ['Line 3 is refused: No good'])
})

test('only the first ten refusals are told one by one', async () => {
  const publish = () => Promise.reject(new UnavailableError('DRAINING', 'gone'))
  const { job: lines, complaints } = job('x\n'.repeat(50), { publish })
  assert.deepEqual(await publishLines(lines), { accepted: 0, refused: 50, hasLostNode: true })
  assert.equal(complaints.length, 11)
  assert.match(complaints.at(-1) ?? '', /only counted/)
})

test('reading waits while the publisher has no room', async () => {
  const gate = gateOf()
  const seen: string[] = []
  let asked = 0
  const { job: lines } = job('a\nb\nc\n', {
    publish: async (line) => seen.push(line),
    room: () => (asked++ === 0 ? gate.promise : null),
  })
  const done = publishLines(lines)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(seen, ['a'])
  gate.resolve()
  await done
  assert.deepEqual(seen, ['a', 'b', 'c'])
})

test('reading stops at ten thousand lines without an answer', async () => {
  const gate = gateOf()
  const full = gateOf()
  let begun = 0
  const { job: lines } = job('x\n'.repeat(10_050), {
    publish: () => {
      begun++
      if (begun === 10_000) full.resolve()
      return gate.promise
    },
  })
  const done = publishLines(lines)
  await full.promise
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(begun, 10_000)
  gate.resolve()
  assert.equal((await done).accepted, 10_050)
})
