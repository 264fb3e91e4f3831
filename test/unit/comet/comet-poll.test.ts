/**
 * Tests of src/comet/comet-poll.ts: which session a poll belongs to, when it is answered, and how long a page that does
 * not come back is taken for present. Over a core with a fake clock, without sockets.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { serveCometPolls } from '../../../src/comet/comet-poll.ts'
import { createCometLogin } from '../../../src/comet/login.ts'
import { createCometRequests } from '../../../src/comet/requests.ts'
import type { Hub } from '../../../src/core/hub.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { silentLogger } from '../../../src/log.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { createConnectionGate } from '../../../src/sockets/connection-gate.ts'
import type { ExchangeRoute } from '../../../src/uws/exchange.ts'
import { type CometFields, cometPath } from '../../support/comet-line.ts'
import { type LocalCoreOptions, localCore } from '../../support/local-core.ts'
import { type RecordingExchange, recordingExchange } from '../../support/recording-exchange.ts'
import type { Fields } from '../../support/wire.ts'

const OWN = '@7'
const USER: CometFields = { key: 'k7', user: 7 }

const limits = {
  maxMessageBytes: 65_536,
  maxChannelsPerSession: 128,
  maxPresenceListed: 100,
  maxPollBytes: 65_536,
  maxReplyBytes: 65_536,
  pollHoldMs: 25_000,
  sessionLingerMs: 15_000,
  clientIpHeader: 'X-Client',
}

/** A node whose pages poll; user 7 has the key `k7`. */
async function openPolls(t: TestContext, options: LocalCoreOptions = {}) {
  const core = localCore(t, { inboxSize: 1_000, ...options })
  const { broker, rules, users, commands, clock } = core
  const acknowledged: number[] = []
  const hub: Hub = {
    ...core.hub,
    acknowledge(session, position) {
      acknowledged.push(position.offset)
      return core.hub.acknowledge(session, position)
    },
  }
  const observer = silentObserver
  const routes: ExchangeRoute[] = []
  const app = { exchange: (route: ExchangeRoute) => void routes.push(route) }
  const gate = createConnectionGate({
    maxConnections: 100,
    maxConnectionsPerIp: 0,
    clientIpHeader: limits.clientIpHeader,
    origins: [],
  })
  const requests = createCometRequests(
    { hub, broker, rules, users, commands, clock, observer, log: silentLogger },
    limits,
  )
  const login = createCometLogin({ hub, users, isAnonymousAllowed: true })
  const isDraining = () => false
  const deps = { app, gate, hub, observer, clock, commands, login, requests, isDraining }
  t.after(serveCometPolls(deps, limits))
  await users.setKey(1, '7', 'k7')

  return {
    ...core,
    acknowledged,
    connections: () => hub.counts().connections,
    /** Sends a poll; what there is to say to it at once has been said. */
    async poll(fields: CometFields = {}, pipes = '', address = 'home'): Promise<RecordingExchange> {
      const path = cometPath({ prefix: '/', ...fields })
      const exchange = recordingExchange({ path, body: pipes, headers: { 'x-client': address } })
      routes[0]?.request(exchange)
      await core.settle()
      return exchange
    },
    async say(channel: string, text: string): Promise<void> {
      const data = Payload.fromText(text)
      await broker.publish([{ channel, data, event: 'e', user: '', key: '' }], 'http')
      await core.settle()
    },
    waiting: async () => (await broker.inbox(OWN, 1_000)).length,
  }
}

/** Data of the lines of an answer, an event where the node itself has something to say; null = none came yet. */
function said({ answered }: RecordingExchange): unknown[] | null {
  if (answered === null) return null
  const lines = answered.body === '' ? [] : answered.body.split('\n')
  return lines
    .map((line) => JSON.parse(line) as Fields)
    .map(({ pipe, event, data }) => (pipe === 'sys' ? event : data))
}

