/**
 * Clients that ask for more than they take, against a real node: each gets some of it, hears BUSY for the rest, and lives.
 *
 * Owns the promise that no request, however small, makes the node hold answers without bound. The system holds megabytes
 * for a connection before the node notices that its reader is late, so a reader asks for more than that.
 */
import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openReader } from '../support/frugal-reader.ts'
import { exchange, openExchange } from '../support/http-exchange.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { counter, openPublisher, ops, type WireReply } from '../support/wire.ts'

const ITEMS = 1_000
const ITEM_BYTES = 1_000
/** About what one history of the channel comes to. */
const HISTORY_BYTES = ITEMS * (ITEM_BYTES + 50)
/** Together more than the systems between hold. */
const ASKED = 24

const history = { history: { channel: 'log' } }

test('large replies', async (t) => {
  const rules = JSON.stringify([{ match: 'log', historySize: ITEMS }])
  const node = await startNode(t, ['--channels', rules])
  await fill(node)

  // Each reply that did not fit was held back like a short one: six of them ended the connection of whoever read late.
  await t.test(
    'a reader that asks for many histories and reads late gets what fits and goes on',
    async () => {
      const reader = await openReader(node.wsUrl, 'news')
      const before = await busyCount(node)
      reader.pause()
      for (let n = 0; n < ASKED; n++) reader.send(history)
      await until(async () => (await busyCount(node)) > before, { what: 'a history that is refused' })
      reader.resume()
      const replies = () => reader.replies.slice(2)
      await until(() => replies().length === ASKED, { what: 'all replies' })
      const outcomes = replies().map(outcomeOf)
      assert.ok(outcomes[0] === 'ok' && outcomes.includes('BUSY'), outcomes.join(' '))
      assert.deepEqual(new Set(outcomes), new Set(['ok', 'BUSY']))
      reader.send(history)
      await until(() => replies().length === ASKED + 1, { what: 'one more, asked alone' })
      assert.equal(outcomeOf(replies().at(-1)), 'ok')
      assert.equal(reader.closeCode(), null)
      await reader.close()
    },
  )

  // Two of them in the opening request had the stream aborted.
  await t.test('a stream that opens with a few histories gets what fits and goes on', async () => {
    const agent = new Agent()
    const commands = Array.from({ length: 4 }, (_, n) => ({ id: n + 2, ...history }))
    const opening = { commands: [{ id: 1, connect: {} }, ...commands, { id: 9, ping: {} }] }
    const stream = await openExchange(node, '/sse', opening, { agent })
    const replies: WireReply[] = []
    createInterface(stream).on('line', (line) => {
      if (line.startsWith('data: {"id"')) replies.push(JSON.parse(line.slice('data: '.length)))
    })
    await until(() => replies.at(-1)?.id === 9, { what: 'the last reply' })
    const [connected, first, ...others] = replies.map(outcomeOf)
    assert.deepEqual([connected, first, others.length], ['ok', 'ok', 4])
    assert.ok(
      others.every((outcome) => outcome === 'ok' || outcome === 'BUSY'),
      others.join(' '),
    )
    assert.equal(stream.readableEnded || stream.destroyed, false)
    stream.destroy()
    agent.destroy()
  })

  // 4 KB of commands were answered with 98 MiB, made in memory.
  await t.test(
    'a poll that asks for a hundred histories is answered with little more than it may',
    async () => {
      const agent = new Agent()
      const commands = Array.from({ length: 98 }, (_, n) => ({ id: n + 2, ...history }))
      const answer = await exchange(
        node,
        '/poll',
        { commands: [{ id: 1, connect: {} }, ...commands] },
        { agent },
      )
      agent.destroy()
      const [, ...replies] = JSON.parse(answer.body) as WireReply[]
      assert.equal(replies.length, 98)
      assert.equal(outcomeOf(replies[0]), 'ok')
      assert.equal(outcomeOf(replies.at(-1)), 'BUSY')
      assert.ok(answer.body.length < 1_048_576 + 1.5 * HISTORY_BYTES, `${answer.body.length} bytes`)
    },
  )
})

/** Fills the history of the channel. */
async function fill(node: TestNode): Promise<void> {
  const line = await openPublisher({ port: node.publishPort })
  for (let n = 1; n <= ITEMS; n++) line.send(ops.publish, n + 1, 'log', 'x'.repeat(ITEM_BYTES))
  await line.answer(ITEMS)
  await line.close()
}

/** 0 before the first: the node has no series of codes it never gave. */
function busyCount(node: TestNode): Promise<number> {
  return counter(node.internalUrl, 'encke_command_errors_total', { code: 'BUSY' }).catch(() => 0)
}

function outcomeOf(reply: WireReply | undefined): string {
  return reply?.error?.name ?? 'ok'
}
