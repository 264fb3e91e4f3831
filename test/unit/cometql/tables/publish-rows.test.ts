/**
 * Tests of src/cometql/tables/publish-rows.ts: several rows are one publish, and a refusal says which row and what became
 * of the others.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes } from '../../../../src/codes.ts'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { publishRows } from '../../../../src/cometql/tables/publish-rows.ts'
import type { PublishOutcome, PublishRequest, PublishSource } from '../../../../src/core/broker.ts'
import { localCore, request } from '../../../support/local-core.ts'

/** The broker of a core, and what it was asked for. */
function setUp(t: Parameters<typeof localCore>[0], maxPublicationBytes = 100) {
  const core = localCore(t, { maxPublicationBytes })
  const calls: [count: number, source: PublishSource][] = []
  const publish = (requests: readonly PublishRequest[], source: PublishSource): Promise<PublishOutcome[]> => {
    calls.push([requests.length, source])
    return core.broker.publish(requests, source)
  }
  return { core, calls, broker: { ...core.broker, publish } }
}

const asItIs = (one: PublishRequest) => one

const tooLarge = request('news', 'x'.repeat(200))

test('all rows are handed over in one call, as of CometQL, in order', async (t) => {
  const { core, calls, broker } = setUp(t)
  const session = core.connected()
  await core.subscribe(session, 'news')
  const rows = [1, 2, 3]
  await publishRows(broker, rows, (value) => request('news', value))
  await core.settle()
  assert.deepEqual(calls, [[3, 'cometql']])
  assert.deepEqual(
    core.fanOut.got(session).map(({ data }) => data),
    [1, 2, 3],
  )
})

test('a single row is refused in the words of the node', async (t) => {
  const { broker } = setUp(t)
  await assert.rejects(publishRows(broker, [tooLarge], asItIs), (error) => {
    assert.ok(error instanceof QueryError)
    assert.equal(error.failure.code, codes.PUBLICATION_TOO_LARGE.mysql[0])
    assert.doesNotMatch(error.message, /Row/)
    return true
  })
})

test('of several the first that was refused is named, and how many were published', async (t) => {
  const { core, broker } = setUp(t)
  const requests = [request('news', 1), tooLarge, request('news', 2), tooLarge]
  await assert.rejects(publishRows(broker, requests, asItIs), (error) => {
    assert.ok(error instanceof QueryError)
    assert.equal(error.failure.name, 'PUBLICATION_TOO_LARGE')
    assert.match(error.message, /^Row 2 of 4: .*; 2 rows were published$/)
    return true
  })
  assert.equal((await core.broker.channel('news')).position.offset, 2)
})

// Fifty thousand rows in one INSERT were handed over in one call, which held the loop for most of a second.
test('very many are handed over in parts, in order, with others in between, and none where one is bad', async (t) => {
  const { core, calls, broker } = setUp(t)
  const rows = Array.from({ length: 1_000 }, (_, at) => at)
  const bad = (value: number): PublishRequest => {
    if (value === 999) throw new QueryError('invalid', 'It is bad')
    return request('news', value)
  }
  await assert.rejects(publishRows(broker, rows, bad), /It is bad/)
  assert.equal(calls.length, 0)
  const order: string[] = []
  const published = publishRows(broker, rows, (value) => request('news', value))
  setImmediate(() => order.push('others'))
  await published.then(() => order.push('published'))
  assert.deepEqual(order, ['others', 'published'])
  assert.deepEqual(
    calls.map(([count]) => count),
    [256, 256, 256, 232],
  )
  assert.equal((await core.broker.channel('news')).position.offset, 1_000)
})

test('a single row that was published beside refused ones is told as one', async (t) => {
  const { broker } = setUp(t)
  const requests = [request('news', 1), tooLarge]
  await assert.rejects(publishRows(broker, requests, asItIs), /; 1 row was published$/)
})
