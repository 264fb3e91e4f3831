/**
 * Tests of src/core/names.ts: the bounds of every name that comes from outside.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { channelNameFailure, eventFault, shown, userIdFault } from '../../../src/core/names.ts'

const euro = '€' // three bytes, one UTF-16 unit
const rocket = '🚀' // four bytes, two UTF-16 units

describe('channel name', () => {
  for (const name of ['a', 'web_chat', 'news/2026', 'a b', '频道', '@17', '@a', rocket, 'x\u00a0y']) {
    test(`${JSON.stringify(name)} is allowed`, () => assert.equal(channelNameFailure(name), null))
  }

  test('takes 255 bytes and not one more, however many letters they make', () => {
    assert.equal(channelNameFailure('a'.repeat(255)), null)
    assert.equal(channelNameFailure(euro.repeat(85)), null)
    assert.equal(channelNameFailure(rocket.repeat(63)), null)
    for (const long of ['a'.repeat(256), `${euro.repeat(85)}a`, rocket.repeat(64)]) {
      assert.equal(channelNameFailure(long)?.failed, 'INVALID_CHANNEL')
    }
  })

  const refused: readonly [what: string, name: string, reason: RegExp][] = [
    ['nothing', '', /it is empty$/],
    ['the mark of user channels alone', '@', /"@" needs a user id$/],
    ['256 bytes', 'a'.repeat(256), /it has 256 of at most 255 bytes$/],
    ['a line break', 'a\nb', /control characters/],
    ['NUL', 'a\u0000', /control characters/],
    ['DEL', '\u007f', /control characters/],
    ['a C1 control character', 'a\u0085b', /control characters/],
    ['half of a surrogate pair', 'a\ud83d', /broken Unicode/],
    ['what broken UTF-8 decodes to', Buffer.from([0x61, 0xff]).toString(), /broken Unicode/],
  ]
  for (const [what, name, reason] of refused) {
    test(`refuses ${what}`, () => {
      const failure = channelNameFailure(name)
      assert.equal(failure?.failed, 'INVALID_CHANNEL')
      assert.match(failure?.message ?? '', reason)
    })
  }
})

describe('user id', () => {
  test('takes 1 to 128 bytes', () => {
    assert.equal(userIdFault('1'), null)
    assert.equal(userIdFault('a'.repeat(128)), null)
    assert.equal(userIdFault(''), 'it is empty')
    assert.equal(userIdFault('a'.repeat(129)), 'it has 129 of at most 128 bytes')
    assert.match(userIdFault('a\tb') ?? '', /control characters/)
  })
})

describe('event', () => {
  test('may be left out, and takes up to 255 bytes', () => {
    assert.equal(eventFault(''), null)
    assert.equal(eventFault('a'.repeat(255)), null)
    assert.equal(eventFault('a'.repeat(256)), 'it has 256 of at most 255 bytes')
    assert.match(eventFault('\u001b[2J') ?? '', /control characters/)
  })
})

test('a shown name is quoted, escaped and at most 40 letters', () => {
  assert.equal(shown('news'), '"news"')
  assert.equal(shown('a"\n'), '"a\\"\\n"')
  assert.equal(shown('a'.repeat(40)), `"${'a'.repeat(40)}"`)
  assert.equal(shown('a'.repeat(41)), `"${'a'.repeat(37)}..."`)
})
