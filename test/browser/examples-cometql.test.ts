/**
 * The examples for CometQL, each run as a person would run it, with what it publishes seen in Chromium.
 *
 * Owns holding examples/php-chat, examples/bash and examples/python to what their headers say, and docs/cometql.md to what
 * its queries show. Examples get nothing but the environment that their headers name. One node and one page of a user serve
 * them all, so that the file is quick: each has a pipe of its own.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { openPage } from '../support/browser.ts'
import { type CometPage, openUser, settled, startCometNode, TENANT } from '../support/comet-page.ts'
import { blocks } from '../support/documented.ts'
import { needsPhp, needsPyMySql, PYTHON } from '../support/mysql-clients.ts'
import { runCommand, type TestNode } from '../support/node.ts'
import { startPhpServer } from '../support/php-server.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'

const needsChromium = needs('chromium')
const PASSWORD = 'secret'
const USER = 7

interface Stage {
  readonly node: TestNode
  /** Of `USER`, on no pipe yet */
  readonly page: CometPage
}

type Check = readonly [
  name: string,
  skip: string | false,
  run: (t: TestContext, stage: Stage) => Promise<void>,
]

const checks: readonly Check[] = [
  ['php-chat is a chat: what one says the other sees, and who comes later too', needsPhp, chats],
  ['php-chat shows why a message was not sent', needsPhp, showsWhyNot],
  ['bash/publish.sh publishes to a pipe', needs('mariadb'), publishesFromBash],
  ['python/cometql.py publishes and tells who is there', needsPyMySql, worksFromPython],
  ['docs/cometql.md: values in queries mean what it says', false, valuesMeanWhatIsSaid],
  ['docs/cometql.md: its statements are what a node takes', false, statementsAreTaken],
]

/** `anonymous` is on: the pages of the chat have no user. */
test('examples and documentation of CometQL', { skip: needsChromium }, async (t) => {
  const node = await startCometNode(t, '--cometql-port', '0', '--cometql-password', PASSWORD)
  const stage = { node, page: await openUser(t, node, USER) }
  for (const [name, skip, run] of checks) await t.test(name, { skip }, (t) => run(t, stage))
})

async function chats(t: TestContext, { node }: Stage): Promise<void> {
  const url = await startPhpServer(t, 'examples/php-chat', {
    ...environmentOf(node),
    COMET_NODE: new URL(node.publicUrl).host,
  })
  const [ann, bob] = [await openPage(t, url), await openPage(t, url)]
  const say = async (page: typeof ann, name: string, text: string) => {
    await page.fill('[name=name]', name)
    await page.fill('[name=text]', text)
    await page.click('button')
    await page.waitForFunction(() => document.querySelector<HTMLInputElement>('[name=text]')?.value === '')
  }
  const lines = (page: typeof ann) => page.locator('#messages li').allTextContents()
  const shows = (page: typeof ann, expected: readonly string[]) =>
    until(async () => (await lines(page)).length >= expected.length, { what: expected.join(', ') })
  const said = ['Ann: it\'s "me" \\ <b>☄</b>', "Bob: $hello ' OR 1=1; --"]
  await say(ann, 'Ann', 'it\'s "me" \\ <b>☄</b>')
  await shows(bob, said.slice(0, 1))
  await say(bob, 'Bob', "$hello ' OR 1=1; --")
  for (const page of [ann, bob, await openPage(t, url)]) {
    await shows(page, said)
    assert.deepEqual(await lines(page), said)
  }
}

async function showsWhyNot(t: TestContext, { node }: Stage): Promise<void> {
  const COMET_NODE = new URL(node.publicUrl).host
  const url = await startPhpServer(t, 'examples/php-chat', {
    ...environmentOf(node),
    COMET_PASSWORD: 'wrong',
    COMET_NODE,
  })
  const page = await openPage(t, url, { expects: /502/ })
  await page.fill('[name=name]', 'Ann')
  await page.fill('[name=text]', 'hi')
  await page.click('button')
  await page.waitForFunction(() => document.getElementById('problem')?.textContent !== '')
  const problem = await page.locator('#problem').textContent()
  assert.match(problem ?? '', /^Not sent: Authentication failure.* \(16\)$/)
  assert.equal(await page.inputValue('[name=text]'), 'hi')
}

