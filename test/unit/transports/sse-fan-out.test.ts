/**
 * Tests of src/transports/sse-fan-out.ts: the bytes of events and their ids, what leaves together, slow readers.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { FIRST_PLACE, LAGGING, Lag, Session } from '../../../src/core/session.ts'
import { createSseFanOut, type SseConnection } from '../../../src/transports/sse-fan-out.ts'
import { hubRule } from '../../support/core-parts.ts'
import { recordingExchange } from '../../support/recording-exchange.ts'

const MAX_REPLY_BYTES = 100

function channelAt(name: string, offset: number): HubChannel {
  const channel = new HubChannel(name, hubRule())
  channel.epoch = 'k3'
  channel.offset = offset
  return channel
}

function setUp(...channels: readonly HubChannel[]) {
  const lost: string[] = []
  const over: Session[] = []
  const fanOut = createSseFanOut(
    {
      observer: silentObserver,
      lose: (_, message) => lost.push(message.toString()) > 0,
      over: (session) => void over.push(session),
    },
    { maxReplyBytes: MAX_REPLY_BYTES },
  )
  const exchange = recordingExchange()
  const session = new Session(1, fanOut, '')
  const connection: SseConnection = {
    exchange,
    address: '',
    pending: [],
    isFull: false,
    overBytes: 0,
    beatMs: 0,
    hasIds: true,
  }
  session.connection = connection
  for (const channel of channels) session.addChannel(channel, FIRST_PLACE)
  /** As the flush scheduler does it: the channel is at the offset before the turn ends. */
  const publish = (channel: HubChannel, offset: number) => {
    channel.offset = offset
    return fanOut.publish(channel.name, fanOut.recode(messageOf(channel, offset)), offset)
  }
  return { fanOut, exchange, session, connection, lost, over, publish }
}

function messageOf({ name }: HubChannel, offset: number): Buffer {
  return Buffer.from(`{"channel":${JSON.stringify(name)},"offset":${offset},"data":1}`)
}

const textOf = (channel: HubChannel, offset: number) => `data: ${messageOf(channel, offset)}\n\n`

