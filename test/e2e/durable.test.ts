/**
 * What outlives a node that is killed: histories, settings and times of users, on a store on disk.
 *
 * Owns the proof over every transport that a client goes on across SIGKILL with its old position and misses nothing; and
 * that what a publisher was told is kept, is.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  assertUnbroken,
  channelFor,
  open,
  publish,
  publishMany,
  startContractNode,
  startFlow,
  tokenOf,
} from '../support/contract.ts'
import { dataFolder } from '../support/data-folder.ts'
import type { TestNode } from '../support/node.ts'
import { transports } from '../support/transports.ts'
import { until } from '../support/until.ts'
import { post } from '../support/wire.ts'

const RULES = [{ match: 'durable_*', historySize: 1_000_000, durable: true, publish: 'anyone' }]

/** Starts nodes one after the other on one folder. */
function nodesOn(t: TestContext, ...flags: readonly string[]): () => Promise<TestNode> {
  const folder = dataFolder(t)
  return () => startContractNode(t, ['--data-dir', folder, '--channels', JSON.stringify(RULES), ...flags])
}

const ask = async (url: string): Promise<unknown> => (await fetch(url)).json()

/** Data of all that a channel keeps, page by page. */
async function history(node: TestNode, channel: string): Promise<unknown[]> {
  const all: unknown[] = []
  for (let since = ''; ; ) {
    const page = await ask(`${node.internalUrl}/api/channels/${channel}/history?limit=1000${since}`)
    const { epoch, offset, publications } = page as {
      epoch: string
      offset: number
      publications: { offset: number; data: unknown }[]
    }
    all.push(...publications.map(({ data }) => data))
    const last = publications.at(-1)?.offset ?? offset
    if (last === offset) return all
    since = `&epoch=${epoch}&offset=${last}`
  }
}

for (const transport of transports) {
  test(`${transport.name} client of a killed node goes on with the next one where it was, without a gap`, async (t) => {
    const start = nodesOn(t)
    const first = await start()
    const channel = channelFor('durable_killed', transport)
    const before = await open(t, transport, first)
    await before.ok({ subscribe: { channel } })
    await publishMany(first, channel, 20)
    await before.received(channel, 20)
    const since = before.position(channel)
    await publishMany(first, channel, 5)
    await first.stop('SIGKILL')
    await before.close()

    const second = await start()
    await publish(second, channel, 'new life')
    const after = await open(t, transport, second)
    const { epoch, offset, recovered, gap } = await after.ok({ subscribe: { channel, since } })
    assert.deepEqual([epoch, offset, recovered, gap], [since?.epoch, 26, true, undefined])
    await publish(second, channel, 'and on')
    const publications = await after.received(channel, 7)
    assertUnbroken(publications, 21, 27)
    assert.deepEqual(
      publications.slice(4).map(({ data }) => data),
      [5, 'new life', 'and on'],
    )
  })
}

// The revocation was in memory alone, and the capsule good again for up to ten minutes: its holder read the user's messages.
for (const transport of transports) {
  test(`${transport.name} login that was taken back stays so after a kill, capsules included`, async (t) => {
    const start = nodesOn(t)
    const first = await start()
    const login = { user: '21', key: 'secret' }
    await post(`${first.internalUrl}/api/users/key`, login)
    const client = await open(t, transport, first, { login, resume: true })
    assert.equal(client.replies[0]?.ok?.user, '21')
    assert.equal((await post(`${first.internalUrl}/api/users/key/remove`, { user: '21' })).status, 200)
    await client.closed()
    await first.stop('SIGKILL')

    const second = await start()
    const back = await open(t, transport, second, { resume: client.capsule() }).catch(() => null)
    assert.equal(back?.replies[0]?.ok?.user ?? '', '')
  })
}

test('publications that were acknowledged are there after a kill, in order, without a hole', async (t) => {
  const start = nodesOn(t)
  let node = await start()
  let known = 0
  for (let round = 0; round < 3; round++) {
    const flow = await startFlow(t, node, `durable_flow-${round}`)
    await flow.goOn(500 + 300 * round)
    await node.stop('SIGKILL')
    const acknowledged = flow.count()
    node = await start()
    const kept = await history(node, `durable_flow-${round}`)
    assert.ok(kept.length >= acknowledged, `${kept.length} of ${acknowledged} are there`)
    assert.deepEqual(
      kept,
      kept.map((_, at) => at + 1),
    )
    known += kept.length
    const { offset } = await publish(node, `durable_flow-${round}`, 'next')
    assert.equal(offset, kept.length + 1)
  }
  assert.ok(known >= 2_400)
})

test('settings of channels and what they kept outlive a kill, and are gone when taken away', async (t) => {
  const start = nodesOn(t)
  const first = await start()
  const configure = (node: TestNode, historySize: number | null) =>
    post(`${node.internalUrl}/api/channels/settings`, { channel: 'news', historySize })
  assert.equal((await configure(first, 2)).status, 200)
  await publishMany(first, 'news', 3)
  await first.stop('SIGKILL')

  const second = await start()
  assert.deepEqual(await history(second, 'news'), [2, 3])
  const { epoch, offset } = await publish(second, 'news', 4)
  assert.equal(offset, 4)
  assert.equal((await configure(second, null)).status, 200)
  await second.stop('SIGKILL')

  const third = await start()
  const { status } = await post(`${third.internalUrl}/api/publish`, { channel: 'news', data: 5 })
  assert.equal(status, 200)
  const answer = (await ask(`${third.internalUrl}/api/channels/news/history`)) as { error: { name: string } }
  assert.equal(answer.error.name, 'HISTORY_OFF')
  const anew = await publish(third, 'news', 6)
  assert.notEqual(anew.epoch, epoch, 'its old positions mean nothing any more')
})

test('last time of a user outlives a kill, as do keys and data', async (t) => {
  const start = nodesOn(t)
  const first = await start()
  const [transport] = transports
  assert.ok(transport)
  const client = await open(t, transport, first, { token: tokenOf('17') })
  await client.close()
  const stateOf = async (node: TestNode) =>
    (await ask(`${node.internalUrl}/api/users/17`)) as { online: boolean; lastSeen?: number }
  await until(async () => (await stateOf(first)).lastSeen !== undefined, { what: 'the user to be gone' })
  const { lastSeen } = await stateOf(first)
  await post(`${first.internalUrl}/api/users/key`, { user: '17', key: 'secret' })
  await post(`${first.internalUrl}/api/users/data`, { user: '17', data: 'a text' })
  await first.stop('SIGKILL')

  const second = await start()
  assert.deepEqual([(await stateOf(second)).online, (await stateOf(second)).lastSeen], [false, lastSeen])
  const back = await open(t, transport, second, { login: { user: '17', key: 'secret' } })
  assert.deepEqual(back.replies[0]?.ok?.login, { authorized: true, key: 'secret' })
  assert.deepEqual(await back.ok({ userData: { user: '17' } }), { user: '17', data: 'a text' })
})
