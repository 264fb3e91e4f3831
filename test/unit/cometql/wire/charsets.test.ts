/**
 * Tests of src/cometql/wire/charsets.ts: who is told that texts have characters of four bytes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { charsetOfTexts } from '../../../../src/cometql/wire/charsets.ts'

for (const [name, collation] of [
  ['utf8mb4_general_ci', 45],
  ['utf8mb4_bin', 46],
  ['utf8mb4_unicode_ci', 224],
  ['utf8mb4_unicode_520_ci', 246],
  ['utf8mb4_0900_ai_ci', 255],
  ['utf8mb4_0900_bin', 309],
  ['utf8mb4_croatian_ci of MariaDB', 608],
] as const) {
  test(`charset of texts for a client with ${name} is utf8mb4`, () => {
    assert.equal(charsetOfTexts(collation), 45)
  })
}

for (const [name, collation] of [
  ['none', 0],
  ['latin1_swedish_ci', 8],
  ['utf8_general_ci', 33],
  ['binary', 63],
  ['utf8_unicode_ci', 192],
  ['gb18030_chinese_ci', 248],
  ['utf8_croatian_ci of MariaDB', 576],
] as const) {
  test(`charset of texts for a client with ${name} is utf8, as CppComet tells all`, () => {
    assert.equal(charsetOfTexts(collation), 33)
  })
}