describe('polls', () => {
  // A page read what waited for its user in many answers; the log did not reach back so far, and it was told a gap. With
  // its next poll it said that all up to there had come, and what the gap stood for was gone from the inbox.
  test('page that was told a gap takes nothing out of the inbox any more', async (t) => {
    const polls = await openPolls(t, { ringSize: 2 })
    const first = await polls.poll(USER)
    assert.deepEqual(said(first), ['serverInfo'])
    for (const text of ['one', 'two', 'three', 'four']) await polls.say(OWN, text)
    const told = await polls.poll(USER)
    assert.deepEqual(said(told), ['gap', 'three', 'four'])
    await polls.poll(USER)
    assert.deepEqual(polls.acknowledged, [0], 'what the greeting came with, and nothing since')
  })

  // Each poll without the name of a browser is a session of its own. Its greeting answered it at once, so that it ended
  // before anything could be published: such a page polled in a tight circle and never got a message.
  test('poll without a name of its browser is answered with a message, or at the end of the hold', async (t) => {
    const polls = await openPolls(t)
    const first = await polls.poll({ uuid: '' }, 'web_x')
    assert.equal(said(first), null)
    await polls.say('web_x', 'hello')
    assert.deepEqual(said(first), ['serverInfo', 'hello'])
    const second = await polls.poll({ uuid: '' }, 'web_x')
    polls.clock.turn(24_000)
    assert.equal(said(second), null)
    polls.clock.turn(1_250)
    assert.deepEqual([said(second), polls.connections()], [['serverInfo'], 0])
  })

  // A user closed the page. For a minute the node took the session for present, published to it what came for the user,
  // and dropped that with the session: nothing reached the inbox.
  test('page that does not poll leaves its user, and what comes then waits in the inbox', async (t) => {
    const polls = await openPolls(t)
    await polls.poll(USER)
    polls.clock.turn(6_000)
    await polls.say(OWN, 'while away')
    assert.equal(await polls.waiting(), 1)
    assert.deepEqual(said(await polls.poll(USER)), ['while away'])
    assert.equal(await polls.waiting(), 1, 'until the next poll')
    await polls.poll(USER)
    assert.equal(await polls.waiting(), 0)
  })

  // The other half of it: a page that was only late must get everything once, in order, also what another page of its user
  // was sent meanwhile, and what waits for it must not wait in vain because the session left.
  test('page that was late begins where it was, and one that something waits for does not leave', async (t) => {
    const polls = await openPolls(t)
    const other = { ...USER, uuid: 'other' }
    await polls.poll(USER)
    await polls.poll(other)
    await polls.say(OWN, 'one')
    polls.clock.turn(6_000)
    assert.deepEqual(said(await polls.poll(USER)), ['one'])
    polls.clock.turn(6_000)
    await polls.say(OWN, 'two')
    assert.deepEqual(said(await polls.poll(USER)), ['two'])
    assert.deepEqual(said(await polls.poll(other)), ['one', 'two'])
    assert.equal(await polls.waiting(), 0)
  })

  // Lists of who is on a track_ pipe tell the names of browsers. With one of those and no key another browser took over
  // the session of an anonymous page, and got its messages.
  test('name of a browser finds the session of an anonymous page from its own address alone', async (t) => {
    const polls = await openPolls(t)
    await polls.poll({}, 'web_x')
    const victim = await polls.poll({}, 'web_x')
    const thief = await polls.poll({}, 'web_x', 'elsewhere')
    assert.deepEqual([said(victim), said(thief)], [null, ['serverInfo']])
    await polls.say('web_x', 'secret')
    assert.deepEqual(said(victim), ['secret'])
    await polls.poll(USER, '', 'home')
    assert.equal(said(await polls.poll(USER, '', 'on the road')), null, 'a key is proof enough')
  })

  // One page polled 400 times a second with another list of pipes each time; the rate of commands did not count polls, and
  // every poll told all who watched those pipes that somebody had come and left.
  test('polls of a page count as its commands, and are refused above their rate', async (t) => {
    const polls = await openPolls(t, { maxCommandsPerSecond: 3 })
    const answers: RecordingExchange[] = []
    for (let poll = 0; poll < 6; poll++) answers.push(await polls.poll({}, `web_${poll}`))
    const statuses = answers.map(({ answered }) => answered?.status.slice(0, 3))
    assert.deepEqual(statuses, ['200', '200', '200', undefined, '429', '429'])
    polls.clock.turn(1_000)
    const next = await polls.poll()
    assert.deepEqual([said(next), said(answers[3] ?? next)], [null, []])
  })

  // Two hundred polls with a name each took the places of two hundred connections for a minute.
  test('page that polled once is kept for sessionLingerMs, one that came back for a minute', async (t) => {
    const polls = await openPolls(t)
    await polls.poll({ uuid: 'once' })
    await polls.poll({ uuid: 'twice' })
    const second = await polls.poll({ uuid: 'twice' })
    second.leave()
    polls.clock.turn(14_000)
    assert.equal(polls.connections(), 2)
    polls.clock.turn(2_000)
    assert.equal(polls.connections(), 1)
    polls.clock.turn(43_000)
    assert.equal(polls.connections(), 1)
    polls.clock.turn(2_000)
    assert.equal(polls.connections(), 0)
  })
})
