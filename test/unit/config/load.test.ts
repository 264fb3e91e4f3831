/**
 * The effective configuration: precedence, unknown names, and all mistakes at once.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ConfigSources, defaultConfig, type LoadedConfig, loadConfig } from '../../../src/config/load.ts'
import { options } from '../../../src/config/options.ts'
import { ConfigError } from '../../../src/errors.ts'
import { MAX_TENANT } from '../../../src/protocol/parse-command.ts'

interface Given {
  readonly flags?: ConfigSources['flags']
  readonly env?: ConfigSources['env']
  /** Text of encke.yaml */
  readonly file?: string
  /** Text of comet.ini */
  readonly ini?: string
}

function load({ flags = {}, env = {}, file, ini }: Given): Promise<LoadedConfig> {
  return loadConfig({
    flags,
    env,
    configFile: file === undefined ? '' : 'encke.yaml',
    readFile: async (path) =>
      (path === 'encke.yaml' ? file : path === 'comet.ini' ? ini : undefined) ?? assert.fail(`read ${path}`),
    canRead: () => false,
  })
}

async function mistakesOf(given: Given): Promise<readonly string[]> {
  try {
    await load(given)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.mistakes
  }
  return assert.fail('the configuration was taken')
}

describe('precedence', () => {
  test('defaults hold where nothing is given', async () => {
    const { config, origins } = await load({})
    assert.deepEqual(config, defaultConfig())
    assert.deepEqual(new Set(Object.values(origins)), new Set(['default']))
    assert.deepEqual(Object.keys(config), Object.keys(options))
  })

  test('flags win over the environment, the environment over the file, the file over defaults', async () => {
    const { config, origins } = await load({
      file: 'port: 1\ninternalPort: 2\npublishPort: 3\n',
      env: { ENCKE_PORT: '10', ENCKE_INTERNAL_PORT: '20' },
      flags: { port: ['100'] },
    })
    assert.deepEqual([config.port, origins.port], [100, 'flag'])
    assert.deepEqual([config.internalPort, origins.internalPort], [20, 'env'])
    assert.deepEqual([config.publishPort, origins.publishPort], [3, 'file'])
    assert.deepEqual([config.drainMs, origins.drainMs], [2_000, 'default'])
  })

  test('value that equals the default still has the origin of who gave it', async () => {
    assert.equal((await load({ env: { ENCKE_PORT: '8080' } })).origins.port, 'env')
  })

  test('ENCKE_CONFIG names the file, the flag wins over it', async () => {
    const read: string[] = []
    const sources = (configFile: string): ConfigSources => ({
      env: { ENCKE_CONFIG: 'from-env.yaml' },
      configFile,
      readFile: async (path) => {
        read.push(path)
        return 'port: 7'
      },
      canRead: () => false,
    })
    assert.equal((await loadConfig(sources(''))).config.port, 7)
    await loadConfig(sources('from-flag.yaml'))
    assert.deepEqual(read, ['from-env.yaml', 'from-flag.yaml'])
  })

  test('what readFile throws passes through', async () => {
    const fault = new Error('no such file')
    const sources: ConfigSources = {
      configFile: 'gone.yaml',
      readFile: () => Promise.reject(fault),
      canRead: () => false,
    }
    await assert.rejects(loadConfig(sources), fault)
  })
})

describe('kinds', () => {
  test('every kind can be given as a flag', async () => {
    const { config } = await load({
      flags: {
        port: ['0'],
        demo: ['true'],
        origins: ['https://a.example,https://b.example', 'https://c.example'],
        'log-level': ['debug'],
        host: ['::1'],
        channels: ['[{"match":"chat_*","publish":"user"}]'],
      },
    })
    assert.equal(config.port, 0)
    assert.equal(config.demo, true)
    assert.deepEqual(config.origins, ['https://a.example', 'https://b.example', 'https://c.example'])
    assert.equal(config.logLevel, 'debug')
    assert.equal(config.host, '::1')
    assert.deepEqual(config.channels, [{ match: 'chat_*', publish: 'user' }])
  })

  test('every kind can be given in the file', async () => {
    const { config } = await load({
      file:
        'port: 9\ndemo: true\n' +
        'origins: [https://a.example]\nlogLevel: warn\nchannels:\n  - match: x\n    flushMs: 5\n',
    })
    assert.deepEqual([config.port, config.demo, config.logLevel], [9, true, 'warn'])
    assert.deepEqual(config.origins, ['https://a.example'])
    assert.deepEqual(config.channels, [{ match: 'x', flushMs: 5 }])
  })

  test('channel rules in the environment may be YAML', async () => {
    const { config } = await load({ env: { ENCKE_CHANNELS: '- match: a\n- match: b' } })
    assert.deepEqual(config.channels, [{ match: 'a' }, { match: 'b' }])
    assert.deepEqual((await load({ env: { ENCKE_CHANNELS: '' } })).config.channels, [])
  })
})

