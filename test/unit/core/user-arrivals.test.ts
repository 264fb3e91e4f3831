/**
 * Tests of src/core/user-arrivals.ts in the core it belongs to: users who come to what waited for them, say that it
 * arrived, or do not, and those who watch them come and go.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { Payload } from '../../../src/protocol/payload.ts'
import { come, dataOn, publications } from '../../support/core-users.ts'
import { type LocalCore, type LocalCoreOptions, localCore, request } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

const ABSENT = { epoch: 'k3', offset: 0 }

function inboxCore(t: TestContext, options: LocalCoreOptions = {}) {
  const { store = recordingStore() } = options
  const core = localCore(t, { inboxSize: 100, ...options, store })
  return Object.assign(core, {
    store,
    waiting: async (channel = '@7') =>
      (await core.broker.inbox(channel, 100)).map(({ data }) => data.value()),
    /** Publishes and waits until it is kept. */
    async send(...values: readonly unknown[]) {
      const positions = []
      for (const value of values) positions.push(await core.publish('@7', value))
      await core.settle()
      return positions
    },
  })
}

const at = (offset: number, epoch = 'k3') => ({ epoch, offset })

describe('messages to an absent user', () => {
  test('wait, and come when the user does, in order, each with its id and time', async (t) => {
    const core = inboxCore(t)
    assert.deepEqual(await core.send('a', 'b'), [ABSENT, ABSENT])
    const sentMs = core.clock.wallMs()
    core.clock.turn(5_000)
    const session = await come(core, '7')
    assert.deepEqual(publications(core, session), [
      { channel: '@7', offset: 1, id: 'k3-1', time: sentMs, data: 'a' },
      { channel: '@7', offset: 2, id: 'k3-2', time: sentMs, data: 'b' },
    ])
    assert.deepEqual(await core.send('c'), [at(3)])
    assert.deepEqual(publications(core, session).at(-1), { channel: '@7', offset: 3, data: 'c' })
  })

  test('keep their event, their author and their kind', async (t) => {
    const core = inboxCore(t)
    const text = { ...request('@7', '', 'pm', '9'), data: Payload.fromText('{no json') }
    await core.broker.publish([text, request('@7', { a: [1] })], 'client')
    await core.settle()
    const [kept] = await core.broker.inbox('@7', 1)
    assert.deepEqual([kept?.id, kept?.event, kept?.user, kept?.data.isText], ['k3-1', 'pm', '9', true])
    const session = await come(core, '7')
    const [first, second] = publications(core, session)
    assert.deepEqual([first?.event, first?.user, first?.data], ['pm', '9', '{no json'])
    assert.deepEqual(second?.data, { a: [1] })
  })

  test('are another tenant’s user’s own', async (t) => {
    const core = inboxCore(t)
    await core.send('first')
    await core.publish('5\u0001@7', 'fifth')
    const session = await come(core, '7', null, 5)
    assert.deepEqual(publications(core, session), [
      { channel: '@7', offset: 1, id: 'k3-2', time: core.clock.wallMs(), data: 'fifth' },
    ])
    assert.deepEqual(await core.waiting(), ['first'])
  })

  test('are refused when they can not be kept', async (t) => {
    const store = recordingStore()
    const core = inboxCore(t, { store })
    store.fail()
    await assert.rejects(core.send('a'), /disk is full/)
    await core.send('b')
    assert.deepEqual(await core.waiting(), ['b'])
  })

  test('that are published while they come keep their order', async (t) => {
    // One that was published to a present user passed another that was still being written.
    const store = recordingStore()
    const core = inboxCore(t, { store })
    const letGo = store.hold()
    const first = core.publish('@7', 'a')
    const session = await come(core, '7')
    const second = core.publish('@7', 'b')
    await core.settle()
    assert.deepEqual(dataOn(core, session, '@7'), [])
    letGo()
    assert.deepEqual(await Promise.all([first, second]), [ABSENT, ABSENT])
    await core.send('c')
    assert.deepEqual(dataOn(core, session, '@7'), ['a', 'b', 'c'])
  })

  test('are published with the same key once', async (t) => {
    const core = inboxCore(t)
    const keyed = request('@7', 'a', '', '', 'key')
    const outcomes = await core.broker.publish([keyed, keyed], 'http')
    assert.deepEqual(outcomes, [ABSENT, ABSENT])
    assert.deepEqual(await core.broker.publish([keyed], 'http'), [ABSENT])
    assert.deepEqual(await core.waiting(), ['a'])
  })

  test('can be cleared', async (t) => {
    const core = inboxCore(t)
    await core.send('a', 'b')
    await core.broker.clearInbox('@7')
    assert.deepEqual(await core.waiting(), [])
    const session = await come(core, '7')
    assert.deepEqual(core.fanOut.messages(session), [])
  })
})

