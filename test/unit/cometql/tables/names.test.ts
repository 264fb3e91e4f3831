/**
 * Tests of src/cometql/tables/names.ts: which names and ids there can be, and CppComet's words for the others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import {
  checkedEvent,
  checkedPipe,
  checkedUser,
  isPipe,
  isUserId,
  userId,
} from '../../../../src/cometql/tables/names.ts'

const ALPHABET = 'The channel name can contain only the characters A-Za-z0-9_-'

function refusal(run: () => unknown): readonly [code: number, message: string] {
  try {
    run()
  } catch (thrown) {
    assert.ok(thrown instanceof QueryError, String(thrown))
    return [thrown.failure.code, thrown.message]
  }
  return assert.fail('not refused')
}

test('a pipe that is written to has 3 to 64 letters of CppComet', () => {
  for (const name of ['abc', 'web_chat', 'A-Z_09', 'x'.repeat(64)]) assert.equal(checkedPipe(name), name)
  const cases: readonly (readonly [name: string, code: number, words: string])[] = [
    ['', queryCodes.tooShort, 'Channel name is too short'],
    ['ab', queryCodes.tooShort, 'Channel name is too short'],
    ['x'.repeat(65), queryCodes.tooLong, 'Channel name is too long'],
    ['a.b', queryCodes.invalid, ALPHABET],
    ['web chat', queryCodes.invalid, ALPHABET],
    ['@17', queryCodes.invalid, ALPHABET],
    ['#web_chat', queryCodes.invalid, ALPHABET],
    ['кометы', queryCodes.invalid, ALPHABET],
    ['abc\n', queryCodes.invalid, ALPHABET],
  ]
  for (const [name, code, words] of cases) {
    const [refused, message] = refusal(() => checkedPipe(name))
    assert.equal(refused, code, name)
    assert.ok(message.startsWith(words), message)
  }
})

test('a refusal shows what was given, escaped and no more than a bit of it', () => {
  assert.match(refusal(() => checkedPipe('a\nb'))[1], /: it is "a\\nb"$/)
  assert.match(refusal(() => checkedPipe('x'.repeat(65)))[1], /65 of at most 64 characters$/)
  assert.match(refusal(() => checkedPipe('ab'))[1], /2 of at least 3 characters$/)
  assert.ok(refusal(() => checkedUser('9'.repeat(100_000)))[1].length < 200)
})

test('a pipe that is looked for may have two letters, as subscribers may', () => {
  for (const name of ['ab', 'abc', 'x'.repeat(64)]) assert.equal(isPipe(name), true, name)
  for (const name of ['', 'a', 'x'.repeat(65), 'a.b', '@1', 'a b', 'ab\n', 'ä1'])
    assert.equal(isPipe(name), false, name)
})

test('an event has up to 64 of the same letters, and may have none', () => {
  for (const event of ['', 'a', 'new-Message_1', 'x'.repeat(64)]) assert.equal(checkedEvent(event), event)
  assert.deepEqual(
    refusal(() => checkedEvent('x'.repeat(65))),
    [queryCodes.tooLong, 'Channel event_name is too long: 65 of at most 64 characters'],
  )
  for (const event of ['a.b', 'a b', 'ä', "'", 'a\n']) {
    const [code, message] = refusal(() => checkedEvent(event))
    assert.equal(code, queryCodes.invalid)
    assert.ok(message.startsWith(ALPHABET), message)
  }
})

test('the id of a user is a whole number from 1, and the same in any spelling', () => {
  assert.equal(userId('7'), '7')
  assert.equal(userId('007'), '7')
  assert.equal(userId('999999999999999'), '999999999999999')
  for (const text of [
    '',
    '0',
    '00',
    '-7',
    '+7',
    '7.0',
    '7 ',
    '1e3',
    '0x7',
    'seven',
    '1000000000000000',
    '٧',
    '7\n',
  ]) {
    assert.equal(userId(text), null, text)
    const [code, message] = refusal(() => checkedUser(text))
    assert.equal(code, queryCodes.invalid)
    assert.ok(message.startsWith('The id field must be non-negative'), message)
  }
  assert.equal(checkedUser('07'), '7')
})

test('an id is one of CppComet if it is a whole number from 1 to 15 digits, in its shortest spelling', () => {
  for (const id of ['1', '7', '70', '999999999999999']) assert.equal(isUserId(id), true, id)
  for (const id of ['', '0', '007', '-1', '7.0', ' 7', 'alice', '1000000000000000', '1e3']) {
    assert.equal(isUserId(id), false, id)
  }
})