async function publishesFromBash(_: TestContext, { node, page }: Stage): Promise<void> {
  await page.subscribe('web_bash')
  await settled(page)
  const run = (...args: string[]) =>
    runCommand('bash', ['examples/bash/publish.sh', ...args], environmentOf(node))
  const messages: readonly [text: string, data: unknown, event: string][] = [
    ['{"title":"Comet sighted"}', { title: 'Comet sighted' }, ''],
    [`{"a":"it's \\"x\\"","b":"1\\n2"}`, { a: 'it\'s "x"', b: '1\n2' }, 'json'],
    ['it\'s \\ a "text" of\ntwo lines ☄ $HOME `id` %s', null, 'text'],
  ]
  for (const [text, , event] of messages) {
    const command = run('web_bash', text, ...(event === '' ? [] : [event]))
    assert.equal(await command.ended, 0, command.stderr())
    assert.equal(command.stdout() + command.stderr(), '')
  }
  const expected = messages.map(([text, data, event]) => [data ?? text, 0, 'web_bash', event])
  assert.deepEqual(await page.briefs('web_bash', messages.length), expected)

  const refused = run('x', 'too short a name')
  assert.equal(await refused.ended, 1)
  assert.match(refused.stderr(), /^ERROR 17 \(HY000\) at line 1: Channel name is too short/m)
  assert.equal(await run('web_bash').ended, 64)
}

async function worksFromPython(_: TestContext, { node, page }: Stage): Promise<void> {
  await page.subscribe('web_python', 'msg')
  await settled(page)
  const run = (...args: string[]) =>
    runCommand(PYTHON, ['examples/python/cometql.py', ...args], environmentOf(node))
  const printed = async (...args: string[]) => {
    const command = run(...args)
    assert.equal(await command.ended, 0, command.stderr())
    return command.stdout()
  }
  assert.equal(
    await printed('publish', 'web_python', '{"title": "it\'s a \\"comet\\""}', '--event', 'headline'),
    '',
  )
  assert.equal(await printed('send', '7', 'it\'s "for" \\ user 7 ☄'), '')
  assert.deepEqual(await page.briefs('web_python', 1), [
    [{ title: 'it\'s a "comet"' }, 0, 'web_python', 'headline'],
  ])
  assert.deepEqual(await page.briefs('msg', 1), [['it\'s "for" \\ user 7 ☄', 0, 'msg', '']])
  assert.equal(await printed('users', '7', '8'), 'user 7: online\nuser 8: never seen\n')
  assert.equal(
    await printed('pipes', 'web_python', 'web_none'),
    'pipe web_python: 1\n  user 7 from 127.0.0.1\npipe web_none: 0\n',
  )
  const refused = run('publish', 'x', 'too short a name')
  assert.equal(await refused.ended, 1)
  assert.match(refused.stderr(), /^The node refused: \(17, 'Channel name is too short/)
  assert.equal(await run('publish').ended, 2)
}

async function valuesMeanWhatIsSaid(t: TestContext, { node, page }: Stage): Promise<void> {
  await page.subscribe('msg.values')
  await settled(page)
  const db = await connected(t, node, TENANT)
  const values: readonly [written: string, data: unknown][] = [
    ['\'{"a":"x\\ny"}\'', { a: 'x\ny' }],
    ['\'{\\"a\\":\\"x\\\\ny\\"}\'', { a: 'x\ny' }],
    [`'{"a":"it''s\\n"}'`, { a: "it's\n" }],
    ["'it\\'s'", "it's"],
    ["'it''s'", "it's"],
    ['"it\'s"', "it's"],
    ["'C:\\\\temp'", 'C:\\temp'],
    ["'5'", 5],
    ["'true'", true],
    ['\'"5"\'', '5'],
  ]
  const text = readFileSync('docs/cometql.md', 'utf8')
  for (const [written] of values) {
    assert.ok(text.includes(`\`${written}\``), `${written} is in the document`)
    await db.query(`INSERT INTO users_messages (id, event, message) VALUES (${USER}, 'values', ${written})`)
  }
  const came = (await page.briefs('msg.values', values.length)).map(([data]) => data)
  assert.deepEqual(
    came,
    values.map(([, data]) => data),
  )
}

/** For another tenant: they log users off. */
async function statementsAreTaken(t: TestContext, { node }: Stage): Promise<void> {
  const db = await connected(t, node, TENANT + 1)
  const found = blocks('cometql.md', 'sql')
  const statements = found.flatMap((block) => block.trim().split(/;$/m)).filter((text) => text !== '')
  assert.ok(statements.length >= 20, `${statements.length} statements were found`)
  for (const query of [...statements, ...found]) {
    await db.query(query).catch((error: Error) => assert.fail(`${query}: ${error.message}`))
  }
}

async function connected(t: TestContext, node: TestNode, tenant: number): Promise<Connection> {
  const db = await createConnection({
    ...{ host: '127.0.0.1', port: node.cometqlPort, database: 'CometQL_v1' },
    ...{ user: `${tenant}`, password: PASSWORD, multipleStatements: true },
  })
  t.after(() => db.destroy())
  return db
}

function environmentOf(node: TestNode): NodeJS.ProcessEnv {
  return {
    COMET_HOST: '127.0.0.1',
    COMET_PORT: `${node.cometqlPort}`,
    COMET_TENANT: `${TENANT}`,
    COMET_PASSWORD: PASSWORD,
    HOME: '/nonexistent', // no .my.cnf of a person
  }
}
