/**
 * Tests of src/client/emitter.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callSafely, Emitter } from '../../../src/client/emitter.ts'

test('emitter calls the listeners of a name in order and says whether there were any', () => {
  const emitter = new Emitter<{ a: number; b: string }>()
  const seen: unknown[] = []
  emitter.on('a', (value) => seen.push(['first', value]))
  emitter.on('a', (value) => seen.push(['second', value]))
  assert.equal(emitter.emit('a', 1), true)
  assert.equal(emitter.emit('b', 'x'), false)
  assert.deepEqual(seen, [
    ['first', 1],
    ['second', 1],
  ])
})

test('emitter ends one listener by its own function even if the same function was added twice', () => {
  const emitter = new Emitter<{ a: number }>()
  let calls = 0
  const listener = () => calls++
  const off = emitter.on('a', listener)
  emitter.on('a', listener)
  off()
  off()
  emitter.emit('a', 1)
  assert.equal(calls, 1)
})

test('emitter lets a listener end itself while it is called', () => {
  const emitter = new Emitter<{ a: number }>()
  const seen: string[] = []
  const off = emitter.on('a', () => {
    off()
    seen.push('once')
  })
  emitter.on('a', () => seen.push('always'))
  emitter.emit('a', 1)
  emitter.emit('a', 2)
  assert.deepEqual(seen, ['once', 'always', 'always'])
})

test('a callback that throws surfaces as an uncaught error and stops nobody', (t) => {
  const surfaced: (() => void)[] = []
  t.mock.method(globalThis, 'queueMicrotask', (run: () => void) => surfaced.push(run))
  callSafely(() => {
    throw new Error('mistake of the page')
  }, null)
  assert.equal(surfaced.length, 1)
  assert.throws(() => surfaced[0]?.(), /mistake of the page/)
})
