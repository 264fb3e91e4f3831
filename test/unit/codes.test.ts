/**
 * Tests of src/codes.ts: four faces for every failure, none used twice, and a place in the docs.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import { describe, test } from 'node:test'
import { type CodeFaces, codes, errorFace, isFinalCode } from '../../src/codes.ts'

const rows = Object.entries<CodeFaces>(codes)
const docs = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')

/** The request is over, but the client may come back with another: retry speaks of connections here. */
const ANEW: readonly string[] = ['SESSION_MOVED', 'LOGIN_REVOKED', 'CAPSULE_INVALID', 'CAPSULE_EXPIRED']

for (const [name, row] of rows) {
  describe(`code ${name}`, () => {
    test(`${name} is spelled in capitals`, () => assert.match(name, /^[A-Z]+(_[A-Z]+)*$/))

    test(`${name} has a close code in the range that says whether to come back`, () => {
      // 3000–3499 reconnect, 3500–3999 stop; 4000–4999 belong to the application.
      assert.ok(row.close >= 3000 && row.close <= 3999, `${row.close}`)
      assert.equal(row.close < 3500, row.retry)
    })

    test(`${name} has a status of HTTP that is an error`, () => {
      assert.ok(STATUS_CODES[row.http] !== undefined && row.http >= 400, `${row.http}`)
    })

    test(`${name} has a status that says whether to try again`, () => {
      // RFC 9110 §15: 5xx, 408 and 429 may pass; other 4xx repeat until the request changes.
      const mayPass = row.http >= 500 || [408, 429].includes(row.http) || ANEW.includes(name)
      assert.ok(mayPass || !row.retry, `${row.http} with retry`)
    })

    test(`${name} has an errno and a SQLSTATE of MySQL`, () => {
      const [errno, sqlState] = row.mysql
      assert.ok(Number.isInteger(errno) && errno >= 1000 && errno <= 65_535)
      // ISO/IEC 9075: five digits or capital letters; class 00 would be success.
      assert.match(sqlState, /^(?!00)[0-9A-Z]{5}$/)
    })

    test(`${name} has a meaning in whole sentences`, () => assert.match(row.meaning, /^[A-Z].*\.$/))

    test(`${name} has a heading in docs/errors.md with its meaning and numbers`, () => {
      const section = docs.split(/^## /m).find((one) => one.startsWith(`${name}\n`))
      assert.ok(section, 'no heading')
      assert.ok(section.includes(row.meaning))
      for (const number of [row.reply, row.close, row.http, row.mysql[0], row.mysql[1]]) {
        assert.ok(section.includes(`${number}`), `${number}`)
      }
    })
  })
}

test('codes use every reply number and every close code once', () => {
  for (const face of ['reply', 'close'] as const) {
    const numbers = rows.map(([, row]) => row[face])
    assert.deepEqual(
      numbers.filter((number, i) => numbers.indexOf(number) !== i),
      [],
      face,
    )
  }
})

test('codes of one process reply in 1–999, so that nobody takes them for close codes', () => {
  for (const [name, { reply }] of rows) {
    assert.ok(Number.isInteger(reply) && reply >= 1 && reply <= 999, name)
  }
})

test('docs/errors.md has no heading for a code that is gone', () => {
  const headings = [...docs.matchAll(/^## ([A-Z_]+)$/gm)].map(([, name]) => name)
  assert.deepEqual(
    headings,
    rows.map(([name]) => name),
  )
})

test('every code of the registry lets a client come back exactly when its range says so', () => {
  for (const [name, { close }] of rows) {
    assert.equal(isFinalCode(close), close >= 3500, name)
  }
})

test('codes of the application are final from 4500 on, and those of the standard never', () => {
  const final = [1000, 1006, 3499, 3500, 3999, 4000, 4499, 4500, 4999, 5000].filter(isFinalCode)
  assert.deepEqual(final, [3500, 3999, 4500, 4999])
})

test('the face of an error is what clients are told', () => {
  assert.deepEqual(errorFace('COMMAND_RATE', 'Too many commands'), {
    code: 104,
    name: 'COMMAND_RATE',
    message: 'Too many commands',
    retry: true,
  })
})
