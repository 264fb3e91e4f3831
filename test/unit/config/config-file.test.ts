/**
 * Configuration files in YAML and JSON, good and broken. Broken ones never show a piece of their text.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfigFile, parseFragment } from '../../../src/config/config-file.ts'
import { ConfigError } from '../../../src/errors.ts'

async function mistakesOf(name: string, text: string): Promise<readonly string[]> {
  try {
    await parseConfigFile(name, text)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.mistakes
  }
  return assert.fail('the file was taken')
}

test('YAML file gives its keys and values', async () => {
  const text =
    '# comment\nport: 8080\norigins: [https://a.example, https://b.example]\nchannels:\n  - match: "*"\n'
  assert.deepEqual(await parseConfigFile('encke.yaml', text), {
    port: 8080,
    origins: ['https://a.example', 'https://b.example'],
    channels: [{ match: '*' }],
  })
})

test('JSON file gives its keys and values, tabs and a byte order mark included', async () => {
  assert.deepEqual(await parseConfigFile('encke.json', '\uFEFF{\n\t"port": 8080\n}'), { port: 8080 })
})

test('empty file has no keys', async () => {
  for (const text of ['', '  \n', '# nothing here\n', '---\n', '{}']) {
    assert.deepEqual({ ...(await parseConfigFile('encke.yaml', text)) }, {})
  }
})

test('file that is no map is refused', async () => {
  assert.deepEqual(await mistakesOf('encke.yaml', '- port\n'), [
    'encke.yaml: must be a map of options, is a list',
  ])
  assert.deepEqual(await mistakesOf('encke.yaml', 'port'), ['encke.yaml: must be a map of options, is text'])
  assert.deepEqual(await mistakesOf('encke.json', '5'), ['encke.json: must be a map of options, is a number'])
})

test('broken YAML is told with its line', async () => {
  const [first] = await mistakesOf('encke.yaml', 'port: 8080\nhost: [a\n')
  assert.match(first ?? '', /^encke\.yaml, line \d+: /)
  assert.deepEqual(await mistakesOf('encke.yaml', 'port: 1\nhost: a\nport: 2\n'), [
    'encke.yaml, line 3: Map keys must be unique',
  ])
})

test('broken JSON is no YAML when the file says .json', async () => {
  assert.deepEqual(await mistakesOf('encke.json', 'port: 8080'), ['encke.json: is not JSON'])
})

test('broken file never shows a piece of its text', async () => {
  const secret = 'correct-horse'
  const texts = [
    `key: *${secret}`,
    `key: !${secret} x`,
    `key: @${secret}`,
    `key: "${secret}`,
    `key: "\\z${secret}"`,
    `key: |${secret}\n  x`,
    `key: ${secret}: ${secret}`,
    `key: [${secret}`,
    `key: %${secret}\n\tport: 1`,
    `{"key": "${secret}", "key": "${secret}"`,
  ]
  for (const text of texts) {
    for (const name of ['encke.yaml', 'encke.json']) {
      const mistakes = await mistakesOf(name, text)
      assert.ok(!mistakes.join('\n').includes('horse'), `${text} → ${mistakes.join('\n')}`)
    }
  }
})

test('file above 1 MiB is refused before it is parsed', async () => {
  assert.deepEqual(await mistakesOf('encke.yaml', `# ${'x'.repeat(1_048_576)}`), [
    'encke.yaml: 1048578 bytes are above 1048576 (bytes)',
  ])
})

test('YAML whose aliases multiply is refused', async () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const inner = level === 0 ? 'x' : `*a${level - 1}`
    return `a${level}: &a${level} [${Array(9).fill(inner).join(', ')}]`
  })
  await assert.rejects(parseConfigFile('encke.yaml', levels.join('\n')), ConfigError)
})

test('fragment may be JSON or YAML', async () => {
  assert.deepEqual(await parseFragment('rules', '[{"match":"*"}]'), [{ match: '*' }])
  assert.deepEqual(await parseFragment('rules', '- match: "*"'), [{ match: '*' }])
  assert.equal(await parseFragment('rules', ''), null)
})
