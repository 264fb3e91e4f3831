/**
 * A page of an application in a real browser, with the built client in it and everything it was told written down.
 *
 * Owns the web server of the application, on an origin that is not the node's, and the journal of the page, which tests read
 * from outside. The client is global `client` of the page. Ends with its test.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import type { ChannelGap, ClientOptions, ClientState, PresenceChange } from '../../src/client/client.ts'
import type { Present, PublicationMessage } from '../../src/protocol/messages.ts'
import { openPage, type PageOptions } from './browser.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

const COMES_WITHIN_MS = 20_000
/** What a browser logs about requests that fail, which a client that comes back can't keep it from. */
const FAILED_LOADS = /Failed to load resource|blocked by CORS policy/

/** What the page was told, in order. */
export interface PageJournal {
  readonly states: readonly ClientState[]
  readonly publications: readonly PublicationMessage[]
  readonly gaps: readonly ChannelGap[]
  readonly joins: readonly Present[]
  readonly leaves: readonly Present[]
  readonly presences: readonly PresenceChange[]
  readonly subscribed: number
  readonly errors: readonly string[]
}

export interface ClientPage {
  readonly page: Page
  /** Where the application is; the node is elsewhere. */
  readonly origin: string
  /** The value of an expression in the page; a promise is waited for. */
  run<T>(expression: string): Promise<T>
  journal(): Promise<PageJournal>
  /** Resolves once the page is connected, and this way, where one is named. */
  connected(transport?: string): Promise<void>
  /** Resolves once publication `offset` of `channel` has come. */
  reached(channel: string, offset: number): Promise<void>
  /** Every offset of `channel` from `from` to `to` came once, in order, and nothing was said to be missing. */
  assertUnbroken(channel: string, from: number, to: number): Promise<void>
}

export interface ClientPageOptions extends Omit<ClientOptions, 'url'> {
  readonly channels?: readonly string[]
  /** Code of the page that runs before its client is made, and can change its `options`. */
  readonly script?: string
}

export interface ApplicationOptions extends PageOptions {
  /** Of an application that is there already: another page of it. */
  readonly origin?: string
  /** What it answers besides its page, by path. */
  readonly serves?: Readonly<Record<string, () => string>>
}

/** Where the node is for the page: the node itself, or a proxy before it. */
export interface NodeAddress {
  readonly publicUrl: string
  readonly wsUrl: string
}

/** Opens a page with a client that connects and subscribes; resolves once all its channels are subscribed. */
export async function openClientPage(
  t: TestContext,
  node: NodeAddress,
  options: ClientPageOptions = {},
  pageOptions: ApplicationOptions = {},
): Promise<ClientPage> {
  const { serves, origin = await serveApplication(t, htmlOf(node, options), serves), ...rest } = pageOptions
  const page = await openPage(t, origin, { expects: FAILED_LOADS, ...rest })
  const run = <T>(expression: string): Promise<T> => page.evaluate<T>(expression)
  const journal = () => run<PageJournal>('journal')
  const wait = (expression: string) => page.waitForFunction(expression, null, { timeout: COMES_WITHIN_MS })
  await wait(`journal.subscribed >= ${options.channels?.length ?? 0}`)
  return {
    page,
    origin,
    run,
    journal,
    async connected(transport) {
      const isThis = transport === undefined ? '' : `&& state.transport === '${transport}'`
      await wait(`(state => state?.state === 'connected' ${isThis})(journal.states.at(-1))`)
    },
    async reached(channel, offset) {
      const isThere = `(last['${channel}'] ?? 0) >= ${offset}`
      await until(() => run(isThere), {
        withinMs: COMES_WITHIN_MS,
        what: `offset ${offset} of ${channel} in the page`,
      })
    },
    async assertUnbroken(channel, from, to) {
      const { publications, gaps } = await journal()
      const offsets = publications.filter((row) => row.channel === channel).map(({ offset }) => offset)
      const wrong = offsets.findIndex((offset, n) => offset !== from + n)
      assert.equal(wrong, -1, `number ${wrong} of ${channel} is ${offsets[wrong]}, not ${from + wrong}`)
      assert.equal(offsets.length, to - from + 1, `publications of ${channel} from ${from} to ${to}`)
      assert.deepEqual(gaps, [])
    },
  }
}

/** Serves a page on a free port of 127.0.0.1; resolves to its origin. @param serves other paths than the page's */
async function serveApplication(
  t: Pick<TestContext, 'after'>,
  html: string,
  serves: ApplicationOptions['serves'] = {},
): Promise<string> {
  const server = createServer(({ url = '' }, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(serves[url]?.() ?? html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function htmlOf(node: NodeAddress, { channels = [], script = '', ...options }: ClientPageOptions): string {
  return `<!doctype html><link rel="icon" href="data:," />
<script src="${node.publicUrl}/encke.js"></script>
<script>
  const journal = { states: [], publications: [], gaps: [], joins: [], leaves: [], presences: [], subscribed: 0, errors: [] }
  const last = {}
  const options = ${JSON.stringify({ url: node.wsUrl, ...options })}
  ${script}
  const client = Encke.createClient(options)
  const write = (publication) => {
    journal.publications.push(publication)
    last[publication.channel] = publication.offset
  }
  client.on('state', (state) => journal.states.push(state))
  client.on('error', (error) => journal.errors.push(error.name))
  client.on('message', write)
  client.on('gap', (gap) => journal.gaps.push(gap))
  const subscriptions = ${JSON.stringify(channels)}.map((channel) => client.subscribe(channel, write))
  for (const subscription of subscriptions) {
    subscription.on('subscribed', () => { journal.subscribed++ })
    subscription.on('gap', (gap) => journal.gaps.push(gap))
    subscription.on('join', (present) => journal.joins.push(present))
    subscription.on('leave', (present) => journal.leaves.push(present))
    subscription.on('presence', (change) => journal.presences.push(change))
  }
  client.connect()
</script>`
}
