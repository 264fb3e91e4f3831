/**
 * Tests of src/transports/long-poll-fan-out.ts: what a waiting poll is answered with and when, and what a session
 * between two polls is not given.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { FIRST_PLACE, Session } from '../../../src/core/session.ts'
import {
  connectionOf,
  createLongPollFanOut,
  type PollConnection,
  pollConnection,
} from '../../../src/transports/long-poll-fan-out.ts'
import { hubRule } from '../../support/core-parts.ts'
import { recordingExchange } from '../../support/recording-exchange.ts'
import { until } from '../../support/until.ts'

const MAX_POLL_BYTES = 100
const MAX_REPLY_BYTES = 60

function setUp() {
  const answers: Buffer[] = []
  const over: Session[] = []
  let deferred = 0
  const fanOut = createLongPollFanOut(
    {
      observer: silentObserver,
      deferred: (count) => {
        deferred += count
      },
      answer(connection, body) {
        connection.exchange = null
        answers.push(body)
      },
      over: (session) => void over.push(session),
    },
    { maxPollBytes: MAX_POLL_BYTES, maxReplyBytes: MAX_REPLY_BYTES },
  )
  const between = (): Session => {
    const session = new Session(1, fanOut, '')
    session.connection = pollConnection('')
    return session
  }
  const waiting = (): Session => {
    const session = between()
    poll(session)
    return session
  }
  return { fanOut, answers, over, between, waiting, deferred: () => deferred }
}

function connection(session: Session): PollConnection {
  return connectionOf(session) ?? assert.fail('the session is over')
}

function poll(session: Session): void {
  connection(session).exchange = recordingExchange()
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Resolves once all of these are gone; fails when one is held. */
function collected(all: readonly WeakRef<object>[]): Promise<unknown> {
  return until(
    () => {
      collectGarbage()
      return all.every((one) => one.deref() === undefined)
    },
    {
      what: () =>
        `the end of ${all.filter((one) => one.deref() !== undefined).length} sessions that are held`,
    },
  )
}

const texts = (answers: readonly Buffer[]) => answers.map((body) => body.toString())

