/**
 * Tests of src/comet/poll-fan-out.ts: lines of answers, and that nothing is lost between two polls.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { connectionOf, createPollFanOut, type PollConnection } from '../../../src/comet/poll-fan-out.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import type { Session } from '../../../src/core/session.ts'
import { localCore } from '../../support/local-core.ts'
import { recordingExchange } from '../../support/recording-exchange.ts'

/** A node whose pages poll; an answer is the data of its lines. */
function openCore(t: TestContext, limits = { maxPollBytes: 10_000, maxReplyBytes: 1_000 }) {
  const core = localCore(t, { ringSize: 8 })
  const answers: unknown[][] = []
  const closed: Session[] = []
  const fanOut = createPollFanOut(
    'v4',
    {
      hub: core.hub,
      observer: silentObserver,
      clock: core.clock,
      answer(_, connection, body) {
        connection.exchange = null
        const lines = body.length === 0 ? [] : body.toString().split('\n')
        answers.push(lines.map((line) => JSON.parse(line).data))
      },
      close: (session) => closed.push(session),
    },
    limits,
  )
  t.after(() => {
    for (const session of opened) {
      fanOut.forget(session)
      core.hub.close(session, 0)
    }
  })
  const opened: Session[] = []
  return {
    ...core,
    page: fanOut,
    answers,
    closed,
    async open(): Promise<Session> {
      const session = core.hub.open(fanOut, '')
      session.connection = {
        key: 'k',
        address: '',
        exchange: null,
        linesBefore: 0,
        lines: [],
        bytes: 0,
        sinceMs: 0,
        running: 0,
        isFirst: true,
        answeredTo: null,
        leftAt: null,
        hasMissed: false,
      } satisfies PollConnection
      core.hub.markConnected(session)
      opened.push(session)
      await core.subscribe(session, 'news')
      return session
    },
    /** A poll comes and waits, or is answered. */
    poll(session: Session): void {
      const connection = connectionOf(session)
      if (connection !== null) connection.exchange = recordingExchange()
      core.hub.feed(session)
      fanOut.respondIfAny(session)
    },
  }
}

describe('polls of pages', () => {
  test('poll that waits is answered with all that came in one turn', async (t) => {
    const core = openCore(t)
    const session = await core.open()
    core.poll(session)
    await Promise.all([core.publish('news', 1), core.publish('news', 2)])
    await core.settle()
    assert.deepEqual(core.answers, [['1', '2']])
  })

  test('what comes between two polls is in the next answer, in order and once', async (t) => {
    const core = openCore(t)
    const sessions = [await core.open(), await core.open()]
    for (const value of [1, 2, 3]) {
      await core.publish('news', value)
      await core.settle()
    }
    for (const session of sessions) core.poll(session)
    assert.deepEqual(core.answers, [
      ['1', '2', '3'],
      ['1', '2', '3'],
    ])
    for (const session of sessions) core.poll(session)
    await core.publish('news', 4)
    await core.settle()
    assert.deepEqual(core.answers.slice(2), [['4'], ['4']])
  })

  test('what the channel no longer holds is told as a gap', async (t) => {
    const core = openCore(t)
    const session = await core.open()
    for (let value = 1; value <= 10; value++) await core.publish('news', value)
    await core.settle()
    core.poll(session)
    assert.deepEqual(core.answers, [
      [{ from: 1, pipe: 'news', to: 2 }, '3', '4', '5', '6', '7', '8', '9', '10'],
    ])
  })

  test('answer that is full leaves the rest to the next poll', async (t) => {
    const core = openCore(t, { maxPollBytes: 100, maxReplyBytes: 1_000 })
    const session = await core.open()
    for (let value = 1; value <= 4; value++) await core.publish('news', value)
    await core.settle()
    const got: unknown[] = []
    for (let polls = 0; polls < 4 && got.length < 4; polls++) {
      core.poll(session)
      got.push(...(core.answers.at(-1) ?? []))
    }
    assert.deepEqual(got, ['1', '2', '3', '4'])
    assert.ok(core.answers.length > 1)
  })

  test('what is told between two polls waits, up to its bound', async (t) => {
    const core = openCore(t)
    const session = await core.open()
    core.page.say(session, '{"data":"kept"}')
    core.page.say(session, `{"data":"${'x'.repeat(1_000)}"}`)
    core.poll(session)
    assert.deepEqual(core.answers, [['kept']])
  })

  test('end answers the poll that waits and closes the session', async (t) => {
    const core = openCore(t)
    const session = await core.open()
    core.poll(session)
    core.hub.end(session, 'DRAINING', 'why')
    assert.deepEqual([core.answers, core.closed], [[[]], [session]])
  })
})
