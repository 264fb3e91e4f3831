/**
 * Tests of src/core/session-states.ts, and of the walks of hub and broker over it: who is told of, and what.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { SessionState } from '../../../src/core/broker.ts'
import type { Session } from '../../../src/core/session.ts'
import { scoped } from '../../../src/core/tenants.ts'
import { type LocalCore, localCore } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

/** A session of a tenant, as a transport opens it. */
function open({ hub, fanOut }: LocalCore, { tenant = 1, user = '', address = '' } = {}): Session {
  const session = hub.open(fanOut, address)
  session.connection = {}
  session.identify({ tenant, user, grants: [], untilSecond: 0 })
  hub.markConnected(session)
  return session
}

async function statesOf({ broker }: LocalCore, tenant = 1, channel: string | null = null) {
  const states: SessionState[] = []
  for await (const batch of broker.sessions(tenant, channel)) states.push(...batch)
  return states
}

const ids = (states: readonly SessionState[]) => states.map(({ session }) => session)

/** The broker knows an edge once it has a channel. */
async function setUp(...[t, options]: Parameters<typeof localCore>): Promise<LocalCore> {
  const core = localCore(t, { rules: [{ match: '*', subscribe: 'anyone' }], ...options })
  await core.subscribe(core.connected(), 'lobby')
  return core
}

describe('state of a session', () => {
  test('state tells who it is, over what, from where and with which browser', async (t) => {
    const core = await setUp(t)
    const session = open(core, { user: '17', address: '203.0.113.9' })
    session.agent = { userAgent: 'Mozilla/5.0', origin: 'https://example.com', language: 'de-DE,de;q=0.9' }
    await core.subscribe(session, 'a')
    await core.subscribe(session, 'b')
    assert.deepEqual((await statesOf(core))[1], {
      session: 'n1-2',
      user: '17',
      transport: 'websocket',
      address: '203.0.113.9',
      userAgent: 'Mozilla/5.0',
      origin: 'https://example.com',
      language: 'de-DE,de;q=0.9',
      channels: ['a', 'b'],
      channelsBehind: 0,
    })
  })

  test('state of a session of which nothing is known has empty texts', async (t) => {
    const core = await setUp(t)
    const { user, address, userAgent, origin, language } = (await statesOf(core))[0] ?? assert.fail()
    assert.deepEqual([user, address, userAgent, origin, language], ['', '', '', '', ''])
  })

  test('state tells in how many channels a session is behind', async (t) => {
    // One that takes nothing is fed from the logs of all its channels, also of those that it has all of.
    const core = await setUp(t)
    const slow = open(core)
    for (const channel of ['a', 'b', 'c']) await core.subscribe(slow, channel)
    core.fanOut.stall(slow, 0)
    for (const channel of ['a', 'b']) await core.publish(channel)
    await core.settle()
    const behind = async () => (await statesOf(core)).map(({ channelsBehind }) => channelsBehind)
    assert.deepEqual(await behind(), [0, 2])
    core.fanOut.resume(slow)
    await core.settle()
    assert.deepEqual(await behind(), [0, 0])
  })

  test('state tells the transport of its connection', async (t) => {
    const core = await setUp(t)
    core.connected({ ...recordingFanOut(core.hub), transport: 'comet' })
    assert.deepEqual(
      (await statesOf(core)).map(({ transport }) => transport),
      ['websocket', 'comet'],
    )
  })
})

describe('sessions that are told of', () => {
  test('are those of the tenant', async (t) => {
    const core = await setUp(t)
    open(core, { tenant: 7 })
    open(core)
    assert.deepEqual([ids(await statesOf(core)), ids(await statesOf(core, 7))], [['n1-1', 'n1-3'], ['n1-2']])
    assert.deepEqual(await statesOf(core, 8), [])
  })

  test('are those on a channel where one is named, of that tenant', async (t) => {
    const core = await setUp(t)
    const [one, , theirs] = [open(core), open(core), open(core, { tenant: 7 })]
    await core.subscribe(one, 'a')
    await core.subscribe(theirs, scoped(7, 'a'))
    assert.deepEqual(ids(await statesOf(core, 1, 'a')), ['n1-2'])
    assert.deepEqual(ids(await statesOf(core, 7, scoped(7, 'a'))), ['n1-4'])
    core.hub.unsubscribe(one, 'a')
    assert.deepEqual(await statesOf(core, 1, 'a'), [])
    assert.deepEqual(await statesOf(core, 1, 'nowhere'), [])
  })

  // A walk that found nobody looked at all of them in one go: with very many it held the loop.
  test('leave the loop to others though none of very many is meant', async (t) => {
    const core = await setUp(t)
    for (let n = 0; n < 600; n++) open(core, { tenant: 7 })
    for (const [tenant, channel] of [
      [8, null],
      [1, 'lobby'],
    ] as const) {
      let turns = 0
      let isOver = false
      const others = (async () => {
        for (; !isOver; turns++) await turnOfTheLoop()
      })()
      await statesOf(core, tenant, channel)
      isOver = true
      await others
      assert.ok(turns >= 2, `${turns} turns`)
    }
  })

  test('have channels by the names that their tenant knows', async (t) => {
    const core = await setUp(t)
    const theirs = open(core, { tenant: 7, user: '5' })
    await core.subscribe(theirs, scoped(7, 'a'))
    await core.subscribe(theirs, scoped(7, '@5'))
    assert.deepEqual((await statesOf(core, 7))[0]?.channels, ['a', '@5'])
  })

  test('are connected: strangers and those that left are not', async (t) => {
    const core = await setUp(t)
    core.hub.open(core.fanOut, '')
    core.lose(open(core))
    assert.deepEqual(ids(await statesOf(core)), ['n1-1'])
  })

  test('have the id they brought along', async (t) => {
    const core = await setUp(t)
    core.hub.sessions.adopt(open(core), 'n0-77')
    assert.deepEqual(ids(await statesOf(core)), ['n1-1', 'n0-77'])
  })

  test('are those that were there when the walk began and still are', async (t) => {
    const core = await setUp(t)
    const sessions = Array.from({ length: 600 }, () => open(core))
    const seen = new Set<string>()
    for await (const batch of core.broker.sessions(1, null)) {
      for (const { session } of batch) {
        assert.ok(!seen.has(session), `${session} came twice`)
        seen.add(session)
      }
      open(core)
      for (const gone of sessions.slice(500)) core.lose(gone)
    }
    assert.deepEqual(
      seen,
      new Set(Array.from({ length: 501 }, (_, n) => `n1-${(n + 1).toString(36)}`)),
      'neither who came nor who went meanwhile',
    )
  })
})
