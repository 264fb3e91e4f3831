/**
 * Tests of src/cometql/run/like.ts: against a regular expression, and with patterns and texts made to take long.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { likeMatcher } from '../../../../src/cometql/run/like.ts'
import { cpuMs } from '../../../support/cpu-time.ts'
import { holds } from '../../../support/holds.ts'

/** Far more than any of these takes when it is linear, far less than when it is not. */
const LONG_MS = 2_000

const cases: readonly [pattern: string, text: string, fits: boolean][] = [
  ['', '', true],
  ['', 'a', false],
  ['%', '', true],
  ['%', 'anything\nat all', true],
  ['_', '', false],
  ['_', '\n', true],
  ['_', 'ab', false],
  ['web_one', 'web_one', true],
  ['web_one', 'web-one', true],
  ['web_one', 'web_ones', false],
  ['web\\_one', 'web_one', true],
  ['web\\_one', 'web-one', false],
  ['100\\%', '100%', true],
  ['100\\%', '100 per cent', false],
  ['a\\\\b', 'a\\b', true],
  ['a\\\\%', 'a\\anything', true],
  ['a\\b', 'ab', true],
  ['ends\\', 'ends\\', true],
  ['ends\\', 'ends', false],
  ['web%', 'web', true],
  ['web%', 'webauth_x', true],
  ['web%', 'my web', false],
  ['%chat', 'web_chat', true],
  ['%chat', 'web_chat_2', false],
  ['%lower%', 'lower_case_table_names', true],
  ['a%b%c', 'abc', true],
  ['a%b%c', 'a-b-b-c', true],
  ['a%b%c', 'acb', false],
  ['%ab', 'aab', true],
  ['ab%ab', 'ab', false],
  ['ab%ab', 'aba', false],
  ['ab%ab', 'abab', true],
  ['a_%_a', 'aba', false],
  ['a_%_a', 'abba', true],
  ['%_b_%', 'abc', true],
  ['%_b_%', 'bc', false],
  ['%%', 'x', true],
  ['a.c', 'abc', false],
  ['[ab]*', 'a', false],
  ['Web', 'web', false],
]

