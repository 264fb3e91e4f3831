/**
 * Tests of capsule.ts: what was sealed comes back, and nothing else opens.
 */
import assert from 'node:assert/strict'
import { createHmac, hkdfSync } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  type CapsuleFailure,
  type CapsuleState,
  createCapsules,
  deriveCapsuleKey,
  MAX_CAPSULE_LENGTH,
  type OpenedCapsule,
} from '../../../src/protocol/capsule.ts'

const KEY = 'the first key of all, long enough'
const OTHER_KEY = 'another key that is long enough!!'
const TTL_MS = 600_000
const START_MS = 1_700_000_000_000
const STATE: CapsuleState = {
  session: 'k3-42',
  tenant: 1,
  user: '17',
  grants: ['news', 'raum.ä*'],
  untilMs: 0,
}

let nowMs = START_MS
const capsulesOf = (keys: readonly string[]) => createCapsules(keys, TTL_MS, () => nowMs)

/** Seals what fits. */
function sealed(state: CapsuleState = STATE, keys: readonly string[] = [KEY]): string {
  return capsulesOf(keys).seal(state) ?? assert.fail('the state does not fit')
}

/** How opening failed. */
function failureOf(outcome: OpenedCapsule | CapsuleFailure): CapsuleFailure {
  return 'failed' in outcome ? outcome : assert.fail(`opened: ${JSON.stringify(outcome)}`)
}

/** Signs a payload as whoever has the key would, by the drawing in the header of capsule.ts. */
function forge(payload: string | Buffer, version = '1'): string {
  const derive = (label: string, bytes: number) => Buffer.from(hkdfSync('sha256', KEY, '', label, bytes))
  const id = derive('encke capsule key id 1', 6).toString('base64url')
  const signed = `${version}.${id}.${Buffer.from(payload).toString('base64url')}`
  const mac = createHmac('sha256', derive('encke capsule signing key 1', 32))
    .update(signed)
    .digest('base64url')
  return `${signed}.${mac.slice(0, 22)}`
}

test.beforeEach(() => {
  nowMs = START_MS
})

describe('capsules', () => {
  test('capsule gives back the session that was sealed, and when', () => {
    assert.deepEqual(capsulesOf([KEY]).open(sealed()), { ...STATE, sealedMs: START_MS })
    const anonymous = { session: 'k3-43', tenant: 1, user: '', grants: [], untilMs: START_MS + 5 }
    assert.deepEqual(capsulesOf([KEY]).open(sealed(anonymous)), { ...anonymous, sealedMs: START_MS })
  })

  test('capsule keeps its tenant, and none says the first', () => {
    for (const tenant of [0, 7, 2_147_483_647]) {
      assert.deepEqual(capsulesOf([KEY]).open(sealed({ ...STATE, tenant })), {
        ...STATE,
        tenant,
        sealedMs: START_MS,
      })
    }
    assert.equal(
      sealed({ ...STATE, tenant: 7 }),
      forge(JSON.stringify(['k3-42', '17', ['news', 'raum.ä*'], 0, START_MS, 7])),
    )
  })

  test('capsule that was revoked is invalid, others are good', () => {
    const isRevoked = ({ tenant, sealedMs }: OpenedCapsule) => tenant === 7 && sealedMs === START_MS
    const capsules = createCapsules([KEY], TTL_MS, () => nowMs, isRevoked)
    assert.match(failureOf(capsules.open(sealed({ ...STATE, tenant: 7 }))).message, /revoked/)
    assert.ok('session' in capsules.open(sealed()))
  })

  test('capsule has the form that is drawn', () => {
    assert.match(sealed(), /^1\.[\w-]{8}\.[\w-]+\.[\w-]{22}$/)
    assert.equal(sealed(), forge(JSON.stringify(['k3-42', '17', ['news', 'raum.ä*'], 0, START_MS])))
  })

  test('capsule opens at another node that has the key', () => {
    assert.deepEqual(capsulesOf([KEY]).open(sealed()), capsulesOf([KEY]).open(sealed()))
    assert.ok('session' in capsulesOf([deriveCapsuleKey('s')]).open(sealed(STATE, [deriveCapsuleKey('s')])))
  })

  test('capsule of an old key opens as long as the key is listed, and the first key signs', () => {
    const old = sealed(STATE, [OTHER_KEY])
    const both = capsulesOf([KEY, OTHER_KEY])
    assert.ok('session' in both.open(old))
    assert.ok('session' in capsulesOf([KEY]).open(both.seal(STATE) ?? ''))
    assert.equal(failureOf(capsulesOf([KEY]).open(old)).failed, 'CAPSULE_INVALID')
  })

  test('capsule expires when it is as old as it may be', () => {
    const text = sealed()
    nowMs = START_MS + TTL_MS - 1
    assert.ok('session' in capsulesOf([KEY]).open(text))
    nowMs++
    assert.equal(failureOf(capsulesOf([KEY]).open(text)).failed, 'CAPSULE_EXPIRED')
  })

  test('capsule expires with its token', () => {
    const text = sealed({ ...STATE, untilMs: START_MS + 100 })
    nowMs = START_MS + 99
    assert.ok('session' in capsulesOf([KEY]).open(text))
    nowMs++
    assert.equal(failureOf(capsulesOf([KEY]).open(text)).failed, 'CAPSULE_EXPIRED')
  })

  test('capsule opens at a node whose clock is behind', () => {
    const text = sealed()
    nowMs = START_MS - 5_000
    assert.ok('session' in capsulesOf([KEY]).open(text))
  })

  test('capsule is to be replaced when half its time is over', () => {
    const capsules = capsulesOf([KEY])
    const opened = capsules.open(sealed())
    assert.ok('session' in opened)
    nowMs = START_MS + TTL_MS / 2 - 1
    assert.equal(capsules.needsRefresh(opened), false)
    nowMs++
    assert.equal(capsules.needsRefresh(opened), true)
  })

  test('capsule is not sealed when it would be too long to open', () => {
    const withGrants = (count: number) =>
      capsulesOf([KEY]).seal({ ...STATE, grants: Array(count).fill('x'.repeat(97)) })
    const longest = withGrants(121)
    assert.ok(longest !== null && longest.length <= MAX_CAPSULE_LENGTH)
    assert.ok('session' in capsulesOf([KEY]).open(longest))
    assert.equal(withGrants(123), null)
  })

  test('capsules need a key that is not empty', () => {
    assert.throws(() => capsulesOf([]), RangeError)
    assert.throws(() => capsulesOf([KEY, '']), RangeError)
  })

  test('key derived from a secret is neither the secret nor that of another', () => {
    assert.match(deriveCapsuleKey('secret'), /^[\w-]{43}$/)
    assert.equal(deriveCapsuleKey('secret'), deriveCapsuleKey('secret'))
    assert.notEqual(deriveCapsuleKey('secret'), deriveCapsuleKey('Secret'))
    const failure = failureOf(capsulesOf(['secret']).open(sealed(STATE, [deriveCapsuleKey('secret')])))
    assert.equal(failure.failed, 'CAPSULE_INVALID')
  })
})

