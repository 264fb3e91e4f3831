/**
 * The examples of the documents and of examples/, run against a real node.
 *
 * Owns holding the conversations of docs/client-protocol.md and docs/publish-port.md: what a document shows is sent,
 * what it says comes back must come back, and nothing else. So a document can not drift from the code.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { blocks, createMemory, type Memory, masked, readSteps, titleOf } from '../support/documented.ts'
import { type DocumentedExchange, openExchanges } from '../support/documented-exchange.ts'
import { runCommand, startNode, type TestNode } from '../support/node.ts'
import { secondsFromNow, signToken } from '../support/tokens.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'
import { type Format, formats, openClient, openSocket, post } from '../support/wire.ts'

const SECRET = 'a secret of more than sixteen bytes'
const KEY = 'the key of the examples'

/** What the flags of the node in docs/client-protocol.md are. */
const RULES = [
  { match: 'lobby', publish: 'user' },
  { match: 'room', presence: 'list' },
  { match: 'log', historySize: 3 },
]

test('the conversation of docs/publish-port.md is what a node says, byte for byte', async (t) => {
  const [block = ''] = blocks('publish-port.md', 'hex')
  const steps = readSteps(block)
  assert.ok(steps.length >= 14, 'the conversation was found')
  const node = await startNode(t)
  const socket = connect({ port: node.publishPort, host: '127.0.0.1' })
  let came = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    came = Buffer.concat([came, chunk])
  })
  socket.on('close', () => {
    isClosed = true
  })
  t.after(() => {
    socket.destroy()
  })
  for (const { mark, text } of steps) {
    const bytes = text.split(/\s+/)
    if (mark === '▶') {
      socket.write(Buffer.from(bytes.join(''), 'hex'))
      continue
    }
    await until(() => came.length >= bytes.length, { what: () => `${text}; came: ${came.toString('hex')}` })
    const found = [...came.subarray(0, bytes.length)].map((byte, n) =>
      bytes[n] === '..' ? '..' : byte.toString(16).padStart(2, '0'),
    )
    assert.equal(found.join(' '), bytes.join(' '))
    came = came.subarray(bytes.length)
  }
  await until(() => isClosed, { what: 'the node to close' })
  assert.equal(came.length, 0, 'nothing more came')
})

test('the conversations of docs/client-protocol.md are what a node says', { concurrency: 2 }, async (t) => {
  const conversations = blocks('client-protocol.md', 'conversation')
  assert.ok(conversations.length >= 20, `${conversations.length} conversations were found`)
  const held = conversations.flatMap((conversation) =>
    formats.map((format) =>
      t.test(`${titleOf(conversation)}, in ${format}`, (t) => hold(t, conversation, format)),
    ),
  )
  await Promise.all(held)
})

test('the exchanges of docs/client-protocol.md are what a node says', { concurrency: 2 }, async (t) => {
  const exchanges = blocks('client-protocol.md', 'exchange')
  assert.ok(exchanges.length >= 5, `${exchanges.length} exchanges were found`)
  await Promise.all(exchanges.map((one) => t.test(titleOf(one), (t) => holdExchange(t, one))))
})

