/**
 * Random values and nearly right messages for the command parser: it must answer every one, and never throw.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codes } from '../../src/codes.ts'
import { decodeMessage } from '../../src/protocol/json-codec.ts'
import { commandNames, parseCommand } from '../../src/protocol/parse-command.ts'
import { eachCase } from '../support/cases.ts'
import { holds } from '../support/holds.ts'
import { mutate } from '../support/mutate.ts'

const messages = [
  { id: 1, connect: { token: 'abc' } },
  { id: 2, subscribe: { channels: ['a', 'b'] } },
  { id: 3, publish: { channel: 'web_chat', data: { a: [1, null] }, event: 'e' } },
  { id: 4, users: { ids: ['17'] } },
  { id: 5, stats: { channel: 'a' } },
].map((message) => Buffer.from(JSON.stringify(message)))

test('parser answers any value at all', () => {
  holds(fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), checkAnswer), 4_000)
})

test('parser answers any fields of any command', () => {
  const field = fc.constantFrom('token', 'channel', 'channels', 'data', 'event', 'ids', '__proto__')
  const fields = fc.oneof(fc.dictionary(field, fc.anything(), { maxKeys: 4 }), fc.anything())
  const message = fc.record(
    { id: fc.oneof(fc.nat(), fc.anything()), a: fields, b: fields },
    { requiredKeys: ['a'] },
  )
  const names = fc.tuple(fc.constantFrom(...commandNames), fc.constantFrom(...commandNames))
  holds(
    fc.property(message, names, ({ id, a, b }, [one, other]) => {
      checkAnswer({ id, [one]: a })
      checkAnswer(b === undefined ? { [one]: a, id } : { [one]: a, id, [other]: b })
    }),
    2_000,
  )
})

test('parser answers whatever JSON is left of a mutated message', async () => {
  let understood = 0
  await eachCase(8_000, (random) => {
    const [first = Buffer.alloc(0)] = messages
    const bytes = mutate(messages[random.below(messages.length)] ?? first, random)
    let message: unknown
    try {
      message = decodeMessage(bytes)
    } catch (error) {
      assert.ok(error instanceof SyntaxError, String(error))
      return
    }
    understood++
    checkAnswer(message)
  })
  assert.ok(understood > 100, `only ${understood} mutations were JSON: they test nothing`)
})

function checkAnswer(message: unknown): void {
  const parsed = parseCommand(message)
  assert.ok(Number.isSafeInteger(parsed.id) && parsed.id >= 0)
  if ('failed' in parsed) {
    assert.ok(parsed.failed in codes)
    assert.ok(parsed.message.length < 400, `a message of ${parsed.message.length} letters`)
  } else {
    assert.ok(parsed.id >= 1)
    assert.ok(commandNames.includes(parsed.command.kind))
  }
}