describe('mistakes', () => {
  test('each names source, key, value and bound', async () => {
    assert.deepEqual(await mistakesOf({ file: 'port: 70000' }), [
      '"port" in encke.yaml: 70000 is above 65535 (port)',
    ])
    assert.deepEqual(await mistakesOf({ env: { ENCKE_PING_MS: '5' } }), [
      '"pingMs" (ENCKE_PING_MS): 5 is below 1000 (ms)',
    ])
    assert.deepEqual(await mistakesOf({ flags: { edges: ['2'] } }), [
      '"edges" (--edges): 2 is above 1 (processes)',
    ])
  })

  test('unknown names are mistakes wherever they stand, with the nearest known name', async () => {
    assert.deepEqual(await mistakesOf({ file: 'prot: 1' }), [
      '"prot" in encke.yaml: unknown option, did you mean "port"?',
    ])
    assert.deepEqual(await mistakesOf({ env: { ENCKE_PROT: '1' } }), [
      '"ENCKE_PROT" in the environment: unknown option, did you mean "ENCKE_PORT"?',
    ])
    assert.deepEqual(await mistakesOf({ flags: { prot: ['1'] } }), [
      '"--prot" on the command line: unknown option, did you mean "port"?',
    ])
    assert.deepEqual(await mistakesOf({ env: { ENCKE_CONFG: 'x' } }), [
      '"ENCKE_CONFG" in the environment: unknown option, did you mean "ENCKE_CONFIG"?',
    ])
    assert.deepEqual(await mistakesOf({ file: 'toString: 1' }), ['"toString" in encke.yaml: unknown option'])
  })

  test('variables without the prefix are none of our business', async () => {
    assert.deepEqual(
      (await load({ env: { PORT: '70000', ENCKEPORT: 'x', PATH: '/bin' } })).config.port,
      8_080,
    )
  })

  test('flag given twice is a mistake, unless it is a list', async () => {
    assert.deepEqual(await mistakesOf({ flags: { port: ['1', '2'] } }), [
      '"port" (--port): is given 2 times, may be given once',
    ])
  })

  test('source that another one overrides is checked all the same', async () => {
    assert.deepEqual(await mistakesOf({ file: 'port: many', flags: { port: ['1'] } }), [
      '"port" in encke.yaml: "many" is not a whole number',
    ])
  })

  test('broken rules are told rule by rule', async () => {
    assert.deepEqual(
      await mistakesOf({ env: { ENCKE_CHANNELS: '[{"match":"a","flushMs":60},{"mtach":"b"}]' } }),
      [
        '"channels" (ENCKE_CHANNELS): rule 1, "flushMs": 60 is above 50 (ms)',
        '"channels" (ENCKE_CHANNELS): rule 2, "mtach": unknown field, did you mean "match"?',
        '"channels" (ENCKE_CHANNELS): rule 2, "match": is missing',
      ],
    )
    const [broken = ''] = await mistakesOf({ flags: { channels: ['[{"match":'] } })
    assert.match(broken, /^"channels" \(--channels\): rules, line 1: /)
  })

  test('all mistakes come together, those between options included', async () => {
    const mistakes = await mistakesOf({
      file: 'port: x\nhots: y\n',
      env: { ENCKE_TOKEN_SECRET: 'short' },
      flags: { demo: ['maybe'] },
    })
    assert.deepEqual(mistakes, [
      '"hots" in encke.yaml: unknown option, did you mean "host"?',
      '"port" in encke.yaml: "x" is not a whole number',
      '"demo" (--demo): "maybe" is neither true nor false',
      '"tokenSecret" has 5 bytes, below 16: a shorter secret can be guessed',
    ])
  })

  test('broken file does not hide mistakes elsewhere', async () => {
    const mistakes = await mistakesOf({ file: 'a: b: c', flags: { port: ['x'] } })
    assert.match(mistakes[0] ?? '', /^encke\.yaml, line 1: /)
    assert.equal(mistakes[1], '"port" (--port): "x" is not a whole number')
  })
})

