/**
 * Tests of connect with a login, and of what only users have: acknowledgements, their data, publications without an echo.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Session } from '../../../src/core/session.ts'
import type { Command, ConnectResult, Login } from '../../../src/protocol/messages.ts'
import { come, dataOn } from '../../support/core-users.ts'
import { codeOf, type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const UUID = 'a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4'

const login = (user: string, key: string, more: Partial<Login> = {}): Login => ({
  tenant: null,
  user,
  key,
  uuid: '',
  ...more,
})

/** A core on which users 7 of the tenants 1 and 5 have keys. */
async function setUp(t: TestContext, options: LocalCoreOptions = {}): Promise<LocalCore> {
  const core = localCore(t, { inboxSize: 10, ...options })
  await core.users.setKey(1, '7', 'one')
  await core.users.setKey(5, '7', 'five')
  return core
}

async function connect(core: LocalCore, credentials: Login | null, resume: string | null = null) {
  const session = core.hub.open(core.fanOut, '')
  session.connection = {}
  const command: Command = { kind: 'connect', token: '', resume, since: null, login: credentials }
  return { session, outcome: await core.commands.run(session, command) }
}

async function connected(core: LocalCore, credentials: Login | null, resume: string | null = null) {
  const { session, outcome } = await connect(core, credentials, resume)
  assert.ok('pingMs' in outcome, JSON.stringify(outcome))
  return { session, result: outcome as ConnectResult }
}

const run = async (core: LocalCore, session: Session, command: Command) =>
  codeOf(await core.commands.run(session, command))

