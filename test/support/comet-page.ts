/**
 * A page of an application that was written for CppComet, in a real browser, with the API that the node serves.
 *
 * Owns the web server of the application, on an origin that is not the node's, what the callbacks of the page were given, and
 * the application's own calls, all for one tenant. The API is global `cometApi` of the page. Ends with its test.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import type { CometOptions } from '../../src/client/comet/comet-options.ts'
import type { CometMessage } from '../../src/client/comet/envelope.ts'
import { openPage } from './browser.ts'
import { startNode, type TestNode } from './node.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

export const TENANT = 15
const COMES_WITHIN_MS = 20_000
/** What a browser logs about requests to a node that is away. */
const FAILED_LOADS = /Failed to load resource|blocked by CORS policy/

export type Brief = [data: unknown, userId: unknown, pipe: string, event: string]

export interface CometPage {
  readonly page: Page
  /** The value of an expression in the page; a promise is waited for. */
  run<T>(expression: string): Promise<T>
  /** Subscribes, and writes down under its own name what comes. */
  subscribe(...names: string[]): Promise<void>
  /** What came under a name. */
  came(name: string): Promise<CometMessage[]>
  /** The same once `count` came, in short. */
  briefs(name: string, count: number): Promise<Brief[]>
  /** Resolves once `isAuthorized` says so. */
  authorized(isAuthorized: boolean): Promise<void>
}

export interface CometPageOptions {
  /** Where the script and the node are, such as behind a proxy. */
  readonly from?: string
  readonly context?: BrowserContext
  readonly origin?: string
}

/** An application whose pages load the script from `from`; resolves to its origin. */
async function serveApplication(t: TestContext, from: string): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(`<!doctype html><link rel="icon" href="data:," />
      <script src="${from}/CometServerApi.js"></script>
      <script>
        const came = {}
        const note = (name) => (message) => { (came[name] ??= []).push(message) }
        const listen = (name) => cometApi.subscription(name, note(name))
        const auths = []
        cometApi.onAuthSuccess(() => auths.push(true))
        cometApi.onAuthFalill(() => auths.push(false))
      </script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Opens a page of an application and, where options are given, starts its API with them. */
export async function openCometPage(
  t: TestContext,
  node: TestNode,
  start: CometOptions | null,
  { from = node.publicUrl, context, origin }: CometPageOptions = {},
): Promise<CometPage> {
  const url = origin ?? (await serveApplication(t, from))
  const page = await openPage(t, url, { expects: FAILED_LOADS, ...(context && { context }) })
  const run = <T>(expression: string): Promise<T> => page.evaluate<T>(expression)
  const came = (name: string) => run<CometMessage[]>(`came[${JSON.stringify(name)}] ?? []`)
  const comet: CometPage = {
    page,
    run,
    came,
    async subscribe(...names) {
      for (const name of names) await run(`listen(${JSON.stringify(name)})`)
    },
    async briefs(name, count) {
      await until(async () => (await came(name)).length >= count, {
        withinMs: COMES_WITHIN_MS,
        what: `message ${count} of ${name}`,
      })
      return (await came(name)).map(({ data, server_info: { user_id, pipe, event } }) => [
        data,
        user_id,
        pipe,
        event,
      ])
    },
    async authorized(isAuthorized) {
      await page.waitForFunction(`cometApi.isAuthorized() === ${isAuthorized}`)
    },
  }
  if (start !== null) {
    const options: CometOptions = { node: new URL(from).host, dev_id: TENANT, ...start }
    await run(`cometApi.start(${JSON.stringify(options)})`)
  }
  return comet
}

/** Has no user; resolves once the node has said so. */
export async function openAnonymous(
  t: TestContext,
  node: TestNode,
  options: CometPageOptions = {},
): Promise<CometPage> {
  const page = await openCometPage(t, node, {}, options)
  await page.authorized(false)
  return page
}

export async function openUser(
  t: TestContext,
  node: TestNode,
  user: number,
  options: CometPageOptions = {},
): Promise<CometPage> {
  await asApplication(node, 'users/key', { user: `${user}`, key: `key${user}` })
  const page = await openCometPage(t, node, { user_id: user, user_key: `key${user}` }, options)
  await page.authorized(true)
  return page
}

/** Asks the HTTP API as the application of the tenant. */
export async function asApplication(node: TestNode, operation: string, body: object): Promise<unknown> {
  const response = await fetch(`${node.internalUrl}/api/${operation}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`${TENANT}:`).toString('base64')}`,
    },
    body: JSON.stringify(body),
  })
  const answer: unknown = await response.json()
  assert.equal(response.status, 200, `${operation}: ${JSON.stringify(answer)}`)
  return answer
}

export const startCometNode = (t: TestContext, ...flags: string[]) => startNode(t, ['--anonymous', ...flags])

/** Resolves once nobody waits for subscriptions any more: what is asked now is answered after them. */
export async function settled(page: CometPage): Promise<void> {
  const count =
    "new Promise((resolve) => cometApi.count_users_in_pipe('web_none', ({ data }) => resolve(data)))"
  await page.run(count)
}
