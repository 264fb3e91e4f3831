/**
 * Tests of src/core/members.ts: who is on a channel, who is away for a moment, and what of it is told.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Members } from '../../../src/core/members.ts'
import { Session } from '../../../src/core/session.ts'
import { holds } from '../../support/holds.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const fanOut = recordingFanOut()

function sessionOf(user: string): Session {
  const session = new Session(1, fanOut, '')
  session.identify({ tenant: 1, user, grants: [], untilSecond: 0 })
  return session
}

const ids = (list: readonly { readonly session: string }[]) => list.map((one) => one.session)

/** Names of those told to have come and left; null = nothing was told. */
function told(members: Members): [string[], string[]] | null {
  const change = members.takeChange()
  return change === null ? null : [ids(change.join), ids(change.leave)]
}

describe('members', () => {
  test('members are listed in the order they came, with their user, up to a limit', () => {
    const members = new Members()
    for (const id of ['s1', 's2', 's3']) members.came(id, sessionOf(`user of ${id}`))
    assert.equal(members.count, 3)
    assert.deepEqual(members.list(2), [
      { session: 's1', user: 'user of s1' },
      { session: 's2', user: 'user of s2' },
    ])
    assert.equal(members.list(100).length, 3)
    assert.deepEqual(members.list(0), [])
  })

  test('members tell each change once', () => {
    const members = new Members()
    const session = sessionOf('17')
    assert.equal(members.takeChange(), null)
    members.came('s1', session)
    assert.deepEqual(members.takeChange(), { join: [{ session: 's1', user: '17' }], leave: [] })
    assert.equal(members.takeChange(), null)
    members.left('s1', session)
    assert.deepEqual(members.takeChange(), { join: [], leave: [{ session: 's1', user: '17' }] })
    assert.equal(members.takeChange(), null)
    assert.equal(members.count, 0)
  })

  test('members do not tell of one who came and left in between, nor of one who left and came', () => {
    const members = new Members()
    const [one, other] = [sessionOf(''), sessionOf('')]
    members.came('s1', one)
    members.left('s1', one)
    assert.equal(members.takeChange(), null)
    members.came('s2', other)
    assert.deepEqual(told(members), [['s2'], []])
    members.left('s2', other)
    members.came('s2', other)
    assert.equal(members.takeChange(), null)
    assert.equal(members.count, 1)
  })

  test('members count nobody twice who comes twice', () => {
    const members = new Members()
    const session = sessionOf('')
    members.came('s1', session)
    members.came('s1', session)
    assert.equal(members.count, 1)
    assert.deepEqual(told(members), [['s1'], []])
  })

  test('members ignore the leaving of one who is not there', () => {
    const members = new Members()
    members.left('nobody', sessionOf(''))
    members.wentAway('nobody', sessionOf(''), 100)
    assert.deepEqual([members.count, members.awayCount, members.takeChange()], [0, 0, null])
  })
})

describe('members that are away', () => {
  test('stay until their time is over, and then leave', () => {
    const members = new Members()
    const session = sessionOf('')
    members.came('s1', session)
    members.takeChange()
    members.wentAway('s1', session, 1_000)
    members.expire(999)
    assert.deepEqual([members.count, members.awayCount, members.takeChange()], [1, 1, null])
    assert.deepEqual(ids(members.list(10)), ['s1'])
    members.expire(1_000)
    assert.deepEqual([members.count, members.awayCount], [0, 0])
    assert.deepEqual(told(members), [[], ['s1']])
  })

  test('come back over another connection as if nothing had been', () => {
    const members = new Members()
    const [before, after] = [sessionOf(''), sessionOf('')]
    members.came('s1', before)
    members.takeChange()
    members.wentAway('s1', before, 1_000)
    members.came('s1', after)
    members.expire(5_000)
    assert.deepEqual([members.count, members.awayCount, members.takeChange()], [1, 0, null])
  })

  test('are not taken along by the end of the connection they had before', () => {
    const members = new Members()
    const [before, after] = [sessionOf(''), sessionOf('')]
    members.came('s1', before)
    members.came('s1', after)
    members.takeChange()
    members.left('s1', before)
    members.wentAway('s1', before, 0)
    members.expire(10_000)
    assert.deepEqual([members.count, members.takeChange()], [1, null])
    members.left('s1', after)
    assert.deepEqual(told(members), [[], ['s1']])
  })

  test('leave each at its own time', () => {
    const members = new Members()
    const [first, second] = [sessionOf(''), sessionOf('')]
    members.came('second', second)
    members.came('first', first)
    members.takeChange()
    members.wentAway('first', first, 1_000)
    members.wentAway('second', second, 1_500)
    members.expire(1_000)
    assert.deepEqual(told(members), [[], ['first']])
    members.expire(1_500)
    assert.deepEqual(told(members), [[], ['second']])
  })
})

test('members told of add up to members there, whatever happens', () => {
  const names = ['s1', 's2', 's3'] as const
  const step = fc.record({
    id: fc.constantFrom(...names),
    does: fc.constantFrom('comes', 'leaves', 'goes away', 'is told', 'expires'),
  })
  holds(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const members = new Members()
      const session = sessionOf('')
      const known = new Set<string>()
      const tell = () => {
        const change = members.takeChange()
        for (const { session: id } of change?.leave ?? []) assert.ok(known.delete(id), `${id} left twice`)
        for (const { session: id } of change?.join ?? []) {
          assert.ok(!known.has(id), `${id} joined twice`)
          known.add(id)
        }
      }
      for (const [now, { id, does }] of steps.entries()) {
        if (does === 'comes') members.came(id, session)
        else if (does === 'leaves') members.left(id, session)
        else if (does === 'goes away') members.wentAway(id, session, now + 3)
        else if (does === 'is told') tell()
        else members.expire(now)
      }
      tell()
      assert.deepEqual([...known].sort(), ids(members.list(10)).sort())
      assert.equal(known.size, members.count)
    }),
  )
})