describe('connect with a login', () => {
  test('is its user, on their own channel, and is told the key', async (t) => {
    const core = await setUp(t)
    const { session, result } = await connected(core, login('7', 'one'))
    assert.deepEqual(result.login, { authorized: true, key: 'one' })
    assert.deepEqual([result.user, session.user, session.tenant], ['7', '7', 1])
    assert.deepEqual(result.own, { channel: '@7', epoch: 'k3', offset: 0 })
  })

  test('is a user of the tenant it names, apart from all others', async (t) => {
    const core = await setUp(t)
    const one = await connected(core, login('7', 'one'))
    const five = await connected(core, login('7', 'five', { tenant: 5 }))
    assert.equal(five.result.own?.channel, '@7')
    for (const { session } of [one, five]) {
      await run(core, session, {
        kind: 'subscribe',
        channels: [{ channel: 'web_a', since: null }],
        isList: false,
      })
    }
    const publish = {
      kind: 'publish',
      channel: 'web_a',
      data: 'hello',
      event: '',
      key: '',
      echo: true,
    } as const
    assert.deepEqual(await run(core, one.session, publish), { epoch: 'k3', offset: 1 })
    await core.publish('@7', 'for one')
    await core.settle()
    assert.deepEqual(
      [dataOn(core, one.session, 'web_a'), dataOn(core, one.session, '@7')],
      [['hello'], ['for one']],
    )
    assert.deepEqual(core.fanOut.messages(five.session), [])
    assert.deepEqual(await run(core, five.session, { kind: 'users', ids: ['7', '8'] }), {
      online: ['7'],
      lastSeen: {},
    })
  })

  for (const [what, credentials] of [
    ['a wrong key', login('7', 'wrong')],
    ['another tenant’s key', login('7', 'five')],
    ['no key', login('7', '')],
    ['no user', login('', 'one')],
  ] as const) {
    test(`with ${what} is anonymous, and told so`, async (t) => {
      const core = await setUp(t)
      const { session, result } = await connected(core, credentials)
      assert.deepEqual(result.login, { authorized: false, key: '' })
      assert.deepEqual([result.user, session.user, result.own], ['', '', undefined])
    })
  }

  test('that is wrong is anonymous in the tenant it names', async (t) => {
    const core = await setUp(t)
    const { session } = await connected(core, login('7', 'wrong', { tenant: 5 }))
    assert.deepEqual([session.tenant, session.user], [5, ''])
  })

  // The login decided, and nobody said so: the token was not even looked at.
  test('and a token is refused, whichever of them is good', async (t) => {
    const core = await setUp(t)
    const session = core.hub.open(core.fanOut, '')
    const command = { kind: 'connect', token: 'any', resume: null, since: null } as const
    const outcome = await core.commands.run(session, { ...command, login: login('7', 'one') })
    assert.equal(codeOf(outcome), 'INVALID_ARGUMENT')
    assert.match('message' in outcome ? outcome.message : '', /"connect\.token".*"connect\.login"/)
    assert.equal(session.phase, 'opening')
  })

  test('that is wrong is refused where nobody may be anonymous', async (t) => {
    const core = await setUp(t, { isAnonymousAllowed: false })
    assert.equal(codeOf((await connect(core, login('7', 'wrong'))).outcome), 'LOGIN_INVALID')
    await connected(core, login('7', 'one'))
  })

  test('names the session by its browser, that of a lost connection again', async (t) => {
    const core = await setUp(t)
    const credentials = login('7', 'one', { uuid: UUID })
    const first = await connected(core, credentials, '')
    assert.match(first.result.session, new RegExp(`^${UUID}~`))
    core.lose(first.session)
    const again = await connected(core, credentials, first.result.capsule ?? '')
    assert.equal(again.result.session, first.result.session)
    const other = await connected(
      core,
      { ...credentials, tenant: 5, key: 'five' },
      first.result.capsule ?? '',
    )
    assert.notEqual(other.result.session, first.result.session, 'the user of another tenant is another')
    assert.equal((await connected(core, login('7', 'one'))).result.session.includes('~'), false)
  })

  test('is gone on with by the capsule alone, in its tenant', async (t) => {
    const core = await setUp(t)
    const { session, result } = await connected(core, login('7', 'five', { tenant: 5 }), '')
    core.lose(session)
    const { session: next, result: resumed } = await connected(core, null, result.capsule ?? '')
    assert.deepEqual([next.tenant, next.user, resumed.own?.channel], [5, '7', '@7'])
    assert.equal(resumed.login, undefined)
  })

  test('is no way back with a capsule once the key was taken back', async (t) => {
    const core = await setUp(t)
    const { result, session } = await connected(core, login('7', 'one'), '')
    await core.users.removeKey(1, '7')
    await core.settle()
    assert.equal(session.phase, 'ended')
    const back = await connected(core, null, result.capsule ?? '')
    assert.equal(back.session.user, '')
  })
})

describe('a guesser of keys', () => {
  const guess = { kind: 'connect', token: '', resume: null, since: null, login: login('7', 'guess') } as const

  test('has one try per connection where anonymous sessions are let in', async (t) => {
    const core = await setUp(t)
    const { session } = await connected(core, login('7', 'guess'))
    assert.equal(await run(core, session, guess), 'ALREADY_CONNECTED')
  })

  test('has a command’s rate of tries, and then no connection, where they are not', async (t) => {
    const core = await setUp(t, { isAnonymousAllowed: false, maxCommandsPerSecond: 5 })
    const session = core.hub.open(core.fanOut, '')
    session.connection = {}
    const outcomes = new Map<unknown, number>()
    for (let id = 1; session.endedBy === null; id++) {
      const outcome = core.commands.admit(session, id) ?? (await core.commands.run(session, guess))
      outcomes.set(codeOf(outcome), (outcomes.get(codeOf(outcome)) ?? 0) + 1)
    }
    assert.deepEqual(Object.fromEntries(outcomes), { LOGIN_INVALID: 5, COMMAND_RATE: 45 })
    assert.equal(session.endedBy, 'COMMAND_RATE')
  })
})

