/**
 * Tests of src/sockets/client-details.ts: what is kept of a client, how long it may be, and that like browsers share it.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Session } from '../../../src/core/session.ts'
import { type ClientDetailsLimits, createClientDetails } from '../../../src/sockets/client-details.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const fanOut = recordingFanOut()

const details = (limits: Partial<ClientDetailsLimits> = {}) =>
  createClientDetails({ clientDetails: true, clientIpHeader: '', ...limits })

const from = (address: string, headers: Readonly<Record<string, string>> = {}) => ({
  address: () => address,
  header: (name: string) => headers[name] ?? '',
  lastHeader: (name: string) => headers[name] ?? '',
})

const browser = (userAgent: string, origin = '', language = '') =>
  from('', { 'user-agent': userAgent, origin, 'accept-language': language })

let lastNumber = 0

/** Bytes of the heap that what is made keeps. */
function memoryOf(make: () => unknown): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const before = process.memoryUsage().heapUsed
  const made = make()
  collect()
  const kept = process.memoryUsage().heapUsed - before
  assert.ok(made !== undefined)
  return kept
}

/** What a session is given by a request. */
function agentFrom(given: ReturnType<typeof createClientDetails>, request: ReturnType<typeof from>) {
  const session = new Session(++lastNumber, fanOut, '')
  given.describe(session, request)
  return session.agent
}

describe('what a browser says about itself', () => {
  test('is its user agent, the origin of the page, and its languages', () => {
    const agent = agentFrom(details(), browser('Mozilla/5.0', 'https://example.com', 'de-DE,de;q=0.9'))
    assert.deepEqual(agent, {
      userAgent: 'Mozilla/5.0',
      origin: 'https://example.com',
      language: 'de-DE,de;q=0.9',
    })
  })

  test('may be nothing', () => {
    assert.deepEqual(agentFrom(details(), from('10.0.0.1')), { userAgent: '', origin: '', language: '' })
  })

  test('is cut to 256 characters each', () => {
    const { userAgent, origin, language } = agentFrom(
      details(),
      browser('u'.repeat(257), `https://${'o'.repeat(1_000)}`, 'l'.repeat(256)),
    )
    assert.deepEqual([userAgent, origin.length, language.length], ['u'.repeat(256), 256, 256])
  })

  /** A part of a text holds the whole of it in V8: 256 characters cost as much as the header that they were cut from. */
  test('costs what is kept of it, however long it was', () => {
    const one = details({ clientIpHeader: 'x-real-ip' })
    const kept = memoryOf(() =>
      Array.from({ length: 100 }, (_, at) => {
        const long = `${at} ${'x'.repeat(200_000)}`
        const request = from('', { 'user-agent': long, origin: long, 'x-real-ip': `1.1.1.1, ${long}` })
        return [agentFrom(one, request), one.addressOf(request)]
      }),
    )
    assert.ok(kept < 2_000_000, `${kept} bytes for 300 texts`)
  })

  test('is one object for all that say the same, and another for any other', () => {
    const one = details()
    const agent = agentFrom(one, browser('a', 'b', 'c'))
    assert.equal(agentFrom(one, browser('a', 'b', 'c')), agent)
    for (const other of [
      browser('a', 'b'),
      browser('a', '', 'c'),
      browser('ab', '', 'c'),
      browser('x', 'b', 'c'),
    ]) {
      assert.notEqual(agentFrom(one, other), agent)
    }
  })

  test('is one object where only what was cut away is different', () => {
    const one = details()
    const long = 'u'.repeat(256)
    assert.equal(agentFrom(one, browser(`${long}1`)), agentFrom(one, browser(`${long}2`)))
  })

  test('is shared anew after 4096 kinds of browsers, and stays with the sessions that have it', () => {
    const one = details()
    const first = agentFrom(one, browser('first'))
    for (let kind = 1; kind < 4_096; kind++) agentFrom(one, browser(`kind ${kind}`))
    assert.equal(agentFrom(one, browser('first')), first, 'there is room for so many')
    agentFrom(one, browser('one more'))
    const again = agentFrom(one, browser('first'))
    assert.notEqual(again, first)
    assert.deepEqual([again, first.userAgent], [first, 'first'])
    assert.equal(agentFrom(one, browser('first')), again)
  })

  test('is not kept where the option says so', () => {
    const agent = agentFrom(
      details({ clientDetails: false }),
      browser('Mozilla/5.0', 'https://example.com', 'de'),
    )
    assert.deepEqual(agent, { userAgent: '', origin: '', language: '' })
  })
})

describe('address of a client', () => {
  const forwarded = { 'x-forwarded-for': '6.6.6.6, 203.0.113.9' }

  test('is left to the socket, which knows it for as long as it is open', () => {
    assert.equal(details().addressOf(from('2001:db8::1', forwarded)), '')
  })

  test('is that which a trusted proxy saw', () => {
    const one = details({ clientIpHeader: 'X-Forwarded-For' })
    assert.equal(one.addressOf(from('10.0.0.1', forwarded)), '203.0.113.9')
    assert.equal(one.addressOf(from('10.0.0.1')), '10.0.0.1')
  })

  test('is cut to 256 characters, whatever the proxy says', () => {
    const one = details({ clientIpHeader: 'x-real-ip' })
    assert.equal(one.addressOf(from('', { 'x-real-ip': 'a'.repeat(1_000) })), 'a'.repeat(256))
  })

  test('is not kept where the option says so', () => {
    const none = details({ clientDetails: false, clientIpHeader: 'x-forwarded-for' })
    assert.equal(none.addressOf(from('10.0.0.1', forwarded)), '')
  })
})
