/**
 * The restart of pages that bring CppComet's own script along, in a real browser against a real node.
 *
 * Owns what such a page sees when it closes its socket: with `cometRestartFix` a close that is not clean, so that it comes
 * back; without it the clean one that a Close frame in answer makes. The page is a few lines that do with a message what
 * that script does; it is none of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPage } from '../support/browser.ts'
import { cometPath } from '../support/comet-line.ts'
import { startCometNode } from '../support/comet-node.ts'

interface Closing {
  readonly wasClean: boolean
  readonly afterMs: number
}

/** Runs in the page: waits for a greeting and, where it is said to come, the script; closes; tells how that looked. */
async function closeOnce({ url, messages }: { url: string; messages: number }): Promise<Closing> {
  const socket = new WebSocket(url)
  await new Promise<void>((resolve) => {
    let came = 0
    socket.onmessage = ({ data }) => {
      const { jscode } = JSON.parse(data)
      if (jscode !== undefined) new Function(jscode)()
      came++
      if (came === messages) resolve()
    }
  })
  const closedMs = performance.now()
  const seen = new Promise<Closing>((resolve) => {
    socket.onclose = ({ wasClean }) => resolve({ wasClean, afterMs: performance.now() - closedMs })
  })
  socket.close()
  return seen
}

for (const [version, leastMs] of [
  ['4.08', 0],
  ['3.25', 1_500],
] as const) {
  test(`page of version ${version} that closes its socket to restart sees an unclean close`, async (t) => {
    const node = await startCometNode(t, ['--comet-restart-fix'])
    const page = await openPage(t, `${node.publicUrl}/`)
    const url = `ws://127.0.0.1:${node.publicPort}${cometPath({ version })}`
    for (let restart = 0; restart < 2; restart++) {
      const { wasClean, afterMs } = await page.evaluate(closeOnce, { url, messages: 2 })
      assert.equal(wasClean, false)
      assert.ok(afterMs >= leastMs, `after ${afterMs} ms`)
    }
  })
}

test('sockets of others on a page with the fix close cleanly', async (t) => {
  const node = await startCometNode(t, ['--comet-restart-fix'])
  const page = await openPage(t, `${node.publicUrl}/`)
  const url = `ws://127.0.0.1:${node.publicPort}${cometPath()}`
  await page.evaluate(closeOnce, { url, messages: 2 })
  const wasClean = await page.evaluate(async (other) => {
    const socket = new WebSocket(other)
    await new Promise((resolve) => {
      socket.onopen = resolve
    })
    const closed = new Promise<boolean>((resolve) => {
      socket.onclose = (event) => resolve(event.wasClean)
    })
    socket.close()
    return closed
  }, node.wsUrl)
  assert.equal(wasClean, true)
})

test('page without the fix sees the clean close that keeps it away', async (t) => {
  const node = await startCometNode(t)
  const page = await openPage(t, `${node.publicUrl}/`)
  const url = `ws://127.0.0.1:${node.publicPort}${cometPath()}`
  const { wasClean } = await page.evaluate(closeOnce, { url, messages: 1 })
  assert.equal(wasClean, true)
})
