/**
 * Keys sort as what they name does, and can be read back.
 *
 * The bytes of the examples are written by hand: they are on disks, so they must never change.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { logNames, MAX_KEY_BYTES, tableNames } from '../../../src/core/store.ts'
import { MAX_TENANT } from '../../../src/core/tenants.ts'
import {
  behindPrefix,
  entryKey,
  entryRange,
  keyKind,
  logPrefix,
  ownerOfPrefix,
  ownerRange,
  prefixOf,
  readRowKey,
  readSeq,
  rowKey,
  rowRange,
} from '../../../src/store/keys.ts'

const text = fc.string({
  unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'ÿ', 'é', '\uffff', '😀'),
  minLength: 1,
  maxLength: 12,
})
const tenant = fc.oneof(fc.integer({ min: 0, max: MAX_TENANT }), fc.constantFrom(0, 1, MAX_TENANT))
const seq = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))

const EXAMPLES: readonly (readonly [what: string, key: Buffer, hex: string])[] = [
  ['credentials of 7', rowKey('credentials', 1, '7'), '01 00000001 37'],
  ['userData of é', rowKey('userData', 2 ** 31 - 1, 'é'), '02 7fffffff c3a9'],
  ['lastSeen', rowKey('lastSeen', 0, 'a'), '03 00000000 61'],
  ['channelSettings', rowKey('channelSettings', 1, 'a'), '04 00000001 61'],
  ['channels', rowKey('channels', 1, 'a'), '05 00000001 61'],
  ['revokedTokens', rowKey('revokedTokens', 1, 'a'), '06 00000001 61'],
  ['inboxLost', rowKey('inboxLost', 1, 'a'), '07 00000001 61'],
  ['revokedCapsules', rowKey('revokedCapsules', 1, 'u7'), '08 00000001 7537'],
  ['history', entryKey(logPrefix('history', 1, 'news'), 258), '40 00000001 6e657773 00 0000000000000102'],
  [
    'inbox of a\\0b',
    entryKey(logPrefix('inbox', 5, 'a\0b'), 2 ** 53 - 1),
    '41 00000005 6100ff62 00 001fffffffffffff',
  ],
]

for (const [what, key, hex] of EXAMPLES) {
  test(`key of ${what} has the bytes that are on disks`, () => {
    assert.equal(key.toString('hex'), hex.replaceAll(' ', ''))
  })
}

test('keys of rows sort by tenant and text, and are read back', async () => {
  await fc.assert(
    fc.property(tenant, text, tenant, text, (t1, k1, t2, k2) => {
      const [a, b] = [rowKey('userData', t1, k1), rowKey('userData', t2, k2)]
      assert.deepEqual(readRowKey(a), { tenant: t1, key: k1 })
      assert.equal(Math.sign(a.compare(b)), Math.sign(t1 - t2 || Buffer.from(k1).compare(Buffer.from(k2))))
      const range = rowRange('userData', t1, k1)
      assert.equal(isWithin(b, range), t1 === t2 && Buffer.from(k2).compare(Buffer.from(k1)) > 0)
    }),
  )
})

test('keys of entries sort by tenant, owner and number, and are read back', async () => {
  await fc.assert(
    fc.property(tenant, text, seq, tenant, text, seq, (t1, o1, s1, t2, o2, s2) => {
      const [p1, p2] = [logPrefix('inbox', t1, o1), logPrefix('inbox', t2, o2)]
      const [a, b] = [entryKey(p1, s1), entryKey(p2, s2)]
      assert.equal(readSeq(a), s1)
      assert.deepEqual(ownerOfPrefix(prefixOf(a)), { tenant: t1, owner: o1 })
      const owners = t1 - t2 || Buffer.from(o1).compare(Buffer.from(o2))
      assert.equal(Math.sign(a.compare(b)), Math.sign(owners || s1 - s2))
      assert.equal(isWithin(b, entryRange(p1, s1, s1)), owners === 0 && s1 === s2)
      assert.equal(b.compare(behindPrefix(p1)) >= 0, owners < 0)
      assert.equal(isWithin(b, ownerRange('inbox', { tenant: t1, owner: o1 })), owners < 0)
    }),
  )
})

test('keys of one table or log are in no range of another', () => {
  const keys = [
    ...tableNames.map((name) => [name, rowKey(name, MAX_TENANT, 'ÿ')] as const),
    ...logNames.map((name) => [name, entryKey(logPrefix(name, MAX_TENANT, 'ÿ'), 1)] as const),
  ]
  for (const [name, key] of keys) {
    assert.deepEqual(keyKind(key), { of: name, tenant: MAX_TENANT })
    for (const table of tableNames) assert.equal(isWithin(key, rowRange(table, null, '')), table === name)
    for (const log of logNames) assert.equal(isWithin(key, ownerRange(log, null)), log === name)
  }
})

test('keys of the longest texts are within what the tree takes', () => {
  assert.equal(entryKey(logPrefix('inbox', 1, '\0'.repeat(MAX_KEY_BYTES)), 1).length, 1_214)
  for (const bad of ['', 'x'.repeat(MAX_KEY_BYTES + 1)]) {
    assert.throws(() => rowKey('userData', 1, bad), RangeError)
    assert.throws(() => logPrefix('inbox', 1, bad), RangeError)
  }
})

function isWithin(key: Buffer, { start, end }: { start: Buffer; end: Buffer }): boolean {
  return key.compare(start) >= 0 && key.compare(end) < 0
}
