/**
 * The command line as people and scripts meet it: real processes, real ports, real signals.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { createVerifier } from 'fast-jwt'
import { runCli, type ServeProcess, startCli, startServe } from '../support/cli-process.ts'
import { withTree } from '../support/tree.ts'
import { until } from '../support/until.ts'

const SECRET = '0123456789abcdef'
/** Nothing to wait for at the end of a test. */
const QUICK = ['--drain-ms=0']
const PATIENT = { withinMs: 20_000 }

const publishPort = ({ ready }: ServeProcess) => `--port=${ready.publish.port}`
const webSocket = ({ ready }: ServeProcess) => `--url=ws://127.0.0.1:${ready.public.port}/ws`
const internalUrl = ({ ready }: ServeProcess) => `http://127.0.0.1:${ready.internal.port}`

/** Starts a subscriber and waits until the node counts its subscriptions. */
async function startSubscriber(
  t: TestContext,
  node: ServeProcess,
  channels: readonly string[],
  args: readonly string[] = [],
) {
  const subscriber = startCli(t, ['subscribe', ...channels, webSocket(node), ...args])
  await until(async () => {
    const response = await fetch(`${internalUrl(node)}/api/stats`)
    const { counts } = (await response.json()) as { counts: { subscriptions: number } }
    return counts.subscriptions >= channels.length
  }, PATIENT)
  return subscriber
}

describe('encke', () => {
  test('without a command shows the overview on stderr and ends with 64', async (t) => {
    const { code, stdout, stderr } = await runCli(t, [])
    assert.equal(code, 64)
    assert.equal(stdout, '')
    assert.match(stderr, /encke serve +Run a node/)
  })

  test('--help shows the overview on stdout and ends with 0', async (t) => {
    const { code, stdout, stderr } = await runCli(t, ['--help'])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /Exit codes:/)
  })

  test('--version prints the version', async (t) => {
    const { code, stdout } = await runCli(t, ['--version'])
    assert.equal(code, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })

  test('names the nearest command and the nearest flag', async (t) => {
    const command = await runCli(t, ['srve'])
    assert.equal(command.code, 64)
    assert.match(command.stderr, /^Unknown command "srve", did you mean "serve"\?\n/)
    const flag = await runCli(t, ['serve', '--prot', '80'])
    assert.equal(flag.code, 64)
    assert.match(flag.stderr, /^Unknown flag --prot, did you mean "--port"\?\n/)
  })
})

