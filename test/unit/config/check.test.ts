/**
 * What options must be to each other: each check, on both sides of its line.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkConfig, isLoopback } from '../../../src/config/check.ts'
import { defaultConfig } from '../../../src/config/load.ts'
import type { Config, OptionName } from '../../../src/config/options.ts'

const SECRET = '0123456789abcdef'

function check(changes: Partial<Config>, facts: { readable?: string; unusable?: OptionName[] } = {}) {
  const config: Config = { ...defaultConfig(), host: '127.0.0.1', ...changes }
  const canRead = (path: string) => path === facts.readable
  return checkConfig({ config, canRead, unusable: new Set(facts.unusable) })
}

const mistakes = (...given: Parameters<typeof check>) => check(...given).mistakes
const warnings = (...given: Parameters<typeof check>) => check(...given).warnings

test('defaults on loopback have neither mistakes nor warnings', () => {
  assert.deepEqual(check({}), { mistakes: [], warnings: [] })
})

test('loopback is 127.0.0.0/8, ::1 and localhost in all their spellings', () => {
  for (const host of ['127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LOCALHOST']) {
    assert.equal(isLoopback(host), true, host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '127.example.com', 'localhost.example', '']) {
    assert.equal(isLoopback(host), false, host)
  }
})

describe('internal ports', () => {
  test('need a key where other machines reach them', () => {
    assert.match(
      mistakes({ internalHost: '0.0.0.0' })[0] ?? '',
      /"internalHost" is "0\.0\.0\.0".* need a "key"$/,
    )
    assert.deepEqual(mistakes({ internalHost: '0.0.0.0', key: 'k' }), [])
    assert.deepEqual(mistakes({ internalHost: '127.1.2.3' }), [])
  })

  test('do not share a port with each other, unless the system picks', () => {
    assert.match(mistakes({ internalPort: 9_000, publishPort: 9_000 })[0] ?? '', /are both 9000/)
    assert.deepEqual(mistakes({ port: 0, internalPort: 0, publishPort: 0, cometqlPort: 0 }), [])
    assert.deepEqual(mistakes({ cometqlPort: 8_082 }), [
      '"publishPort" and "cometqlPort" are both 8082: each listener needs its own port',
    ])
  })

  test('that all have one port are told of once each', () => {
    assert.deepEqual(mistakes({ internalPort: 9_000, publishPort: 9_000, cometqlPort: 9_000 }), [
      '"internalPort" and "publishPort" are both 9000: each listener needs its own port',
      '"internalPort" and "cometqlPort" are both 9000: each listener needs its own port',
    ])
  })

  test('leave the port of CometQL to others where CometQL is off', () => {
    const off = { cometql: false, cometqlPort: 9_000 } as const
    assert.deepEqual(mistakes({ ...off, internalPort: 9_000 }), [])
    assert.deepEqual(mistakes({ ...off, port: 9_000 }), [])
  })

  test('do not share a port with the public listener on the same address', () => {
    assert.match(mistakes({ port: 8_081 })[0] ?? '', /^"port" and "internalPort" are both 8081/)
    assert.match(
      mistakes({ host: '0.0.0.0', port: 8_082 })[0] ?? '',
      /^"port" and "publishPort" are both 8082/,
    )
    assert.match(mistakes({ port: 3_307 })[0] ?? '', /^"port" and "cometqlPort" are both 3307/)
    assert.deepEqual(mistakes({ host: '10.0.0.1', port: 8_081 }), [])
  })
})

describe('hosts', () => {
  test('are not empty', () => {
    assert.deepEqual(mistakes({ host: ' ' }), ['"host" is empty: give an address such as 127.0.0.1'])
    assert.equal(mistakes({ internalHost: '', key: 'k' }).length, 1)
  })
})

describe('secrets', () => {
  test('tokenSecret has at least 16 bytes', () => {
    const [mistake = ''] = mistakes({ tokenSecret: 'hunter2' })
    assert.equal(mistake, '"tokenSecret" has 7 bytes, below 16: a shorter secret can be guessed')
    assert.deepEqual(mistakes({ tokenSecret: SECRET }), [])
    assert.deepEqual(mistakes({ tokenSecret: 'é'.repeat(8) }), [])
  })

  test('each of capsuleKeys has at least 16 bytes', () => {
    assert.deepEqual(mistakes({ capsuleKeys: `${SECRET}, short ,hunter2` }), [
      'key 2 of "capsuleKeys" has 5 bytes, below 16: a shorter one can be guessed',
      'key 3 of "capsuleKeys" has 7 bytes, below 16: a shorter one can be guessed',
    ])
    for (const capsuleKeys of ['', ' , ', SECRET, `${SECRET},${'é'.repeat(8)}`]) {
      assert.deepEqual(mistakes({ capsuleKeys }), [], capsuleKeys)
    }
  })

  test('trustedKey is not the key', () => {
    const [mistake = ''] = mistakes({ key: 'hunter2', trustedKey: 'hunter2' })
    assert.match(mistake, /^"trustedKey" is the same as "key"/)
    assert.doesNotMatch(mistake, /hunter2/)
    assert.deepEqual(mistakes({ key: 'one', trustedKey: 'two' }), [])
  })

  test('tokenPublicKeyFile can be read', () => {
    assert.deepEqual(mistakes({ tokenPublicKeyFile: 'no.pem' }), [
      '"tokenPublicKeyFile" is "no.pem", which can not be read as a file',
    ])
    assert.deepEqual(mistakes({ tokenPublicKeyFile: 'is.pem' }, { readable: 'is.pem' }), [])
  })
})

test('clientIpHeader is the name of a header', () => {
  for (const name of ['x forwarded', 'x:y', 'é']) {
    assert.match(mistakes({ clientIpHeader: name })[0] ?? '', /is not the name of a header$/)
  }
  assert.deepEqual(mistakes({ clientIpHeader: 'X-Forwarded-For' }), [])
})

test('origins are written as browsers send them', () => {
  assert.deepEqual(mistakes({ origins: ['https://example.com', 'http://localhost:3000', 'null'] }), [])
  assert.deepEqual(mistakes({ origins: ['https://Example.com/'] }), [
    '"origins" holds "https://Example.com/", which is not an origin, write "https://example.com"',
  ])
  assert.deepEqual(mistakes({ origins: ['example.com', '*'] }), [
    '"origins" holds "example.com", which is not an origin such as https://example.com',
    '"origins" holds "*", which is not an origin such as https://example.com',
  ])
})

test('publishSocket fits the address of a Unix socket', () => {
  assert.deepEqual(mistakes({ publishSocket: `/${'x'.repeat(106)}` }), [])
  assert.match(mistakes({ publishSocket: `/${'x'.repeat(107)}` })[0] ?? '', /has 108 bytes, above 107/)
})

test('idleTimeoutMs is above pingMs', () => {
  assert.match(
    mistakes({ idleTimeoutMs: 25_000 })[0] ?? '',
    /^"idleTimeoutMs" is 25000, not above "pingMs", 25000/,
  )
  assert.deepEqual(mistakes({ idleTimeoutMs: 25_001 }), [])
})

test('public listener without tokens is worth a loud warning', () => {
  assert.match(warnings({ host: '0.0.0.0' })[0] ?? '', /^ANYONE who reaches 0\.0\.0\.0 may connect/)
  assert.deepEqual(warnings({ host: '0.0.0.0', tokenSecret: SECRET }), [])
  assert.deepEqual(warnings({ host: '::', tokenPublicKeyFile: 'a.pem' }, { readable: 'a.pem' }), [])
})

test('anonymous without a token is fine on loopback', () => {
  assert.deepEqual(check({ anonymous: true }), { mistakes: [], warnings: [] })
})

test('channelLingerMs reaches as far as the short ring, where there is one', () => {
  assert.match(
    warnings({ channelLingerMs: 29_999, ringMs: 30_000 })[0] ?? '',
    /^"channelLingerMs" is 29999, below "ringMs", 30000: /,
  )
  assert.deepEqual(warnings({ channelLingerMs: 30_000, ringMs: 30_000 }), [])
  assert.deepEqual(warnings({ channelLingerMs: 0, ringMs: 30_000, ringSize: 0 }), [])
})

describe('certificate of CometQL', () => {
  const both = { cometqlTlsCertFile: 'node.pem', cometqlTlsKeyFile: 'node.pem' } as const

  test('comes with its key, and both can be read', () => {
    assert.deepEqual(check(both, { readable: 'node.pem' }), { mistakes: [], warnings: [] })
    assert.deepEqual(mistakes({ ...both, cometqlTlsKeyFile: 'key.pem' }, { readable: 'node.pem' }), [
      '"cometqlTlsKeyFile" is "key.pem", which can not be read as a file',
    ])
    assert.deepEqual(mistakes({ ...both, cometqlTlsCertFile: 'cert.pem' }, { readable: 'node.pem' }), [
      '"cometqlTlsCertFile" is "cert.pem", which can not be read as a file',
    ])
    assert.equal(mistakes(both).length, 2)
  })

  test('is of no use without its key, nor a key without it', () => {
    const alone = ['"cometqlTlsCertFile" and "cometqlTlsKeyFile" belong together: only one of them is given']
    assert.deepEqual(mistakes({ cometqlTlsCertFile: 'node.pem' }, { readable: 'node.pem' }), alone)
    assert.deepEqual(mistakes({ cometqlTlsKeyFile: 'node.pem' }, { readable: 'node.pem' }), alone)
  })
})

test('dataDir is a folder or none', () => {
  assert.deepEqual(check({ dataDir: '/var/lib/encke' }), { mistakes: [], warnings: [] })
  assert.deepEqual(check({ dataDir: 'none' }), { mistakes: [], warnings: [] })
  assert.deepEqual(mistakes({ dataDir: ' ' }), [
    '"dataDir" is empty: give a folder, or none for nothing on disk',
  ])
})

test('a durable rule needs a disk', () => {
  const channels = [{ match: 'news' }, { match: 'order_*', historySize: 9, durable: true }]
  assert.deepEqual(mistakes({ channels, dataDir: 'none' }), [
    '"channels", rule 2 ("order_*"), "durable": needs a disk, but "dataDir" is none',
  ])
  assert.deepEqual(mistakes({ channels, dataDir: 'data' }), [])
  assert.deepEqual(mistakes({ channels: [{ match: 'a', durable: false }], dataDir: 'none' }), [])
})

test('check is left out while an option it looks at is unusable', () => {
  assert.deepEqual(mistakes({ internalHost: '0.0.0.0' }, { unusable: ['key'] }), [])
  assert.equal(mistakes({ internalHost: '0.0.0.0', tokenSecret: 'x' }, { unusable: ['key'] }).length, 1)
})
