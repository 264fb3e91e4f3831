/**
 * Tests of authorize.ts: the bearer key, and pages of other origins.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { keyCheck, originFailure } from '../../../src/http-api/authorize.ts'

describe('keyCheck', () => {
  test('keyCheck lets anyone in where no key is set', () => {
    assert.equal(keyCheck('')({}), null)
    assert.equal(keyCheck('')({ authorization: 'Bearer x' }), null)
  })

  for (const authorization of ['Bearer s3cret key', 'bearer s3cret key', 'BEARER  s3cret key']) {
    test(`keyCheck takes "${authorization}"`, () => {
      assert.equal(keyCheck('s3cret key')({ authorization }), null)
    })
  }

  test('keyCheck takes a key beyond ASCII as its UTF-8 bytes', () => {
    const header = Buffer.from('Bearer clé☄').toString('latin1')
    assert.equal(keyCheck('clé☄')({ authorization: header }), null)
  })

  const refused: readonly [authorization: string | undefined, message: RegExp][] = [
    [undefined, /is missing$/],
    ['', /must be "Bearer <key>"$/],
    ['s3cret', /must be "Bearer <key>"$/],
    ['Basic czNjcmV0', /must be "Bearer <key>"$/],
    ['Bearer ', /^Key is wrong$/],
    ['Bearer s3cre', /^Key is wrong$/],
    ['Bearer s3cret2', /^Key is wrong$/],
    ['Bearer S3CRET', /^Key is wrong$/],
  ]
  for (const [authorization, message] of refused) {
    test(`keyCheck refuses ${JSON.stringify(authorization) ?? 'no header'} and does not repeat it`, () => {
      const failure = keyCheck('s3cret')(authorization === undefined ? {} : { authorization })
      assert.equal(failure?.failed, 'KEY_INVALID')
      assert.match(failure?.message ?? '', message)
    })
  }
})

describe('originFailure', () => {
  test('originFailure lets programs and the own pages in', () => {
    assert.equal(originFailure({ host: 'node:8081' }), null)
    assert.equal(originFailure({ host: 'node:8081', origin: 'http://node:8081' }), null)
  })

  for (const origin of ['https://evil.example', 'http://node', 'null', 'http://node:8081.evil.example']) {
    test(`originFailure refuses a page of ${origin}`, () => {
      assert.equal(originFailure({ host: 'node:8081', origin })?.failed, 'ORIGIN_DENIED')
    })
  }
})
