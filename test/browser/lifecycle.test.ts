/**
 * The client in Chromium through what happens to pages: networks that go, sleep, other pages and tabs, tokens that run out.
 *
 * Owns what only a browser can show: offline and online, freezing, tabs of one context. The page is of another origin than the
 * node; publications go on all the time where something may be lost.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TransportName } from '../../src/client/client.ts'
import { openSleepyContext } from '../support/browser.ts'
import { startSteady } from '../support/client-journal.ts'
import { type ClientPage, openClientPage } from '../support/client-page.ts'
import { publish, publishMany, SECRET, startContractNode, tokenOf } from '../support/contract.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { secondsFromNow, signToken } from '../support/tokens.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'
import { startWebProxy } from '../support/web-proxy.ts'

const skip = needs('chromium')

const quick = { backoff: { minMs: 20, maxMs: 200 } }
const transports: readonly TransportName[] = ['websocket', 'long-poll']
const TOKEN_SECONDS = 10
/** The client waits 5 s for a sign of life after a sleep. */
const AWAKE_WITHIN_MS = 15_000

for (const transport of transports) {
  const options = { ...quick, transports: [transport] }

  test(`page on ${transport} that was offline tries nothing meanwhile and then has everything`, {
    skip,
  }, async (t) => {
    const node = await startContractNode(t, ['--ring-size', '100000'])
    const proxy = await startWebProxy(t, node.publicPort)
    const client = await openClientPage(t, proxy, { ...options, channels: ['steady'] })
    const steady = await startSteady(t, node, ['steady'], 100)
    await client.reached('steady', 20)
    await client.page.context().setOffline(true)
    await client.page.waitForFunction("client.state === 'waiting'")
    await steady.goOn(50) // what was asked for before has come to the proxy
    const { states: before } = await client.journal()
    const asked = proxy.asked.length
    await steady.goOn(150)
    const { states: after } = await client.journal()
    assert.deepEqual(after, before)
    assert.equal(proxy.asked.length, asked)
    await client.page.context().setOffline(false)
    await client.connected(transport)
    const count = await steady.stop()
    await client.reached('steady', count)
    await client.assertUnbroken('steady', 1, count)
    assert.deepEqual((await client.journal()).errors, [])
  })

  test(`page on ${transport} that was frozen while its line died has everything within seconds`, {
    skip,
  }, async (t) => {
    const { proxy, client, steady } = await sleepySetUp(t, transport)
    await freeze(client)
    proxy.reset()
    await steady.goOn(150)
    await thaw(client)
    await catchesUp(client, steady.count())
    const count = await steady.stop()
    await client.reached('steady', count)
    await client.assertUnbroken('steady', 1, count)
  })

  test(`page on ${transport} goes on with fresh tokens and never notices that the old ones ran out`, {
    skip,
  }, async (t) => {
    const node = await startContractNode(t)
    let issued = 0
    const token = () => {
      issued++
      const claims = { sub: 'caroline', exp: secondsFromNow(TOKEN_SECONDS) }
      return signToken({ alg: 'HS256', secret: SECRET }, claims)
    }
    const script = "options.getToken = () => fetch('/token').then((answer) => answer.text())"
    const client = await openClientPage(
      t,
      node,
      { ...options, script, channels: ['news'] },
      { serves: { '/token': token } },
    )
    const sinceMs = performance.now()
    await until(() => issued >= 3 && performance.now() - sinceMs > 1_500 * TOKEN_SECONDS, {
      withinMs: 60_000,
      what: () => `three tokens and more than the time of the first, ${issued} were issued`,
    })
    await publish(node, 'news', 'still here')
    await publish(node, '@caroline', 'still me')
    await client.reached('news', 1)
    await client.reached('@caroline', 1)
    const { states, errors } = await client.journal()
    assert.deepEqual(
      states.map(({ state }) => state),
      ['connecting', 'connected'],
    )
    assert.deepEqual(errors, [])
  })

  test(`pages on ${transport} see each other come and go, and how many there are`, { skip }, async (t) => {
    // Longer than a browser may stand still between two polls, which would be seen as a leave.
    const node = await startContractNode(t, ['--session-linger-ms', '5000'])
    const channels = ['list_room']
    const first = await openClientPage(t, node, { ...options, channels, token: tokenOf('caroline') })
    const second = await openClientPage(t, node, { ...options, channels, token: tokenOf('william') })
    await first.page.waitForFunction("journal.joins.some(({ user }) => user === 'william')")
    const list = await first.run<{ readonly user: string }[]>(
      "client.presence('list_room').then(({ clients }) => clients)",
    )
    assert.deepEqual(list.map(({ user }) => user).sort(), ['caroline', 'william'])
    assert.deepEqual((await first.journal()).presences.at(-1)?.count, 2)
    await second.run('client.disconnect()')
    await first.page.waitForFunction("journal.leaves.some(({ user }) => user === 'william')")
    const { joins, leaves, presences } = await first.journal()
    assert.equal(presences.at(-1)?.count, 1)
    assert.equal(joins.filter(({ user }) => user === 'william').length, 1)
    assert.equal(leaves.length, 1)
  })
}

