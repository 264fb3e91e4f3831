/**
 * Tests of src/core/identification.ts, through the commands connect and refresh and as the HTTP transports use it: who a
 * session becomes, what it resumes with a capsule, and its user's own channel.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codes } from '../../../src/codes.ts'
import type { Session } from '../../../src/core/session.ts'
import type { VerifyToken } from '../../../src/core/tokens.ts'
import type { ConnectCommand, ConnectResult } from '../../../src/protocol/messages.ts'
import { codeOf, type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const WALL_SECOND = 1_700_000_000
const CAPSULE_TTL_MS = 600_000

/** Tokens are a user, grants after a colon, and after a slash the seconds for which they are good. */
const verifyToken: VerifyToken = (token) => {
  if (token === 'bad') return { failed: 'TOKEN_INVALID', message: 'The token can not be trusted' }
  const [who = '', seconds = ''] = token.split('/')
  const [user = '', grants = ''] = who.split(':')
  return {
    tenant: 1,
    user,
    grants: grants === '' ? [] : grants.split(','),
    untilSecond: seconds === '' ? 0 : WALL_SECOND + Number(seconds),
  }
}
const tokens: LocalCoreOptions = { verifyToken, isAnonymousAllowed: false }

const connect = (fields: Partial<ConnectCommand> = {}): ConnectCommand => ({
  kind: 'connect',
  token: '',
  resume: null,
  since: null,
  login: null,
  ...fields,
})

function open(core: LocalCore): Session {
  const session = core.hub.open(core.fanOut, '')
  session.connection = {}
  return session
}

/** A session that connected, with what it was answered. */
async function arrive(core: LocalCore, fields: Partial<ConnectCommand>) {
  const session = open(core)
  const outcome = await core.commands.run(session, connect(fields))
  assert.ok('pingMs' in outcome, JSON.stringify(outcome))
  const result = outcome as ConnectResult
  return { session, result, capsule: result.capsule ?? '' }
}

const refused = async (core: LocalCore, fields: Partial<ConnectCommand>) =>
  codeOf(await core.commands.run(open(core), connect(fields)))

describe('connect', () => {
  test('connect makes a session anonymous where no tokens are known, whatever it shows', async (t) => {
    const core = localCore(t)
    const { session, result } = await arrive(core, { token: 'anything' })
    assert.deepEqual(result, { session: core.hub.sessions.idOf(session), user: '', pingMs: 25_000 })
    assert.equal(core.hub.counts().sessions, 1)
    assert.equal(core.hub.counts().subscriptions, 0)
  })

  test('connect comes once', async (t) => {
    const core = localCore(t, tokens)
    const { session } = await arrive(core, { token: '17' })
    assert.equal(codeOf(await core.commands.run(session, connect({ token: '18' }))), 'ALREADY_CONNECTED')
    assert.equal(session.user, '17')
  })

  test('connect refuses a missing token unless anonymous sessions are allowed', async (t) => {
    const strict = localCore(t, tokens)
    assert.equal(await refused(strict, {}), 'TOKEN_MISSING')
    assert.equal(strict.hub.counts().sessions, 0)
    const lenient = localCore(t, { ...tokens, isAnonymousAllowed: true })
    assert.equal((await arrive(lenient, {})).result.user, '')
  })

  test('connect passes on why a token was refused, and the session may try another', async (t) => {
    const core = localCore(t, tokens)
    const session = open(core)
    assert.equal(codeOf(await core.commands.run(session, connect({ token: 'bad' }))), 'TOKEN_INVALID')
    assert.equal(session.phase, 'opening')
    const outcome = await core.commands.run(session, connect({ token: '17' }))
    assert.equal(codeOf(outcome), outcome)
    assert.deepEqual([session.phase, session.user], ['connected', '17'])
  })

  test('connect leaves no session half connected when its user channel can not be opened', async (t) => {
    // It would be told that it failed, could not try again (ALREADY_CONNECTED) and never get a message to its user.
    const core = localCore(t, { ...tokens, maxChannels: 1 })
    await core.publish('full')
    assert.equal(await refused(core, { token: '17' }), 'NODE_CHANNEL_LIMIT')
    core.clock.turn(0)
    assert.deepEqual(
      core.fanOut.endings.map((one) => one.code),
      [codes.NODE_CHANNEL_LIMIT.close],
    )
  })
})

