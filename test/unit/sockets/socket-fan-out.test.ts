/**
 * Tests of src/sockets/socket-fan-out.ts: what reaches a socket, what waits for it, and how a connection ends.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { silentObserver } from '../../../src/core/observer.ts'
import { Session } from '../../../src/core/session.ts'
import { createSocketFanOut, noMessage, type SocketEnding } from '../../../src/sockets/socket-fan-out.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MAX_REPLY_BYTES = 100

/** A socket that remembers; it takes `takes` messages, and holds `buffered` bytes. */
function fakeSocket() {
  return {
    log: [] as string[],
    takes: Number.POSITIVE_INFINITY,
    buffered: 0,
    topics: new Set<string>(),
    send(message: Buffer | string): number {
      if (this.takes === 0) return 2
      this.takes--
      this.log.push(String(message))
      return 1
    },
    cork(run: () => void): void {
      run()
    },
    getBufferedAmount(): number {
      return this.buffered
    },
    close(): void {
      this.log.push('close')
    },
    end(code: number): void {
      this.log.push(`end ${code}`)
    },
    subscribe(topic: string): void {
      this.topics.add(topic)
    },
    unsubscribe(topic: string): void {
      this.topics.delete(topic)
    },
  }
}

const polite: SocketEnding = {
  bye: (code) => `bye ${code}`,
  waitMs: 5000,
  isAbrupt: false,
  close: (socket, code, reason) => socket.end(code, reason),
}
const abrupt: SocketEnding = {
  bye: () => null,
  waitMs: 1000,
  isAbrupt: true,
  close: (socket) => socket.close(),
}

function open(ending: SocketEnding = polite) {
  const clock = new FakeClock()
  const published: string[] = []
  const socket = fakeSocket()
  const app = {
    publish(topic: string, bytes: Buffer): boolean {
      published.push(`${topic} ${bytes}`)
      return socket.topics.has(topic)
    },
    subscribers: (topic: string) => (socket.topics.has(topic) ? 1 : 0),
  }
  const fanOut = createSocketFanOut(
    {
      transport: 'comet',
      prefix: 'x:',
      isBinary: false,
      encode: ({ message }) => message,
      recode: (message) => message,
      encodeControl: (message) => ('gap' in message ? 'gap' : null),
      turnEnded() {},
      ending,
    },
    { app, observer: silentObserver, clock },
    { maxBackpressureBytes: 1000, maxReplyBytes: MAX_REPLY_BYTES },
  )
  const session = new Session(1, fanOut, '')
  session.connection = socket
  return { clock, published, socket, fanOut, session }
}

describe('messages to sockets', () => {
  test('topics have the prefix of their format', () => {
    const { fanOut, session, socket, published } = open()
    fanOut.subscribe(session, 'news')
    assert.equal(fanOut.publish('news', Buffer.from('1'), 1), 1)
    assert.deepEqual(
      [[...socket.topics], published, fanOut.subscribers('news')],
      [['x:news'], ['x:news 1'], 1],
    )
    fanOut.unsubscribe(session, 'news')
    assert.equal(fanOut.publish('news', Buffer.from('2'), 2), 0)
  })

  test('message without a form is not sent, and counts as taken', () => {
    const { fanOut, session, socket, published } = open()
    fanOut.subscribe(session, 'news')
    assert.equal(fanOut.publish('news', noMessage, 0), 1)
    socket.takes = 1
    assert.equal(fanOut.send(session, [noMessage, Buffer.from('1'), noMessage, Buffer.from('2')]), 3)
    assert.deepEqual([published, socket.log], [[], ['1']])
  })

  test('notice without a form is not sent', () => {
    const { fanOut, session, socket } = open()
    fanOut.tell(session, { capsule: 'c' })
    fanOut.tell(session, { channel: 'news', gap: { from: 1, to: 2, reason: 'trimmed' } })
    assert.deepEqual(socket.log, ['gap'])
  })

  test('what a full socket does not take waits, in order, and leaves no room for data', () => {
    const { fanOut, session, socket } = open()
    socket.takes = 0
    fanOut.say(session, 'a')
    socket.takes = 5
    fanOut.say(session, Buffer.from('b'))
    assert.deepEqual([socket.log, fanOut.room(session)], [[], 0])
    fanOut.drained(session)
    fanOut.say(session, 'c')
    assert.deepEqual([socket.log, fanOut.room(session)], [['a', 'b', 'c'], 500])
  })

  test('more than may wait closes the connection', () => {
    const { fanOut, session, socket } = open()
    socket.takes = 0
    fanOut.say(session, 'x'.repeat(MAX_REPLY_BYTES))
    assert.deepEqual(socket.log, [])
    fanOut.say(session, 'x')
    assert.deepEqual([socket.log, session.endedBy], [['close'], 'SLOW_CONSUMER'])
  })
})

describe('polite end', () => {
  test('goodbye and close frame follow each other at once', () => {
    const { clock, fanOut, session, socket } = open()
    fanOut.end(session, 3000, 'why', 0)
    assert.deepEqual(socket.log, ['bye 3000', 'end 3000'])
    assert.equal(clock.count, 0)
  })

  test('end waits behind what was held back, and calls its longest wait off', () => {
    const { clock, fanOut, session, socket } = open()
    socket.takes = 0
    fanOut.end(session, 3000, 'why', 0)
    fanOut.end(session, 3001, 'again', 0)
    assert.deepEqual(socket.log, [])
    socket.takes = 1
    fanOut.drained(session)
    assert.deepEqual([socket.log, clock.count], [['bye 3000', 'end 3000'], 0])
  })

  test('socket that reads nothing is closed after the longest wait', () => {
    const { clock, fanOut, session, socket } = open()
    socket.takes = 0
    fanOut.end(session, 3000, 'why', 0)
    clock.turn(5000)
    assert.deepEqual(socket.log, ['close'])
  })
})

describe('abrupt end', () => {
  test('connection is dropped, without a word, behind the turn in which it was told to go', () => {
    const { clock, fanOut, session, socket } = open(abrupt)
    fanOut.say(session, 'last words')
    fanOut.end(session, 3000, 'why', 0)
    assert.deepEqual(socket.log, ['last words'])
    clock.turn(10)
    assert.deepEqual([socket.log, clock.count], [['last words', 'close'], 0])
  })

  test('connection is not dropped before what was said has left', () => {
    const { clock, fanOut, session, socket } = open(abrupt)
    socket.buffered = 1
    fanOut.end(session, 3000, 'why', 0)
    clock.turn(500)
    assert.deepEqual(socket.log, [])
    socket.buffered = 0
    fanOut.drained(session)
    assert.deepEqual(socket.log, [])
    clock.turn(10)
    assert.deepEqual(socket.log, ['close'])
  })

  test('connection that takes nothing is dropped after the longest wait', () => {
    const { clock, fanOut, session, socket } = open(abrupt)
    socket.buffered = 1
    fanOut.end(session, 3000, 'why', 0)
    clock.turn(999)
    assert.deepEqual(socket.log, [])
    clock.turn(1)
    assert.deepEqual(socket.log, ['close'])
  })

  test('connection that went by itself is left alone', () => {
    const { clock, fanOut, session, socket } = open(abrupt)
    fanOut.end(session, 3000, 'why', 0)
    session.connection = null
    clock.turn(1000)
    assert.deepEqual(socket.log, [])
  })
})
