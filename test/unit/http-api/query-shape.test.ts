/**
 * Tests of query-shape.ts: what a query may hold, and what is said when it does not.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { choiceQuery, integerQuery, queryShape, textQuery } from '../../../src/http-api/query-shape.ts'

const shape = queryShape({
  limit: integerQuery({ min: 1, max: 1000 }, 0, 'limit'),
  epoch: textQuery(4, null, 'epoch'),
  order: choiceQuery(['asc', 'desc'], 'asc', 'order'),
})

describe('query', () => {
  const accepted: readonly [search: string, values: object][] = [
    ['', { limit: 0, epoch: null, order: 'asc' }],
    ['limit=1', { limit: 1, epoch: null, order: 'asc' }],
    ['limit=1000&order=desc&epoch=k3', { limit: 1000, epoch: 'k3', order: 'desc' }],
    ['epoch=', { limit: 0, epoch: '', order: 'asc' }],
    ['epoch=%C3%A9%20+&&', { limit: 0, epoch: 'é  ', order: 'asc' }],
    ['limit=0007', { limit: 7, epoch: null, order: 'asc' }],
  ]
  for (const [search, values] of accepted) {
    test(`query ${JSON.stringify(search)} is taken`, () => {
      assert.deepEqual(shape.read(search), values)
    })
  }

  const refused: readonly [search: string, text: RegExp][] = [
    ['limit=', /^Parameter "limit" must be an integer from 1 to 1000: "" given$/],
    ['limit=0', /"0" given$/],
    ['limit=1001', /"1001" given$/],
    ['limit=1e2', /"1e2" given$/],
    ['limit=-1', /"-1" given$/],
    ['limit=%201', /" 1" given$/],
    ['limit=1&limit=2', /^Query has the parameter "limit" 2 times, may have it once$/],
    ['lmit=1', /^Query has an unknown parameter "lmit": did you mean "limit"\?$/],
    ['constructor=1', /^Query has an unknown parameter "constructor": known are limit, epoch, order$/],
    ['__proto__=1', /^Query has an unknown parameter "__proto__"/],
    ['epoch=abcde', /^Parameter "epoch" must be at most 4 characters: "abcde" given$/],
    [`epoch=${'x'.repeat(5000)}`, /"x{36}\.\.\. given$/],
    ['order=DESC', /^Parameter "order" must be asc or desc: "DESC" given$/],
  ]
  for (const [search, text] of refused) {
    test(`query ${JSON.stringify(search).slice(0, 40)} is refused, with name, value and bound`, () => {
      const failure = shape.read(search)
      assert.ok('failed' in failure)
      assert.equal(failure.failed, 'INVALID_ARGUMENT')
      assert.match(failure.message, text)
    })
  }

  test('query parameters are documented with their bounds', () => {
    assert.deepEqual(shape.schemas, {
      limit: { type: 'integer', minimum: 1, maximum: 1000, description: 'limit' },
      epoch: { type: 'string', maxLength: 4, description: 'epoch' },
      order: { type: 'string', enum: ['asc', 'desc'], default: 'asc', description: 'order' },
    })
  })
})
