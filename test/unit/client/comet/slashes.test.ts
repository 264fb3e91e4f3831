/**
 * Tests of src/client/comet/slashes.ts: what is taken out of escaped text, and which text becomes a value.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digest, stripslashes } from '../../../../src/client/comet/slashes.ts'

test('stripslashes takes escaping backslashes out', () => {
  const cases: [unknown, string][] = [
    ["Kevin\\'s", "Kevin's"],
    ['a\\\\b', 'a\\b'],
    ['a\\0b', 'a\0b'],
    ['a\\\nb', 'a\nb'],
    ['end\\', 'end'],
    ['none', 'none'],
    [12, '12'],
  ]
  for (const [text, stripped] of cases) assert.equal(stripslashes(text), stripped)
})

test('digest leaves values and texts alone, a text that is JSON among them', () => {
  for (const data of [{ a: 1 }, [1], 5, null, true, 'plain', '5', '{"a":1}', 'C:\\dir', '{no json}', '[\\']) {
    assert.deepEqual(digest(data), data)
  }
})

test('digest brings back an object or a list that was escaped once or twice too often', () => {
  for (const value of [{ a: 'b "c"', d: [1] }, ["it's"]]) {
    const once = JSON.stringify(value).replace(/[\\"']/g, '\\$&')
    const twice = once.replace(/[\\"']/g, '\\$&')
    assert.deepEqual(digest(once), value)
    assert.deepEqual(digest(twice), value)
  }
})
