/**
 * Refusals as MySQL clients see them: CppComet's numbers, and the node's registry in MySQL's.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CodeName, codes } from '../../../src/codes.ts'
import { nodeFailure, QueryError, queryCodes, queryFailure } from '../../../src/cometql/query-failure.ts'

describe('queryFailure', () => {
  test('keeps the numbers that applications of CppComet know', () => {
    assert.deepEqual(queryCodes, {
      notImplemented: 2,
      syntax: 3,
      readOnly: 10,
      tooLong: 11,
      invalid: 12,
      conditions: 13,
      columns: 14,
      notFound: 15,
      authentication: 16,
      tooShort: 17,
      accessDenied: 403,
      internal: 500,
    })
  })

  test('gives every number with the state HY000, its words and a row of the registry to be counted under', () => {
    for (const reason of Object.keys(queryCodes) as (keyof typeof queryCodes)[]) {
      const failure = queryFailure(reason, `about ${reason}`)
      assert.equal(failure.code, queryCodes[reason])
      assert.equal(failure.state, 'HY000')
      assert.equal(failure.message, `about ${reason}`)
      assert.ok(failure.name in codes, failure.name)
    }
  })
})

describe('nodeFailure', () => {
  test('projects every row of the registry to its MySQL number and state', () => {
    for (const [name, { mysql }] of Object.entries(codes)) {
      const failure = nodeFailure({ failed: name as CodeName, message: 'why' })
      assert.deepEqual(failure, { code: mysql[0], state: mysql[1], message: 'why', name })
      assert.match(failure.state, /^[0-9A-Z]{5}$/)
    }
  })
})

describe('QueryError', () => {
  test('made of a number of CppComet carries number and words', () => {
    const error = new QueryError('notFound', "Table doesn't exist")
    assert.equal(error.message, "Table doesn't exist")
    assert.deepEqual(error.failure, queryFailure('notFound', "Table doesn't exist"))
  })

  test('made of a failure of the node carries what that says', () => {
    const error = new QueryError({ failed: 'STORE_FAILED', message: 'The disk is full' })
    assert.equal(error.message, 'The disk is full')
    assert.equal(error.failure.name, 'STORE_FAILED')
    assert.equal(error.failure.code, 1021)
  })

  test('is an error with a name of its own', () => {
    const error = new QueryError('syntax', 'no')
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'QueryError')
  })
})