describe('messages that were not acknowledged', () => {
  test('come again on every return, with the same id and another offset', async (t) => {
    const core = inboxCore(t)
    await core.send('a')
    const seen: unknown[] = []
    for (let visit = 1; visit <= 3; visit++) {
      const session = await come(core, '7')
      seen.push(...publications(core, session).map(({ id, offset }) => [id, offset]))
      core.lose(session)
    }
    assert.deepEqual(seen, [
      ['k3-1', 1],
      ['k3-1', 2],
      ['k3-1', 3],
    ])
  })

  test('come no more once a session said that they arrived', async (t) => {
    const core = inboxCore(t)
    await core.send('a', 'b', 'c')
    const session = await come(core, '7')
    await core.hub.acknowledge(session, at(2))
    await core.hub.acknowledge(session, at(2))
    assert.deepEqual(await core.waiting(), ['c'])
    core.lose(session)
    assert.deepEqual(dataOn(core, await come(core, '7'), '@7'), ['c'])
  })

  test('come no more once a session comes back with a position that covers them', async (t) => {
    const core = inboxCore(t)
    await core.send('a', 'b')
    core.lose(await come(core, '7'))
    await core.send('c')
    const session = await come(core, '7', at(1))
    assert.deepEqual(dataOn(core, session, '@7'), ['b', 'c'])
    assert.deepEqual(core.fanOut.offsets(session, '@7'), [2, 3], 'b from what was published before')
    core.lose(session)
    assert.deepEqual(dataOn(core, await come(core, '7', at(3)), '@7'), [])
    assert.deepEqual(await core.waiting(), [])
  })

  test('come to one of another epoch again, none of them covered', async (t) => {
    const core = inboxCore(t)
    await core.send('a', 'b')
    core.lose(await come(core, '7'))
    const session = await come(core, '7', at(2, 'k2'))
    assert.deepEqual(dataOn(core, session, '@7'), ['a', 'b', 'a', 'b'], 'what is held, and what waits')
    const ids = publications(core, session).map(({ id }) => id)
    assert.deepEqual([ids[0], ids[1]], [ids[2], ids[3]])
  })

  test('come in their order though some of them are not held any more', async (t) => {
    // What was held came first, what waited behind it; an acknowledgement of the first took both away.
    const core = inboxCore(t, { ringSize: 1, channelLingerMs: 60_000 })
    await core.send('a', 'b')
    core.lose(await come(core, '7'))
    const session = await come(core, '7', at(0))
    const got = publications(core, session)
    assert.deepEqual(
      got.slice(-2).map(({ data }) => data),
      ['a', 'b'],
    )
    await core.hub.acknowledge(session, at(got.at(-2)?.offset ?? 0))
    assert.deepEqual(await core.waiting(), ['b'])
  })

  test('are no business of a later session while the first is there', async (t) => {
    const core = inboxCore(t)
    await core.send('a')
    const [first, second] = [await come(core, '7'), await come(core, '7')]
    assert.deepEqual([dataOn(core, first, '@7'), dataOn(core, second, '@7')], [['a'], []])
    core.lose(first)
    await core.send('b')
    assert.deepEqual(dataOn(core, second, '@7'), ['b'], 'the user is still there')
    await core.hub.acknowledge(second, at(1))
    assert.deepEqual(await core.waiting(), [], 'and may say what arrived at the other')
  })

  test('are acknowledged by those alone whose they are', async (t) => {
    const core = inboxCore(t)
    await core.send('a')
    const session = await come(core, '7')
    await core.hub.acknowledge(await come(core, '8'), at(9))
    await core.hub.acknowledge(core.connected(), at(9))
    await core.hub.acknowledge(session, at(9, 'k2'))
    assert.deepEqual(await core.waiting(), ['a'])
  })

  test('do not go for a late word about those before them', async (t) => {
    const core = inboxCore(t)
    await core.send('a')
    const session = await come(core, '7')
    await core.hub.acknowledge(session, at(1))
    core.lose(session)
    await core.send('b')
    const again = await come(core, '7')
    await core.hub.acknowledge(again, at(1))
    assert.deepEqual([dataOn(core, again, '@7'), await core.waiting()], [['b'], ['b']])
  })

  test('wait while the connection of their user is broken for a moment, and come once it is back', async (t) => {
    const core = inboxCore(t, { channelLingerMs: 5_000 })
    const session = await come(core, '7')
    await core.send('a')
    core.lose(session)
    await core.send('b', 'c')
    core.clock.turn(1_000)
    const back = await come(core, '7', at(1))
    assert.deepEqual(dataOn(core, back, '@7'), ['b', 'c'])
    assert.deepEqual(core.fanOut.gaps(back, '@7'), [])
  })

  test('come after a restart with the same ids, under another epoch', async (t) => {
    const core = inboxCore(t)
    await core.send('a', 'b')
    const before = await come(core, '7')
    await core.hub.acknowledge(before, at(1))
    const ids = publications(core, before).map(({ id }) => id)
    const next = localCore(t, { store: core.store, epoch: 'k4', inboxSize: 100, clock: core.clock })
    await next.publish('@7', 'c')
    const session = await come(next, '7', at(2))
    const got = publications(next, session)
    assert.deepEqual(
      got.map(({ id, data, offset }) => [id, data, offset]),
      [
        [ids[1], 'b', 1],
        ['k4-1', 'c', 2],
      ],
    )
  })
})

