/**
 * The built browser client in Chromium against a real node: both bundles, and what only a browser can show.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { openPage } from '../support/browser.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { needs } from '../support/tools.ts'

const skip = needs('chromium')

/** Opens a page of an application, on an origin of its own, that hands out the client files of the node itself. */
async function openWith(t: TestContext, node: TestNode, html: string): Promise<Page> {
  const server = createServer(async (request, response) => {
    if (request.url === '/') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      response.end(`<!doctype html><link rel="icon" href="data:," />${html}`)
      return
    }
    const file = await fetch(node.publicUrl + request.url)
    response.writeHead(file.status, { 'content-type': file.headers.get('content-type') ?? '' })
    response.end(await file.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return openPage(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

/** A script that publishes to itself and puts what it gets into the title of the page, as JSON. */
const roundTrip = (node: TestNode) => `
  const client = createClient({ url: '${node.wsUrl}' })
  client.subscribe('web_room', ({ data, event }) => { document.title = JSON.stringify([data, event]) })
    .on('subscribed', () => client.publish('web_room', { n: 1 }, { event: 'said' }))
  client.connect()`

test('classic script puts createClient on the page as Encke', { skip }, async (t) => {
  const node = await startNode(t)
  const page = await openWith(
    t,
    node,
    `<script src="/encke.js"></script>
     <script>{ const { createClient } = Encke; ${roundTrip(node)} }</script>`,
  )
  await page.waitForFunction(() => document.title !== '')
  assert.equal(await page.title(), '[{"n":1},"said"]')
})

test('classic script may come straight from the node', { skip }, async (t) => {
  const node = await startNode(t)
  const page = await openWith(
    t,
    node,
    `<script src="${node.publicUrl}/encke.js"></script>
     <script>{ const { createClient } = Encke; ${roundTrip(node)} }</script>`,
  )
  await page.waitForFunction(() => document.title !== '')
  assert.equal(await page.title(), '[{"n":1},"said"]')
})

test('module exports createClient', { skip }, async (t) => {
  const node = await startNode(t)
  const page = await openWith(
    t,
    node,
    `<script type="module">import { createClient } from '/encke.mjs'; ${roundTrip(node)}</script>`,
  )
  await page.waitForFunction(() => document.title !== '')
  assert.equal(await page.title(), '[{"n":1},"said"]')
})

test('client shows an error nobody listens for in the console of the page', { skip }, async (t) => {
  const node = await startNode(t)
  const page = await openWith(
    t,
    node,
    `<script src="/encke.js"></script>
     <script>
       addEventListener('error', (event) => { document.title = event.error.name; event.preventDefault() })
       const client = Encke.createClient({ url: '${node.wsUrl}' })
       client.subscribe('private_room', () => {})
       client.connect()
     </script>`,
  )
  await page.waitForFunction(() => document.title !== '')
  assert.equal(await page.title(), 'ACCESS_DENIED')
})
