/**
 * MySQL clients that leave while rows are looked for that are not there: the node stops looking.
 *
 * A program that is killed closes its socket, of which the node learns no more than that nothing will be said any more; no
 * row is found by whose way back the rest would show. Who has closed only its own side gets what it asked for. Linux only,
 * for the time of a processor that a process has used.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCpuTimes } from '../../bench/support/cpu-times.ts'
import { openCometql, query } from '../support/cometql-line.ts'
import { rowsOf } from '../support/cometql-packets.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'

const MESSAGES = 30_000
/** So long that a walk takes the node a second. */
const MESSAGE_LETTERS = 1_000
const CLIENTS = 20
/** Longer than all their walks take to their ends, on any machine: what counts is how much of them was done. */
const IDLE_WITHIN_MS = 90_000
/** Of the walks that nobody waits for any more: the node gives a client two seconds, in which fast machines walk far. */
const MOST_WALKED = 2 / 3
/** Long enough for a node that works to get its share, however busy the machine is. */
const IDLE_MS = 1_000

/** Each may begin a pattern. */
const DIGITS = '0123456789'

const COUNT = "SELECT COUNT(*) FROM pipes_messages WHERE name = 'trust_long'"
/** Nearly all of a message has to be looked at for each of them, of which a row may be asked so many. */
const HARD = Array.from({ length: 15 }, (_, at) => `message NOT LIKE '%${at}_nobody_%'`).join(' AND ')
const NOTHING = `${COUNT} AND ${HARD} AND message = 'nobody said this'`

/** Milliseconds of a processor that the node has used. */
function usedMs({ pid }: TestNode): number {
  return readCpuTimes(pid, -1).process * 1_000
}

/** Whether the node does next to nothing for a while. */
async function isIdle(node: TestNode): Promise<boolean> {
  const before = usedMs(node)
  const start = performance.now()
  await until(() => performance.now() - start > IDLE_MS, { what: 'a while to be over' })
  return usedMs(node) - before < IDLE_MS / 10
}

test('a node stops looking for rows when the client that asked has left', async (t) => {
  const node = await startNode(t)
  const line = await openCometql(t, node.cometqlPort)
  await line.ask(query(`INSERT INTO pipes_settings (name, length) VALUES ('trust_long', ${MESSAGES})`))
  const rows = Array.from(
    { length: 1_000 },
    (_, at) => `('trust_long', '', '${`message ${at} `.padEnd(MESSAGE_LETTERS, DIGITS)}')`,
  ).join(',')
  for (let sent = 0; sent < MESSAGES; sent += 1_000) {
    await line.ask(query(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows}`))
  }

  await t.test('clients that are gone cost nothing soon', async (inner) => {
    const lines = await Promise.all(
      Array.from({ length: CLIENTS }, () => openCometql(inner, node.cometqlPort)),
    )
    const before = usedMs(node)
    assert.deepEqual(rowsOf((await line.ask(query(NOTHING))).packets), [['0']])
    const walkMs = usedMs(node) - before
    for (const one of lines) one.write(query(NOTHING))
    for (const one of lines) one.destroy()
    await until(() => isIdle(node), { withinMs: IDLE_WITHIN_MS, what: 'the node to be idle' })
    const walks = (usedMs(node) - before - walkMs) / walkMs
    inner.diagnostic(`${walks.toFixed(1)} of ${CLIENTS} walks of ${Math.round(walkMs)} ms`)
    assert.ok(walks < CLIENTS * MOST_WALKED, `the node went on for ${walks.toFixed(1)} of ${CLIENTS} walks`)
  })

  await t.test('a client that has closed only its own side gets its answer', async (inner) => {
    const half = await openCometql(inner, node.cometqlPort)
    half.write(query(COUNT))
    half.end()
    const { packets } = await half.dropped()
    assert.deepEqual(rowsOf(packets), [[String(MESSAGES)]])
  })
})