describe('messages that nobody read', () => {
  test('are told with their number when the user comes, once, behind the answer', async (t) => {
    const core = inboxCore(t, { inboxSize: 2 })
    await core.send(1, 2, 3, 4, 5)
    const session = await come(core, '7')
    assert.deepEqual(core.fanOut.gaps(session, '@7'), [{ from: 3, to: 2, reason: 'expired', count: 3 }])
    assert.deepEqual(dataOn(core, session, '@7'), [4, 5])
    core.lose(session)
    assert.deepEqual(core.fanOut.gaps(await come(core, '7'), '@7'), [])
  })

  test('are told though the sweep has not come by yet', async (t) => {
    const core = inboxCore(t, { inboxTtlMs: 10_000 })
    await core.send(1)
    core.clock.turn(9_900)
    await core.send(2)
    core.clock.turn(200)
    const session = await come(core, '7')
    assert.deepEqual(
      core.fanOut.gaps(session, '@7').map(({ count }) => count),
      [1],
    )
    assert.deepEqual(dataOn(core, session, '@7'), [2])
  })
})

describe('status of a user', () => {
  const watch = async (core: LocalCore, channel = 'user_status_7') => {
    const watcher = core.connected()
    await core.subscribe(watcher, channel)
    return watcher
  }
  const statuses = (core: LocalCore, watcher: Awaited<ReturnType<typeof watch>>) =>
    publications(core, watcher).map(({ event, data }) => [event, data])
  const online = ['online', 'online']
  const offline = ['offline', 'offline']

  test('status is told with the first session and the last', async (t) => {
    const core = localCore(t)
    const watcher = await watch(core)
    const sessions = [await come(core, '7'), await come(core, '7'), await come(core, '8')]
    await core.settle()
    assert.deepEqual(statuses(core, watcher), [online])
    for (const session of sessions) core.lose(session)
    await core.settle()
    assert.deepEqual(statuses(core, watcher), [online, offline])
    core.lose(await come(core, '7'))
    await core.settle()
    assert.equal(statuses(core, watcher).length, 4)
  })

  test('status is told to those of the same tenant', async (t) => {
    const core = localCore(t)
    const [first, fifth] = [await watch(core), await watch(core, '5\u0001user_status_7')]
    await come(core, '7', null, 5)
    await core.settle()
    assert.deepEqual([statuses(core, first), statuses(core, fifth)], [[], [online]])
    assert.equal(publications(core, fifth)[0]?.channel, 'user_status_7')
  })

  test('status is told as configured', async (t) => {
    for (const [userOnlineEvents, userOfflineEvents] of [
      [true, false],
      [false, true],
      [false, false],
    ] as const) {
      const core = localCore(t, { userOnlineEvents, userOfflineEvents })
      const watcher = await watch(core)
      core.lose(await come(core, '7'))
      await core.settle()
      const expected = [...(userOnlineEvents ? [online] : []), ...(userOfflineEvents ? [offline] : [])]
      assert.deepEqual(statuses(core, watcher), expected)
    }
  })

  test('status that nobody watches opens no channel', async (t) => {
    const core = localCore(t, { channelLingerMs: 0 })
    core.lose(await come(core, '7'))
    await core.settle()
    assert.equal(core.hub.counts().channels, 0)
    assert.equal(core.broker.channelCount(), 0)
  })

  test('status is kept where the rule of its channel says so, though nobody watches', async (t) => {
    const core = localCore(t, { rules: [{ match: 'user_status_*', historySize: 5 }] })
    core.lose(await come(core, '7'))
    const page = await core.broker.history('user_status_7', { since: null, limit: 9, isReverse: false })
    assert.equal('messages' in page && page.messages.length, 2)
  })
})
