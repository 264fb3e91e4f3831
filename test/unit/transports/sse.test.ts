/**
 * Tests of src/transports/sse.ts: the ids of events by how the stream was opened, and an opening request that asks for
 * more than its reader takes.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { httpRoutes, type Said } from '../../support/http-routes.ts'
import type { RecordingExchange } from '../../support/recording-exchange.ts'

const ITEMS = 30
const ITEM_BYTES = 1_000

function linesOf(stream: RecordingExchange, field: 'id' | 'data'): string[] {
  const lines = stream.written.join('').split('\n')
  return lines.flatMap((line) => (line.startsWith(`${field}: `) ? [line.slice(field.length + 2)] : []))
}

const messagesOf = (stream: RecordingExchange) =>
  linesOf(stream, 'data').map((data): Said => JSON.parse(data))

describe('ids of events', () => {
  test('stream that was opened by GET tells all positions behind each publication', async (t) => {
    const node = httpRoutes(t)
    const stream = await node.get('channel=news&channel=log')
    await node.publish('news', 'a')
    await node.publish('log', 'b')
    await node.settle()
    assert.deepEqual(linesOf(stream, 'id').slice(-2), [
      '{"news":["k3",1],"log":["k3",0]}',
      '{"news":["k3",1],"log":["k3",1]}',
    ])
  })

  // With 128 channels every publication came with some 4 KB of id, to clients that keep their positions themselves.
  test('stream that was opened by POST tells no ids', async (t) => {
    const node = httpRoutes(t)
    const stream = await node.send('/sse', {
      commands: [
        { id: 1, connect: {} },
        { id: 2, subscribe: { channel: 'news' } },
      ],
    })
    await node.publish('news', 'a')
    await node.settle()
    node.clock.turn(15_000)
    assert.deepEqual(linesOf(stream, 'id'), [])
    assert.deepEqual(
      messagesOf(stream).flatMap(({ offset }) => offset ?? []),
      [1],
    )
    assert.ok(linesOf(stream, 'data').includes('{"sum":1}'), 'the heartbeat came')
  })
})

describe('a stream that asks for much', () => {
  // What did not fit was held back as if it were a short reply, and two large histories in the opening request were
  // enough to have the stream aborted before its reader could take any of it.
  test('stream that asks two large histories to begin with gets one and is told to ask again', async (t) => {
    const node = httpRoutes(t, { rules: [{ match: 'log', historySize: ITEMS }], maxReplyBytes: 2_000 })
    for (let n = 0; n < ITEMS; n++) await node.publish('log', 'x'.repeat(ITEM_BYTES))
    const commands = [
      { id: 1, connect: {} },
      { id: 2, history: { channel: 'log' } },
      { id: 3, history: { channel: 'log' } },
      { id: 4, ping: {} },
    ]
    const stream = await node.send('/sse', { commands }, 10_000)
    assert.deepEqual(
      messagesOf(stream).map(({ id, error }) => [id, error?.name ?? 'ok']),
      [
        [1, 'ok'],
        [2, 'ok'],
        [3, 'BUSY'],
        [4, 'ok'],
      ],
    )
    assert.equal(stream.isAborted, false)
  })
})
