/**
 * Tests of src/transports/poll-request.ts: what a body means, and which field is wrong in those that mean nothing.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readPollRequest, readPositions } from '../../../src/transports/poll-request.ts'

const read = (body: unknown) => readPollRequest(Buffer.from(JSON.stringify(body)))
const nothing = { capsule: '', positions: null, commands: [], waitMs: null }

describe('poll request', () => {
  test('poll request of an empty object asks for nothing', () => {
    assert.deepEqual(read({}), nothing)
  })

  test('poll request holds every member as it came, commands unseen', () => {
    const commands = [{ id: 1, ping: {} }, 'no command', null]
    const positions = { news: { epoch: 'k3', offset: 41 }, '@17': { epoch: '', offset: 0 } }
    assert.deepEqual(read({ capsule: 'abc', positions, commands, waitMs: 0, other: 1 }), {
      capsule: 'abc',
      positions: [
        ['news', { epoch: 'k3', offset: 41 }],
        ['@17', { epoch: '', offset: 0 }],
      ],
      commands,
      waitMs: 0,
    })
  })

  test('poll request without positions differs from one with none', () => {
    assert.deepEqual(read({ positions: {} }), { ...nothing, positions: [] })
    assert.deepEqual(read({ positions: null }), nothing)
  })

  test('poll request takes a channel of any name, those that objects have of their own as well', () => {
    const body =
      '{"positions":{"__proto__":{"epoch":"k3","offset":1},"constructor":{"epoch":"k3","offset":2}}}'
    assert.deepEqual(readPollRequest(Buffer.from(body)), {
      ...nothing,
      positions: [
        ['__proto__', { epoch: 'k3', offset: 1 }],
        ['constructor', { epoch: 'k3', offset: 2 }],
      ],
    })
  })

  test('poll request that is no JSON object is no message', () => {
    for (const body of ['', '{', '\u0000', '[]', '1', 'null', '"text"', '{}{}']) {
      const found = readPollRequest(Buffer.from(body))
      assert.equal('failed' in found && found.failed, 'BAD_MESSAGE', body)
    }
  })

  test('poll request with a wrong member is refused by its name', () => {
    const wrong: readonly (readonly [member: string, value: unknown])[] = [
      ['capsule', 1],
      ['capsule', null],
      ['positions', []],
      ['positions', 'news'],
      ['commands', {}],
      ['commands', null],
      ['waitMs', -1],
      ['waitMs', 1.5],
      ['waitMs', '10'],
    ]
    for (const [member, value] of wrong) {
      const found = read({ [member]: value })
      assert.ok('failed' in found, `${member}: ${JSON.stringify(value)}`)
      assert.equal(found.failed, 'INVALID_ARGUMENT')
      assert.ok(found.message.startsWith(`Field "${member}"`), found.message)
    }
  })

  test('positions that are none are refused by the name of their channel', () => {
    const wrong: readonly unknown[] = [
      null,
      41,
      [],
      {},
      { epoch: 'k3' },
      { offset: 1 },
      { epoch: 3, offset: 1 },
      { epoch: 'k3', offset: -1 },
      { epoch: 'k3', offset: 1.5 },
      { epoch: 'k3', offset: 2 ** 53 },
      { epoch: 'x'.repeat(65), offset: 1 },
    ]
    for (const value of wrong) {
      const found = readPositions({ good: { epoch: 'k3', offset: 1 }, 'a"b': value })
      assert.ok('failed' in found, JSON.stringify(value))
      assert.ok(found.message.startsWith('Field "positions["a\\"b"]"'), found.message)
    }
  })
})
