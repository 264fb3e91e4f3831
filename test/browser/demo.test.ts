/**
 * The demo page in Chromium against a real node: what a person does in the first five minutes.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { openPage, type PageOptions } from '../support/browser.ts'
import { enckeCommand, runCommand, startNode } from '../support/node.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'
import { startWebProxy } from '../support/web-proxy.ts'

const skip = needs('chromium')

async function openDemo(t: TestContext, publicUrl: string, options?: PageOptions): Promise<Page> {
  const page = await openPage(t, `${publicUrl}/demo/`, options)
  await page.locator('[data-state=connected]').waitFor()
  await page.locator('#online:not([hidden])').waitFor() // asked for once subscribed
  return page
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text)
  await page.getByRole('button', { name: 'Publish' }).click()
}

test('demo page shows what the printed command publishes from a terminal', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openDemo(t, node.publicUrl)
  const line = await until(() => /^ *node dist\/main\.js (publish .*)$/m.exec(node.stdout())?.[1], {
    what: () => `the command in:\n${node.stdout()}`,
  })
  const shell = runCommand('sh', ['-c', `"$@" ${line}`, 'sh', ...enckeCommand])
  assert.equal(await shell.ended, 0, shell.stderr())
  await page.getByText('Hello from the terminal', { exact: true }).last().waitFor()
  assert.equal(await page.locator('.message').count(), 1)
})

test('demo page shows the same command as the node prints, but for its flags', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openDemo(t, node.publicUrl)
  const shown = await page.locator('#command').textContent()
  assert.ok(shown)
  await until(() => node.stdout().includes(shown), { what: () => `"${shown}" in:\n${node.stdout()}` })
})

test('demo page shows what another page publishes and marks what it published itself', {
  skip,
}, async (t) => {
  const node = await startNode(t, ['--demo'])
  const [writer, reader] = await Promise.all([openDemo(t, node.publicUrl), openDemo(t, node.publicUrl)])
  await writer.getByLabel('Name').fill('Caroline')
  await say(writer, 'Seen in 1795')
  await reader.locator('.message', { hasText: 'Seen in 1795' }).waitFor()
  assert.equal(await reader.locator('.message .who').textContent(), 'Caroline')
  await writer.locator('.message.own', { hasText: 'Seen in 1795' }).waitFor()
  assert.equal(await reader.locator('.message.own').count(), 0)
})

test('demo page counts who is online', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const first = await openDemo(t, node.publicUrl)
  assert.equal(await first.locator('#online-count').textContent(), '1')
  const second = await openDemo(t, node.publicUrl)
  await first.locator('#online-count', { hasText: /^2$/ }).waitFor()
  await second.close()
  await first.locator('#online-count', { hasText: /^1$/ }).waitFor()
})

test('demo page shows any JSON as text and never as markup', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openDemo(t, node.publicUrl)
  const texts = ['<img src=x onerror=alert(1)>', '{"html":"<b>bold</b>"}', '42', 'null', '[]']
  for (const [n, text] of texts.entries()) {
    const shell = runCommand(enckeCommand[0] ?? '', [
      ...enckeCommand.slice(1),
      ...['publish', 'demo', text, '--port', String(node.publishPort)],
    ])
    assert.equal(await shell.ended, 0, shell.stderr())
    await page.locator('.message .body').nth(n).waitFor()
  }
  const shown = await page.locator('.message .body').allTextContents()
  assert.deepEqual(shown, [texts[0], '{\n  "html": "<b>bold</b>"\n}', '42', 'null', '[]'])
  assert.equal(await page.locator('.message img, .message b').count(), 0)
})

test('demo page comes back after the node was restarted and messages flow again', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openDemo(t, node.publicUrl)
  await say(page, 'before')
  await page.locator('.message', { hasText: 'before' }).waitFor()
  await node.stop()
  await page.locator('.state:not([data-state=connected])').waitFor()
  await startNode(t, ['--demo', '--port', String(node.publicPort)])
  await page.locator('[data-state=connected]').waitFor()
  await say(page, 'after')
  await page.locator('.message.own', { hasText: 'after' }).waitFor()
  await page.getByText('The channel began anew').waitFor()
})

test('demo page says when its device is offline and counts no seconds then', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openDemo(t, node.publicUrl)
  await page.context().setOffline(true)
  await page.locator('#state-text', { hasText: /^offline$/ }).waitFor()
  assert.equal(await page.locator('#countdown').textContent(), '')
  await page.context().setOffline(false)
  await page.locator('#state-text', { hasText: /^connected$/ }).waitFor()
})

test('demo page works without WebSockets and says so', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const proxy = await startWebProxy(t, node.publicPort)
  proxy.upgrades = 'refused'
  // Browsers show how polls end while a node stops.
  const page = await openDemo(t, proxy.publicUrl, { expects: /status of 503/ })
  await page.locator('#state-text', { hasText: /^connected by long-poll$/ }).waitFor()
  await say(page, 'Round by the other way')
  await page.locator('.message.own', { hasText: 'Round by the other way' }).waitFor()
})

test('demo page works on a phone without scrolling sideways', { skip }, async (t) => {
  const node = await startNode(t, ['--demo'])
  const page = await openPage(t, `${node.publicUrl}/demo/`, {
    viewport: { width: 320, height: 640 },
    isMobile: true,
  })
  await page.locator('[data-state=connected]').waitFor()
  await say(page, `${'wide'.repeat(60)}`)
  await page.locator('.message.own').waitFor()
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(width <= 320, `page is ${width} px wide`)
})
