/**
 * The client in Chromium where WebSockets are blocked: it goes on with HTTP, returns when they are not, and the page notices
 * nothing but the name of the transport.
 *
 * Owns what only a browser can show: its own fetch with its own limits per host, CORS without preflights, its own network
 * events. The page is of another origin than the node.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { codes } from '../../src/codes.ts'
import { startSteady } from '../support/client-journal.ts'
import { openClientPage, type PageJournal } from '../support/client-page.ts'
import { publish, startContractNode } from '../support/contract.ts'
import { needs } from '../support/tools.ts'
import { startWebProxy } from '../support/web-proxy.ts'

const skip = needs('chromium')

/** Quick to notice, so that a test is about the fallback and not about patience. */
const quick = { backoff: { minMs: 20, maxMs: 200 }, connectTimeoutMs: 5_000 }

/** Nothing but refused WebSockets may show as an error in the console: no poll that a newer one replaces does. */
const quiet = { expects: /^$/ }

for (const [transport, path] of [
  ['long-poll', '/poll'],
  ['sse', '/sse'],
] as const) {
  const transports = ['websocket', transport] as const

  for (const rule of ['refused', 'cut', 'swallowed'] as const) {
    test(`page whose upgrades are ${rule} goes on with ${transport}: it receives, publishes, asks`, {
      skip,
    }, async (t) => {
      const { node, proxy } = await setUp(t)
      proxy.upgrades = rule
      const options = { ...quick, transports, channels: ['kept_news', 'list_room'] }
      const page = await openClientPage(t, proxy, options, quiet)
      const { run, journal, reached, connected, assertUnbroken } = page
      await connected(transport)
      for (let n = 1; n <= 3; n++) await publish(node, 'kept_news', { n })
      await reached('kept_news', 3)
      assert.equal(await run("client.publish('list_room', 'hello').then(({ offset }) => offset)"), 1)
      await reached('list_room', 1)
      assert.equal(await run("client.presence('list_room').then(({ count }) => count)"), 1)
      assert.equal(
        await run("client.history('kept_news').then(({ publications }) => publications.length)"),
        3,
      )
      await assertUnbroken('kept_news', 1, 3)
      const { states, errors } = await journal()
      assert.equal(states.filter(({ state }) => state === 'connected').length, 1)
      assert.deepEqual(errors, [])
      assert.ok(proxy.asked.includes(`POST ${path}`))
      assert.ok(!proxy.asked.some((line) => line.startsWith('OPTIONS')), 'no preflights')
    })
  }

  test(`page returns from ${transport} to WebSocket when it may, losing nothing under a steady publisher`, {
    skip,
  }, async (t) => {
    const { node, proxy } = await setUp(t)
    proxy.upgrades = 'refused'
    const options = { ...quick, transports, channels: ['steady', 'open_own'] }
    const page = await openClientPage(t, proxy, options, quiet)
    const { run, journal, reached, connected, assertUnbroken } = page
    await connected(transport)
    const steady = await startSteady(t, node, ['steady'], 100)
    await reached('steady', 50)
    proxy.upgrades = 'passed'
    // A page that publishes all along, while the transport changes under it.
    const talk = run<number[]>(`(async () => {
      dispatchEvent(new Event('online'))
      const said = []
      for (let n = 0; n < 100; n++) {
        said.push(client.publish('open_own', n).then(({ offset }) => offset))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return Promise.all(said)
    })()`)
    await connected('websocket')
    const offsets = await talk
    assert.deepEqual(
      offsets.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n + 1),
    )
    await steady.goOn(50)
    const count = await steady.stop()
    await reached('steady', count)
    await reached('open_own', 100)
    await assertUnbroken('steady', 1, count)
    await assertUnbroken('open_own', 1, 100)
    const { states, errors } = await journal()
    const first = states.findIndex(({ state }) => state === 'connected')
    assert.deepEqual(states.slice(first).map(words), [`connected ${transport}`, 'connected websocket'])
    assert.equal(new Set(states.slice(first).map(session)).size, 1)
    assert.deepEqual(errors, [])
  })
}

test('page falls back in the middle of a connection that is cut and not let through again', {
  skip,
}, async (t) => {
  const { node, proxy } = await setUp(t)
  const page = await openClientPage(t, proxy, { ...quick, channels: ['steady'] }, quiet)
  await page.connected('websocket')
  const steady = await startSteady(t, node, ['steady'], 100)
  await page.reached('steady', 50)
  proxy.upgrades = 'refused'
  proxy.cutWebSockets()
  await page.connected('long-poll')
  const count = await steady.stop()
  await page.reached('steady', count)
  await page.assertUnbroken('steady', 1, count)
})

test('page finds WebSockets again soon after its device was offline', { skip }, async (t) => {
  // The probe for them used to be due at once only in pages that were connected when they came online, which none is that
  // was offline before: the others waited for a minute.
  const { proxy } = await setUp(t)
  proxy.upgrades = 'refused'
  const { page, connected } = await openClientPage(t, proxy, { ...quick, channels: ['news'] })
  await connected('long-poll')
  await page.context().setOffline(true)
  proxy.upgrades = 'passed'
  await page.context().setOffline(false)
  await connected('websocket')
})

for (const transports of [['long-poll'], ['sse'], ['websocket', 'long-poll']] as const) {
  test(`page of an origin the node does not allow stops and learns why over ${transports.join(' or ')}`, {
    skip,
  }, async (t) => {
    const options = { ...quick, transports }
    const guest = await openClientPage(t, (await setUp(t)).node, options)
    await guest.connected()
    const { node } = await setUp(t, ['--origins', guest.origin])
    const stranger = await openClientPage(t, node, options)
    // A browser tells no page why an upgrade failed: over WebSocket alone nobody would ever know.
    await stranger.page.waitForFunction("client.state === 'closed'")
    const { states, errors } = await stranger.journal()
    assert.ok(!states.some(({ state }) => state === 'connected'))
    const last = states.at(-1)
    assert.equal(last?.state === 'closed' && last.code, codes.ORIGIN_DENIED.reply)
    assert.deepEqual(errors, [])
    const state = await guest.run(`new Promise((resolve) => {
      const client = Encke.createClient({ ...options, url: '${node.wsUrl}' })
      client.on('state', ({ state }) => {
        if (state !== 'connecting') resolve(state)
        if (state === 'connected') client.disconnect()
      })
      client.connect()
    })`)
    assert.equal(state, 'connected')
  })
}

/** A node that holds everything, and a proxy before it. */
async function setUp(t: TestContext, flags: readonly string[] = []) {
  const node = await startContractNode(t, ['--ring-size', '100000', ...flags])
  return { node, proxy: await startWebProxy(t, node.publicPort) }
}

type State = PageJournal['states'][number]

function words(state: State): string {
  return state.state === 'connected' ? `connected ${state.transport}` : state.state
}

function session(state: State): string {
  return state.state === 'connected' ? state.session : ''
}
