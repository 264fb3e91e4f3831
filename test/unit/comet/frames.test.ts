/**
 * Tests of src/comet/frames.ts: every message to the letter, in both dialects.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createFrames, type MessageFrame } from '../../../src/comet/frames.ts'

const NOW = 1_700_000_000
const v4 = createFrames('v4', () => NOW)
const v3 = createFrames('v3', () => NOW)

const message: MessageFrame = {
  text: 'hello',
  isObject: false,
  event: 'e',
  pipe: 'web_x',
  second: NOW,
  fromQueue: false,
  user: null,
}

/** What is sent, and how each dialect writes it. */
const frames: Readonly<Record<string, readonly [v4: string, asV4: string, v3: string, asV3: string]>> = {
  greeting: [
    v4.greeting(true, 'hash7', 'Encke 1'),
    '{"authorized":"true","data":"hash7","event":"serverInfo","message_send_time":1700000000,"pipe":"sys","server":"Encke 1"}',
    v3.greeting(false, '', 'Encke 1'),
    '{"api_data":"for major_version < 4","authorized":"false","data":"","event":"serverInfo","event_name":"serverInfo","message_send_time":1700000000,"pipe":"sys","server":"Encke 1"}',
  ],
  'message of the application': [
    v4.message(message),
    '{"data":"hello","event":"e","message_send_time":1700000000,"pipe":"web_x"}',
    v3.message(message),
    '{"api_data":"for major_version < 4","data":"hello","event":"e","event_name":"e","message_send_time":1700000000,"pipe":"web_x"}',
  ],
  'message of a user': [
    v4.message({ ...message, user: '7' }),
    '{"data":"hello","event":"e","message_send_time":1700000000,"pipe":"web_x","user_id":7}',
    v3.message({ ...message, user: '' }),
    '{"api_data":"for major_version < 4","data":"hello","event":"e","event_name":"e","message_send_time":1700000000,"pipe":"web_x","user_id":0}',
  ],
  'message to a user': [
    v4.message({ ...message, pipe: 'msg', second: null }),
    '{"data":"hello","event":"e","pipe":"msg"}',
    v3.message({ ...message, pipe: 'msg', fromQueue: true }),
    '{"api_data":"for major_version < 4","data":"hello","event":"e","event_name":"e","fromQueue":true,"message_send_time":1700000000,"pipe":"msg"}',
  ],
  'join of a user': [
    v4.message({ ...message, text: '{"user_id":7,"uuid":"u"}', isObject: true, event: 'subscription' }),
    '{"data":{"user_id":7,"uuid":"u"},"event":"subscription","message_send_time":1700000000,"pipe":"web_x"}',
    v3.message({ ...message, text: '{"user_id":7,"uuid":"u"}', isObject: true, event: 'subscription' }),
    '{"api_data":"for major_version < 4","data":"{\\"user_id\\":7,\\"uuid\\":\\"u\\"}","event":"subscription","event_name":"subscription","message_send_time":1700000000,"pipe":"web_x"}',
  ],
  'message of a history': [
    v4.history({ ...message, second: 5, user: '' }, 'm'),
    '{"data":"hello","event":"e","fromQueue":true,"history":true,"message_send_time":5,"pipe":"web_x","user_id":0}',
    v3.history({ ...message, second: 5, user: '7' }, 'm'),
    '{"api_data":"for major_version < 4","data":"hello","event":"e","event_name":"e","fromQueue":true,"history":true,"marker":"m","message_send_time":5,"pipe":"web_x","user_id":7}',
  ],
  report: [
    v4.report('web_x', '{"a":1}', 2),
    '{"data":{"message":"{\\"a\\":1}","number_messages":2},"event":"answer","message_send_time":1700000000,"pipe":"_answer_to_web_x"}',
    v3.report('web_x', 'x', 2),
    '{"api_data":"for major_version < 4","data":"{\\"message\\":\\"x\\",\\"number_messages\\":2}","event":"answer","event_name":"answer","message_send_time":1700000000,"pipe":"_answer_to_web_x"}',
  ],
  'list of who is there': [
    v4.present('track_x', [{ user: '', uuid: 'a' }], 'm'),
    '{"_info":"answer for track_pipe_users","data":[{"user_id":0,"uuid":"a"}],"event":"answer","marker":"m","message_send_time":1700000000,"pipe":"_answer"}',
    v3.present('track_x', [], 'm'),
    '{"_info":"answer for track_pipe_users","api_data":"for major_version < 4","data":"[]","event":"answer","event_name":"answer","marker":"m","message_send_time":1700000000,"pipe":"track_x"}',
  ],
  gap: [
    v4.gap('web_x', { from: 3, to: 9 }),
    '{"data":{"from":3,"pipe":"web_x","to":9},"event":"gap","message_send_time":1700000000,"pipe":"sys"}',
    v3.gap('web_x', { from: 3, to: 9 }),
    '{"api_data":"for major_version < 4","data":"{\\"from\\":3,\\"pipe\\":\\"web_x\\",\\"to\\":9}","event":"gap","event_name":"gap","message_send_time":1700000000,"pipe":"sys"}',
  ],
  'user data': [
    v4.userData('7', '{"name":"Ann"}', 'm'),
    '{"data":{"user_data":"{\\"name\\":\\"Ann\\"}","user_id":7},"event":"answer","marker":"m","message_send_time":1700000000,"pipe":"_answer"}',
    v3.userData('7', '', 'm'),
    '{"api_data":"for major_version < 4","data":"{\\"user_data\\":\\"\\",\\"user_id\\":7}","event":"answer","event_name":"answer","marker":"m","message_send_time":1700000000,"pipe":"_answer"}',
  ],
}

