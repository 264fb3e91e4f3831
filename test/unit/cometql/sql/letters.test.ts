/**
 * Letters that are bytes as text: whatever is in them, and without holding on to the query they are a part of.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameOf, textOf } from '../../../../src/cometql/sql/letters.ts'
import { letters } from '../../../support/read-statements.ts'

for (const read of [nameOf, textOf]) {
  test(`${read.name} reads UTF-8, and what is none as the sign for that`, () => {
    const texts = ['', 'abc', 'имя 👍', 'a text of more letters than are copied', `${'x'.repeat(100)}ü`]
    for (const text of texts) assert.equal(read(letters(text)), text)
    assert.equal(read('a\xff'), 'a\ufffd')
  })
}

test('values that are kept hold no more than themselves', { timeout: 60_000 }, () => {
  const queryLetters = 1_000_000
  const count = 100
  for (const length of [8, 12, 13, 32]) {
    const before = process.memoryUsage().heapUsed
    const kept: string[] = []
    for (let n = 0; n < count; n++) {
      const query = Buffer.alloc(queryLetters, `value ${n} of some text `).toString('latin1')
      kept.push(textOf(query.slice(n, n + length)))
    }
    const grown = process.memoryUsage().heapUsed - before
    assert.equal(kept.length, count)
    assert.ok(grown < (count / 2) * queryLetters, `${length} letters: ${count} values hold ${grown} bytes`)
  }
})