test('secrets never appear in a message', async () => {
  const secret = 'hunter2\u0007'
  const given: Given[] = [
    { flags: { key: [secret], 'trusted-key': [secret], 'token-secret': [secret] } },
    { env: { ENCKE_KEY: secret, ENCKE_TOKEN_SECRT: secret } },
    { file: 'key: {hunter2: hunter2}\ntokenSecrt: hunter2\ntrustedKey: [hunter2]\n' },
    { flags: { engine: ['redis://:hunter2@db'], key: ['hunter2', 'hunter2'] } },
    { file: 'key: "hunter2\n' },
  ]
  for (const sources of given) {
    assert.doesNotMatch((await mistakesOf(sources)).join('\n'), /hunter2/)
  }
})

test('warnings come with the configuration', async () => {
  const { warnings } = await load({ flags: { 'channel-linger-ms': ['1'] } })
  assert.equal(warnings.length, 2)
  assert.match(warnings.join('\n'), /ANYONE.*\n"channelLingerMs"/)
})

describe('comet.ini', () => {
  const ini =
    '[main]\npassword = hunter2\n[ws]\nport = 8087\nip = 127.0.0.1\n[db]\nhost = localhost\npassword = root\n'

  test('stands between defaults and the configuration file', async () => {
    const { config, origins } = await load({ ini, flags: { 'comet-ini': ['comet.ini'] } })
    assert.deepEqual([config.port, origins.port], [8_087, 'ini'])
    assert.deepEqual([config.cometqlPassword, origins.cometqlPassword], ['hunter2', 'ini'])
    assert.deepEqual([config.internalPort, origins.internalPort], [8_081, 'default'])
  })

  test('gives way to file, environment and flags', async () => {
    const { config, origins } = await load({
      ini,
      file: 'cometIni: comet.ini\nport: 1\n',
      env: { ENCKE_COMETQL_PASSWORD: 'other' },
      flags: { host: ['::1'] },
    })
    assert.deepEqual([config.port, config.cometqlPassword, config.host], [1, 'other', '::1'])
    assert.deepEqual([origins.port, origins.cometqlPassword, origins.host], ['file', 'env', 'flag'])
  })

  test('what it says and a node does not use is told in one warning, by name only', async () => {
    const { warnings } = await load({ ini, env: { ENCKE_COMET_INI: 'comet.ini' } })
    assert.deepEqual(warnings, ['comet.ini: not used by Encke: db.host, db.password'])
  })

  test('a value that can not be read is a mistake that names section, key and value', async () => {
    const broken = '[main]\npassword = hun\u0007ter2\n[ws]\nport = 80 87\n[cometql]\nport = 70000'
    assert.deepEqual(await mistakesOf({ ini: broken, flags: { 'comet-ini': ['comet.ini'] } }), [
      '[main] password in comet.ini: holds a control character',
      '[ws] port in comet.ini: "80 87" is not a whole number',
      '[cometql] port in comet.ini: 70000 is above 65535 (port)',
    ])
  })

  test('broken lines do not hide mistakes elsewhere', async () => {
    assert.deepEqual(
      await mistakesOf({ ini: 'hunter2', flags: { 'comet-ini': ['comet.ini'], port: ['x'] } }),
      [
        'comet.ini, line 1: is neither [section], key = value nor a comment',
        '"port" (--port): "x" is not a whole number',
      ],
    )
  })

  test('is not read when the option that names it is a mistake', async () => {
    assert.deepEqual(await mistakesOf({ flags: { 'comet-ini': ['a.ini', 'b.ini'] } }), [
      '"cometIni" (--comet-ini): is given 2 times, may be given once',
    ])
  })

  test('what readFile throws about it passes through', async () => {
    const fault = new Error('no such file')
    const sources: ConfigSources = {
      flags: { 'comet-ini': ['gone.ini'] },
      readFile: () => Promise.reject(fault),
      canRead: () => false,
    }
    await assert.rejects(loadConfig(sources), fault)
  })
})

test('tenants go as far as those of the protocol', () => {
  assert.equal(options.tenant.max, MAX_TENANT)
})
