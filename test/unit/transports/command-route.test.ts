/**
 * Tests of src/transports/command-route.ts: commands on a session that is here and on one that is not, how many of them,
 * how much they may be answered with, and when the node is about to go.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type HttpRoutes, httpRoutes } from '../../support/http-routes.ts'

const MAX_POLL_BYTES = 20_000
const ITEMS = 30
const ITEM_BYTES = 1_000

/** A capsule whose session is on no node. */
function strangerOf(node: HttpRoutes, session = 'n9-1'): string {
  return (
    node.capsules.seal({ session, tenant: 1, user: '', grants: [], untilMs: 0 }) ?? assert.fail('too long')
  )
}

/** `count` commands, with ids from `first`. */
const pings = (count: number, first = 1) =>
  Array.from({ length: count }, (_, n) => ({ id: first + n, ping: {} }))

async function outcomes(node: HttpRoutes, capsule: string, commands: readonly object[]): Promise<string[]> {
  const { messages } = await node.ask('/command', { capsule, commands })
  return messages.map(({ error }) => error?.name ?? 'ok')
}

describe('commands over HTTP', () => {
  test('command runs on the session of its capsule where that is here', async (t) => {
    const node = httpRoutes(t)
    const capsule = await node.enter()
    assert.deepEqual(await outcomes(node, capsule, [{ id: 5, subscribe: { channel: 'news' } }]), ['ok'])
    assert.equal(node.hub.subscribers('news'), 1)
  })

  test('command that needs a session says so where there is none, and others run', async (t) => {
    const node = httpRoutes(t)
    const commands = [
      { id: 1, subscribe: { channel: 'news' } },
      { id: 2, stats: { channel: 'news' } },
    ]
    assert.deepEqual(await outcomes(node, strangerOf(node), commands), ['NOT_CONNECTED', 'ok'])
  })

  // Every request made a session of its own to run on, whose count of commands began at 0: a capsule whose session was
  // over could send tens of thousands a second.
  test('commands of a session that is not here are counted from request to request', async (t) => {
    const node = httpRoutes(t, { maxCommandsPerSecond: 10 })
    const capsule = strangerOf(node)
    assert.deepEqual(await outcomes(node, capsule, pings(6)), Array(6).fill('ok'))
    assert.deepEqual(await outcomes(node, capsule, pings(6)), [
      ...Array(4).fill('ok'),
      ...Array(2).fill('COMMAND_RATE'),
    ])
    assert.deepEqual(await outcomes(node, strangerOf(node, 'n9-2'), pings(6)), Array(6).fill('ok'))
    node.clock.turn(1_000)
    assert.deepEqual(await outcomes(node, capsule, pings(6)), Array(6).fill('ok'))
  })

  test('commands that ask for much are told BUSY once the answer is long enough', async (t) => {
    const node = httpRoutes(t, {
      rules: [{ match: 'log', historySize: ITEMS }],
      maxPollBytes: MAX_POLL_BYTES,
    })
    for (let n = 0; n < ITEMS; n++) await node.publish('log', 'x'.repeat(ITEM_BYTES))
    const commands = [
      ...Array.from({ length: 5 }, (_, n) => ({ id: n + 1, history: { channel: 'log' } })),
      ...pings(1, 6),
    ]
    for (const capsule of [strangerOf(node), await node.enter()]) {
      assert.deepEqual(
        await outcomes(
          node,
          capsule,
          commands.map((one) => ({ ...one, id: one.id + 10 })),
        ),
        ['ok', 'BUSY', 'BUSY', 'BUSY', 'BUSY', 'ok'],
      )
    }
  })

  test('command to a node that drains is refused with 503', async (t) => {
    const node = httpRoutes(t)
    const capsule = await node.enter()
    node.drainNow()
    const { status, error } = await node.ask('/command', { capsule, commands: pings(1, 3) })
    assert.deepEqual([status, error], ['503 Service Unavailable', 'DRAINING'])
  })
})
