/**
 * What a MySQL client was told is kept: it is there after SIGKILL.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCometql, query } from '../support/cometql-line.ts'
import { isOk, refusalOf, rowsOf } from '../support/cometql-packets.ts'
import { dataFolder } from '../support/data-folder.ts'
import { hex } from '../support/hex.ts'
import { startNode } from '../support/node.ts'

const RULES = JSON.stringify([{ match: 'durable_*', historySize: 100_000, durable: true }])
const INSERTS = 2_000

const statements = [
  "INSERT INTO users_auth (id, hash) VALUES (7, 'first'), (8, 'eight'), (9, 'nine')",
  "UPDATE users_auth SET hash = 'seven' WHERE id = 7",
  'DELETE FROM users_auth WHERE id = 9',
  `INSERT INTO users_data (id, data) VALUES (7, '{"name":"Ann"}'), (8, 'text')`,
  'DELETE FROM users_data WHERE id = 8',
  "INSERT INTO pipes_settings (name, length) VALUES ('web_log', 5), ('web_other', 6)",
  "DELETE FROM pipes_settings WHERE name = 'web_other'",
  "INSERT INTO revoked_tokens (token) VALUES ('one'), ('two')",
  "DELETE FROM revoked_tokens WHERE token = 'two'",
]

test('what was answered is there after the node was killed', async (t) => {
  const folder = dataFolder(t)
  const start = () => startNode(t, ['--data-dir', folder, '--channels', RULES])
  const node = await start()
  const line = await openCometql(t, node.cometqlPort)
  for (const text of statements) {
    const [answer = hex('00')] = (await line.ask(query(text))).packets
    assert.equal(refusalOf(answer), null, text)
  }
  const insert = (n: number) =>
    query(`INSERT INTO pipes_messages (name, event, message) VALUES ('durable_log', 'e', '${n}')`)
  line.write(Buffer.concat(Array.from({ length: INSERTS }, (_, n) => insert(n))))
  const first = await line.seen(100)
  await node.stop('SIGKILL')
  const { packets } = await line.dropped()
  const answered = [...first.packets, ...packets]
  assert.ok(answered.every(isOk))

  const next = await openCometql(t, (await start()).cometqlPort)
  const rows = async (text: string) => rowsOf((await next.ask(query(text))).packets)

  await t.test('publications, in order', async () => {
    const kept = await rows("SELECT message FROM pipes_messages WHERE name = 'durable_log'")
    assert.ok(kept.length >= answered.length, `${kept.length} kept of ${answered.length} answered`)
    assert.ok(kept.length <= INSERTS)
    assert.deepEqual(
      kept,
      Array.from({ length: kept.length }, (_, n) => [String(n)]),
    )
  })

  await t.test('users, settings and tokens', async () => {
    assert.deepEqual(await rows('SELECT * FROM users_auth ORDER BY id'), [
      ['7', 'seven'],
      ['8', 'eight'],
    ])
    assert.deepEqual(await rows('SELECT * FROM users_data'), [['7', '{"name":"Ann"}']])
    assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [['web_log', '5']])
    assert.deepEqual(await rows('SELECT * FROM revoked_tokens'), [['one']])
  })
})
