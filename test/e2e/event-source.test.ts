/**
 * What only streams of server-sent events do: coming back with `Last-Event-ID`, lasting longer than a capsule, and
 * commands by requests of their own.
 *
 * What all transports have in common is in contract/. The streams here are opened by GET, as a browser's EventSource
 * does it.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startContractNode, tokenOf } from '../support/contract.ts'
import type { TestNode } from '../support/node.ts'
import { openSse, type SseClient, type SseOptions } from '../support/sse-client.ts'
import { until } from '../support/until.ts'
import { post } from '../support/wire.ts'

/** The shortest there is; half of it is when a new one is due. */
const CAPSULE_TTL_MS = 10_000

test('an EventSource that comes back gets what was sent to its user and its channels meanwhile', async (t) => {
  const node = await startContractNode(t)
  const get = `/sse?channel=news&channel=%5F_proto__&token=${tokenOf('17')}`
  const first = await opened(t, node, { get })
  await publish(node, { channel: 'news', data: 1 })
  await publish(node, { user: '17', data: 1 })
  await publish(node, { channel: '__proto__', data: 1 })
  await until(() => first.publications.length === 3, { what: 'all three' })
  const lastEventId = first.lastEventId()
  await first.close()

  for (const data of [2, 3]) {
    await publish(node, { channel: 'news', data })
    await publish(node, { user: '17', data })
    await publish(node, { channel: '__proto__', data })
  }
  // The token is that of before, as an EventSource can not change its address.
  const second = await opened(t, node, { get, lastEventId })
  await publish(node, { user: '17', data: 4 })
  await until(() => second.publications.length >= 7, { what: 'what was missed, and what is new' })
  const came = (channel: string) =>
    second.publications.filter((one) => one.channel === channel).map(({ data }) => data)
  assert.deepEqual(came('@17'), [2, 3, 4])
  assert.deepEqual(came('news'), [2, 3])
  assert.deepEqual(came('__proto__'), [2, 3])
  assert.deepEqual(second.gaps, [])
})

test('a stream that outlives its capsule is given new ones, and commands go on', async (t) => {
  const node = await startContractNode(t, ['--capsule-ttl-ms', `${CAPSULE_TTL_MS}`])
  const client = await openSse(node, { connect: { resume: true } })
  t.after(() => client.close())
  const first = client.capsule()
  await until(() => client.capsule() !== first, { withinMs: CAPSULE_TTL_MS, what: 'a new capsule' })
  const second = client.capsule()
  assert.deepEqual(await client.ok({ ping: {} }), {})
  await until(() => client.capsule() !== second, { withinMs: CAPSULE_TTL_MS, what: 'another one' })
  await client.ok({ subscribe: { channel: 'news' } })
  await publish(node, { channel: 'news', data: 1 })
  await client.received('news', 1)
})

test('commands over HTTP are taken from pages of listed origins only', async (t) => {
  const origin = 'https://example.com'
  const node = await startContractNode(t, ['--origins', origin])
  const ask = async (path: string, from: string, body: object) => {
    const request = { method: 'POST', headers: { origin: from }, body: JSON.stringify(body) }
    const answer = await fetch(`${node.publicUrl}${path}`, request)
    return { status: answer.status, body: await answer.json() }
  }
  const polled = await ask('/poll', origin, { commands: [{ id: 1, connect: {} }] })
  const { capsule } = polled.body[0].ok
  const commands = [{ id: 2, ping: {} }]
  assert.equal((await ask('/command', origin, { capsule, commands })).status, 200)
  const refused = await ask('/command', 'https://evil.test', { capsule, commands })
  assert.deepEqual([refused.status, refused.body.error.name], [403, 'ORIGIN_DENIED'])
})

async function opened(t: TestContext, node: TestNode, options: SseOptions): Promise<SseClient> {
  const client = await openSse(node, { connect: null, ...options })
  t.after(() => client.close())
  await until(() => client.comments() > 0, { what: 'the stream to begin' })
  return client
}

async function publish(node: TestNode, publication: object): Promise<void> {
  const { status, body } = await post(`${node.internalUrl}/api/publish`, publication)
  assert.equal(status, 200, JSON.stringify(body))
}