describe('long-poll fan-out', () => {
  test('publications of a turn leave in one answer at its end, in order', () => {
    const { fanOut, answers, waiting } = setUp()
    const session = waiting()
    fanOut.subscribe(session, 'news')
    for (const n of [1, 2, 3]) assert.equal(fanOut.publish('news', Buffer.from(`${n}`), n), 1)
    assert.deepEqual(answers, [])
    fanOut.flush()
    assert.deepEqual(texts(answers), ['[1,2,3]'])
    fanOut.flush()
    assert.equal(answers.length, 1)
  })

  test('polls that wait for the same get the same bytes', () => {
    const { fanOut, answers, waiting } = setUp()
    for (let n = 0; n < 100; n++) fanOut.subscribe(waiting(), 'news')
    fanOut.publish('news', Buffer.from('1'), 1)
    fanOut.publish('news', Buffer.from('2'), 2)
    fanOut.flush()
    assert.equal(answers.length, 100)
    assert.equal(new Set(answers).size, 1)
  })

  test('a session between two polls is given nothing, and that is counted', () => {
    const { fanOut, answers, between, waiting, deferred } = setUp()
    const away = between()
    for (const session of [away, waiting()]) fanOut.subscribe(session, 'news')
    assert.equal(fanOut.publish('news', Buffer.from('1'), 1), 1)
    assert.equal(fanOut.send(away, [Buffer.from('2')]), 0)
    assert.equal(fanOut.room(away), 0)
    fanOut.flush()
    assert.deepEqual([answers.length, deferred()], [1, 1])
    poll(away)
    fanOut.respond(away)
    assert.deepEqual(texts(answers), ['[1]', '[]'])
  })

  test('a notice without an offset is not owed to who is away, but remembered', () => {
    const { fanOut, between, deferred } = setUp()
    const away = between()
    fanOut.subscribe(away, 'room')
    fanOut.publish('room', Buffer.from('{}'), 0)
    assert.equal(deferred(), 0)
    assert.equal(connection(away).hasMissedNotice, true)
  })

  test('a poll whose commands still run is not answered before they are done', () => {
    const { fanOut, answers, waiting } = setUp()
    const session = waiting()
    connection(session).running = 1
    fanOut.subscribe(session, 'news')
    fanOut.publish('news', Buffer.from('1'), 1)
    fanOut.reply(session, { id: 4, ok: {} })
    fanOut.flush()
    assert.deepEqual(answers, [])
    connection(session).running = 0
    fanOut.respondIfAny(session)
    assert.deepEqual(texts(answers), ['[1,{"id":4,"ok":{}}]'])
  })

  test('a poll is answered with nothing when its time is over, and not before', () => {
    const { fanOut, answers, waiting } = setUp()
    const session = waiting()
    fanOut.respondIfAny(session)
    assert.deepEqual(answers, [])
    fanOut.respond(session)
    assert.deepEqual(texts(answers), ['[]'])
    fanOut.respond(session) // there is no poll any more
    assert.equal(answers.length, 1)
  })

  test('what is told between two polls waits for the next one, up to its bound', () => {
    const { fanOut, answers, between } = setUp()
    const session = between()
    for (const capsule of ['a'.repeat(20), 'b'.repeat(20), 'c']) fanOut.tell(session, { capsule })
    poll(session)
    fanOut.respondIfAny(session)
    assert.deepEqual(JSON.parse(texts(answers)[0] ?? ''), [{ capsule: 'a'.repeat(20) }, { capsule: 'c' }])
  })

  test('the room of a poll is what its answer may still grow by', () => {
    const { fanOut, waiting } = setUp()
    const session = waiting()
    assert.equal(fanOut.room(session), MAX_POLL_BYTES)
    assert.equal(fanOut.send(session, [Buffer.alloc(60), Buffer.alloc(30)]), 2)
    assert.equal(fanOut.room(session), MAX_POLL_BYTES - 90)
    fanOut.send(session, [Buffer.alloc(30)])
    assert.equal(fanOut.room(session), 0)
  })

  test('a session that is ended is told so in its answer, then it is over', () => {
    const { fanOut, answers, over, waiting } = setUp()
    const session = waiting()
    fanOut.end(session, 3001, 'draining', 50)
    assert.deepEqual(texts(answers), ['[{"bye":{"code":3001,"reason":"draining","retryAfterMs":50}}]'])
    assert.deepEqual(over, [session])
    fanOut.end(session, 3001, 'draining', 50)
    assert.equal(over.length, 1)
  })

  test('a session that is ended between two polls hears it from the next one', () => {
    const { fanOut, answers, over, between } = setUp()
    const session = between()
    fanOut.end(session, 4501, 'account closed', 0)
    assert.deepEqual([answers, over], [[], []])
    poll(session)
    fanOut.respond(session)
    assert.deepEqual(texts(answers), ['[{"bye":{"code":4501,"reason":"account closed"}}]'])
    assert.deepEqual(over, [session])
  })

  test('a session that moved is told so by the poll that waits, though its commands still run', () => {
    for (const running of [0, 1]) {
      const { fanOut, answers, over, waiting } = setUp()
      const session = waiting()
      connection(session).running = running
      fanOut.end(session, 3012, 'moved', 0)
      assert.deepEqual(texts(answers), ['[{"bye":{"code":3012,"reason":"moved"}}]'])
      assert.deepEqual(over, [session])
    }
  })

  test('a session that moved between two polls is over at once', () => {
    const { fanOut, answers, over, between } = setUp()
    const session = between()
    fanOut.end(session, 3012, 'moved', 0)
    assert.deepEqual([answers, over], [[], [session]])
  })

  test('a poll that is replaced gets what there is and a goodbye, and the session goes on', () => {
    const { fanOut, answers, over, waiting } = setUp()
    const session = waiting()
    fanOut.subscribe(session, 'news')
    fanOut.publish('news', Buffer.from('1'), 1)
    fanOut.replace(session)
    const bye = '{"bye":{"code":3012,"reason":"The session went on with another poll"}}'
    assert.deepEqual(texts(answers), [`[1,${bye}]`])
    fanOut.flush()
    fanOut.replace(session)
    assert.equal(answers.length, 1, 'there is no poll to replace')
    poll(session)
    fanOut.replace(session)
    assert.equal(texts(answers)[1], `[${bye}]`)
    poll(session)
    fanOut.respond(session)
    assert.equal(texts(answers)[2], '[]')
    assert.deepEqual(over, [])
  })

  test('a poll that is replaced while its session ends leaves the last word to the newer one', () => {
    const { fanOut, answers, over, waiting } = setUp()
    const session = waiting()
    connection(session).running = 1
    fanOut.end(session, 4501, 'enough', 0)
    fanOut.replace(session)
    assert.match(texts(answers)[0] ?? '', /^\[\{"bye":\{"code":3012,[^}]+\}\}\]$/)
    poll(session)
    fanOut.respond(session)
    assert.equal(texts(answers)[1], '[{"bye":{"code":4501,"reason":"enough"}}]')
    assert.deepEqual(over, [session])
  })

  // Polls that were answered outside of a turn stayed on the list of those to look at when one ends: sessions that had
  // ended long ago were kept for as long as nothing was published.
  test('a session that was answered and is over is not kept until the next turn', async () => {
    const { fanOut, waiting, answers } = setUp()
    const over = () => {
      const session = waiting()
      fanOut.reply(session, { id: 1, ok: {} })
      fanOut.respondIfAny(session)
      return new WeakRef(session)
    }
    const gone = Array.from({ length: 100 }, over)
    assert.equal(answers.length, 100)
    answers.length = 0
    await collected(gone)
  })

  test('a session that left a topic, or all of them, is not given what is published there', () => {
    const { fanOut, answers, waiting } = setUp()
    const [leaving, closing] = [waiting(), waiting()]
    closing.addChannel(new HubChannel('news', hubRule()), FIRST_PLACE)
    for (const session of [leaving, closing]) fanOut.subscribe(session, 'news')
    assert.equal(fanOut.subscribers('news'), 2)
    fanOut.unsubscribe(leaving, 'news')
    fanOut.forget(closing)
    assert.equal(fanOut.subscribers('news'), 0)
    assert.equal(fanOut.publish('news', Buffer.from('1'), 1), 0)
    fanOut.flush()
    assert.deepEqual(answers, [])
  })
})
