/**
 * Tests of src/comet/restart-fix.ts: a page that closes its socket sees an unclean close, and nothing else changes.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { restartFix } from '../../../src/comet/restart-fix.ts'

const COMET_URL = 'ws://host/ws/sesion=k&myid=0&devid=1&v=4.08'

/** A window whose sockets close cleanly, and a clock with a hand. */
function openWindow() {
  const timers: { readonly run: () => void; readonly ms: number }[] = []
  class Socket {
    onclose: ((event: { readonly wasClean: boolean }) => void) | null = null
    closes = 0
    readonly url: string
    constructor(url: string) {
      this.url = url
    }
    close(): void {
      this.closes++
      this.onclose?.({ wasClean: true })
    }
  }
  const window = { WebSocket: Socket }
  const context = createContext({
    window,
    setTimeout: (run: () => void, ms: number) => timers.push({ run, ms }),
  })
  return { Socket, timers, run: (script: string) => runInContext(script, context) }
}

describe('script for pages with a restart', () => {
  for (const [dialect, waitMs] of [
    ['v4', 0],
    ['v3', 1500],
  ] as const) {
    test(`page of ${dialect} sees the close that it asked for as unclean, after ${waitMs} ms`, () => {
      const { Socket, timers, run } = openWindow()
      run(restartFix(dialect))
      const socket = new Socket(COMET_URL)
      const seen: boolean[] = []
      socket.onclose = (event) => seen.push(event.wasClean)
      socket.close()
      assert.deepEqual([socket.closes, seen, timers.map(({ ms }) => ms)], [1, [], [waitMs]])
      timers[0]?.run()
      assert.deepEqual(seen, [false])
    })
  }

  test('sockets of others close as ever, and so do those that nobody listens to', () => {
    const { Socket, timers, run } = openWindow()
    run(restartFix('v4'))
    const other = new Socket('ws://host/other')
    const seen: boolean[] = []
    other.onclose = (event) => seen.push(event.wasClean)
    other.close()
    new Socket(COMET_URL).close()
    assert.deepEqual([seen, timers.length], [[true], 0])
  })

  test('script that comes with every connection does its work once', () => {
    const { Socket, timers, run } = openWindow()
    for (let connection = 0; connection < 3; connection++) run(restartFix('v4'))
    const socket = new Socket(COMET_URL)
    const seen: boolean[] = []
    socket.onclose = (event) => seen.push(event.wasClean)
    socket.close()
    for (const { run: fire } of timers) fire()
    assert.deepEqual([socket.closes, seen], [1, [false]])
  })

  test('script leaves a page without WebSockets alone', () => {
    runInContext(restartFix('v4'), createContext({ window: {} }))
  })

  test('script holds nothing that pages read otherwise in a message', () => {
    for (const dialect of ['v3', 'v4'] as const) assert.doesNotMatch(restartFix(dialect), /['\\]/)
  })
})