describe('connect with a capsule', () => {
  test('connect gives a capsule to who asks for one, and none to others', async (t) => {
    const core = localCore(t, tokens)
    assert.equal((await arrive(core, { token: '17' })).result.capsule, undefined)
    assert.notEqual((await arrive(core, { token: '17', resume: '' })).capsule, '')
  })

  test('connect goes on with the session of a capsule: id, user, grants and time of its token', async (t) => {
    const core = localCore(t, tokens)
    const first = await arrive(core, { token: '17:room-*/100', resume: '' })
    core.lose(first.session)
    const { session, result } = await arrive(core, { resume: first.capsule })
    assert.equal(result.session, first.result.session)
    assert.deepEqual(
      [session.user, session.grants, session.untilSecond],
      ['17', ['room-*'], WALL_SECOND + 100],
    )
    assert.equal(result.expiresInMs, 100_000)
    assert.notEqual(result.capsule, undefined)
    assert.equal(core.hub.sessions.byId(result.session), session)
  })

  test('connect ends the connection that the session had before', async (t) => {
    const core = localCore(t, tokens)
    const first = await arrive(core, { token: '17', resume: '' })
    const second = await arrive(core, { resume: first.capsule })
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[first.session, codes.SESSION_MOVED.close]],
    )
    assert.equal(second.session.phase, 'connected')
    assert.equal(core.hub.counts().sessions, 1)
  })

  test('connect takes the token where both are given, and another user’s session is not gone on with', async (t) => {
    const core = localCore(t, tokens)
    const first = await arrive(core, { token: '17:old', resume: '' })
    const same = await arrive(core, { token: '17:new', resume: first.capsule })
    assert.deepEqual([same.result.session, same.session.grants], [first.result.session, ['new']])
    const other = await arrive(core, { token: '18', resume: same.capsule })
    assert.notEqual(other.result.session, first.result.session)
    assert.equal(other.session.user, '18')
    assert.equal(same.session.phase, 'connected', 'nobody is put out by a stranger')
  })

  test('connect without a token refuses a capsule that is no good, as if there were none', async (t) => {
    const core = localCore(t, tokens)
    const { capsule } = await arrive(core, { token: '17', resume: '' })
    for (const resume of ['x', `${capsule}x`, capsule.slice(1)]) {
      assert.equal(await refused(core, { resume }), 'TOKEN_MISSING')
    }
    core.clock.turn(CAPSULE_TTL_MS + 1_000)
    assert.equal(await refused(core, { resume: capsule }), 'TOKEN_MISSING')
    assert.equal(core.hub.counts().sessions, 1)
  })

  // Who had been told to stay away came back with the capsule, without a token.
  test('connect takes a capsule that was revoked for none', async (t) => {
    const core = localCore(t, tokens)
    const { capsule, session } = await arrive(core, { token: '17', resume: '' })
    const id = core.hub.sessions.idOf(session)
    await core.broker.disconnect({ tenant: 1, user: '17' }, { code: 4501, reason: 'account closed' })
    await core.settle()
    assert.equal(await refused(core, { resume: capsule }), 'TOKEN_MISSING')
    core.clock.turn(1)
    const anew = await arrive(core, { token: '17', resume: capsule })
    assert.notEqual(anew.result.session, id)
    assert.equal(
      (await arrive(core, { resume: anew.result.capsule ?? '' })).result.session,
      anew.result.session,
    )
  })

  test('connect makes a new session from the token when the capsule is no good', async (t) => {
    const core = localCore(t, tokens)
    const { session, result } = await arrive(core, { token: '17', resume: 'no capsule' })
    assert.equal(session.user, '17')
    assert.notEqual(result.capsule, undefined)
  })

  test('connect refuses a capsule whose token has run out', async (t) => {
    const core = localCore(t, tokens)
    const { capsule, session } = await arrive(core, { token: '17/10', resume: '' })
    core.lose(session)
    core.clock.turn(20_000)
    assert.equal(await refused(core, { resume: capsule }), 'TOKEN_MISSING')
  })

  test('connect refuses a bad token whatever the capsule says', async (t) => {
    const core = localCore(t, tokens)
    const { capsule } = await arrive(core, { token: '17', resume: '' })
    assert.equal(await refused(core, { token: 'bad', resume: capsule }), 'TOKEN_INVALID')
  })

  test('connect resumes anonymous sessions where no tokens are known', async (t) => {
    const core = localCore(t)
    const first = await arrive(core, { resume: '' })
    core.lose(first.session)
    const second = await arrive(core, { resume: first.capsule })
    assert.equal(second.result.session, first.result.session)
    assert.deepEqual([second.session.user, second.result.own], ['', undefined])
  })
})

