/**
 * Tests of src/core/tenants.ts: names of different tenants never meet, and each is found again in what it was bound to.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { channelNameFailure } from '../../../src/core/names.ts'
import {
  bare,
  FIRST_TENANT,
  isTenant,
  MAX_TENANT,
  ownChannel,
  scoped,
  tenantOf,
} from '../../../src/core/tenants.ts'
import { holds } from '../../support/holds.ts'

const tenant = fc.oneof(fc.constantFrom(0, 1, 2, 15, MAX_TENANT), fc.nat(MAX_TENANT))
const name = fc.string({ minLength: 1 }).filter((one) => channelNameFailure(one) === null)

test('name of the first tenant is itself', () => {
  assert.equal(scoped(FIRST_TENANT, 'news'), 'news')
  assert.equal(ownChannel(FIRST_TENANT, '7'), '@7')
})

test('name gives back its tenant and what that tenant calls it', () => {
  holds(
    fc.property(tenant, name, (number, text) => {
      const bound = scoped(number, text)
      assert.deepEqual([tenantOf(bound), bare(bound)], [number, text])
      assert.equal(bare(ownChannel(number, text)), `@${text}`)
    }),
  )
})

test('names that may be channels are the same only for the same tenant and text', () => {
  holds(
    fc.property(tenant, name, tenant, name, (one, text, other, otherText) => {
      const isSame = one === other && text === otherText
      assert.equal(scoped(one, text) === scoped(other, otherText), isSame)
    }),
  )
})

test('no name that looks like another tenant’s may be a channel', () => {
  assert.equal(channelNameFailure(scoped(7, 'news'))?.failed, 'INVALID_CHANNEL')
})

test('tenant is an integer from 0 to 2^31 − 1', () => {
  for (const good of [0, 1, 15, 2_147_483_647]) assert.equal(isTenant(good), true, String(good))
  for (const bad of [-1, 0.5, 2_147_483_648, '1', null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(isTenant(bad), false, String(bad))
  }
})
