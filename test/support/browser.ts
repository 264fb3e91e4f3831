/**
 * A real browser for tests: Chromium as Debian installs it.
 *
 * Owns one browser per test file and fresh contexts per test, so tests share no storage and no connection. Errors of a page
 * fail the test that opened it. Must not reach beyond 127.0.0.1: background services of the browser are off.
 */
import assert from 'node:assert/strict'
import { after, type TestContext } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { pathOf } from './tools.ts'

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

let browser: Promise<Browser> | null = null
after(async () => (await browser)?.close())

/**
 * Opens a page in a context of its own, closed when the test ends.
 *
 * The test fails if the page throws or logs an error; failed loads count, refused WebSockets do not, because a client
 * that waits for its node to come back can't keep the browser from logging them.
 */
export async function openPage(
  t: TestContext,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  browser ??= chromium.launch({ executablePath: pathOf('chromium') ?? 'chromium', args: QUIET_FLAGS })
  const context = await (await browser).newContext(options)
  context.setDefaultTimeout(STEP_WITHIN_MS)
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('WebSocket connection to')) {
      errors.push(message.text())
    }
  })
  t.after(async () => {
    await context.close()
    assert.deepEqual(errors, [], 'errors of the page')
  })
  await page.goto(url)
  return page
}
