/**
 * Tests of src/core/stored-forms.ts: what is written is read again, and looks as stores that exist already have it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodePosition,
  decodeSettings,
  encodePosition,
  encodeSettings,
  historyEntry,
  inboxEntry,
  readInboxEntry,
} from '../../../src/core/stored-forms.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { holds } from '../../support/holds.ts'

const json = (text: string) => Payload.trustJson(Buffer.from(text))

test('settings and positions are JSON', () => {
  assert.equal(encodeSettings({ historySize: 10 }), '{"historySize":10}')
  assert.equal(encodePosition({ epoch: 'k3', offset: 41 }), '{"epoch":"k3","offset":41}')
  assert.deepEqual(decodeSettings('{"historySize":10}'), { historySize: 10 })
  assert.deepEqual(decodePosition('{"epoch":"k3","offset":41}'), { epoch: 'k3', offset: 41 })
})

test('members that a later version wrote are left out', () => {
  assert.deepEqual(decodeSettings('{"historySize":10,"later":1}'), { historySize: 10 })
  assert.deepEqual(decodePosition('{"epoch":"k3","offset":41,"later":1}'), { epoch: 'k3', offset: 41 })
})

test('history entry is the message that subscribers get, numbered by its offset', () => {
  const parts = { channel: 'news', offset: 41, event: 'e', user: '17', data: json('{"a":1}') }
  const { seq, timeMs, value } = historyEntry(parts, 1_700_000_000_000)
  assert.deepEqual([seq, timeMs], [41, 1_700_000_000_000])
  assert.equal(value.toString(), '{"channel":"news","offset":41,"event":"e","user":"17","data":{"a":1}}')
})

test('inbox entry is a line of what it is and its data', () => {
  const message = { id: 'k3-1', event: 'pm', user: '17', fromClient: true, data: json('{"a":1}') }
  const { seq, timeMs, value } = inboxEntry(5, 1_700_000_000_000, message)
  assert.deepEqual([seq, timeMs], [5, 1_700_000_000_000])
  assert.equal(value.toString(), '["k3-1","pm","17",true,false]\n{"a":1}')
})

test('inbox entry gives back what was kept, a text as that text', () => {
  const text = fc.string({ unit: 'grapheme' })
  const data = fc.oneof(
    text.map((one) => Payload.fromText(one)),
    fc.jsonValue().map((value) => json(JSON.stringify(value))),
  )
  const parts = fc.record({ id: text, event: text, user: text, fromClient: fc.boolean(), data })
  holds(
    fc.property(parts, (message) => {
      const read = readInboxEntry(inboxEntry(1, 0, message))
      assert.deepEqual({ ...read, data: null }, { ...message, data: null })
      assert.equal(read.data.json().toString(), message.data.json().toString())
      assert.equal(read.data.isText, message.data.isText)
      assert.deepEqual(read.data.value(), message.data.value())
    }),
  )
})
