/**
 * Tests of authorize.ts: the key, the tenant, and pages of other origins.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasFailed } from '../../../src/core/broker.ts'
import { callerCheck, originFailure } from '../../../src/http-api/authorize.ts'

/** An `Authorization` header as `curl -u` makes it. */
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`

describe('callerCheck', () => {
  test('callerCheck lets anyone in where no key is set', () => {
    const callerOf = callerCheck('', 3)
    for (const headers of [{}, { authorization: 'Bearer x' }, { authorization: 'Digest x' }]) {
      assert.deepEqual(callerOf(headers), { tenant: 3 })
    }
  })

  for (const authorization of ['Bearer s3cret key', 'bearer s3cret key', 'BEARER  s3cret key']) {
    test(`callerCheck takes "${authorization}" for the tenant of the node`, () => {
      assert.deepEqual(callerCheck('s3cret key', 3)({ authorization }), { tenant: 3 })
    })
  }

  const named: readonly [credentials: string, tenant: number][] = [
    ['5:s3cret', 5],
    ['0:s3cret', 0],
    ['2147483647:s3cret', 2_147_483_647],
    ['007:s3cret', 7],
  ]
  for (const [credentials, tenant] of named) {
    test(`callerCheck takes ${credentials} as Basic, for tenant ${tenant}`, () => {
      assert.deepEqual(callerCheck('s3cret', 3)({ authorization: basic(credentials) }), { tenant })
    })
  }

  test('callerCheck takes Basic in any case, and a key with colons', () => {
    const authorization = basic('5:a:b').replace('Basic', 'bAsIc')
    assert.deepEqual(callerCheck('a:b', 3)({ authorization }), { tenant: 5 })
  })

  for (const password of ['', 'anything']) {
    test(`callerCheck takes the tenant with the password "${password}" where no key is set`, () => {
      assert.deepEqual(callerCheck('', 3)({ authorization: basic(`5:${password}`) }), { tenant: 5 })
    })
  }

  test('callerCheck takes a key beyond ASCII as its UTF-8 bytes', () => {
    const bearer = Buffer.from('Bearer clé☄').toString('latin1')
    assert.deepEqual(callerCheck('clé☄', 3)({ authorization: bearer }), { tenant: 3 })
    assert.deepEqual(callerCheck('clé☄', 3)({ authorization: basic('5:clé☄') }), { tenant: 5 })
  })

  const refused: readonly [authorization: string | undefined, message: RegExp][] = [
    [undefined, /is missing$/],
    ['', /must be "Bearer <key>"/],
    ['s3cret', /must be "Bearer <key>"/],
    ['Digest s3cret', /must be "Bearer <key>"/],
    ['Bearer ', /^Key is wrong$/],
    ['Bearer s3cre', /^Key is wrong$/],
    ['Bearer s3cret2', /^Key is wrong$/],
    ['Bearer S3CRET', /^Key is wrong$/],
    [basic('5:s3cret2'), /^Key is wrong$/],
    [basic('5:'), /^Key is wrong$/],
    [basic('5'), /^Basic authorization must be a tenant/],
    [basic(':s3cret'), /^Basic authorization must be a tenant/],
    [basic('root:s3cret'), /^Basic authorization must be a tenant/],
    [basic('-1:s3cret'), /^Basic authorization must be a tenant/],
    [basic('1.5:s3cret'), /^Basic authorization must be a tenant/],
    [basic('2147483648:s3cret'), /^Basic authorization must be a tenant from 0 to 2147483647/],
    ['Basic czNjcmV0', /^Basic authorization must be a tenant/],
  ]
  for (const [authorization, message] of refused) {
    test(`callerCheck refuses ${JSON.stringify(authorization) ?? 'no header'} and does not repeat it`, () => {
      const outcome = callerCheck('s3cret', 3)(authorization === undefined ? {} : { authorization })
      assert.ok(hasFailed(outcome))
      assert.equal(outcome.failed, 'KEY_INVALID')
      assert.match(outcome.message, message)
    })
  }

  test('callerCheck refuses a tenant that can not be, rather than take another, where no key is set', () => {
    assert.ok(hasFailed(callerCheck('', 3)({ authorization: basic('root:') })))
  })
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
