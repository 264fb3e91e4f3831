/**
 * Tests of src/core/hub-users.ts: users whose coming and going the broker can not deal with. What it does when it can is
 * tested in user-arrivals.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Broker } from '../../../src/core/broker.ts'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { createHubUsers } from '../../../src/core/hub-users.ts'
import { Session } from '../../../src/core/session.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { hubRule } from '../../support/core-parts.ts'
import { come } from '../../support/core-users.ts'
import { localCore } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'
import { unreadableStore } from '../../support/unreadable-store.ts'

/** The own channel of a user with one session, at a broker that does what a test says. */
function setUp(broker: Partial<Broker>) {
  const unread: number[] = []
  const users = createHubUsers(broker as Broker, {
    tellUnread: (_session, _channel, count) => void unread.push(count),
  })
  const session = new Session(1, recordingFanOut({ ready: () => true }), '')
  session.identify({ tenant: 1, user: '7', grants: [], untilSecond: 0 })
  const channel = new HubChannel('@7', hubRule())
  channel.count = 1
  return { users, session, channel, unread }
}

test('a session stays though nobody can tell what waited for its user', async () => {
  // Nobody waited for the answer of the broker: that it had none ended the process.
  const { users, session, channel, unread } = setUp({
    userCame: () => Promise.reject(new Error('The disk can not be read')),
  })
  users.joined(session, channel, null)
  await nextTurn()
  assert.deepEqual(unread, [])
})

test('a session is told what went unread, once, with the first of its user', async () => {
  const { users, session, channel, unread } = setUp({ userCame: async () => 3 })
  users.joined(session, channel, null)
  channel.count = 2
  users.joined(session, channel, null)
  users.joined(session, new HubChannel('news', hubRule()), null)
  await nextTurn()
  await nextTurn()
  assert.deepEqual(unread, [3])
})

test('a session whose end meets an unreadable store is gone all the same', async (t) => {
  // Whether anybody watches the user is asked of the store: that it threw left half a session behind.
  const unreadable = unreadableStore(createMemoryStore())
  const core = localCore(t, { store: unreadable.store })
  const session = await come(core, '7')
  unreadable.isBroken = true
  core.hub.close(session)
  unreadable.isBroken = false
  assert.deepEqual([core.hub.counts().connections, core.hub.subscribers('@7')], [0, 0])
})
