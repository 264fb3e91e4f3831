/**
 * Tests of src/core/tokens.ts with tokens signed here by hand, so that no library of ours says what a token is.
 */
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { algorithmOfKey, createTokenVerifier } from '../../../src/core/tokens.ts'

const SECRET = 'a secret of some length'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
const rsaPem = pem(rsa.publicKey)
const ecPem = pem(ec.publicKey)

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const nowSeconds = () => Math.floor(Date.now() / 1000)

type Signer = (text: string) => Buffer
const hmac =
  (key: string): Signer =>
  (text) =>
    createHmac('sha256', key).update(text).digest()
const withRsa: Signer = (text) => sign('sha256', Buffer.from(text), rsa.privateKey)
// RFC 7518 §3.4: the signature is R and S, 32 bytes each, not DER.
const withEc: Signer = (text) =>
  sign('sha256', Buffer.from(text), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' })
const unsigned: Signer = () => Buffer.alloc(0)

/** RFC 7515 §7.1 */
function token(claims: unknown, alg: unknown = 'HS256', signer: Signer = hmac(SECRET)): string {
  const text = `${base64url({ alg, typ: 'JWT' })}.${base64url(claims)}`
  return `${text}.${signer(text).toString('base64url')}`
}

const verifier = (secret: string, publicKey: string) => {
  const verify = createTokenVerifier({ secret, publicKey }, 1)
  assert.ok(verify)
  return verify
}
const hs256 = verifier(SECRET, '')
const rs256 = verifier('', rsaPem)
const es256 = verifier('', ecPem)
const both = verifier(SECRET, rsaPem)

const refusedBy = (verify: typeof hs256, text: string) => {
  const outcome = verify(text)
  return 'failed' in outcome ? outcome.failed : outcome
}

describe('token', () => {
  test('gives user and grants', () => {
    assert.deepEqual(hs256(token({ sub: '17', channels: ['room-*', 'news'] })), {
      tenant: 1,
      user: '17',
      grants: ['room-*', 'news'],
      untilSecond: 0,
    })
  })

  test('without claims is an anonymous session without grants', () => {
    assert.deepEqual(hs256(token({})), { tenant: 1, user: '', grants: [], untilSecond: 0 })
    assert.deepEqual(hs256(token({ sub: '', other: 1 })), { tenant: 1, user: '', grants: [], untilSecond: 0 })
  })

  test('may name its tenant; one that does not is of the node’s own', () => {
    const tenantOf = (claims: object, own = 1) => {
      const verify = createTokenVerifier({ secret: SECRET, publicKey: '' }, own)
      const outcome = verify?.(token({ sub: '17', ...claims })) ?? assert.fail()
      return 'failed' in outcome ? outcome.failed : outcome.tenant
    }
    assert.deepEqual(
      [tenantOf({}), tenantOf({}, 5), tenantOf({ tenant: 7 }, 5), tenantOf({ tenant: 0 })],
      [1, 5, 7, 0],
    )
    for (const tenant of [-1, 1.5, '7', null, 2 ** 31, [7]]) {
      assert.equal(tenantOf({ tenant }), 'TOKEN_INVALID', JSON.stringify(tenant))
    }
  })

  test('may name the user by an integer', () => {
    assert.deepEqual(hs256(token({ sub: 17 })), { tenant: 1, user: '17', grants: [], untilSecond: 0 })
  })

  test('signed with the private key of RSA or P-256 is taken by its public key', () => {
    assert.deepEqual(rs256(token({ sub: '1' }, 'RS256', withRsa)), {
      tenant: 1,
      user: '1',
      grants: [],
      untilSecond: 0,
    })
    assert.deepEqual(es256(token({ sub: '2' }, 'ES256', withEc)), {
      tenant: 1,
      user: '2',
      grants: [],
      untilSecond: 0,
    })
    assert.deepEqual(both(token({ sub: '3' }, 'RS256', withRsa)), {
      tenant: 1,
      user: '3',
      grants: [],
      untilSecond: 0,
    })
    assert.deepEqual(both(token({ sub: '4' })), { tenant: 1, user: '4', grants: [], untilSecond: 0 })
  })
})

describe('token that can not be trusted', () => {
  const forged: readonly [what: string, verify: typeof hs256, text: string][] = [
    ['without a signature, algorithm none', hs256, token({ sub: '1' }, 'none', unsigned)],
    ['without a signature, algorithm nOnE', both, token({ sub: '1' }, 'nOnE', unsigned)],
    ['without a signature, algorithm HS256', hs256, token({ sub: '1' }, 'HS256', unsigned)],
    ['without an algorithm', hs256, token({ sub: '1' }, null)],
    ['with an algorithm that is no string', hs256, token({ sub: '1' }, { toString: 'HS256' })],
    ['signed with another secret', hs256, token({ sub: '1' }, 'HS256', hmac('another secret'))],
    ['signed with HS512', hs256, token({ sub: '1' }, 'HS512')],
    // The classic confusion: the attacker knows the public key and uses it as a secret.
    ['HS256, signed with the RSA public key', rs256, token({ sub: '1' }, 'HS256', hmac(rsaPem))],
    ['HS256, signed with the RSA public key (two keys)', both, token({ sub: '1' }, 'HS256', hmac(rsaPem))],
    ['HS256, signed with the EC public key', es256, token({ sub: '1' }, 'HS256', hmac(ecPem))],
    ['signed by RSA but said to be ES256', es256, token({ sub: '1' }, 'ES256', withRsa)],
    ['signed by EC but said to be RS256', rs256, token({ sub: '1' }, 'RS256', withEc)],
    ['RS256 where only a secret is known', hs256, token({ sub: '1' }, 'RS256', withRsa)],
  ]
  for (const [what, verify, text] of forged) {
    test(`${what} is refused`, () => assert.equal(refusedBy(verify, text), 'TOKEN_INVALID'))
  }

  test('with changed claims is refused', () => {
    const [header, , signature] = token({ sub: '17' }).split('.')
    assert.equal(refusedBy(hs256, `${header}.${base64url({ sub: '1' })}.${signature}`), 'TOKEN_INVALID')
  })

  for (const text of [
    '',
    'x',
    '.',
    '..',
    'a.b.c',
    '{}',
    '\u0000',
    '☄.☄.☄',
    'eyJhbGciOiJIUzI1NiJ9..',
    'x'.repeat(100_000),
  ]) {
    test(`${JSON.stringify(text.slice(0, 20))} (${text.length} letters) is no token`, () => {
      assert.equal(refusedBy(hs256, text), 'TOKEN_INVALID')
    })
  }

  test('cut anywhere is refused', () => {
    const whole = token({ sub: '17' })
    for (let length = 0; length < whole.length; length++) {
      assert.equal(refusedBy(hs256, whole.slice(0, length)), 'TOKEN_INVALID')
    }
  })

  const wrongClaims: readonly [claims: unknown, reason: RegExp][] = [
    [{ sub: true }, /"sub" is neither a string nor an integer/],
    [{ sub: 1.5 }, /"sub" is neither/],
    [{ sub: 2 ** 53 }, /"sub" is neither/],
    [{ sub: null }, /"sub" is neither/],
    [{ sub: ['17'] }, /"sub" is neither/],
    [{ sub: 'a\nb' }, /"sub" can not be a user id: it holds control characters/],
    [{ sub: 'a'.repeat(129) }, /"sub" can not be a user id: it has 129 of at most 128 bytes/],
    [{ channels: 'news' }, /"channels" is not a list of strings/],
    [{ channels: [1] }, /"channels" is not a list of strings/],
    [{ channels: { 0: 'a' } }, /"channels" is not a list of strings/],
    [{ channels: null }, /"channels" is not a list of strings/],
    [{ channels: Array(1_001).fill('a') }, /lists 1001 of at most 1000 globs/],
    [{ exp: 'tomorrow' }, /exp/],
    [null, /./],
    [17, /./],
    [[], /./],
  ]
  for (const [claims, reason] of wrongClaims) {
    test(`with claims ${JSON.stringify(claims).slice(0, 40)} is refused`, () => {
      const outcome = hs256(token(claims))
      assert.ok('failed' in outcome, 'it was taken')
      assert.equal(outcome.failed, 'TOKEN_INVALID')
      assert.match(outcome.message, reason)
    })
  }

  test('is not repeated in the message', () => {
    const text = token({ sub: 'secret-user', channels: 'x' })
    const outcome = hs256(text)
    assert.ok('failed' in outcome)
    for (const part of [...text.split('.'), 'secret-user', SECRET]) {
      assert.equal(outcome.message.includes(part), false)
    }
  })
})

describe('token in time', () => {
  test('is refused as expired once its time is over, beyond a second of tolerance', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() }) // the second of tolerance does not pass meanwhile
    assert.equal(refusedBy(hs256, token({ sub: '1', exp: nowSeconds() - 10 })), 'TOKEN_EXPIRED')
    assert.equal(refusedBy(hs256, token({ sub: '1', exp: 0 })), 'TOKEN_EXPIRED')
    const now = nowSeconds()
    for (const exp of [now + 10, now]) {
      assert.deepEqual(hs256(token({ sub: '1', exp })), {
        tenant: 1,
        user: '1',
        grants: [],
        untilSecond: exp,
      })
    }
  })

  test('says up to which second it is good', () => {
    const exp = nowSeconds() + 10
    assert.deepEqual(hs256(token({ exp: exp + 0.9 })), { tenant: 1, user: '', grants: [], untilSecond: exp })
  })

  test('is refused as expired when its time has not begun', () => {
    assert.equal(refusedBy(hs256, token({ sub: '1', nbf: nowSeconds() + 10 })), 'TOKEN_EXPIRED')
    assert.deepEqual(hs256(token({ sub: '1', nbf: nowSeconds() - 10 })), {
      tenant: 1,
      user: '1',
      grants: [],
      untilSecond: 0,
    })
  })

  test('is not called expired when its signature is wrong', () => {
    const forged = token({ sub: '1', exp: 1 }, 'HS256', hmac('another secret'))
    assert.equal(refusedBy(hs256, forged), 'TOKEN_INVALID')
  })
})

describe('token keys', () => {
  test('none means no verifier', () => {
    assert.equal(createTokenVerifier({ secret: '', publicKey: '' }, 1), null)
  })

  test('tell their algorithm', () => {
    assert.equal(algorithmOfKey(rsaPem), 'RS256')
    assert.equal(algorithmOfKey(ecPem), 'ES256')
  })

  test('of another kind are refused with what they are', () => {
    const ed = generateKeyPairSync('ed25519')
    const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
    assert.throws(() => algorithmOfKey(pem(ed.publicKey)), /ed25519, not RSA or P-256/)
    assert.throws(() => algorithmOfKey(pem(p384.publicKey)), /not RSA or P-256/)
    assert.throws(() => algorithmOfKey('no key at all'))
  })
})
