/**
 * Tests of src/sockets/connection-gate.ts: who is let in, and that counts come back to zero.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createConnectionGate, type GateLimits } from '../../../src/sockets/connection-gate.ts'
import type { UpgradeRequest } from '../../../src/uws.ts'

const gate = (limits: Partial<GateLimits> = {}) =>
  createConnectionGate({
    maxConnections: 100,
    maxConnectionsPerIp: 0,
    clientIpHeader: '',
    origins: [],
    ...limits,
  })
const from = (address: string, headers: Readonly<Record<string, string>> = {}): UpgradeRequest => ({
  address: () => address,
  header: (name) => headers[name] ?? '',
  lastHeader: (name) => headers[name] ?? '',
  url: () => '/ws',
})
const local = from('127.0.0.1')

describe('gate', () => {
  test('gate lets maxConnections in, and the next when one has left', () => {
    const one = gate({ maxConnections: 2 })
    const addresses = [one.enter(local), one.enter(local)]
    const failure = one.check(local)
    assert.equal(failure?.failed, 'CONNECTION_LIMIT')
    assert.match(failure?.message ?? '', /holds 2 of 2 connections$/)
    one.leave(addresses[0] ?? '')
    assert.equal(one.check(local), null)
  })

  test('gate counts nobody who only asked', () => {
    const one = gate({ maxConnections: 1 })
    for (let i = 0; i < 10; i++) assert.equal(one.check(local), null)
  })

  test('gate with no room at all lets nobody in', () => {
    assert.equal(gate({ maxConnections: 0 }).check(local)?.failed, 'CONNECTION_LIMIT')
  })
})

describe('gate by address', () => {
  test('gate counts each address alone and forgets it when its last connection has left', () => {
    const one = gate({ maxConnectionsPerIp: 2 })
    const held = [one.enter(from('10.0.0.1')), one.enter(from('10.0.0.1'))]
    assert.equal(one.check(from('10.0.0.1'))?.failed, 'CONNECTION_IP_LIMIT')
    assert.equal(one.check(from('10.0.0.2')), null)
    for (const address of held) one.leave(address)
    assert.equal(one.check(from('10.0.0.1')), null)
    one.enter(from('10.0.0.1'))
    assert.equal(one.check(from('10.0.0.1')), null, 'the count began again at zero')
  })

  test('gate keeps no address while the limit is off', () => {
    assert.equal(gate().enter(from('10.0.0.1')), '')
  })

  test('gate that counts no addresses takes any back, which may be known for other reasons', () => {
    const one = gate({ maxConnections: 1 })
    for (let times = 0; times < 3; times++) {
      assert.equal(one.check(from('10.0.0.1')), null)
      one.enter(from('10.0.0.1'))
      one.leave('10.0.0.1')
    }
  })

  const forwarded: readonly [header: string, address: string][] = [
    ['203.0.113.9', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['6.6.6.6,7.7.7.7 , 203.0.113.9 ', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['', '10.0.0.1'],
    ['6.6.6.6,', '10.0.0.1'],
    [' ', '10.0.0.1'],
  ]
  for (const [header, address] of forwarded) {
    test(`gate takes ${address} from "${header}": the last entry is the proxy’s own, others are claims`, () => {
      const one = gate({ maxConnectionsPerIp: 1, clientIpHeader: 'x-forwarded-for' })
      assert.equal(one.enter(from('10.0.0.1', { 'x-forwarded-for': header })), address)
    })
  }

  test('gate does not believe a header it was not told to trust', () => {
    const one = gate({ maxConnectionsPerIp: 1 })
    assert.equal(one.enter(from('10.0.0.1', { 'x-forwarded-for': '6.6.6.6' })), '10.0.0.1')
  })
})

describe('gate by origin', () => {
  const origins = ['https://example.com', 'http://LOCALHOST:8080']
  for (const origin of ['https://example.com', 'HTTPS://Example.com', 'http://localhost:8080']) {
    test(`gate lets in ${origin}`, () => {
      assert.equal(gate({ origins }).check(from('10.0.0.1', { origin })), null)
    })
  }

  for (const origin of [
    '',
    'null',
    'http://example.com',
    'https://example.com:444',
    'https://example.com.evil.test',
    'https://evil.test/https://example.com',
    'https://sub.example.com',
  ]) {
    test(`gate refuses "${origin}"`, () => {
      assert.equal(gate({ origins }).check(from('10.0.0.1', { origin }))?.failed, 'ORIGIN_DENIED')
    })
  }

  test('gate lets any origin in where none is configured', () => {
    assert.equal(gate().check(from('10.0.0.1', { origin: 'https://evil.test' })), null)
  })

  test('gate asks requests that are no connection for their origin alone', () => {
    const full = gate({ origins, maxConnections: 0 })
    assert.equal(full.checkOrigin(from('10.0.0.1', { origin: 'https://example.com' })), null)
    assert.equal(full.checkOrigin(from('10.0.0.1', { origin: 'https://evil.test' }))?.failed, 'ORIGIN_DENIED')
    assert.equal(full.checkOrigin(from('10.0.0.1'))?.failed, 'ORIGIN_DENIED')
    assert.equal(gate().checkOrigin(from('10.0.0.1')), null)
  })

  test('gate shortens a long origin in its message', () => {
    const failure = gate({ origins }).check(from('10.0.0.1', { origin: 'x'.repeat(4_000) }))
    assert.ok((failure?.message.length ?? 0) < 300)
  })
})
