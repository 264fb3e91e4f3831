/**
 * Tests of joins and leaves that are published on the channel itself: who is told, who is not, and in what words.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { announcement } from '../../../src/core/announcement.ts'
import type { Session } from '../../../src/core/session.ts'
import { publications } from '../../support/core-users.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

const TRACK = 'track_7'
const LINGER_MS = 5_000
const options: LocalCoreOptions = { sessionLingerMs: LINGER_MS }

/** A session of a user in a browser; one that can be resumed where it says so. */
function person(core: LocalCore, user: string, uuid: string, isResumable = false): Session {
  const session = core.connected()
  session.identify({ tenant: 1, user, grants: [], untilSecond: 0 })
  const id = `${uuid}~${core.hub.sessions.idOf(session)}`
  if (isResumable) core.hub.sessions.adopt(session, id)
  else session.id = id
  return session
}

/** What a session was told of others: `+7 uuid` came, `-7 uuid` left. */
function told(core: LocalCore, session: Session): string[] {
  return publications(core, session).map(({ event, data }) => {
    const { user_id: user, uuid } = data as { user_id: unknown; uuid: string }
    return `${event === 'subscription' ? '+' : '-'}${user} ${uuid}`
  })
}

async function joined(core: LocalCore, ...sessions: readonly Session[]): Promise<void> {
  for (const session of sessions) await core.subscribe(session, TRACK)
  await core.settle()
}

describe('announcement', () => {
  const data = (user: string, session: string) =>
    announcement(TRACK, 'subscription', { user, session }).data.json().toString()

  test('announcement names the user by number where the id is one, and the browser', () => {
    assert.equal(data('7', 'abc~n1-5'), '{"user_id":7,"uuid":"abc"}')
    assert.equal(data('', 'abc~n1-5'), '{"user_id":0,"uuid":"abc"}')
    assert.equal(data('anna', 'n1-5'), '{"user_id":"anna","uuid":"n1-5"}')
    assert.equal(data('12345678901234567890', 'n1-5'), '{"user_id":"12345678901234567890","uuid":"n1-5"}')
  })
})