describe('what is no capsule', () => {
  const parts = () => sealed().split('.')

  const texts: Readonly<Record<string, () => string>> = {
    'an empty text': () => '',
    dots: () => '...',
    'more dots': () => '.'.repeat(10_000),
    'a text without dots': () => 'capsule',
    'a token': () => 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNyJ9.dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    'a capsule of another version': () => forge(JSON.stringify(['k3-42', '17', [], 0, START_MS]), '2'),
    'a capsule without a version': () => sealed().slice(1),
    'a capsule of a key that is not known': () => ['1', 'AAAAAAAA', ...parts().slice(2)].join('.'),
    'a capsule without a signature': () => parts().slice(0, 3).join('.'),
    'a capsule with an empty signature': () => [...parts().slice(0, 3), ''].join('.'),
    'a capsule with half a signature': () => sealed().slice(0, -11),
    'a capsule with something behind it': () => `${sealed()}A`,
    'a capsule in spaces': () => ` ${sealed()} `,
    'a capsule padded': () => `${sealed()}==`,
    'a signature in other letters of the same low byte': () =>
      sealed().slice(0, -1) + String.fromCharCode(sealed().charCodeAt(sealed().length - 1) + 0x100),
    'a signature with a part more': () => `${parts().slice(0, 3).join('.')}.AAAA.${parts()[3]}`,
    'a megabyte of letters': () => 'A'.repeat(1_048_576),
    'a capsule with a megabyte behind it': () => sealed() + 'A'.repeat(1_048_576),
    'halves of surrogate pairs': () => `1.${'\ud800'.repeat(8)}.\udfff.\ud800`,
  }
  for (const [name, text] of Object.entries(texts)) {
    test(`capsules take ${name} for invalid`, () => {
      const failure = failureOf(capsulesOf([KEY]).open(text()))
      assert.equal(failure.failed, 'CAPSULE_INVALID')
      assert.ok(failure.message.length < 200, failure.message)
    })
  }

  const payloads: Readonly<Record<string, unknown>> = {
    null: null,
    'a text': 'k3-42',
    'an object': { session: 'k3-42', tenant: 1, user: '17', grants: [], untilMs: 0, sealedMs: START_MS },
    'too few parts': ['k3-42', '17', [], 0],
    'too many parts': ['k3-42', '17', [], 0, START_MS, 7, 0],
    'a tenant that is a text': ['k3-42', '17', [], 0, START_MS, '7'],
    'no session': ['', '17', [], 0, START_MS],
    'a session that is a number': [3, '17', [], 0, START_MS],
    'a user that is a number': ['k3-42', 17, [], 0, START_MS],
    'grants that are a text': ['k3-42', '17', 'news', 0, START_MS],
    'a grant that is a list': ['k3-42', '17', [['news']], 0, START_MS],
    'an end that is a text': ['k3-42', '17', [], '0', START_MS],
    'an end before 1970': ['k3-42', '17', [], -1, START_MS],
    'no time of sealing': ['k3-42', '17', [], 0, null],
  }
  for (const [name, payload] of Object.entries(payloads)) {
    test(`capsules take a good signature over ${name} for invalid`, () => {
      const failure = failureOf(capsulesOf([KEY]).open(forge(JSON.stringify(payload))))
      assert.deepEqual(failure, {
        failed: 'CAPSULE_INVALID',
        message: 'The capsule can not be trusted: it holds no session',
      })
    })
  }

  test('capsules take a good signature over what is no JSON for invalid', () => {
    for (const bytes of ['', '[', Buffer.from([0xff, 0xfe]), '['.repeat(12_000)]) {
      assert.equal(failureOf(capsulesOf([KEY]).open(forge(bytes))).failed, 'CAPSULE_INVALID')
    }
  })
})
