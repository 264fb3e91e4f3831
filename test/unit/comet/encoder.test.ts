/**
 * Tests of src/comet/encoder.ts: which publication is which message, live and out of the log of a channel.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createCometEncoder, historyFrameOf } from '../../../src/comet/encoder.ts'
import { createFrames } from '../../../src/comet/frames.ts'
import type { Dialect } from '../../../src/comet/url.ts'
import type { Publication } from '../../../src/core/broker.ts'
import { encodePublication } from '../../../src/protocol/json-codec.ts'
import { Payload } from '../../../src/protocol/payload.ts'

const NOW = 1_700_000_000
const WAITED = { id: 'a-1', timeMs: 1_600_000_000_900 }

function encoderOf(dialect: Dialect = 'v4') {
  const fromInbox: Publication[] = []
  const encoder = createCometEncoder({
    frames: createFrames(dialect, () => NOW),
    nowSecond: () => NOW,
    fromInbox: (publication) => void fromInbox.push(publication),
  })
  return { ...encoder, fromInbox }
}

type Given = Partial<Pick<Publication, 'event' | 'user' | 'fromClient' | 'inbox' | 'scoped' | 'data'>>

/** A publication of `value` on a channel, as the broker makes it. */
function publication(channel: string, value: unknown, given: Given = {}): Publication {
  const data = given.data ?? Payload.fromValue(value) ?? Payload.fromText('')
  const parts = { channel, offset: 1, event: '', user: '', inbox: null, ...given, data }
  return {
    scoped: channel,
    epoch: 'k3',
    message: encodePublication(parts),
    fromClient: false,
    except: null,
    arrivedMs: 0,
    ...parts,
  }
}

const object = (bytes: Buffer): unknown => JSON.parse(bytes.toString())

/** Publications, and the message of each. */
const messages: Readonly<Record<string, readonly [Publication, Record<string, unknown>]>> = {
  'message of the application': [
    publication('news', { a: 1 }, { event: 'e' }),
    { data: '{"a":1}', event: 'e', message_send_time: NOW, pipe: 'news' },
  ],
  'message of a user': [
    publication('web_x', 5, { fromClient: true, user: '7' }),
    { data: '5', event: '', message_send_time: NOW, pipe: 'web_x', user_id: 7 },
  ],
  'message to a user': [
    publication('@7', 'hi there', { event: 'pm' }),
    { data: '"hi there"', event: 'pm', pipe: 'msg' },
  ],
  'message that waited for its user': [
    publication('@7', [1], { event: 'pm', inbox: WAITED }),
    { data: '[1]', event: 'pm', fromQueue: true, message_send_time: 1_600_000_000, pipe: 'msg' },
  ],
  'user who comes online': [
    publication('user_status_7', '', { event: 'online', data: Payload.fromText('online') }),
    { data: 'online', event: 'online', pipe: 'user_status_7' },
  ],
  'other message on a status pipe': [
    publication('user_status_7', 'away', { event: 'away' }),
    { data: '"away"', event: 'away', message_send_time: NOW, pipe: 'user_status_7' },
  ],
  'user who joins a pipe': [
    publication('track_x', { user_id: 7, uuid: 'u' }, { event: 'subscription' }),
    { data: { user_id: 7, uuid: 'u' }, event: 'subscription', message_send_time: NOW, pipe: 'track_x' },
  ],
  'join that a client made up': [
    publication('web_x', { user_id: 7, uuid: 'u' }, { event: 'subscription', fromClient: true, user: '8' }),
    {
      data: '{"user_id":7,"uuid":"u"}',
      event: 'subscription',
      message_send_time: NOW,
      pipe: 'web_x',
      user_id: 8,
    },
  ],
}

describe('live publications', () => {
  for (const [name, [given, message]] of Object.entries(messages)) {
    test(`${name} is one`, () => {
      assert.deepEqual(object(encoderOf().encode(given)), message)
    })
  }

  test('anonymous sender of a pipe is user 0', () => {
    const bytes = encoderOf().encode(publication('web_x', 1, { fromClient: true }))
    assert.equal((object(bytes) as { user_id: unknown }).user_id, 0)
  })

  test('what waited is told on, so that it can be acknowledged', () => {
    const encoder = encoderOf()
    const waited = publication('@7', 1, { inbox: WAITED })
    encoder.encode(publication('@7', 1))
    encoder.encode(waited)
    assert.deepEqual(encoder.fromInbox, [waited])
  })

  test('messages of one channel in one turn differ in their bytes, and in nothing else', () => {
    const encoder = encoderOf()
    const same = publication('news', 1)
    const frames = [1, 2, 3].map(() => encoder.encode(same).toString())
    assert.equal(new Set(frames).size, 3)
    assert.equal(new Set(frames.map((frame) => frame.trimEnd())).size, 1)
    encoder.turnEnded()
    assert.equal(encoder.encode(same).toString(), frames[0])
  })

  test('the same message to two users is the same bytes', () => {
    const encoder = encoderOf()
    const [one, other] = ['@7', '@8'].map((channel) => encoder.encode(publication(channel, 'hi')).toString())
    assert.equal(one, other)
  })
})

describe('publications out of a log', () => {
  for (const [name, [given, message]] of Object.entries(messages)) {
    test(`${name} says the same`, () => {
      const came = object(encoderOf().recode(given.message)) as { data: unknown }
      const data = typeof message.data === 'string' ? JSON.parse(asJson(message.data)) : message.data
      const read = typeof came.data === 'string' ? JSON.parse(asJson(came.data)) : came.data
      assert.deepEqual({ ...came, data: read }, { ...message, data })
    })
  }

  test('notice of who is there has no form', () => {
    const notice = Buffer.from('{"channel":"room","presence":{"seq":1,"count":2}}')
    assert.equal(encoderOf().recode(notice).length, 0)
    assert.equal(historyFrameOf(notice, 1), null)
  })

  test('data that no JSON is goes out as it was trusted to be', () => {
    const broken = publication('news', 0, { data: Payload.trustJson(Buffer.from('{broken')) })
    assert.deepEqual(object(encoderOf().recode(broken.message)), {
      data: '{broken',
      event: '',
      message_send_time: NOW,
      pipe: 'news',
    })
  })

  test('history of a pipe knows its sender, event and text', () => {
    const { message } = publication('web_x', 'plain', { event: 'e', user: '7' })
    assert.deepEqual(historyFrameOf(message, 5), {
      text: 'plain',
      isObject: false,
      event: 'e',
      pipe: 'web_x',
      second: 5,
      user: '7',
    })
  })
})

describe('notices', () => {
  test('gap is told, with its pipe', () => {
    const gap = { from: 3, to: 9, reason: 'trimmed' } as const
    const told = encoderOf().encodeControl({ channel: 'news', gap })
    assert.equal(
      told,
      `{"data":{"from":3,"pipe":"news","to":9},"event":"gap","message_send_time":${NOW},"pipe":"sys"}`,
    )
    assert.match(String(encoderOf().encodeControl({ channel: '@7', gap })), /"pipe":"msg"/)
  })

  test('other notices have no form', () => {
    const { encodeControl } = encoderOf()
    assert.equal(encodeControl({ channel: 'room', presence: { count: 1, stale: true } }), null)
    assert.equal(encodeControl({ capsule: 'c' }), null)
    assert.equal(encodeControl({ bye: { code: 3000, reason: '' } }), null)
  })
})

/** A text that is no JSON, as JSON. */
function asJson(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}
