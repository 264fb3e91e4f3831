/**
 * Tests of src/client/socket.ts: addresses as pages give them.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { socketUrl } from '../../../src/client/socket.ts'

function onPage(t: TestContext, href: string): void {
  Object.defineProperty(globalThis, 'location', { value: { href }, configurable: true })
  t.after(() => Reflect.deleteProperty(globalThis, 'location'))
}

for (const [page, url, expected] of [
  ['http://shop.example:8080/demo/', undefined, 'ws://shop.example:8080/ws'],
  ['https://shop.example/cart?x=1', undefined, 'wss://shop.example/ws'],
  ['https://shop.example/cart', '/push/ws', 'wss://shop.example/push/ws'],
  ['https://shop.example/cart', 'https://push.example/ws', 'wss://push.example/ws'],
  ['https://shop.example/cart', 'wss://push.example:8080/ws', 'wss://push.example:8080/ws'],
] as const) {
  test(`address ${url} on page ${page} is ${expected}`, (t) => {
    onPage(t, page)
    assert.equal(socketUrl(url), expected)
  })
}

test('address is needed where there is no page', () => {
  assert.throws(() => socketUrl(undefined), TypeError)
  assert.equal(socketUrl('ws://127.0.0.1:8080/ws'), 'ws://127.0.0.1:8080/ws')
})
