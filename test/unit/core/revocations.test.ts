/**
 * Tests of src/core/revocations.ts: whose capsules are no good, until when, and for how long that is known.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { DisconnectTarget } from '../../../src/core/broker.ts'
import { createRevocations, revocation } from '../../../src/core/revocations.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type LocalCore, localCore } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

const TTL_MS = 600_000
const USER: DisconnectTarget = { tenant: 1, user: '17' }
const SESSION: DisconnectTarget = { tenant: 1, session: 'n1-1' }

function setUp(store = recordingStore(), clock = new FakeClock()) {
  const revocations = createRevocations(store, clock, TTL_MS)
  const isRevoked = (sealedMs = clock.wallMs(), { tenant = 1, user = '17', session = 'n1-1' } = {}) =>
    revocations.isRevoked({ tenant, user, session, sealedMs })
  const rows = () => [...store.rows('revokedCapsules', null, '')]
  return { store, clock, revocations, isRevoked, rows }
}

const kept = () => new Promise(setImmediate)

describe('revocation', () => {
  test('is of what was sealed until then, not of what is sealed later', () => {
    const { clock, revocations, isRevoked } = setUp()
    const atMs = clock.wallMs()
    revocations.revoke(USER)
    assert.deepEqual([isRevoked(atMs - 1), isRevoked(atMs), isRevoked(atMs + 1)], [true, true, false])
  })

  test('of a user is of all sessions of that user, of that tenant', () => {
    const { revocations, isRevoked } = setUp()
    revocations.revoke(USER)
    assert.equal(isRevoked(0, { session: 'n9-9' }), true)
    assert.equal(isRevoked(0, { tenant: 7 }), false)
    for (const user of ['', '18', 'n1-1']) assert.equal(isRevoked(0, { user }), false)
  })

  test('of several users is of each of them, in one write', async () => {
    const { revocations, isRevoked, store } = setUp()
    revocations.revoke({ tenant: 1, users: new Set(['17', '18', 'x'.repeat(600)]) })
    for (const user of ['17', '18']) assert.equal(isRevoked(0, { user }), true)
    assert.deepEqual([isRevoked(0, { user: '19' }), isRevoked(0, { tenant: 7 })], [false, false])
    await kept()
    assert.deepEqual(
      store.writes.map(({ length }) => length),
      [2],
    )
  })

  test('of a session is of that one, whoever’s it is, of that tenant', () => {
    const { revocations, isRevoked } = setUp()
    revocations.revoke(SESSION)
    for (const user of ['', '17', '18']) assert.equal(isRevoked(0, { user }), true)
    assert.equal(isRevoked(0, { session: 'n1-2' }), false)
    assert.equal(isRevoked(0, { tenant: 7 }), false)
  })

  test('of a name that is longer than any is of nobody, and nothing is kept of it', async () => {
    const { revocations, store } = setUp()
    revocations.revoke({ tenant: 1, user: 'x'.repeat(600) })
    await kept()
    assert.deepEqual(store.writes, [])
  })

  test('that the store can not keep holds all the same, until the next start', async () => {
    const { revocations, isRevoked, store, clock } = setUp()
    store.fail()
    revocations.revoke(USER)
    await kept()
    assert.equal(isRevoked(), true)
    assert.equal(setUp(store, clock).isRevoked(), false)
  })
})

describe('revocation after a restart', () => {
  test('holds as before, for users and sessions', async () => {
    for (const whose of [USER, SESSION]) {
      const { store, clock, revocations } = setUp()
      const atMs = clock.wallMs()
      revocations.revoke(whose)
      await kept()
      clock.turn(1_000)
      const { isRevoked } = setUp(store, clock)
      assert.deepEqual([isRevoked(atMs), isRevoked(atMs + 1)], [true, false])
    }
  })

  test('is gone when it is older than any capsule, from the store as well', async () => {
    const { store, clock, revocations, isRevoked, rows } = setUp()
    revocations.revoke(USER)
    await kept()
    clock.turn(TTL_MS - 1)
    setUp(store, clock)
    await kept()
    assert.equal(rows().length, 1)
    clock.turn(1)
    setUp(store, clock)
    await kept()
    assert.deepEqual(rows(), [])
    assert.equal(isRevoked(), false, 'the earlier node still knows of it, and it is of no capsule that opens')
  })

  test('goes in the order of time, not of names', async () => {
    const { store, clock } = setUp()
    const startMs = clock.wallMs()
    for (const [user, atMs] of [
      ['a', startMs + 10],
      ['b', startMs],
      ['c', startMs + 20],
    ] as const) {
      await store.write([revocation({ tenant: 1, user }, atMs)])
    }
    clock.turn(TTL_MS + 10)
    const { rows } = setUp(store, clock)
    await kept()
    assert.deepEqual(
      rows().map(({ key }) => key),
      ['uc'],
    )
  })
})

test('revocations that are old go with the next ones, so that there are only so many', async () => {
  const { clock, revocations, rows } = setUp()
  for (let round = 0; round < 3; round++) {
    for (let user = 0; user < 50; user++) revocations.revoke({ tenant: 1, user: `${round}.${user}` })
    await kept()
    clock.turn(TTL_MS)
  }
  assert.equal(rows().length, 50)
})

test('revocations are 100,000 at the most, and the oldest goes first', () => {
  const store = createMemoryStore()
  const revocations = createRevocations(store, new FakeClock(), TTL_MS)
  const isRevoked = (user: string) => revocations.isRevoked({ tenant: 1, user, session: 'n1-1', sealedMs: 0 })
  for (let user = 0; user <= 100_000; user++) revocations.revoke({ tenant: 1, user: `${user}` })
  assert.deepEqual(['0', '1', '100000'].map(isRevoked), [false, true, true])
  assert.equal([...store.rows('revokedCapsules', null, '')].length, 100_000)
})

describe('login that was taken back', () => {
  // The revocation was in memory alone: after a restart the capsule let its holder in as the user again.
  const takenBack: Readonly<Record<string, (core: LocalCore) => Promise<unknown>>> = {
    'by its key': (core) => core.users.removeKey(1, '17'),
    'by a disconnect that says stay away': (core) =>
      core.broker.disconnect(USER, { code: 4501, reason: 'account closed' }),
  }
  for (const [how, takeBack] of Object.entries(takenBack)) {
    test(`${how} stays so when the node starts again, capsules included`, async (t: TestContext) => {
      const [store, clock] = [createMemoryStore(), new FakeClock()]
      const first = localCore(t, { store, clock })
      const seal = (user: string, session: string) =>
        first.capsules.seal({ session, tenant: 1, user, grants: [], untilMs: 0 }) ?? ''
      const [capsule, others] = [seal('17', 'n9-1'), seal('18', 'n9-2')]
      await takeBack(first)
      await first.settle()
      clock.turn(1_000)
      const next = localCore(t, { store, clock, epoch: 'k4' })
      assert.deepEqual(
        [capsule, others].map((text) => 'failed' in next.capsules.open(text)),
        [true, false],
      )
    })
  }
})