test('the MessagePack bytes of docs/client-protocol.md are what a node says', async (t) => {
  const [block = ''] = blocks('client-protocol.md', 'hex')
  const node = await startNode(t)
  const client = await openSocket(node.wsUrl, { format: 'msgpack' })
  t.after(() => client.close())
  const came: Buffer[] = []
  client.socket.on('message', (data: Buffer) => came.push(data))
  let steps = 0
  for (const { mark, text } of readSteps(block)) {
    steps++
    if (mark === '▶') client.socket.send(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
    if (mark === '⇢') await request(node, text)
    if (mark !== '◀') continue
    const message = await until(() => came.shift(), { what: text })
    const bytes = text.split(/\s+/)
    const found = [...message].map((byte, n) =>
      bytes[n] === '..' ? '..' : byte.toString(16).padStart(2, '0'),
    )
    assert.equal(found.join(' '), bytes.join(' '))
  }
  assert.ok(steps >= 5)
})

test('examples/publish.py publishes to a node', { skip: needs('python3') }, async (t) => {
  const node = await startNode(t, ['--key', KEY, '--publish-window', '100'])
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  await client.ok({ subscribe: { channels: ['news', 'many'] } })
  const run = (...args: string[]) =>
    runCommand('python3', ['examples/publish.py', ...args, '--port', `${node.publishPort}`, '--key', KEY])

  await t.test('what it is given, in order', async () => {
    const texts = ['{"title":"Comet sighted"}', '"plain text"', '[1,2.5,null,true,"ü🙂"]']
    const command = run('news', ...texts)
    assert.equal(await command.ended, 0, command.stderr())
    const publications = await client.received('news', texts.length)
    assert.deepEqual(
      publications.map(({ data }) => data),
      texts.map((text) => JSON.parse(text)),
    )
    assert.deepEqual(command.stdout().match(/offset \d+/g), ['offset 1', 'offset 2', 'offset 3'])
  })

  await t.test('more than fits the window', async () => {
    const texts = Array.from({ length: 5000 }, (_, n) => JSON.stringify({ n }))
    const command = run('many', ...texts)
    assert.equal(await command.ended, 0, command.stderr())
    const publications = await client.received('many', texts.length)
    assert.ok(publications.every(({ data }, n) => (data as { n: number }).n === n))
  })

  await t.test('and tells what was refused', async () => {
    const command = run('news', '{"broken":', '"good"')
    assert.equal(await command.ended, 1)
    assert.match(command.stderr(), /^INVALID_DATA: /)
    assert.equal((await client.received('news', 4))[3]?.data, 'good')
    const stranger = runCommand('python3', [
      'examples/publish.py',
      'news',
      '1',
      '--port',
      `${node.publishPort}`,
    ])
    assert.equal(await stranger.ended, 1)
    assert.match(stranger.stderr(), /KEY_INVALID/)
  })
})

test('examples/publish.sh publishes to a node', { skip: needs('curl') }, async (t) => {
  const node = await startNode(t, ['--key', KEY])
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  await client.ok({ subscribe: { channel: 'news' } })
  const env = { ENCKE_URL: node.internalUrl, ENCKE_KEY: KEY }
  const run = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    runCommand('bash', ['examples/publish.sh', ...args], env)
  const command = run(env, 'news', '{"title":"Comet sighted"}', 'headline')
  assert.equal(await command.ended, 0, command.stderr())
  assert.equal(JSON.parse(command.stdout()).offset, 1)
  const [publication] = await client.received('news', 1)
  assert.deepEqual(publication, {
    channel: 'news',
    offset: 1,
    event: 'headline',
    data: { title: 'Comet sighted' },
  })
  const refused = run(env, 'news', 'not JSON')
  assert.equal(await refused.ended, 22)
  assert.match(refused.stdout(), /"name":/)
  assert.equal(await run({ ...env, ENCKE_KEY: 'a wrong key' }, 'news', '1').ended, 22)
  assert.equal(await run(env, 'news').ended, 64)
})

/** Holds a conversation with a node of its own, so that offsets are those of the document. */
async function hold(t: TestContext, conversation: string, format: Format): Promise<void> {
  const node = await documentedNode(t)
  const client = await openSocket(node.wsUrl, { format })
  t.after(() => client.close())
  const memory = createMemory(token)
  let came = 0
  for (const { mark, text } of readSteps(conversation)) {
    if (mark === '⇢' && text === 'SIGTERM') {
      const stopped = node.stop()
      t.after(() => stopped)
    } else if (mark === '⇢') {
      await request(node, text, memory)
    } else if (mark === '×') {
      assert.equal((await client.closed()).code, Number(text))
    } else if (mark === '▶') {
      if (text.startsWith('{')) client.send(memory.fill(text))
      else client.socket.send(text)
    } else {
      const message = await until(() => client.messages[came], { what: text })
      assert.deepEqual(masked(message, JSON.parse(text)), JSON.parse(text))
      memory.learn(message)
      came++
    }
  }
  assert.deepEqual(client.messages.slice(came), [], 'nothing more came')
}

/** Holds an exchange over HTTP with a node of its own. */
async function holdExchange(t: TestContext, block: string): Promise<void> {
  const node = await documentedNode(t)
  const memory = createMemory(token)
  const exchanges: DocumentedExchange = openExchanges(node.publicUrl, memory)
  t.after(() => exchanges.close())
  for (const { mark, text } of readSteps(block)) {
    if (mark === '⇢') await request(node, text, memory)
    else if (mark === '▶') exchanges.send(text)
    else await exchanges.expect(text)
  }
  exchanges.assertSilent()
}

function documentedNode(t: TestContext): Promise<TestNode> {
  return startNode(t, ['--token-secret', SECRET, '--anonymous', '--channels', JSON.stringify(RULES)])
}

/** `POST /path {json}`: what an application asks meanwhile. */
async function request(node: TestNode, text: string, memory: Memory = createMemory(token)): Promise<void> {
  const [, path = '', body = ''] = /^POST (\S+) (.*)$/.exec(text) ?? []
  const answer = await post(`${node.internalUrl}${path}`, memory.fill(body))
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  memory.learn(answer.body)
}

/** A token of user 17. */
function token(): string {
  return signToken({ alg: 'HS256', secret: SECRET }, { sub: '17', exp: secondsFromNow(60) })
}