describe('messages to pages', () => {
  for (const [name, [newer, asV4, older, asV3]] of Object.entries(frames)) {
    test(`${name} is written as pages of either generation read it`, () => {
      assert.equal(newer, asV4)
      assert.equal(older, asV3)
    })
  }

  test('keys of every message are in alphabetical order', () => {
    for (const [newer, , older] of Object.values(frames)) {
      for (const frame of [newer, older]) {
        const keys = Object.keys(JSON.parse(frame))
        assert.deepEqual(keys, keys.toSorted())
      }
    }
  })

  test('members of the data of an error are in alphabetical order', () => {
    const { data } = JSON.parse(v4.error('No', { user_id: -1, user_data: '' }))
    assert.deepEqual(Object.entries(data), [
      ['error', 'No'],
      ['user_data', ''],
      ['user_id', -1],
    ])
  })

  test('older pages get data that is neither text nor number as a text, but for messages to users', () => {
    for (const json of ['{"a":1}', '[1]', 'true', 'null']) {
      const parts = { ...message, text: json, isObject: true }
      assert.equal(JSON.parse(v3.message(parts)).data, json)
      assert.deepEqual(JSON.parse(v3.message({ ...parts, pipe: 'msg' })).data, JSON.parse(json))
      assert.deepEqual(JSON.parse(v4.message(parts)).data, JSON.parse(json))
    }
    for (const json of ['"text"', '5', '-1.5']) {
      assert.deepEqual(
        JSON.parse(v3.message({ ...message, text: json, isObject: true })).data,
        JSON.parse(json),
      )
    }
  })

  test('user ids that are no numbers go as texts', () => {
    assert.equal(JSON.parse(v4.message({ ...message, user: 'ann' })).user_id, 'ann')
    assert.equal(JSON.parse(v4.message({ ...message, user: '007' })).user_id, 7)
  })

  test('quotes, breaks, controls and other letters are escaped as the original does, and no others', () => {
    const text = 'a"b\\c/d\n\r\t\b\f\u0001\u007f é ✓ 😀 \u2028'
    const frame = v4.message({ ...message, text })
    const written = 'a\\"b\\\\c/d\\n\\r\\t\\b\\f\\u0001\u007f é ✓ 😀 \u2028'
    assert.equal(frame.slice(0, frame.indexOf(',"event"')), `{"data":"${written}"`)
  })

  test('apostrophes are bare, and behind a backslash written otherwise', () => {
    const frame = v4.message({ ...message, text: "it's \\' here" })
    assert.ok(frame.includes(`it's \\\\\\u0027 here`), frame)
    assert.ok(!frame.includes("\\'"))
    assert.equal(JSON.parse(frame).data, "it's \\' here")
  })

  test('data of a report is safe within a text within a text', () => {
    for (const frames of [v3, v4]) assert.ok(!frames.report('web_x', "\\\\'\\'", 1).includes("\\'"))
  })
})