describe('encke serve', () => {
  test('tells one mistake per line and ends with 78', async (t) => {
    const { code, stdout, stderr } = await runCli(t, ['serve', '--port=70000', '--internal-host=0.0.0.0'], {
      env: { ENCKE_PROT: '1' },
    })
    assert.deepEqual([code, stdout], [78, ''])
    assert.deepEqual(stderr.trimEnd().split('\n').length, 3)
    assert.match(stderr, /"ENCKE_PROT" in the environment: unknown option, did you mean "ENCKE_PORT"\?/)
    assert.match(stderr, /"port" \(--port\): 70000 is above 65535 \(port\)/)
    assert.match(stderr, /"internalHost" is "0\.0\.0\.0".* need a "key"/)
  })

  test('ends with 66 when the configuration file is not there', async (t) => {
    const { code, stderr } = await runCli(t, ['serve', '--config=no-such-file.yaml'])
    assert.equal(code, 66)
    assert.match(stderr, /^Cannot read the configuration file: .*no-such-file\.yaml/)
  })

  test('ends with 69 when a port is taken', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1')
    t.after(() => holder.close())
    const address = await until(() => holder.address())
    const port = typeof address === 'object' ? address.port : assert.fail()
    const ports = ['--port=0', `--internal-port=${port}`, '--publish-port=0', '--cometql-port=0']
    const { code, stderr } = await runCli(t, ['serve', ...ports, '--log-level=silent'])
    assert.equal(code, 69, stderr)
    assert.match(stderr, new RegExp(`\\b${port}\\b`))
  })

  test('ends with 73 when the ready file can not be made', async (t) => {
    const folder = await withTree(t, {})
    const ports = ['--port=0', '--internal-port=0', '--publish-port=0', '--cometql-port=0', '--drain-ms=0']
    const path = join(folder, 'no', 'ready.json')
    const { code, stderr } = await runCli(t, ['serve', ...ports, `--ready-file=${path}`])
    assert.equal(code, 73, stderr)
    assert.match(stderr, /Cannot create the ready file/)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`drains and ends with 0 at ${signal}, and takes its ready file along`, async (t) => {
      const folder = await withTree(t, {})
      const node = await startServe(t, folder, QUICK)
      assert.equal(existsSync(node.readyFile), true)
      node.child.kill(signal)
      const { code, stderr } = await node.ended
      assert.equal(code, 0, stderr)
      assert.deepEqual(readdirSync(folder), [])
    })
  }

  test('ends at once at a second signal while it drains', async (t) => {
    const node = await startServe(t, await withTree(t, {}), ['--drain-ms=600000'])
    await startSubscriber(t, node, ['news'])
    node.child.kill('SIGTERM')
    await until(async () => (await fetch(`${internalUrl(node)}/readyz`)).status === 503, PATIENT)
    await until(() => {
      node.child.kill('SIGTERM') // each one counts as the first until a little later
      return node.child.exitCode !== null
    }, PATIENT)
    assert.equal((await node.ended).code, 0)
    assert.equal(existsSync(node.readyFile), false)
  })

  test('logs a fault that nobody caught and ends with 70', async (t) => {
    const fault = 'data:text/javascript,process.on("SIGUSR2",()=>{throw new Error("made up")})'
    const node = await startServe(t, await withTree(t, {}), QUICK, { preload: [fault] })
    node.child.kill('SIGUSR2')
    const { code, stderr } = await node.ended
    assert.equal(code, 70)
    const line = stderr.split('\n').find((text) => text.includes('Uncaught exception')) ?? '{}'
    assert.match(JSON.parse(line).fault, /^Error: made up/)
    assert.equal(existsSync(node.readyFile), false)
  })

  test('warns when anyone may connect, and says nothing of its secrets', async (t) => {
    const folder = await withTree(t, { 'encke.yaml': 'key: hunter2-hunter2\nhost: 0.0.0.0\n' })
    const ports = ['--port=0', '--internal-port=0', '--publish-port=0', '--cometql-port=0']
    const node = startCli(t, [
      'serve',
      ...ports,
      '--drain-ms=0',
      '--demo',
      `--config=${join(folder, 'encke.yaml')}`,
    ])
    await until(() => node.stdout().includes('publish demo'), PATIENT)
    node.child.kill('SIGTERM')
    const { code, stdout, stderr } = await node.ended
    assert.equal(code, 0)
    assert.match(stderr, /ANYONE who reaches 0\.0\.0\.0 may connect/)
    assert.match(stdout, /--key …/)
    assert.doesNotMatch(stdout + stderr, /hunter2/)
  })
})

