/**
 * The page of the bench that comes back with an old position, against a server that is right, wrong or silent.
 *
 * Real sockets. What a node does is shown by the scenario itself (bench-scenarios.test.ts).
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocketServer } from 'ws'
import { recoverFrom } from '../../bench/support/page.ts'

const since = { epoch: 'e1', offset: 5 }
/** For what comes in any case, ms. */
const PATIENCE_MS = 20_000

/** A server that answers a subscribe with these messages; returns its port. */
async function startTarget(t: TestContext, messages: readonly object[]): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => {
    socket.on('message', (bytes: Buffer) => {
      const { subscribe } = JSON.parse(bytes.toString()) as { subscribe?: unknown }
      if (subscribe === undefined) return
      assert.deepEqual(subscribe, { channel: 'news', since })
      for (const message of messages) socket.send(JSON.stringify(message))
    })
  })
  t.after(async () => {
    for (const client of server.clients) client.terminate()
    const closed = once(server, 'close')
    server.close()
    await closed
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const reply = { id: 2, ok: { epoch: 'e1', offset: 8, recovered: true } }
const publication = (offset: number) => ({ channel: 'news', offset, data: 1 })

test('recoverFrom counts what came after its position, and leaves at the latest', async (t) => {
  const port = await startTarget(t, [reply, publication(6), publication(7), publication(8)])
  const { ms, received, breaks } = await recoverFrom(port, 'news', since, 8, PATIENCE_MS)
  assert.deepEqual([received, breaks], [3, 0])
  assert.ok(ms > 0)
})

test('recoverFrom counts publications that do not follow each other', async (t) => {
  const port = await startTarget(t, [reply, publication(6), publication(8)])
  const { received, breaks } = await recoverFrom(port, 'news', since, 8, PATIENCE_MS)
  assert.deepEqual([received, breaks], [2, 1])
})

test('recoverFrom counts a gap it is told of', async (t) => {
  const gap = { from: 6, to: 7, reason: 'trimmed' }
  const told = { ...reply, ok: { ...reply.ok, recovered: false, gap } }
  const port = await startTarget(t, [told, publication(8)])
  const { received, breaks } = await recoverFrom(port, 'news', since, 8, PATIENCE_MS)
  assert.deepEqual([received, breaks], [1, 2])
})

test('recoverFrom fails when it is refused', async (t) => {
  const port = await startTarget(t, [{ id: 2, error: { name: 'ACCESS_DENIED' } }])
  await assert.rejects(recoverFrom(port, 'news', since, 8, PATIENCE_MS), /refused.*ACCESS_DENIED/)
})

test('recoverFrom fails when what it waits for does not come', async (t) => {
  const port = await startTarget(t, [reply, publication(6)])
  await assert.rejects(
    recoverFrom(port, 'news', since, 8, 100),
    /No recovery of 3 publications within 100 ms/,
  )
})