describe('the user’s own channel', () => {
  test('connect subscribes the user to it', async (t) => {
    const core = localCore(t, tokens)
    const { session } = await arrive(core, { token: '17' })
    await core.publish('@17', 'for you')
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map((one) => [one.channel, one.data]),
      [['@17', 'for you']],
    )
    assert.deepEqual((await core.broker.usersOnline(1, ['17', '18'])).online, ['17'])
  })

  test('connect answers with its position', async (t) => {
    const core = localCore(t, tokens)
    await core.publish('@17')
    const { result } = await arrive(core, { token: '17' })
    assert.deepEqual(result.own, { channel: '@17', epoch: 'k3', offset: 1 })
  })

  test('connect with a position gives what came meanwhile', async (t) => {
    const core = localCore(t, tokens)
    const first = await arrive(core, { token: '17', resume: '' })
    await core.publish('@17', 'one')
    await core.settle()
    core.lose(first.session)
    await core.publish('@17', 'two')
    const { session, result } = await arrive(core, {
      resume: first.capsule,
      since: { epoch: 'k3', offset: 1 },
    })
    assert.deepEqual(result.own?.recovered, true)
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ data }) => data),
      ['two'],
    )
  })

  test('connect says when it was left for too long', async (t) => {
    const core = localCore(t, { ...tokens, ringSize: 1 })
    const keeper = await arrive(core, { token: '17' })
    for (let i = 0; i < 5; i++) await core.publish('@17')
    await core.settle()
    const { result } = await arrive(core, { token: '17', since: { epoch: 'k3', offset: 1 } })
    assert.deepEqual(result.own?.gap, { from: 2, to: 4, reason: 'trimmed' })
    assert.equal(keeper.session.phase, 'connected')
  })
})

