/**
 * Tests of src/core/sessions.ts: ids, moved sessions, strangers, tokens that run out, and the steps of a drain.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type CodeName, codes } from '../../../src/codes.ts'
import type { Session } from '../../../src/core/session.ts'
import { createSessions } from '../../../src/core/sessions.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const STEP_MS = 50

function setUp() {
  const clock = new FakeClock()
  const ended: { session: Session; code: CodeName; reason: string }[] = []
  const fanOut = recordingFanOut({ close: (session) => sessions.close(session) })
  const sessions = createSessions(clock, 'n1', 10_000, (session, code, reason) => {
    session.endedBy = code
    ended.push({ session, code, reason })
    sessions.close(session)
  })
  const connected = (user = '', untilSecond = 0) => {
    const session = sessions.open(fanOut, '')
    session.identify({ tenant: 1, user, grants: [], untilSecond })
    sessions.markConnected(session)
    return session
  }
  const nowSecond = () => Math.floor(clock.wallMs() / 1000)
  return { clock, ended, fanOut, sessions, connected, nowSecond }
}

describe('session ids', () => {
  test('sessions have different ids, made from the node and their number', () => {
    const { sessions, connected } = setUp()
    const ids = Array.from({ length: 100 }, () => sessions.idOf(connected()))
    assert.equal(new Set(ids).size, 100)
    assert.equal(ids[0], 'n1-1')
    assert.equal(ids[35], 'n1-10')
  })

  test('sessions are found by their ids, own or brought along, while they are open', () => {
    const { sessions, connected } = setUp()
    const [plain, brought] = [connected(), connected()]
    sessions.adopt(brought, 'n0-77')
    assert.equal(sessions.idOf(brought), 'n0-77')
    assert.deepEqual(sessions.matching({ tenant: 1, session: 'n0-77' }), [brought])
    assert.deepEqual(sessions.matching({ tenant: 1, session: 'n1-1' }), [plain])
    assert.deepEqual(sessions.matching({ tenant: 1, session: 'n1-2' }), [], 'that is not its id any more')
    for (const id of ['', 'n1', 'n1-', 'n1-zz', 'n2-1', 'xx-1']) {
      assert.deepEqual(sessions.matching({ tenant: 1, session: id }), [], id)
    }
    for (const session of [plain, brought]) sessions.close(session)
    for (const id of ['n1-1', 'n0-77']) assert.deepEqual(sessions.matching({ tenant: 1, session: id }), [])
  })

  // An application of one tenant ended the session of another's by its id.
  test('sessions are found by their ids among those of their tenant alone', () => {
    const { sessions, connected } = setUp()
    const [plain, brought] = [connected(), connected()]
    sessions.adopt(brought, 'n0-77')
    brought.tenant = 5
    const found = (tenant: number, session: string) => sessions.matching({ tenant, session })
    assert.deepEqual([found(1, 'n1-1'), found(5, 'n1-1')], [[plain], []])
    assert.deepEqual([found(1, 'n0-77'), found(5, 'n0-77')], [[], [brought]])
  })

  test('sessions of a user are all found, and nobody else’s', () => {
    const { sessions, connected } = setUp()
    const mine = [connected('17'), connected('17')]
    connected('18')
    connected()
    assert.deepEqual(sessions.matching({ tenant: 1, user: '17' }), mine)
  })

  test('only sessions that can be resumed are known by id', () => {
    const { sessions, connected } = setUp()
    const [plain, resumable] = [connected(), connected()]
    sessions.adopt(resumable, '')
    assert.equal(sessions.byId(sessions.idOf(resumable)), resumable)
    assert.equal(sessions.byId(sessions.idOf(plain)), null)
    sessions.close(resumable)
    assert.equal(sessions.byId('n1-2'), null)
  })
})

describe('a session that goes on over another connection', () => {
  test('ends the connection it had before, and is not taken along by its end', () => {
    const { sessions, connected, ended } = setUp()
    const before = connected()
    sessions.adopt(before, '')
    const id = sessions.idOf(before)
    const after = connected()
    sessions.adopt(after, id)
    assert.deepEqual(
      ended.map(({ session, code }) => [session, code]),
      [[before, 'SESSION_MOVED']],
    )
    assert.equal(sessions.byId(id), after)
    assert.deepEqual(sessions.matching({ tenant: 1, session: id }), [after])
    assert.equal(sessions.count(), 1)
  })

  test('does not end itself when it asks again', () => {
    const { sessions, connected, ended } = setUp()
    const session = connected()
    sessions.adopt(session, 'n0-5')
    sessions.adopt(session, 'n0-5')
    assert.deepEqual(ended, [])
  })
})

describe('sessions of a tenant', () => {
  const numbers = (sessions: Iterable<Session | null>) =>
    [...sessions].filter((one) => one !== null).map(({ number }) => number)

  test('are those that are connected, in the order in which they came', () => {
    const { sessions, fanOut, connected } = setUp()
    const [first, second, third] = [connected(), connected('17'), connected()]
    sessions.open(fanOut, '')
    second.tenant = 5
    assert.deepEqual([numbers(sessions.ofTenant(1)), numbers(sessions.ofTenant(5))], [[1, 3], [2]])
    sessions.close(first)
    sessions.adopt(third, 'n0-77')
    assert.deepEqual([numbers(sessions.ofTenant(1)), numbers(sessions.ofTenant(9))], [[3], []])
  })

  test('are told among the others, so that whoever walks knows how many were looked at', () => {
    const { sessions, fanOut, connected } = setUp()
    connected().tenant = 5
    sessions.open(fanOut, '')
    const third = connected()
    assert.deepEqual([...sessions.ofTenant(1)], [null, null, third])
  })

  test('are found by their users, by one or by several', () => {
    const { sessions, connected } = setUp()
    const [a, b, c, other] = [connected('1'), connected('2'), connected('1'), connected('2')]
    connected('3')
    other.tenant = 5
    assert.deepEqual(sessions.matching({ tenant: 1, user: '1' }), [a, c])
    assert.deepEqual(sessions.matching({ tenant: 1, users: new Set(['2', '1', '9']) }), [a, b, c])
    assert.deepEqual(sessions.matching({ tenant: 1, users: new Set() }), [])
  })

  test('are those of the beginning of a walk that are there when it comes to them', () => {
    const { sessions, connected } = setUp()
    const all = Array.from({ length: 6 }, () => connected())
    const seen: number[] = []
    for (const session of sessions.ofTenant(1)) {
      const number = session?.number ?? 0
      seen.push(number)
      connected()
      const next = all[number]
      if (number % 2 === 0 && next !== undefined) sessions.close(next)
    }
    assert.deepEqual(seen, [1, 2, 4, 6])
  })
})

describe('strangers', () => {
  test('are ended when they do not connect in time, the others are not', () => {
    const { clock, sessions, fanOut, connected, ended } = setUp()
    const stranger = sessions.open(fanOut, '')
    connected()
    assert.deepEqual([sessions.count(), sessions.connectedCount()], [2, 1])
    clock.turn(9_999)
    const late = sessions.open(fanOut, '')
    sessions.sweep()
    assert.deepEqual(ended, [])
    clock.turn(1)
    sessions.sweep()
    assert.deepEqual(ended, [
      { session: stranger, code: 'CONNECT_TIMEOUT', reason: 'No connect within 10000 ms' },
    ])
    assert.deepEqual([sessions.count(), sessions.connectedCount()], [2, 1])
    sessions.markConnected(late)
    clock.turn(10_000)
    sessions.sweep()
    assert.equal(ended.length, 1)
    assert.equal(late.phase, 'connected')
  })
})

describe('tokens that run out', () => {
  test('end their sessions, and no others', () => {
    const { clock, sessions, connected, ended, nowSecond } = setUp()
    const short = connected('17', nowSecond() + 10)
    connected('17', nowSecond() + 1_000)
    connected('17')
    clock.turn(9_999)
    for (let i = 0; i < 3; i++) sessions.sweep()
    assert.deepEqual(ended, [])
    clock.turn(1)
    for (let i = 0; i < 3; i++) sessions.sweep()
    assert.deepEqual(
      ended.map(({ session, code }) => [session, code]),
      [[short, 'TOKEN_EXPIRED']],
    )
  })

  test('are noticed among very many sessions within some sweeps, each once', () => {
    const { sessions, connected, ended, nowSecond } = setUp()
    for (let i = 0; i < 20_000; i++) connected('', i % 100 === 0 ? nowSecond() : 0)
    for (let sweep = 0; sweep < 45; sweep++) sessions.sweep()
    assert.equal(ended.length, 200)
    assert.equal(new Set(ended.map(({ session }) => session)).size, 200)
  })

  test('that are refreshed in time end nothing', () => {
    const { clock, sessions, connected, ended, nowSecond } = setUp()
    const session = connected('17', nowSecond() + 10)
    clock.turn(9_000)
    session.identify({ tenant: 1, user: '17', grants: [], untilSecond: nowSecond() + 10 })
    clock.turn(5_000)
    for (let i = 0; i < 3; i++) sessions.sweep()
    assert.deepEqual(ended, [])
  })
})

describe('goodbye', () => {
  test('goes to all in even steps over half the time', async () => {
    const { clock, sessions, fanOut, connected } = setUp()
    for (let i = 0; i < 40; i++) connected()
    const said = sessions.sayGoodbye(1_000)
    const counts: number[] = []
    for (let i = 0; i < 10; i++) {
      counts.push(fanOut.endings.length)
      clock.turn(STEP_MS)
      await nextTurn()
    }
    await said
    assert.deepEqual(counts, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40])
    for (const { session, code, reason, retryAfterMs } of fanOut.endings) {
      assert.deepEqual([session.endedBy, code, reason], ['DRAINING', codes.DRAINING.close, 'draining'])
      assert.ok(retryAfterMs > 0 && retryAfterMs <= 1_000)
    }
  })

  test('without time goes to all at once, and asks them to come back within a second', async () => {
    const { clock, sessions, fanOut, connected } = setUp()
    for (let i = 0; i < 40; i++) connected()
    const said = sessions.sayGoodbye(0)
    clock.turn(0)
    await said
    assert.equal(fanOut.endings.length, 40)
    const delays = fanOut.endings.map((one) => one.retryAfterMs)
    assert.ok(Math.max(...delays) <= 1_000 && new Set(delays).size > 10)
  })
})
