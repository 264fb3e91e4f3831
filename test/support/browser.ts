/**
 * A real browser for tests: Chromium as Debian installs it.
 *
 * Owns one browser per test file and fresh contexts per test, so tests share no storage and no connection; and browsers of
 * their own for pages that have to sleep. Errors of a page fail the test that opened it. Must not reach beyond 127.0.0.1:
 * background services of the browser are off.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { atEnd } from './teardown.ts'
import { pathOf } from './tools.ts'
import { until } from './until.ts'

/** Longer than any step takes on a busy machine. */
const STEP_WITHIN_MS = 20_000

const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface PageOptions extends BrowserContextOptions {
  /** Where the page opens, such as beside another tab: they share storage and network. Default: one of its own */
  readonly context?: BrowserContext
  /** Errors in the console that belong to the test. */
  readonly expects?: RegExp
}

const chromiumPath = pathOf('chromium') ?? 'chromium'
let browser: Promise<Browser> | null = null
after(async () => (await browser)?.close())

/**
 * Opens a page in a context of its own, closed when the test ends.
 *
 * The test fails if the page throws or logs an error; failed loads count, refused WebSockets do not, because a client
 * that waits for its node to come back can't keep the browser from logging them.
 */
export async function openPage(t: TestContext, url: string, options: PageOptions = {}): Promise<Page> {
  const { context: shared, expects, ...contextOptions } = options
  const context = shared ?? (await newContext(t, contextOptions))
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    const text = message.text()
    const isOurs = text.startsWith('WebSocket connection to') || expects?.test(text)
    if (message.type() === 'error' && !isOurs) errors.push(text)
  })
  atEnd(t, async () => {
    await page.close()
    assert.deepEqual(errors, [], 'errors of the page')
  })
  await page.goto(url)
  return page
}

async function newContext(t: TestContext, options: BrowserContextOptions): Promise<BrowserContext> {
  browser ??= chromium.launch({ executablePath: chromiumPath, args: QUIET_FLAGS })
  const context = await (await browser).newContext(options)
  context.setDefaultTimeout(STEP_WITHIN_MS)
  atEnd(t, () => context.close())
  return context
}

/**
 * The context of a browser of its own whose pages can be hidden and frozen: those of other contexts are kept awake, focused
 * and visible, whatever is asked of them.
 */
export async function openSleepyContext(t: TestContext): Promise<BrowserContext> {
  const profile = mkdtempSync(join(tmpdir(), 'encke-browser-'))
  const flags = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`]
  const child = spawn(chromiumPath, [...QUIET_FLAGS, ...flags, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  atEnd(t, async () => {
    child.kill()
    await ended
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const address = await until(() => /listening on (ws:\S+)/.exec(said)?.[1], {
    withinMs: STEP_WITHIN_MS,
    what: () => `the browser; it said:\n${said}`,
  })
  const own = await chromium.connectOverCDP(address, { noDefaults: true })
  const [context] = own.contexts()
  assert.ok(context !== undefined)
  context.setDefaultTimeout(STEP_WITHIN_MS)
  return context
}