describe('refresh', () => {
  const refresh = async (core: LocalCore, session: Session, token: string) =>
    codeOf(await core.commands.run(session, { kind: 'refresh', token }))

  test('refresh gives a session more time and other grants', async (t) => {
    const core = localCore(t, tokens)
    const { session, result } = await arrive(core, { token: '17/10' })
    assert.equal(result.expiresInMs, 10_000)
    core.clock.turn(8_000)
    assert.deepEqual(await refresh(core, session, '17:room-1/30'), { expiresInMs: 22_000 })
    assert.deepEqual(session.grants, ['room-1'])
    core.clock.turn(20_000)
    assert.equal(session.phase, 'connected')
    core.clock.turn(10_000)
    assert.equal(session.endedBy, 'TOKEN_EXPIRED')
  })

  test('refresh tells no time for a token that does not run out', async (t) => {
    const core = localCore(t, tokens)
    const { session } = await arrive(core, { token: '17/10' })
    assert.deepEqual(await refresh(core, session, '17'), {})
    assert.equal(session.untilSecond, 0)
  })

  test('refresh is refused with a token of another user, and with a bad one, and changes nothing', async (t) => {
    const core = localCore(t, tokens)
    const { session } = await arrive(core, { token: '17:a/10' })
    assert.equal(await refresh(core, session, '18/99'), 'ACCESS_DENIED')
    assert.equal(await refresh(core, session, 'bad'), 'TOKEN_INVALID')
    assert.deepEqual([session.user, session.grants, session.untilSecond], ['17', ['a'], WALL_SECOND + 10])
  })

  test('refresh does nothing where no tokens are known', async (t) => {
    const core = localCore(t)
    assert.deepEqual(await refresh(core, core.connected(), 'anything'), {})
  })

  test('refresh gives a new capsule to a session that has one, as the old one ends with the old token', async (t) => {
    const core = localCore(t, tokens)
    const [plain, resumable] = [
      await arrive(core, { token: '17/10' }),
      await arrive(core, { token: '17/10', resume: '' }),
    ]
    for (const { session } of [plain, resumable]) await refresh(core, session, '17/100')
    assert.deepEqual(core.fanOut.told(plain.session), [])
    const [told = assert.fail(), ...more] = core.fanOut.told(resumable.session)
    assert.deepEqual(more, [])
    core.lose(resumable.session)
    core.clock.turn(50_000)
    assert.equal(await refused(core, { resume: resumable.capsule }), 'TOKEN_MISSING')
    const resume = 'capsule' in told ? told.capsule : ''
    assert.equal((await arrive(core, { resume })).result.session, resumable.result.session)
  })
})

describe('a session that comes with nothing but its capsule', () => {
  /** The capsule of a session that has gone, opened. */
  async function leftCapsule(core: LocalCore) {
    const { session, capsule, result } = await arrive(core, { token: '17:room-*/100', resume: '' })
    core.lose(session)
    const opened = core.capsules.open(capsule)
    assert.ok('user' in opened)
    return { id: result.session, opened }
  }

  test('resume makes it connected, under its id, and subscribes it to nothing', async (t) => {
    const core = localCore(t, tokens)
    const { id, opened } = await leftCapsule(core)
    const session = open(core)
    core.identification.resume(session, opened)
    assert.deepEqual([session.phase, session.user, session.grants], ['connected', '17', ['room-*']])
    assert.equal(core.hub.sessions.byId(id), session)
    assert.equal(core.hub.isSubscribed(session, '@17'), false)
  })

  test('subscribeOwn brings its user’s channel from a position, once', async (t) => {
    const core = localCore(t, tokens)
    const { opened } = await leftCapsule(core)
    const session = open(core)
    core.identification.resume(session, opened)
    await core.publish('@17', 'while away')
    const own = await core.identification.subscribeOwn(session, { epoch: 'k3', offset: 0 })
    assert.deepEqual(own, { epoch: 'k3', offset: 0, recovered: true })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, '@17'), [1])
    assert.equal(await core.identification.subscribeOwn(session, null), null)
  })

  test('subscribeOwn has nothing to do for nobody in particular', async (t) => {
    const core = localCore(t)
    assert.equal(await core.identification.subscribeOwn(core.connected(), null), null)
  })

  test('identify takes user and grants from the capsule, tokens or not: it may come from a login', async (t) => {
    const { opened } = await leftCapsule(localCore(t, tokens))
    const [known, unknown] = [localCore(t, tokens), localCore(t)]
    const users = [known, unknown].map((core) => {
      const session = core.connected()
      core.identification.identify(session, opened)
      return [session.user, session.grants]
    })
    assert.deepEqual(users, [
      ['17', ['room-*']],
      ['17', ['room-*']],
    ])
  })
})
