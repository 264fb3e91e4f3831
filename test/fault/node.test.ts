/**
 * A node that stops breathing or dies, over every transport: what its clients get, and how they come back.
 *
 * Owns SIGSTOP, SIGKILL and a successor on the same ports. The channels are in memory, so a new node begins new epochs:
 * clients are told by a gap, never left in the belief that they have everything.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertUnbroken,
  channelFor,
  keep,
  open,
  publish,
  publishMany,
  startContractNode,
  startFlow,
  tokenOf,
} from '../support/contract.ts'
import { openPoll } from '../support/poll-client.ts'
import { transports } from '../support/transports.ts'
import { until } from '../support/until.ts'

for (const transport of transports) {
  test(`${transport.name} client of a node that was stopped for a while loses nothing`, async (t) => {
    const node = await startContractNode(t, ['--ring-size', '100000'])
    const channel = channelFor('stopped', transport)
    const client = await open(t, transport, node)
    await client.ok({ subscribe: { channel } })
    const flow = await startFlow(t, node, channel)
    for (let n = 0; n < 5; n++) {
      process.kill(node.pid, 'SIGSTOP')
      const asked = client.ok({ ping: {} })
      // One second of nothing is what this test is about.
      const wakeMs = performance.now() + 300
      await until(() => performance.now() > wakeMs, { what: 'the pause' })
      process.kill(node.pid, 'SIGCONT')
      await asked
      await flow.goOn(50)
    }
    const count = await flow.stop()
    assertUnbroken(await client.received(channel, count), 1, count)
  })

  test(`${transport.name} client of a killed node goes on with the next one and is told of the gap`, async (t) => {
    const first = await startContractNode(t)
    const channel = channelFor('killed', transport)
    const user = channelFor('survivor', transport)
    const before = await open(t, transport, first, { token: tokenOf(user), resume: true })
    await before.ok({ subscribe: { channel } })
    await publishMany(first, channel, 3)
    await before.received(channel, 3)
    const since = before.position(channel)
    await first.stop('SIGKILL')
    await before.closed()

    const second = await startContractNode(t, ['--port', `${first.publicPort}`])
    await keep(t, second, channel)
    await publish(second, channel, 'new life')
    const after = await open(t, transport, second, { resume: before.capsule() })
    const { session } = before.replies[0]?.ok ?? {}
    assert.deepEqual([after.replies[0]?.ok?.session, after.replies[0]?.ok?.user], [session, user])
    const { epoch, offset, recovered, gap } = await after.ok({ subscribe: { channel, since } })
    assert.notEqual(epoch, since?.epoch)
    assert.deepEqual([offset, recovered, gap], [1, false, { from: 1, to: 0, reason: 'epoch', epoch }])
    await publish(second, channel, 'and on')
    assertUnbroken(await after.received(channel, 2), 1, 2)
  })
}

test('long poll client that polls on finds the next node by itself and is told of the gap once', async (t) => {
  const first = await startContractNode(t)
  const client = await openPoll(first, { connect: { token: tokenOf('patient') }, persists: true })
  t.after(() => client.close())
  await client.ok({ subscribe: { channel: 'news' } })
  await publishMany(first, 'news', 3)
  await client.received('news', 3)
  await first.stop('SIGKILL')
  const second = await startContractNode(t, ['--port', `${first.publicPort}`])
  await until(() => client.gaps.length === 2, { what: 'gaps of both channels' })
  assert.deepEqual(new Set(client.gaps.map(({ channel }) => channel)), new Set(['news', '@patient']))
  for (const { from, to, reason } of client.gaps) assert.deepEqual([from, to, reason], [1, 0, 'epoch'])
  await publish(second, 'news', 'four')
  await publish(second, '@patient', 'mail')
  const publications = await client.received('news', 4)
  assert.deepEqual([publications[3]?.offset, publications[3]?.data], [1, 'four'])
  assert.equal((await client.received('@patient', 1))[0]?.data, 'mail')
  await client.ok({ ping: {} })
  assert.equal(client.gaps.length, 2)
})
