/**
 * Random and nearly right JSON for payloads: they agree with JSON.parse on every one, whatever the bytes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodePublication } from '../../src/protocol/msgpack-codec.ts'
import { Payload } from '../../src/protocol/payload.ts'
import { eachCase } from '../support/cases.ts'
import { holds } from '../support/holds.ts'
import { mutate } from '../support/mutate.ts'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the bytes mean, by the platform alone; null = nothing. */
function meaning(bytes: Buffer): { value: unknown } | null {
  try {
    return { value: JSON.parse(decoder.decode(bytes)) }
  } catch {
    return null // not UTF-8, or not JSON
  }
}

test('payload takes bytes exactly when they are UTF-8 and JSON, and means what they mean', async () => {
  const samples = [
    '{"a":[1,-2.5e-3,null,true,"é☄🚀\\u00e9\\n"],"b":{}}',
    '"text"',
    '[[[[[]]]]]',
    ' [1, 2] ',
    '{"":""}',
  ].map((text) => Buffer.from(text))
  let taken = 0
  await eachCase(8_000, (random) => {
    const bytes = mutate(samples[random.below(samples.length)] ?? Buffer.alloc(0), random)
    const payload = Payload.checkJson(bytes)
    const expected = meaning(bytes)
    assert.equal(payload !== null, expected !== null, JSON.stringify(bytes.toString('latin1')))
    if (payload === null || expected === null) return
    taken++
    assert.deepEqual(payload.value(), expected.value)
  })
  assert.ok(taken > 100, `only ${taken} mutations were JSON: they test nothing`)
})

test('payload of trusted bytes never throws, whatever they are', async () => {
  await eachCase(3_000, (random) => {
    const payload = Payload.trustJson(mutate(Buffer.from('{"a":["b\\"",{}]}'), random))
    payload.isTooDeep()
    const bytes = encodePublication({ channel: 'c', offset: 1, data: payload, event: '', user: '' })
    assert.equal((decodeMessage(bytes) as { offset: number }).offset, 1)
  })
})

test('payload of any value has JSON that means the same, or none', () => {
  holds(
    fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (value) => {
      const payload = Payload.fromValue(value)
      if (payload === null) return
      assert.notEqual(meaning(payload.json()), null)
    }),
    2_000,
  )
})