describe('channel that announces', () => {
  test('channel tells of a join to those who were there, not to who joins', async (t) => {
    const core = localCore(t, options)
    const [anna, ben, cleo] = [person(core, '1', 'a'), person(core, '2', 'b'), person(core, '3', 'c')]
    await joined(core, anna, ben, cleo)
    assert.deepEqual([told(core, anna), told(core, ben), told(core, cleo)], [['+2 b', '+3 c'], ['+3 c'], []])
  })

  test('channel has given the position behind the join of who joins: nothing is missing for them', async (t) => {
    const core = localCore(t, options)
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b')]
    assert.deepEqual(await core.subscribe(anna, TRACK), { epoch: 'k3', offset: 1 })
    assert.deepEqual(await core.subscribe(ben, TRACK), { epoch: 'k3', offset: 2 })
    await core.settle()
    await core.publish(TRACK, { user_id: 0, uuid: '' })
    await core.settle()
    assert.deepEqual([core.fanOut.offsets(anna, TRACK), core.fanOut.offsets(ben, TRACK)], [[2, 3], [3]])
  })

  test('channel tells of many who join in one turn to each of the others', async (t) => {
    const core = localCore(t, options)
    const people = ['1', '2', '3', '4'].map((user) => person(core, user, `u${user}`))
    await Promise.all(people.map((one) => core.subscribe(one, TRACK)))
    await core.settle()
    assert.deepEqual(
      people.map((one) => told(core, one)),
      [['+2 u2', '+3 u3', '+4 u4'], ['+3 u3', '+4 u4'], ['+4 u4'], []],
    )
  })

  test('channel tells of who unsubscribes and who comes again', async (t) => {
    const core = localCore(t, options)
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b')]
    await joined(core, anna, ben)
    core.hub.unsubscribe(ben, TRACK)
    await joined(core, ben)
    assert.deepEqual(told(core, anna), ['+2 b', '-2 b', '+2 b'])
    assert.deepEqual(told(core, ben), [])
  })

  test('channel tells of who is gone at once where nobody can come back as them', async (t) => {
    const core = localCore(t, options)
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b')]
    await joined(core, anna, ben)
    core.lose(ben)
    await core.settle()
    assert.deepEqual(told(core, anna), ['+2 b', '-2 b'])
  })

  test('channel tells nothing of who is away for a moment, and of who stays away when that is over', async (t) => {
    const core = localCore(t, options)
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b', true)]
    await joined(core, anna, ben)
    const id = core.hub.sessions.idOf(ben)
    core.lose(ben)
    core.clock.turn(LINGER_MS - 1_000)
    const back = core.connected()
    back.identify({ tenant: 1, user: '2', grants: [], untilSecond: 0 })
    core.hub.sessions.adopt(back, id)
    await joined(core, back)
    assert.deepEqual(told(core, anna), ['+2 b'])
    core.lose(back)
    core.clock.turn(LINGER_MS + 200)
    await core.settle()
    assert.deepEqual(told(core, anna), ['+2 b', '-2 b'])
  })

  test('channel does not tell who comes back with a position of their own join', async (t) => {
    const core = localCore(t, options)
    const anna = person(core, '1', 'a')
    await joined(core, anna)
    const ben = person(core, '2', 'b')
    await core.subscribe(ben, TRACK, { epoch: 'k3', offset: 1 })
    await core.settle()
    assert.deepEqual([told(core, anna), told(core, ben)], [['+2 b'], []])
  })

  test('channel is its tenant’s', async (t) => {
    const core = localCore(t, options)
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b')]
    ben.tenant = 5
    await joined(core, anna)
    await core.subscribe(ben, `5\u0001${TRACK}`)
    await core.settle()
    assert.deepEqual([told(core, anna), told(core, ben)], [[], []])
  })

  test('channel lists who is there by browser, for its presence', async (t) => {
    const core = localCore(t, options)
    await joined(core, person(core, '1', 'a'), person(core, '', 'b'))
    const { count, clients } = await core.broker.presence(TRACK, 10)
    assert.equal(count, 2)
    assert.deepEqual(
      clients?.map(({ session, user }) => [session.split('~')[0], user]),
      [
        ['a', '1'],
        ['b', ''],
      ],
    )
  })

  test('channel whose history is on disk keeps who joins from their own join as well', async (t) => {
    const core = localCore(t, {
      ...options,
      rules: [{ match: 'track_*', announce: true, historySize: 9, durable: true }],
      store: recordingStore(),
    })
    const [anna, ben] = [person(core, '1', 'a'), person(core, '2', 'b')]
    await joined(core, anna)
    await joined(core, ben)
    core.lose(ben)
    await core.settle()
    assert.deepEqual([told(core, anna), told(core, ben)], [['+2 b', '-2 b'], []])
  })

  test('channel that only lists its members publishes nothing', async (t) => {
    const core = localCore(t, { rules: [{ match: 'room', presence: 'list' }] })
    const [one, other] = [core.connected(), core.connected()]
    for (const session of [one, other]) await core.subscribe(session, 'room')
    core.clock.turn(200)
    await core.settle()
    assert.equal((await core.broker.channel('room')).position.offset, 0)
  })
})

describe('session with the name of its browser', () => {
  test('session is found and ended by its id', async (t) => {
    const core = localCore(t, options)
    const [plain, resumable] = [person(core, '1', 'a~b'), person(core, '2', 'c', true)]
    for (const session of [plain, resumable]) {
      const goodbye = { code: 4001, reason: 'bye' }
      assert.equal(
        core.hub.disconnect({ tenant: 1, session: `x${core.hub.sessions.idOf(session)}` }, goodbye),
        0,
      )
      assert.equal(core.hub.disconnect({ tenant: 1, session: core.hub.sessions.idOf(session) }, goodbye), 1)
    }
    await core.settle()
    assert.deepEqual([plain.phase, resumable.phase], ['ended', 'ended'])
  })
})