describe('sse fan-out', () => {
  test('a publication is one event behind an id with all positions of the session', () => {
    const [news, log] = [channelAt('news', 41), channelAt('log', 7)]
    const { fanOut, exchange, session, publish } = setUp(news, log)
    fanOut.subscribe(session, 'news')
    assert.equal(publish(news, 42), 1)
    assert.deepEqual(exchange.written, [])
    fanOut.flush()
    assert.deepEqual(exchange.written, [`id: {"news":["k3",42],"log":["k3",7]}\n${textOf(news, 42)}`])
  })

  test('publications of a turn leave in one write, each id with just what has come by then', () => {
    const [a, b] = [channelAt('a', 0), channelAt('b', 0)]
    const { fanOut, exchange, session, publish } = setUp(a, b)
    for (const channel of [a, b]) fanOut.subscribe(session, channel.name)
    publish(a, 1)
    publish(b, 1)
    publish(a, 2)
    fanOut.flush()
    assert.deepEqual(exchange.written, [
      [
        `id: {"a":["k3",1],"b":["k3",0]}\n${textOf(a, 1)}`,
        `id: {"a":["k3",1],"b":["k3",1]}\n${textOf(b, 1)}`,
        `id: {"a":["k3",2],"b":["k3",1]}\n${textOf(a, 2)}`,
      ].join(''),
    ])
  })

  test('an id names every channel, whatever it is called', () => {
    const names = ['__proto__', 'a"b', 'ü\u2028', 'constructor']
    const channels = names.map((name) => channelAt(name, 3))
    const { fanOut, exchange, session } = setUp(...channels)
    fanOut.beat(session, 12)
    const [, id = ''] = /^:\n\nid: (.*)\ndata: \{"sum":12\}\n\n$/su.exec(exchange.written.join('')) ?? []
    const parsed = JSON.parse(id) as Record<string, unknown>
    assert.deepEqual(Object.entries(parsed).sort(), names.map((name) => [name, ['k3', 3]]).sort())
  })

  test('line breaks between the tokens of a message do not end its line', () => {
    const { fanOut } = setUp()
    const event = fanOut.recode(Buffer.from('{"channel":"a","offset":1,"data":[1,\r\n2,\n"\\n"]}'))
    assert.equal(event.toString(), 'data: {"channel":"a","offset":1,"data":[1,  2, "\\n"]}\n\n')
  })

  test('replies and notices are written at once, behind what was published before them', () => {
    const news = channelAt('news', 0)
    const { fanOut, exchange, session, publish } = setUp(news)
    fanOut.subscribe(session, 'news')
    publish(news, 1)
    fanOut.reply(session, { id: 1, ok: {} })
    fanOut.tell(session, { capsule: 'abc' })
    fanOut.flush()
    assert.deepEqual(exchange.written, [
      `id: {"news":["k3",1]}\n${textOf(news, 1)}`,
      'data: {"id":1,"ok":{}}\n\n',
      'data: {"capsule":"abc"}\n\n',
    ])
  })

  test('a notice that went through a channel has no id', () => {
    const room = channelAt('room', 4)
    const { fanOut, exchange, session } = setUp(room)
    fanOut.subscribe(session, 'room')
    fanOut.publish('room', fanOut.recode(Buffer.from('{"channel":"room","presence":{"count":1}}')), 0)
    fanOut.flush()
    assert.deepEqual(exchange.written, ['data: {"channel":"room","presence":{"count":1}}\n\n'])
  })

  test('what is fed from history has ids as well, up to where the session is', () => {
    const [news, log] = [channelAt('news', 9), channelAt('log', 7)]
    const { fanOut, exchange, session } = setUp(news, log)
    session.setPlace(news, LAGGING)
    session.addLag(new Lag(news, 5, 0))
    assert.equal(
      fanOut.send(
        session,
        [5, 6].map((offset) => fanOut.recode(messageOf(news, offset))),
      ),
      2,
    )
    assert.deepEqual(exchange.written, [
      `id: {"news":["k3",5],"log":["k3",7]}\n${textOf(news, 5)}id: {"news":["k3",6],"log":["k3",7]}\n${textOf(news, 6)}`,
    ])
  })

  test('a heartbeat of a session that is behind is a comment alone', () => {
    const { fanOut, exchange, session } = setUp(channelAt('news', 9))
    fanOut.beat(session, null)
    assert.deepEqual(exchange.written, [':\n\n'])
  })

  test('a reader that does not read loses what is published from then on, and has no room', () => {
    const news = channelAt('news', 0)
    const { fanOut, exchange, session, connection, lost, publish } = setUp(news)
    fanOut.subscribe(session, 'news')
    exchange.isReading = false
    assert.ok(fanOut.room(session) > 0)
    publish(news, 1)
    fanOut.flush()
    publish(news, 2)
    fanOut.flush()
    assert.deepEqual(lost, [textOf(news, 2)])
    assert.equal(exchange.written.length, 1)
    assert.equal(fanOut.room(session), 0)
    assert.equal(fanOut.send(session, [Buffer.from('data: {}\n\n')]), 0)
    fanOut.beat(session, 1)
    assert.equal(exchange.written.length, 1)
    connection.isFull = false
    assert.ok(fanOut.room(session) > 0)
  })

  test('a reader that does not read is told things up to a bound, then cut off', () => {
    const { fanOut, exchange, session, over } = setUp()
    exchange.isReading = false
    fanOut.tell(session, { capsule: 'a' })
    for (let n = 0; n < 10 && over.length === 0; n++) fanOut.tell(session, { capsule: 'b'.repeat(20) })
    assert.deepEqual(over, [session])
    assert.equal(session.endedBy, 'SLOW_CONSUMER')
    assert.equal(exchange.isAborted, true)
    assert.ok(exchange.written.slice(1).join('').length <= MAX_REPLY_BYTES)
  })

  test('a session that is ended is told so in the stream, which ends', () => {
    const news = channelAt('news', 0)
    const { fanOut, exchange, session, over, publish } = setUp(news)
    fanOut.subscribe(session, 'news')
    publish(news, 1)
    fanOut.end(session, 3001, 'draining', 50)
    assert.deepEqual(exchange.written.slice(1), [
      'data: {"bye":{"code":3001,"reason":"draining","retryAfterMs":50}}\n\n',
    ])
    assert.deepEqual([exchange.isEnded, over], [true, [session]])
  })

  test('a session that left a topic, or all of them, is not given what is published there', () => {
    const [news, log] = [channelAt('news', 0), channelAt('log', 0)]
    const { fanOut, session, publish } = setUp(news, log)
    for (const channel of [news, log]) fanOut.subscribe(session, channel.name)
    fanOut.unsubscribe(session, 'news')
    assert.deepEqual([publish(news, 1), publish(log, 1)], [0, 1])
    fanOut.forget(session)
    assert.deepEqual([publish(log, 2), fanOut.subscribers('log')], [0, 0])
  })
})