test('page whose line went half-open in the background gives it up soon after it is looked at again', {
  skip,
}, async (t) => {
  // A page that is frozen never gets here: Chromium itself ends the WebSockets of frozen pages.
  const { proxy, client, steady } = await sleepySetUp(t, 'websocket')
  const other = await client.page.context().newPage()
  await other.bringToFront()
  await until(() => client.run<boolean>("document.visibilityState === 'hidden'"), {
    what: 'the page to be hidden',
  })
  proxy.halfOpen()
  await steady.goOn(100)
  const { states } = await client.journal()
  assert.equal(states.at(-1)?.state, 'connected')
  await client.page.bringToFront()
  await catchesUp(client, steady.count())
  const count = await steady.stop()
  await client.reached('steady', count)
  await client.assertUnbroken('steady', 1, count)
})

test('page asks for the history of a channel, whole, in part and from the end', { skip }, async (t) => {
  const node = await startContractNode(t)
  await publishMany(node, 'kept_news', 10)
  const { run } = await openClientPage(t, node)
  const offsets = (args: string) =>
    run<number[]>(
      `client.history('kept_news'${args}).then(({ publications }) => publications.map(({ offset }) => offset))`,
    )
  assert.deepEqual(await offsets(''), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.deepEqual(await offsets(', { limit: 2, reverse: true }'), [10, 9])
  const { epoch } = await run<{ epoch: string }>("client.history('kept_news', { limit: 1 })")
  assert.deepEqual(await offsets(`, { since: { epoch: '${epoch}', offset: 7 } }`), [8, 9, 10])
})

test('tabs of one page have a session each; one that is closed takes nothing from the other', {
  skip,
}, async (t) => {
  const node = await startContractNode(t, ['--session-linger-ms', '0'])
  const first = await openClientPage(t, node, { token: tokenOf('caroline'), channels: ['list_room'] })
  const second = await openClientPage(t, node, {}, { context: first.page.context(), origin: first.origin })
  await second.page.waitForFunction('journal.subscribed === 1')
  const sessions = await Promise.all([first, second].map(sessionOf))
  assert.equal(new Set(sessions).size, 2)
  await publish(node, '@caroline', 'to every tab')
  await Promise.all([first, second].map((tab) => tab.reached('@caroline', 1)))
  await second.page.close()
  await first.page.waitForFunction('journal.leaves.length === 1')
  assert.equal((await first.journal()).leaves[0]?.session, sessions[1])
  await publish(node, '@caroline', 'to the one that is left')
  await first.reached('@caroline', 2)
  assert.equal(await first.run("client.users(['caroline']).then(({ online }) => online.length)"), 1)
})

/** A page that can be frozen, behind a bad network, that gets 100 publications per second. */
async function sleepySetUp(t: TestContext, transport: TransportName) {
  const node = await startContractNode(t, ['--ring-size', '100000'])
  const proxy = await startTcpProxy(t, node.publicPort)
  const address = { publicUrl: node.publicUrl, wsUrl: `ws://127.0.0.1:${proxy.port}/ws` }
  const options = { ...quick, transports: [transport], channels: ['steady'], script: noteSleep }
  const context = await openSleepyContext(t)
  const client = await openClientPage(t, address, options, { context })
  const steady = await startSteady(t, node, ['steady'], 100)
  await client.reached('steady', 20)
  return { proxy, client, steady }
}

const noteSleep = `
  globalThis.isFrozen = false
  document.addEventListener('freeze', () => { isFrozen = true })
  document.addEventListener('resume', () => { isFrozen = false })`

/** As a browser does with a tab that has been in the background for long. */
async function freeze({ page, run }: ClientPage): Promise<void> {
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Page.setWebLifecycleState', { state: 'frozen' })
  await until(() => run<boolean>('isFrozen'), { what: 'the page to be frozen' })
}

/** As a browser does with a tab the user comes back to. */
async function thaw({ page, run }: ClientPage): Promise<void> {
  const devTools = await page.context().newCDPSession(page)
  await devTools.send('Page.setWebLifecycleState', { state: 'active' })
  await page.bringToFront()
  assert.equal(await run('isFrozen'), false)
}

/** The page gets to `offset`, which it was behind, soon. */
async function catchesUp(client: ClientPage, offset: number): Promise<void> {
  const beganMs = performance.now()
  await client.reached('steady', offset)
  const tookMs = performance.now() - beganMs
  assert.ok(tookMs < AWAKE_WITHIN_MS, `caught up after ${Math.round(tookMs)} ms`)
}

async function sessionOf(client: ClientPage): Promise<string> {
  const { states } = await client.journal()
  const state = states.findLast((each) => each.state === 'connected')
  return state?.state === 'connected' ? state.session : ''
}
