/**
 * What serve says when it is ready.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announcement, demoCommand } from '../../../src/cli/announce.ts'

const addresses = {
  public: { host: '0.0.0.0', port: 8080 },
  internal: { host: '127.0.0.1', port: 8081 },
  publish: { host: '127.0.0.1', port: 8082 },
}
const plain = { demo: false, key: '', publishSocket: '' }

test('announcement gives addresses that can be reached from this machine', () => {
  const text = announcement(plain, addresses)
  assert.match(text, /^Encke is ready\n/)
  assert.match(text, / ws:\/\/127\.0\.0\.1:8080\/ws\n/)
  assert.match(text, / http:\/\/127\.0\.0\.1:8081 /)
  assert.match(text, / 127\.0\.0\.1:8082$/)
  assert.doesNotMatch(text, /demo/)
})

test('announcement gives the port of CometQL where there is one', () => {
  const cometql = { host: '127.0.0.1', port: 3307 }
  assert.match(announcement(plain, { ...addresses, cometql }), / CometQL +127\.0\.0\.1:3307$/m)
  assert.doesNotMatch(announcement(plain, addresses), /CometQL/)
})

test('announcement puts IPv6 addresses in brackets', () => {
  const text = announcement(plain, { ...addresses, public: { host: '::', port: 1 } })
  assert.match(text, /ws:\/\/\[::1\]:1\/ws/)
})

test('announcement with the demo ends with the command that publishes to it', () => {
  const lines = announcement({ ...plain, demo: true }, addresses).split('\n')
  assert.ok(lines.some((line) => line.endsWith('http://127.0.0.1:8080/demo/')))
  assert.equal(lines.at(-1), '  node dist/main.js publish demo "Hello from the terminal"')
})

test('demo command has flags only where the defaults of publish do not fit', () => {
  const publish = { host: '10.0.0.5', port: 9_000 }
  assert.equal(
    demoCommand({ key: '' }, { publish }),
    'node dist/main.js publish demo "Hello from the terminal" --host 10.0.0.5 --port 9000',
  )
})

test('announcement never shows the key', () => {
  const text = announcement({ demo: true, key: 'hunter2', publishSocket: '/run/encke.sock' }, addresses)
  assert.doesNotMatch(text, /hunter2/)
  assert.match(text, / --key …$/)
  assert.match(text, /\/run\/encke\.sock/)
})
