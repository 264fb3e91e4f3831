/**
 * Tests of json-member.ts: the slice it finds is, for any object, what JSON.parse finds.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isNestedDeeper, memberBytes } from '../../../src/http-api/json-member.ts'

const slice = (json: string, name: string) => memberBytes(Buffer.from(json), name)?.toString() ?? null

describe('memberBytes', () => {
  const cases: readonly [what: string, json: string, found: string | null][] = [
    ['a number beyond 2^53 as it was written', '{"data":12345678901234567890}', '12345678901234567890'],
    ['a fraction as it was written', '{"data":1.0}', '1.0'],
    ['a value with white space around it', '\r\n{ "data" :\t[1, 2] , "x":1}', '[1, 2]'],
    ['the last of two members of one name', '{"data":1,"data":2}', '2'],
    ['a name spelled with an escape', String.raw`{"\u0064ata":true}`, 'true'],
    ['a string that holds quotes and braces', String.raw`{"data":"}\"{\\"}`, String.raw`"}\"{\\"`],
    ['an object that has the name inside it', '{"a":{"data":1},"data":{"data":2}}', '{"data":2}'],
    ['a value after strings that look like the name', '{"a":"data","b":["data",1],"data":null}', 'null'],
    ['an empty object as a value', '{"data":{}}', '{}'],
    ['text beyond ASCII', '{"ключ":"значение","data":"☄"}', '"☄"'],
    ['nothing where there is no such member', '{"a":{"data":1}}', null],
    ['nothing in an empty object', ' { } ', null],
  ]
  for (const [what, json, found] of cases) {
    test(`memberBytes finds ${what}`, () => assert.equal(slice(json, 'data'), found))
  }

  test('memberBytes agrees with JSON.parse on any object, however it is spaced', async () => {
    const member = fc.tuple(fc.constantFrom('data', 'da"ta', 'x\\', '', 'data '), fc.jsonValue())
    const object = fc.array(member, { maxLength: 6 })
    await fc.assert(
      fc.property(object, fc.constantFrom(0, 1, '\t'), (members, indent) => {
        const fields = members.map(
          ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value, null, indent)}`,
        )
        const json = `{ ${fields.join(' ,')} }`
        const expected: unknown = JSON.parse(json).data
        const found = slice(json, 'data')
        assert.deepEqual(found === null ? undefined : JSON.parse(found), expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('isNestedDeeper', () => {
  test('isNestedDeeper counts arrays and objects alike', () => {
    assert.equal(isNestedDeeper(Buffer.from('[{"a":[1]}]'), 3), false)
    assert.equal(isNestedDeeper(Buffer.from('[{"a":[1]}]'), 2), true)
  })

  test('isNestedDeeper takes brackets beside each other for no depth', () => {
    assert.equal(isNestedDeeper(Buffer.from('[[],[],{},[]]'), 2), false)
  })

  test('isNestedDeeper sees no brackets in strings', () => {
    assert.equal(isNestedDeeper(Buffer.from(String.raw`["[[[\"[[["]`), 1), false)
  })

  test('isNestedDeeper ends on bytes that are no JSON', async () => {
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.equal(typeof isNestedDeeper(Buffer.from(bytes), 8), 'boolean')
      }),
    )
  })
})
