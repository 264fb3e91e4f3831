/**
 * Tenants over MySQL's protocol, and what a statement does to those who are connected: real nodes, real sockets.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type CometFields, openComet } from '../support/comet-line.ts'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { type CometqlLine, type LoginFields, openCometql, query } from '../support/cometql-line.ts'
import { refusalOf, rowsOf } from '../support/cometql-packets.ts'
import type { TestNode } from '../support/node.ts'
import { secondsFromNow, signToken } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { openSocket } from '../support/wire.ts'

interface Client extends CometqlLine {
  rows(text: string): Promise<string[][]>
  run(...texts: readonly string[]): Promise<void>
}

async function client(t: TestContext, node: TestNode, fields: LoginFields = {}): Promise<Client> {
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD, ...fields })
  return Object.assign(line, {
    rows: async (text: string) => rowsOf((await line.ask(query(text))).packets),
    async run(...texts: readonly string[]) {
      for (const text of texts) {
        for (const one of (await line.ask(query(text))).packets)
          assert.equal(refusalOf(one)?.text, undefined, text)
      }
    },
  })
}

test('MySQL clients of several tenants', async (t) => {
  const node = await startCometNode(t)

  await t.test('tenants have users, pipes, settings and messages of their own', async (inner) => {
    const [one, two] = [await client(inner, node), await client(inner, node, { user: '2' })]
    await one.run(
      "INSERT INTO users_auth (id, hash) VALUES (7, 'one')",
      "INSERT INTO users_data (id, data) VALUES (7, 'of one')",
      "INSERT INTO users_messages (id, event, message) VALUES (7, 'e', 'waits at one')",
      "INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)",
      "INSERT INTO pipes_messages (name, event, message) VALUES ('web_log', 'e', 'said at one')",
      "INSERT INTO revoked_tokens (token) VALUES ('token of one')",
    )
    const tables = [
      'users_auth',
      'users_data',
      'pipes',
      'pipes_settings',
      'revoked_tokens',
      'channels',
      'users_messages WHERE id = 7',
      "pipes_messages WHERE name = 'web_log'",
    ]
    for (const table of tables) {
      assert.deepEqual(await two.rows(`SELECT * FROM ${table}`), [], table)
      assert.notDeepEqual(await one.rows(`SELECT * FROM ${table}`), [], table)
    }
    await two.run(
      'DELETE FROM users_auth WHERE id = 7',
      'DELETE FROM users_data WHERE id = 7',
      'DELETE FROM users_messages WHERE id = 7',
      "DELETE FROM pipes_settings WHERE name = 'web_log'",
      "DELETE FROM pipes_messages WHERE name = 'web_log'",
      "DELETE FROM revoked_tokens WHERE token = 'token of one'",
    )
    for (const table of tables) assert.notDeepEqual(await one.rows(`SELECT * FROM ${table}`), [], table)
  })

  await t.test(
    'message reaches pages of its tenant and no others, whichever way the tenant was said',
    async (inner) => {
      const pages = [
        await openComet(inner, node.publicPort),
        await openComet(inner, node.publicPort, { tenant: 2 }),
      ]
      for (const page of pages) {
        page.say('subscription\nweb_news')
        await page.settled()
      }
      const insert = (text: string) =>
        `INSERT INTO pipes_messages (name, event, message) VALUES ('web_news', 'e', '${text}')`
      await (await client(inner, node)).run(insert('user 1'))
      await (await client(inner, node, { user: '2' })).run(insert('user 2'))
      await (await client(inner, node, { database: 'db_2' })).run(insert('database db_2'))
      await (await client(inner, node)).run('USE db_2', insert('USE db_2'), 'USE db_1', insert('USE db_1'))
      await (await client(inner, node)).run(
        `cometqlcluster_v1 set dev_id=2; ${insert('prefix')}`,
        insert('behind the prefix'),
      )
      await (await client(inner, node, { user: 'root' })).run(insert('root'))
      const texts = await Promise.all(
        pages.map(async (page) =>
          (await page.settled()).frames.map((frame) => /"data":"([^"]*)"/.exec(String(frame))?.[1]),
        ),
      )
      assert.deepEqual(texts, [
        ['user 1', 'USE db_1'],
        ['user 2', 'database db_2', 'USE db_2', 'prefix', 'behind the prefix'],
      ])
    },
  )

  await t.test(
    'DELETE FROM users_auth ends the pages and sessions of that user, and of no other',
    async (inner) => {
      const [one, two] = [await client(inner, node), await client(inner, node, { user: '2' })]
      for (const line of [one, two])
        await line.run("INSERT INTO users_auth (id, hash) VALUES (7, 'key7'), (8, 'key8')")
      const page = (fields: CometFields) => openComet(inner, node.publicPort, fields)
      const seven = await page({ user: 7, key: 'key7' })
      const others = [
        await page({ user: 8, key: 'key8' }),
        await page({ user: 7, key: 'key7', tenant: 2 }),
        await page({}),
      ]
      const session = await openSocket(node.wsUrl)
      inner.after(() => session.close())
      await session.ok({ connect: { login: { tenant: 1, user: '7', key: 'key7' } } })
      assert.deepEqual(await one.rows('SELECT * FROM users_online ORDER BY user_id'), [
        ['7', '2'],
        ['8', '1'],
      ])
      await one.run("INSERT INTO users_auth (id, hash) VALUES (7, 'key7')")
      assert.ok(seven.isOpen(), 'a new key leaves them be')
      await one.run('DELETE FROM users_auth WHERE id = 7')
      await seven.dropped()
      assert.equal((await session.closed()).code, 3014)
      for (const other of others) await other.settled()
      assert.deepEqual(await one.rows('SELECT * FROM users_online'), [['8', '1']])
    },
  )

  await t.test(
    'INSERT INTO revoked_tokens ends the sessions of its user, and the token is no good until it is deleted',
    async (inner) => {
      const line = await client(inner, node)
      const token = signToken(
        { alg: 'HS256', secret: `${PASSWORD}1` },
        { user_id: 7, exp: secondsFromNow(600) },
      )
      const open = async () => {
        const page = await openComet(inner, node.publicPort, { user: 7, key: token })
        return page
      }
      const isKnown = async () => (await line.rows('SELECT * FROM users_online')).length === 1
      await until(async () => (await line.rows('SELECT * FROM users_online')).length === 0, {
        what: 'those before to be gone',
      })
      const page = await open()
      assert.ok(await isKnown())
      await line.run(`INSERT INTO revoked_tokens (token) VALUES ('${token}')`)
      await page.dropped()
      const again = await open()
      assert.ok(!(await isKnown()))
      await again.hangUp()
      await line.run(`DELETE FROM revoked_tokens WHERE token = '${token}'`)
      await open()
      assert.ok(await isKnown())
    },
  )
})
