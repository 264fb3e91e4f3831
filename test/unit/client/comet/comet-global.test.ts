/**
 * Tests of src/client/comet/comet-global.ts: what it puts on a page, and what it finds there.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'

const NAMES = [
  'cometApi',
  'CometServer',
  'cometServerApi',
  '_cometServerApi',
  'tabSignal',
  '_tabSignal',
  'comet_server_signal',
]
const page = globalThis as Record<string, unknown>
let loaded = 0

/** Runs the script as a page does that names it once more. */
const load = () => import(`../../../../src/client/comet/comet-global.ts?${loaded++}`)

afterEach(() => {
  for (const name of NAMES) delete page[name]
})

test('script puts its names on the page, and keeps the API of a page that loads it twice', async () => {
  await load()
  for (const name of NAMES) assert.notEqual(page[name], undefined, name)
  const { cometApi } = page
  await load()
  assert.equal(page.cometApi, cometApi)
})

test('script takes the name from what is no API', async () => {
  // A page with `var cometApi`, or an element of that id, got no API: the name was there already.
  for (const other of [undefined, null, { id: 'cometApi' }]) {
    page.cometApi = other
    await load()
    const { cometApi, CometServer } = page as { cometApi?: unknown; CometServer?: () => unknown }
    assert.ok(cometApi !== other && CometServer?.() === cometApi)
  }
})
