/**
 * Tests of src/transports/http-sessions.ts: which session a capsule goes on with, and when there is a new capsule.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createIdentification } from '../../../src/core/identification.ts'
import type { Session } from '../../../src/core/session.ts'
import { createCapsules } from '../../../src/protocol/capsule.ts'
import { createHttpSessions, type ResumedSession } from '../../../src/transports/http-sessions.ts'
import { localCore } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const TTL_MS = 60_000

function setUp(t: TestContext) {
  const core = localCore(t)
  const { hub, clock } = core
  const capsules = createCapsules(['a key of sixteen'], TTL_MS, () => clock.wallMs())
  const verifyToken = () => ({ failed: 'TOKEN_INVALID', message: 'None is good' }) as const
  const identification = createIdentification(
    { hub, clock, verifyToken, capsules, users: core.users, isAnonymousAllowed: true, tenant: 1 },
    { pingMs: 25_000 },
  )
  const sessions = createHttpSessions({ clock, hub, identification, capsules })
  const made: Session[] = []
  const make = (session: Session) => {
    session.connection = {}
    made.push(session)
  }
  const sealed = (session: string, user = '17') =>
    capsules.seal({ session, tenant: 1, user, grants: ['a*'], untilMs: 0 }) ?? assert.fail('too long')
  const resume = (text: string, fanOut = core.fanOut): ResumedSession => {
    const resumed = sessions.resume(text, fanOut, () => null, make)
    if ('failed' in resumed) return assert.fail(resumed.message)
    return resumed
  }
  return { core, sessions, identification, capsules, made, make, sealed, resume }
}

describe('http sessions', () => {
  test('http sessions make a session from a capsule that nobody here holds', (t) => {
    const { made, sealed, resume, capsules, core } = setUp(t)
    const { session, isNew, capsule } = resume(sealed('n9-4'))
    assert.deepEqual(made, [session])
    assert.equal(isNew, true)
    assert.deepEqual([session.user, session.grants, session.phase], ['17', ['a*'], 'connected'])
    assert.equal(core.hub.sessions.byId('n9-4'), session)
    const opened = capsules.open(capsule ?? '')
    assert.equal('session' in opened && opened.session, 'n9-4')
  })

  test('http sessions go on with the session that is here, by the old capsule and the new one', (t) => {
    const { sealed, resume, made } = setUp(t)
    const old = sealed('n9-4')
    const { session, capsule } = resume(old)
    for (const text of [old, capsule ?? '', old]) {
      assert.deepEqual(resume(text), { session, isNew: false, capsule: null })
    }
    assert.equal(made.length, 1)
  })

  test('http sessions give a new capsule when half the time of one is over, and one is enough', (t) => {
    const { core, sealed, resume } = setUp(t)
    const { session, capsule: first } = resume(sealed('n9-4'))
    core.clock.turn(TTL_MS / 2 - 1)
    assert.equal(resume(first ?? '').capsule, null)
    core.clock.turn(1)
    const renewed = resume(first ?? '')
    assert.equal(renewed.session, session)
    assert.ok(renewed.capsule !== null && renewed.capsule !== first)
    assert.equal(resume(renewed.capsule).capsule, null)
  })

  // The session's own second of sealing moves on with every capsule it is told, by a refresh say; taken for that of the
  // capsule in hand, it would let a client poll with the first one for ever.
  test('http sessions renew a capsule at half its own time, though the session was told another since', (t) => {
    const { core, identification, sealed, resume } = setUp(t)
    const { session, capsule: first } = resume(sealed('n9-4'))
    core.clock.turn(TTL_MS / 2 - 1)
    identification.seal(session)
    core.clock.turn(1)
    assert.notEqual(resume(first ?? '').capsule, null)
  })

  test('http sessions do not go on by a new capsule whose token is over already', (t) => {
    const { core, sessions, make, identification, sealed, resume } = setUp(t)
    const { session } = resume(sealed('n9-4'))
    session.untilSecond = Math.floor(core.clock.wallMs() / 1000)
    const capsule = identification.seal(session) ?? assert.fail('too long')
    sessions.know(session, capsule)
    const refused = sessions.resume(capsule, core.fanOut, () => null, make)
    assert.equal('failed' in refused && refused.failed, 'CAPSULE_EXPIRED')
  })

  test('http sessions refuse a capsule that has run out, though its session is here', (t) => {
    const { core, sessions, make, sealed, resume } = setUp(t)
    const { capsule } = resume(sealed('n9-4'))
    core.clock.turn(TTL_MS)
    const refused = sessions.resume(capsule ?? '', core.fanOut, () => null, make)
    assert.equal('failed' in refused && refused.failed, 'CAPSULE_EXPIRED')
  })

  test('http sessions refuse what is no capsule and make nothing of it', (t) => {
    const { core, sessions, make, made } = setUp(t)
    const refused = sessions.resume('none', core.fanOut, () => null, make)
    assert.equal('failed' in refused && refused.failed, 'CAPSULE_INVALID')
    assert.equal(made.length, 0)
  })

  test('http sessions make a new session in the place of one on another transport', (t) => {
    const { core, sealed, resume } = setUp(t)
    const text = sealed('n9-4')
    const { session } = resume(text)
    const other = recordingFanOut(core.hub)
    const moved = resume(text, other)
    assert.equal(moved.isNew, true)
    assert.notEqual(moved.session, session)
    assert.equal(core.hub.sessions.byId('n9-4'), moved.session)
    assert.deepEqual(
      core.fanOut.endings.map((ending) => [ending.session, ending.code]),
      [[session, 3012]],
    )
  })

  test('http sessions do not go on with the session of another user', (t) => {
    const { sealed, resume } = setUp(t)
    const { session } = resume(sealed('n9-4', '17'))
    const other = resume(sealed('n9-4', '18'))
    assert.notEqual(other.session, session)
    assert.equal(other.session.user, '18')
  })

  test('http sessions make a session anew when the one before was forgotten and is over', (t) => {
    const { core, sessions, sealed, resume } = setUp(t)
    const text = sealed('n9-4')
    const { session } = resume(text)
    sessions.forget(session)
    core.hub.close(session)
    const again = resume(text)
    assert.equal(again.isNew, true)
    assert.notEqual(again.session, session)
  })
})
