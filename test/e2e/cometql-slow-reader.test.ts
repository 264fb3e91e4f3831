/**
 * A MySQL client that asks for more than it reads: the node keeps little of it, and goes on for everybody else.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { readCpuTimes } from '../../bench/support/cpu-times.ts'
import { command, openCometql, PING, query } from '../support/cometql-line.ts'
import { isOk, rowsOf } from '../support/cometql-packets.ts'
import { hex } from '../support/hex.ts'
import { startNode, type TestNode } from '../support/node.ts'

const MB = 1_048_576
const ROWS = 300
const ROW_BYTES = 60_000
/** Asked for at once: 50 MB of rows. */
const QUERIES = 3
/** Both ends of a connection hold several MB in the kernel; the rest of 50 MB may not be in the node. */
const MAX_GROWTH_BYTES = 24 * MB
/** What a node may do before it answers a ping: time of a processor, as the machine may stand still as well. */
const SERVED_WITHIN_MS = 500

function residentBytes({ pid }: TestNode): number {
  const [, kilobytes = ''] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** Milliseconds of a processor that the node has used, in steps of 10. */
function usedMs({ pid }: TestNode): number {
  return readCpuTimes(pid, -1).process * 1_000
}

async function filled(t: TestContext): Promise<TestNode> {
  const node = await startNode(t)
  const line = await openCometql(t, node.cometqlPort)
  for (let n = 1; n <= ROWS; n += 15) {
    const rows = Array.from({ length: 15 }, (_, at) => `(${n + at}, '${'x'.repeat(ROW_BYTES)}')`)
    await line.ask(query(`INSERT INTO users_data (id, data) VALUES ${rows.join(', ')}`))
  }
  // What a whole result leaves behind in the heap is not of interest below.
  await line.ask(query('SELECT * FROM users_data'))
  return node
}

test('a MySQL client that does not read', async (t) => {
  const node = await filled(t)

  await t.test(
    'results that are not read wait in the table, and others are served meanwhile',
    async (inner) => {
      const [slow, other] = [
        await openCometql(inner, node.cometqlPort),
        await openCometql(inner, node.cometqlPort),
      ]
      const before = residentBytes(node)
      slow.pause()
      slow.write(Buffer.concat(Array(QUERIES).fill(query('SELECT * FROM users_data'))))
      slow.write(command(0x16, Buffer.from('SELECT * FROM users_data')))
      slow.write(command(0x17, hex('01 00 00 00 00 01 00 00 00')))

      let slowestMs = 0
      for (let left = 200; left > 0; left--) {
        const before = usedMs(node)
        assert.ok(isOk((await other.ask(PING)).packets[0] ?? hex('00')))
        slowestMs = Math.max(slowestMs, usedMs(node) - before)
      }
      const grown = residentBytes(node) - before
      assert.ok(
        grown < MAX_GROWTH_BYTES,
        `grown by ${Math.round(grown / MB)} MB by a client that does not read`,
      )
      assert.ok(
        slowestMs < SERVED_WITHIN_MS,
        `the node did something else for ${Math.round(slowestMs)} ms before it answered a ping`,
      )

      slow.resume()
      const { packets } = await slow.settled()
      const oneResult = 1 + 2 + 1 + ROWS + 1
      for (let n = 0; n < QUERIES; n++) {
        const rows = rowsOf(packets.slice(n * oneResult, (n + 1) * oneResult))
        const ids = rows.map(([id]) => Number(id)).toSorted((one, other) => one - other)
        assert.deepEqual(
          ids,
          Array.from({ length: ROWS }, (_, at) => at + 1),
        )
        assert.ok(rows.every(([, data]) => data?.length === ROW_BYTES))
      }
      const prepared = 1 + 2 + 1
      assert.equal(packets.length, (QUERIES + 1) * oneResult + prepared)
    },
  )

  await t.test(
    'client that asks and never reads is not read either, and takes nothing with it when it goes',
    async (inner) => {
      const [greedy, other] = [
        await openCometql(inner, node.cometqlPort),
        await openCometql(inner, node.cometqlPort),
      ]
      const before = residentBytes(node)
      greedy.pause()
      greedy.write(query('SELECT * FROM users_data'))
      // 60 MB of commands: what the node does not take stays with the client.
      const flood = Buffer.concat(Array(20).fill(query(`SELECT '${'y'.repeat(1_000_000)}'`)))
      let isTaken = false
      for (let left = 3; left > 0; left--) {
        void greedy.written(flood).then(() => {
          isTaken = left === 1
        })
      }
      for (let left = 100; left > 0; left--) await other.ask(PING)
      assert.ok(!isTaken, 'all commands were read though no answer was')
      const grown = residentBytes(node) - before
      assert.ok(grown < MAX_GROWTH_BYTES, `grown by ${Math.round(grown / MB)} MB`)
      greedy.destroy()
      assert.ok(isOk((await other.ask(PING)).packets[0] ?? hex('00')))
    },
  )
})
