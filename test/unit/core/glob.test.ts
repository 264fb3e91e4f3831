/**
 * Tests of src/core/glob.ts: against a regular expression, and with patterns made to take long.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob } from '../../../src/core/glob.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { holds } from '../../support/holds.ts'

const cases: readonly [pattern: string, name: string, fits: boolean][] = [
  ['*', '', true],
  ['*', 'anything at all', true],
  ['', '', true],
  ['', 'a', false],
  ['news', 'news', true],
  ['news', 'news2', false],
  ['news', 'New', false],
  ['web_*', 'web_', true],
  ['web_*', 'web_chat', true],
  ['web_*', 'webauth_chat', false],
  ['web_*', 'my web_chat', false],
  ['*_chat', 'web_chat', true],
  ['*_chat', 'web_chat_2', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['room?', 'room1', true],
  ['room?', 'room', false],
  ['room?', 'room12', false],
  ['??', 'ab', true],
  ['*?', '', false],
  ['*ab', 'aab', true],
  ['**', 'x', true],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['@*', '@17', true],
]

for (const [pattern, name, fits] of cases) {
  test(`glob "${pattern}" ${fits ? 'fits' : 'does not fit'} "${name}"`, () => {
    assert.equal(compileGlob(pattern)(name), fits)
  })
}

test('glob ? is one character, also one beyond 16 bits', () => {
  assert.equal(compileGlob('room-?')('room-☄'), true)
  assert.equal(compileGlob('room-?')('room-🚀'), true)
  assert.equal(compileGlob('room-??')('room-🚀'), false)
  assert.equal(compileGlob('?*?')('🚀'), false)
  assert.equal(compileGlob('*?🚀')('a🚀'), true)
})

test('glob agrees with a regular expression for any pattern and name', () => {
  // Few letters, so that patterns and names often nearly fit.
  const text = (letters: string[]) => fc.array(fc.constantFrom(...letters), { maxLength: 9 }).map(join)
  holds(
    fc.property(text(['a', 'b', '.', '🚀', '*', '?']), text(['a', 'b', '.', '🚀', '\n']), (pattern, name) => {
      assert.equal(compileGlob(pattern)(name), oracle(pattern).test(name))
    }),
    5_000,
  )
})

test('glob with many stars answers at once for a long name that does not fit', () => {
  const fits = compileGlob(`${'a*'.repeat(100)}b`)
  const name = 'a'.repeat(255)
  const tookMs = cpuMs(() => {
    for (let i = 0; i < 1_000; i++) assert.equal(fits(name), false)
  })
  // 1,000 × at most 200 × 255 steps; a matcher that tries every way would not come back this year.
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
})

function oracle(pattern: string): RegExp {
  const source = [...pattern].map((letter) =>
    letter === '*' ? '.*' : letter === '?' ? '.' : letter.replace(/[.]/, '\\.'),
  )
  return new RegExp(`^${source.join('')}$`, 'su')
}

function join(letters: readonly string[]): string {
  return letters.join('')
}
