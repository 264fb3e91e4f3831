/**
 * Tests of src/cometql/wire/passwords.ts against proofs made elsewhere: one from a capture of a CppComet login, the
 * others with Python's hashlib.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { plugins } from '../../../../src/cometql/wire/handshake.ts'
import {
  isRightResponse,
  makeSalt,
  responseFor,
  responseLength,
} from '../../../../src/cometql/wire/passwords.ts'
import { hex } from '../../../support/hex.ts'

const COUNTED_SALT = hex('0102030405060708090a0b0c0d0e0f1011121314')
const CAPTURED_SALT = hex('bc725f35c4805613 08e3d4e688e10797dc2445de')

const proofs = [
  ['mysql_native_password', 'CometQLPassword', CAPTURED_SALT, '7695fe07c457d6bb61f330dd3d51254ce34149b2'],
  ['mysql_native_password', 'secret', COUNTED_SALT, 'b32bb3a583e1340c0a1108d58b1be49781ad8c2f'],
  ['mysql_native_password', 'pässwörd 🔑', COUNTED_SALT, '3617d6b123a8285875183935f8142d0f342e733f'],
  [
    'caching_sha2_password',
    'CometQLPassword',
    CAPTURED_SALT,
    'dafbd5960921c72ce8c9e81c5dee36722cd4fedd3f2c7443bb580423d5bef0d8',
  ],
  [
    'caching_sha2_password',
    'secret',
    COUNTED_SALT,
    '746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9',
  ],
  [
    'caching_sha2_password',
    'pässwörd 🔑',
    COUNTED_SALT,
    'b6742b120bac8a54e4d91c7956a0fc55050faa2c790a91474c5fe7a84fdc26b6',
  ],
] as const

describe('proofs', () => {
  for (const [plugin, password, salt, proof] of proofs) {
    test(`${plugin} proves ${password} as others do`, () => {
      assert.deepEqual(responseFor(plugin, password, salt), hex(proof))
      assert.equal(hex(proof).length, responseLength(plugin))
    })

    test(`${plugin} takes the proof of ${password} for right, and for no other password or salt`, () => {
      assert.equal(isRightResponse(plugin, hex(proof), password, salt), true)
      assert.equal(isRightResponse(plugin, hex(proof), `${password} `, salt), false)
      assert.equal(isRightResponse(plugin, hex(proof), '', salt), false)
      assert.equal(isRightResponse(plugin, hex(proof), password, Buffer.from(salt).reverse()), false)
    })

    test(`${plugin} refuses the proof of ${password} with any bit changed`, () => {
      for (let bit = 0; bit < responseLength(plugin) * 8; bit++) {
        const changed = hex(proof)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        assert.equal(isRightResponse(plugin, changed, password, salt), false, `bit ${bit}`)
      }
    })
  }
})

describe('proofs of another length', () => {
  for (const plugin of plugins) {
    const right = responseFor(plugin, 'secret', COUNTED_SALT)

    test(`${plugin} refuses them`, () => {
      for (let length = 0; length < 300; length++) {
        const response = Buffer.concat([right, Buffer.alloc(300)]).subarray(0, length)
        const isRight = isRightResponse(plugin, response, 'secret', COUNTED_SALT)
        assert.equal(isRight, length === right.length, `${length} bytes`)
      }
    })

    test(`${plugin} takes none for right where there is no password, and nowhere else`, () => {
      assert.equal(isRightResponse(plugin, Buffer.alloc(0), '', COUNTED_SALT), true)
      assert.equal(isRightResponse(plugin, Buffer.alloc(0), 'secret', COUNTED_SALT), false)
      assert.equal(isRightResponse(plugin, right, '', COUNTED_SALT), false)
      assert.equal(responseFor(plugin, '', COUNTED_SALT).length, 0)
    })
  }

  // MySQL's own clients write an empty password as a text of that plugin: a zero.
  test('caching_sha2_password takes a zero for none, mysql_native_password does not', () => {
    assert.equal(isRightResponse('caching_sha2_password', hex('00'), '', COUNTED_SALT), true)
    assert.equal(isRightResponse('caching_sha2_password', hex('00'), 'secret', COUNTED_SALT), false)
    assert.equal(isRightResponse('caching_sha2_password', hex('01'), '', COUNTED_SALT), false)
    assert.equal(isRightResponse('mysql_native_password', hex('00'), '', COUNTED_SALT), false)
  })
})

describe('salts', () => {
  test('salts have 20 bytes that no client takes for the end of a text', () => {
    const seen = new Set<number>()
    for (let i = 0; i < 500; i++) {
      const salt = makeSalt()
      assert.equal(salt.length, 20)
      for (const byte of salt) seen.add(byte)
    }
    const all = Array.from({ length: 127 }, (_, i) => i + 1)
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      all,
    )
  })

  test('salts are never the same', () => {
    const salts = new Set(Array.from({ length: 1_000 }, () => makeSalt().toString('hex')))
    assert.equal(salts.size, 1_000)
  })
})