describe('encke publish and encke subscribe', () => {
  test('the printed demo command reaches a subscriber', async (t) => {
    const node = await startServe(t, await withTree(t, {}), [...QUICK, '--demo'])
    const subscriber = await startSubscriber(t, node, ['demo'], ['--count=1'])
    const printed = node.stdout().match(/node dist\/main\.js (publish demo) "(.*)" (--port \d+)\n/)
    const [, words = '', data = '', port = ''] = printed ?? assert.fail(node.stdout())
    const { code, stdout } = await runCli(t, [...words.split(' '), data, ...port.split(' ')])
    assert.equal(code, 0)
    assert.match(stdout, /^Published to "demo" at offset 1 of epoch /)
    const end = await subscriber.ended
    assert.equal(end.code, 0)
    assert.deepEqual(JSON.parse(end.stdout), { channel: 'demo', offset: 1, data: 'Hello from the terminal' })
  })

  test('lines of stdin arrive in order, as JSON where they are JSON', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const subscriber = await startSubscriber(t, node, ['log', 'other'], ['--count=3'])
    const args = ['publish', 'log', '-', publishPort(node), '--event=line', '--user=17']
    const { code, stdout } = await runCli(t, args, { input: '{"a":1}\n\nplain text\n42\n' })
    assert.equal(code, 0)
    assert.match(stdout, /^Published 3 to "log" in .* refused 0\n$/)
    const lines = (await subscriber.ended).stdout.trimEnd().split('\n')
    const rest = { channel: 'log', event: 'line', user: '17' }
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [{ a: 1 }, 'plain text', 42].map((data, index) => ({ ...rest, offset: index + 1, data })),
    )
  })

  test('a refused line is named and makes the code 70', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const args = ['publish', 'log', '--json', publishPort(node)]
    const { code, stdout, stderr } = await runCli(t, args, { input: '1\nnot JSON\n2\n' })
    assert.equal(code, 70)
    assert.match(stdout, /^Published 2 to "log" in .* refused 1\n$/)
    assert.equal(stderr, 'Line 2 is refused: It is not JSON, and --json insists on it\n')
    const single = await runCli(t, ['publish', '@', 'x', publishPort(node)])
    assert.equal(single.code, 70)
    assert.match(single.stderr, /^The node refuses it: /)
  })

  test('a publication key publishes once, and is refused for a stream', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const once = ['publish', 'orders', '1', publishPort(node), '--publication-key=paid-4711']
    const first = await runCli(t, once)
    assert.match(first.stdout, /^Published to "orders" at offset 1 /)
    assert.equal((await runCli(t, once)).stdout, first.stdout)
    const other = await runCli(t, ['publish', 'orders', '1', publishPort(node)])
    assert.match(other.stdout, /at offset 2 /)
    const stream = await runCli(t, ['publish', 'orders', '-', '--publication-key=k'], { input: '1\n2\n' })
    assert.equal(stream.code, 64)
    assert.match(stream.stderr, /^Flag --publication-key goes with one publication/)
  })

  test('data that is not JSON is a usage mistake under --json', async (t) => {
    const { code, stderr } = await runCli(t, ['publish', 'log', 'not JSON', '--json'])
    assert.equal(code, 64)
    assert.match(stderr, /^The data is not JSON/)
  })

  test('a node that is not there ends them with 69', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    const address = await until(() => taken.address())
    const port = typeof address === 'object' ? address.port : assert.fail()
    await new Promise((resolve) => taken.close(resolve))
    const published = await runCli(t, ['publish', 'news', 'x', `--port=${port}`])
    assert.equal(published.code, 69)
    assert.match(published.stderr, /ECONNREFUSED/)
    const subscribed = await runCli(t, ['subscribe', 'news', `--url=ws://127.0.0.1:${port}/ws`])
    assert.equal(subscribed.code, 69)
    assert.match(subscribed.stderr, /^Cannot connect to ws:/)
    const asked = await runCli(t, ['stats', `--url=http://127.0.0.1:${port}`])
    assert.equal(asked.code, 69)
  })

  test('a wrong key ends with 78, the right one from the environment with 0', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK, { env: { ENCKE_KEY: 'the-right-key' } })
    const wrong = await runCli(t, ['publish', 'news', 'x', publishPort(node), '--key=a-wrong-key'])
    assert.equal(wrong.code, 78, wrong.stderr)
    assert.doesNotMatch(wrong.stderr, /-key/)
    const right = await runCli(t, ['publish', 'news', 'x', publishPort(node)], {
      env: { ENCKE_KEY: 'the-right-key' },
    })
    assert.equal(right.code, 0, right.stderr)
    const stats = await runCli(t, ['stats', `--url=${internalUrl(node)}`])
    assert.equal(stats.code, 78)
  })

  test('a subscriber whose reader is gone ends quietly', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const subscriber = await startSubscriber(t, node, ['news'])
    subscriber.child.stdout?.destroy()
    for (let round = 0; round < 2; round++) await runCli(t, ['publish', 'news', 'x', publishPort(node)])
    const { code, stderr } = await subscriber.ended
    assert.deepEqual([code, stderr], [0, ''])
  })

  test('a channel that is not for clients ends a subscriber with 78', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const { code, stderr } = await runCli(t, ['subscribe', '@17', webSocket(node)])
    assert.equal(code, 78)
    assert.match(stderr, /"@17"/)
  })
})