describe('publish without an echo', () => {
  const publish = (channel: string): Command => ({
    kind: 'publish',
    channel,
    data: 1,
    event: '',
    key: '',
    echo: false,
  })

  test('goes to everybody else, and says to how many', async (t) => {
    const core = localCore(t)
    const sessions = [core.connected(), core.connected(), core.connected()]
    for (const session of sessions) await core.subscribe(session, 'web_a')
    const [publisher, other] = sessions
    assert.ok(publisher && other)
    assert.deepEqual(await run(core, publisher, publish('web_a')), { epoch: 'k3', offset: 1, reached: 2 })
    await core.settle()
    assert.deepEqual(
      sessions.map((session) => core.fanOut.offsets(session, 'web_a')),
      [[], [1], [1]],
    )
    const stranger = core.connected()
    assert.deepEqual(await run(core, stranger, publish('web_a')), { epoch: 'k3', offset: 2, reached: 3 })
    assert.deepEqual(await run(core, stranger, publish('web_b')), { epoch: 'k3', offset: 1, reached: 0 })
    assert.equal(await run(core, stranger, publish('news')), 'ACCESS_DENIED')
  })

  // A command that was sent again because its reply was lost said that it had reached everybody once more.
  test('that is repeated with its key reaches nobody, and has the first place', async (t) => {
    const core = localCore(t)
    const [publisher, other] = [core.connected(), core.connected()]
    await core.subscribe(other, 'web_a')
    const keyed = { ...publish('web_a'), key: 'k' }
    const said = async () => run(core, publisher, keyed)
    assert.deepEqual(await said(), { epoch: 'k3', offset: 1, reached: 1 })
    await core.publish('web_a', 2)
    for (let times = 0; times < 2; times++) {
      assert.deepEqual(await said(), { epoch: 'k3', offset: 1, reached: 0 })
    }
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(other, 'web_a'), [1, 2])
  })
})

describe('acknowledgement', () => {
  test('takes what arrived out of the inbox of the session’s user', async (t) => {
    const core = localCore(t, { inboxSize: 10 })
    for (const value of [1, 2, 3]) await core.publish('@7', value)
    const session = await come(core, '7')
    const ack = (offset: number, epoch = 'k3') =>
      run(core, session, { kind: 'ack', position: { epoch, offset } })
    assert.deepEqual(await ack(2), {})
    assert.equal((await core.broker.inbox('@7', 9)).length, 1)
    assert.deepEqual(await ack(99, 'k2'), {})
    assert.equal((await core.broker.inbox('@7', 9)).length, 1)
    for (const offset of [2, 3, 3, 99]) assert.deepEqual(await ack(offset), {})
    assert.equal((await core.broker.inbox('@7', 9)).length, 0)
    assert.deepEqual(
      await run(core, core.connected(), { kind: 'ack', position: { epoch: 'k3', offset: 3 } }),
      {},
      'of one without a user it means nothing',
    )
  })
})

describe('data of a user', () => {
  test('is read by anyone of the tenant', async (t) => {
    const core = localCore(t)
    await core.users.setData(5, '7', '{"name":"Anna"}')
    const [here, there] = [core.connected(), core.connected()]
    there.tenant = 5
    const ask = (session: Session, user: string) => run(core, session, { kind: 'userData', user })
    assert.deepEqual(await ask(there, '7'), { user: '7', data: '{"name":"Anna"}' })
    assert.deepEqual(await ask(here, '7'), { user: '7', data: '' })
    for (const user of ['', 'x'.repeat(129), '5\u00017']) {
      assert.equal(await ask(here, user), 'INVALID_ARGUMENT', user)
    }
  })

  test('of who is online is another tenant’s secret, however they are asked for', async (t) => {
    const core = localCore(t)
    core.lose(await come(core, '7', null, 5))
    const ids = ['7', '5\u00017', '@7']
    assert.deepEqual(await core.broker.usersOnline(1, ids), { online: [], lastSeen: {} })
    assert.deepEqual(Object.keys((await core.broker.usersOnline(5, ids)).lastSeen), ['7'])
  })
})