for (const [pattern, text, fits] of cases) {
  test(`LIKE '${pattern}' ${fits ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, () => {
    assert.equal(likeMatcher(pattern, false)(text), fits)
  })
}

test('LIKE _ is one character, also one beyond 16 bits', () => {
  assert.equal(likeMatcher('room-_', false)('room-☄'), true)
  assert.equal(likeMatcher('room-_', false)('room-🚀'), true)
  assert.equal(likeMatcher('room-__', false)('room-🚀'), false)
  assert.equal(likeMatcher('%_x', false)('🚀x'), true)
  assert.equal(likeMatcher('_%_', false)('🚀'), false)
  assert.equal(likeMatcher('🚀%_', false)('🚀🚀'), true)
  assert.equal(likeMatcher('%_🚀_%', false)('🚀🚀🚀'), true)
})

test('LIKE takes letters of any case for the same where it is told to', () => {
  assert.equal(likeMatcher('Lower\\_CASE%', true)('lower_case_table_names'), true)
  assert.equal(likeMatcher('STRASSE', true)('strasse'), true)
  assert.equal(likeMatcher('ÄÖÜ', true)('äöü'), true)
  assert.equal(likeMatcher('ПРИВЕТ%', true)('привет, мир'), true)
  assert.equal(likeMatcher('abc', true)('abd'), false)
})

test('LIKE counts a letter as one whose lower case is two', () => {
  assert.equal(likeMatcher('_', true)('İ'), true)
  assert.equal(likeMatcher('A_c', true)('aİC'), true)
  assert.equal(likeMatcher('İ', true)('İ'), true)
})

test('LIKE agrees with a regular expression for any pattern and text', () => {
  // Few letters, so that patterns and texts often nearly fit.
  const text = (letters: string[]) =>
    fc.array(fc.constantFrom(...letters), { maxLength: 9 }).map((all) => all.join(''))
  const pattern = text(['a', 'b', '.', '🚀', '%', '_', '\\'])
  holds(
    fc.property(pattern, text(['a', 'b', '.', '🚀', '\n', '\\', '%']), (one, other) => {
      assert.equal(likeMatcher(one, false)(other), oracle(one).test(other))
    }),
    5_000,
  )
})

test('LIKE in any case agrees with a regular expression', () => {
  const text = (letters: string[]) =>
    fc.array(fc.constantFrom(...letters), { maxLength: 7 }).map((all) => all.join(''))
  holds(
    fc.property(text(['a', 'A', 'Ä', 'ä', '%', '_']), text(['a', 'A', 'ä', 'Ä']), (pattern, other) => {
      assert.equal(likeMatcher(pattern, true)(other), oracle(pattern, 'i').test(other))
    }),
    2_000,
  )
})

test('LIKE of a pattern that nearly fits everywhere takes no long time', () => {
  const text = 'a'.repeat(1_000_000)
  const patterns = [
    `${'%a'.repeat(500)}%b`,
    `%${'a'.repeat(1_000)}b%`,
    `%${'a'.repeat(1_000)}b`,
    `${'%a_'.repeat(300)}%b`,
    `%${'_a'.repeat(16)}%b%`,
    `%${'%'.repeat(1_000)}b`,
  ]
  const tookMs = cpuMs(() => {
    for (const pattern of patterns)
      assert.equal(likeMatcher(pattern, true)(text), false, pattern.slice(0, 20))
  })
  assert.ok(tookMs < LONG_MS * patterns.length, `it took ${Math.round(tookMs)} ms`)
})

test('LIKE with _ between two % costs little more than without', () => {
  // Each piece of 256 was compared at each place of the text: half a second for 40 kB.
  const text = 'a'.repeat(1_000_000)
  const patterns = [
    `%${'a'.repeat(30)}_b%`,
    `%_${'a'.repeat(30)}b%`,
    `%${'a_'.repeat(15)}b%`,
    `%${'_'.repeat(31)}b%`,
  ]
  const tookMs = cpuMs(() => {
    for (const pattern of patterns) assert.equal(likeMatcher(pattern, false)(text), false, pattern)
  })
  assert.ok(tookMs < LONG_MS, `it took ${Math.round(tookMs)} ms`)
})

test('LIKE refuses a long run of characters with _ among them between two %, however it is cased', () => {
  const refused = (error: unknown) =>
    error instanceof QueryError && error.failure.code === 11 && /at most 32 characters/.test(error.message)
  assert.throws(() => likeMatcher(`%${'a'.repeat(32)}_%`, false), refused)
  assert.throws(() => likeMatcher(`a%${'_'.repeat(33)}%b`, true), refused)
  assert.equal(likeMatcher(`%${'_'.repeat(32)}%`, false)('x'.repeat(32)), true)
  assert.equal(likeMatcher(`%${'a'.repeat(100)}%`, false)('a'.repeat(100)), true)
})

test('LIKE takes a run of any length at the ends of a pattern, where it is tried once', () => {
  const name = `web_${'a'.repeat(60)}`
  for (const pattern of [name, `${name}%`, `%${name}`, `${name}%${name}`]) {
    assert.equal(likeMatcher(pattern, false)(name), pattern.length < 100, pattern)
  }
  assert.equal(likeMatcher('_'.repeat(1_024), false)('x'.repeat(1_024)), true)
  assert.equal(likeMatcher('a'.repeat(1_024), false)('a'.repeat(1_024)), true)
})

test('LIKE finds a run with _ and characters beyond 16 bits wherever it stands', () => {
  const text = `${'🚀'.repeat(40)}a☄b${'🚀'.repeat(40)}`
  for (const pattern of ['%a_b%', '%🚀_☄%', '%_☄_🚀%', `%${'_'.repeat(32)}%`, '%b_🚀_%']) {
    assert.equal(likeMatcher(pattern, false)(text), true, pattern)
  }
  for (const pattern of ['%a__b%', '%☄_☄%', `%${'_'.repeat(31)}x%`, `${'%🚀_'.repeat(41)}%`]) {
    assert.equal(likeMatcher(pattern, false)(text), false, pattern)
  }
})

test('LIKE refuses a pattern of more than 1024 characters', () => {
  assert.throws(
    () => likeMatcher('a'.repeat(1_025), false),
    (error) =>
      error instanceof QueryError && error.failure.code === 11 && /1025 of at most 1024/.test(error.message),
  )
})

/** The same pattern as a regular expression, which knows the rule in its own way. */
function oracle(pattern: string, flags = ''): RegExp {
  const source = pattern.replace(
    /\\([\s\S])|([%_])|[\s\S]/gu,
    (all: string, escaped?: string, wild?: string) => {
      if (wild !== undefined) return wild === '%' ? '[\\s\\S]*' : '[\\s\\S]'
      return (escaped ?? all).replace(/[.*+?^${}()|[\]\\/]/gu, '\\$&')
    },
  )
  return new RegExp(`^${source}$`, `u${flags}`)
}