describe('encke token', () => {
  test('makes a token the node takes for that user', async (t) => {
    const node = await startServe(t, await withTree(t, {}), [...QUICK, `--token-secret=${SECRET}`])
    const refused = await runCli(t, ['subscribe', 'news', webSocket(node)])
    assert.equal(refused.code, 78, refused.stderr)
    const made = await runCli(t, ['token', '--user=17'], { env: { ENCKE_TOKEN_SECRET: SECRET } })
    const subscriber = await startSubscriber(
      t,
      node,
      ['news'],
      [`--token=${made.stdout.trim()}`, '--count=1'],
    )
    await runCli(t, ['publish', '@17', '"for you"', publishPort(node)])
    const { stdout } = await subscriber.ended
    assert.deepEqual(JSON.parse(stdout), { channel: '@17', offset: 1, data: 'for you' })
  })

  test('puts user, channels and expiry into the claims', async (t) => {
    const args = [
      'token',
      `--secret=${SECRET}`,
      '--user=17',
      '--channel=room_*',
      '--channel=lobby',
      '--ttl=60',
    ]
    const { code, stdout } = await runCli(t, args)
    assert.equal(code, 0)
    const claims = createVerifier({ key: SECRET })(stdout.trim())
    assert.deepEqual([claims.sub, claims.channels], ['17', ['room_*', 'lobby']])
    assert.equal(claims.exp - claims.iat, 60)
    const endless = await runCli(t, ['token', `--secret=${SECRET}`, '--user=17', '--ttl=0'])
    assert.equal('exp' in createVerifier({ key: SECRET })(endless.stdout.trim()), false)
  })

  test('asks for a secret that is long enough and for a subject', async (t) => {
    assert.equal((await runCli(t, ['token', '--user=17'])).code, 64)
    assert.equal((await runCli(t, ['token', `--secret=${SECRET}`])).code, 64)
    const short = await runCli(t, ['token', '--user=17', '--secret=hunter2'])
    assert.equal(short.code, 64)
    assert.doesNotMatch(short.stderr, /hunter2/)
  })
})

describe('encke stats', () => {
  test('shows figures as a table and as JSON', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    await runCli(t, ['publish', 'news', 'x', publishPort(node)])
    const table = await runCli(t, ['stats', `--url=${internalUrl(node)}`])
    assert.equal(table.code, 0)
    assert.match(table.stdout, /^ {2}publications +1$/m)
    const json = await runCli(t, ['stats', '--json', `--url=${internalUrl(node)}`])
    assert.equal(JSON.parse(json.stdout).totals.publications, 1)
  })
})

test('encke stats --watch ends quietly when its reader is gone', async (t) => {
  const node = await startServe(t, await withTree(t, {}), QUICK)
  const watcher = startCli(t, ['stats', '--watch', '--json', `--url=${internalUrl(node)}`])
  await until(() => watcher.stdout().split('\n').length > 2, PATIENT)
  watcher.child.stdout?.destroy()
  const { code, stderr } = await watcher.ended
  assert.deepEqual([code, stderr], [0, ''])
})

describe('encke check-config and encke print-config', () => {
  test('a good configuration is called good, with its warnings on stderr', async (t) => {
    const folder = await withTree(t, { 'encke.yaml': 'channelLingerMs: 1\nhost: 127.0.0.1\n' })
    const { code, stdout, stderr } = await runCli(t, [
      'check-config',
      `--config=${join(folder, 'encke.yaml')}`,
    ])
    assert.deepEqual([code, stdout], [0, 'Configuration is good\n'])
    assert.match(stderr, /^Warning: "channelLingerMs" is 1, below "ringMs", .*\n$/)
  })

  test('a bad configuration is told mistake by mistake', async (t) => {
    const folder = await withTree(t, { 'encke.yaml': 'prot: 1\nchannels:\n  - match: a\n    flushMs: 60\n' })
    const path = join(folder, 'encke.yaml')
    const { code, stderr } = await runCli(t, ['check-config'], { env: { ENCKE_CONFIG: path } })
    assert.equal(code, 78)
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      `"prot" in ${path}: unknown option, did you mean "port"?`,
      `"channels" in ${path}: rule 1, "flushMs": 60 is above 50 (ms)`,
    ])
  })

  test('printed values carry their origin, secrets are masked', async (t) => {
    const folder = await withTree(t, { 'encke.json': '{"port": 9000, "key": "hunter2", "drainMs": 5}' })
    const args = ['print-config', `--config=${join(folder, 'encke.json')}`, '--host=127.0.0.1']
    const yaml = await runCli(t, args, { env: { ENCKE_DRAIN_MS: '7' } })
    assert.equal(yaml.code, 0)
    assert.match(yaml.stdout, /^host: "127\.0\.0\.1" # flag\nport: 9000 # file\n/)
    assert.match(yaml.stdout, /^drainMs: 7 # env$/m)
    assert.match(yaml.stdout, /^key: "\*{5}" # file$/m)
    assert.match(yaml.stdout, /^trustedKey: "" # default$/m)
    const json = await runCli(t, [...args, '--json'])
    assert.deepEqual(JSON.parse(json.stdout).key, { value: '*****', origin: 'file' })
    assert.doesNotMatch(yaml.stdout + yaml.stderr + json.stdout, /hunter2/)
  })
})
