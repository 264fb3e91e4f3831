/**
 * Tests of src/protocol/messages.ts: the names other programs rely on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { subprotocols, userChannel } from '../../../src/protocol/messages.ts'

test('the channel of a user is its id behind an @', () => {
  assert.equal(userChannel('17'), '@17')
})

test('subprotocols keep their names', () => {
  assert.deepEqual(subprotocols, { json: 'encke.json', msgpack: 'encke.msgpack' })
})
