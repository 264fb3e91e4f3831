/**
 * Every kind of statement on every table, as a client over TCP sees it: what it comes to, and with which words it is
 * refused. One node, one table of statements and answers, done in order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openComet } from '../support/comet-line.ts'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { openCometql, query } from '../support/cometql-line.ts'
import { isOk, refusalOf, rowsOf } from '../support/cometql-packets.ts'
import { hex } from '../support/hex.ts'

/** `done affected/insertId`, `code: words` of a refusal up to the first colon or semicolon, or rows. */
type Outcome = string | readonly (readonly (string | RegExp)[])[]
type Row = readonly [statement: string, outcome: Outcome]

const NEEDS_KEY = 'without transferring the requested values of the primary key is not supported'
const MOMENT = /^1\d{9}$/

const statements: Readonly<Record<string, readonly Row[]>> = {
  users_auth: [
    ["INSERT INTO users_auth (id, hash) VALUES (7, 'seven'), ('8', \"eight\")", 'done 2/7'],
    ["INSERT INTO users_auth VALUES (9, 'nine')", 'done 1/9'],
    ["INSERT INTO users_auth (id, hash) VALUES (0, 'x')", '12: The id field must be non-negative'],
    [
      "INSERT INTO users_auth (id, hash) VALUES (7, 'a b')",
      '12: Contains an invalid characters in the string hash',
    ],
    [
      'SELECT * FROM users_auth WHERE id IN (8, 7, 99)',
      [
        ['8', 'eight'],
        ['7', 'seven'],
      ],
    ],
    ['SELECT hash FROM users_auth WHERE id > 7 ORDER BY id DESC', [['nine'], ['eight']]],
    ['SELECT COUNT(*) FROM users_auth', [['4']]],
    ["UPDATE users_auth SET hash = 'new' WHERE id IN (7, 99)", 'done 1/0'],
    ["UPDATE users_auth SET hash = 'new'", `13: Updating ${NEEDS_KEY}`],
    ['DELETE FROM users_auth WHERE id = 8', 'done 0/0'],
    ['DELETE FROM users_auth', `13: Deleting ${NEEDS_KEY}`],
    [
      'SELECT * FROM users_auth ORDER BY id',
      [
        ['5', 'five'],
        ['7', 'new'],
        ['9', 'nine'],
      ],
    ],
  ],
  users_data: [
    [`INSERT INTO users_data (id, data) VALUES (7, '{"a":1}'), (8, 'it\\'s')`, 'done 2/7'],
    ["INSERT INTO users_data (id, data) VALUES (-1, 'x')", '12: The id field must be non-negative'],
    ['SELECT * FROM users_data WHERE id = 7', [['7', '{"a":1}']]],
    ["SELECT id FROM users_data WHERE data = 'it''s'", [['8']]],
    ["UPDATE users_data SET data = '' WHERE id = 7", 'done 1/0'],
    ['DELETE FROM users_data WHERE id = 8', 'done 0/0'],
    ['SELECT * FROM users_data', []],
  ],
  users_time: [
    [
      'SELECT * FROM users_time WHERE id IN (5, 6, 0)',
      [
        ['5', '0'],
        ['6', '-1'],
        ['0', '-1'],
      ],
    ],
    ['SELECT * FROM users_time', `13: Selection ${NEEDS_KEY}`],
    ['INSERT INTO users_time (id, time) VALUES (7, 1)', '10: Table `users_time` is read only'],
    ['UPDATE users_time SET time = 1 WHERE id = 7', '10: Table `users_time` is read only'],
    ['DELETE FROM users_time WHERE id = 7', '10: Table `users_time` is read only'],
  ],
  users_messages: [
    ["INSERT INTO users_messages (id, event, message) VALUES (8, 'e', 'one'), (8, 'e', '2')", 'done 0/8'],
    ["INSERT INTO users_messages (id, event) VALUES (8, 'e')", '12: field `message` is required'],
    [
      'SELECT id, event, message FROM users_messages WHERE id = 8',
      [
        ['8', 'e', 'one'],
        ['8', 'e', '2'],
      ],
    ],
    ['SELECT * FROM users_messages', `13: Selection ${NEEDS_KEY}`],
    [
      "UPDATE users_messages SET message = 'x' WHERE id = 8",
      '2: UPDATE of `users_messages` is not implemented',
    ],
    ['DELETE FROM users_messages', `13: Deleting ${NEEDS_KEY}`],
    ['DELETE FROM users_messages WHERE id = 8', 'done 0/0'],
    ['SELECT * FROM users_messages WHERE id = 8', []],
  ],
  pipes_settings: [
    ["INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3), ('web_two', 0)", 'done 2/0'],
    [
      "INSERT INTO pipes_settings (name, length) VALUES ('web log', 3)",
      '12: The channel name can contain only the characters A-Za-z0-9_-',
    ],
    ["SELECT * FROM pipes_settings WHERE name = 'web_log'", [['web_log', '3']]],
    ["UPDATE pipes_settings SET length = 4 WHERE name = 'web_log'", 'done 1/0'],
    ["DELETE FROM pipes_settings WHERE name = 'web_two'", 'done 0/0'],
    ['SELECT * FROM pipes_settings', [['web_log', '4']]],
  ],
  pipes_messages: [
    [
      "INSERT INTO pipes_messages (name, event, message) VALUES ('web_log', 'e', 'a'), ('web_log', '', '[1]')",
      'done 0/0',
    ],
    [
      "INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'a')",
      '17: Channel name is too short',
    ],
    [
      "SELECT * FROM pipes_messages WHERE name = 'web_log'",
      [
        [/^\w+-1-web_log$/, MOMENT, 'web_log', '0', 'e', 'a', '0'],
        [/^\w+-2-web_log$/, MOMENT, 'web_log', '1', '', '[1]', '0'],
      ],
    ],
    ["SELECT message FROM pipes_messages WHERE name = 'web_log' ORDER BY `index` DESC LIMIT 1", [['[1]']]],
    ['SELECT * FROM pipes_messages', `13: Selection ${NEEDS_KEY}`],
    [
      "UPDATE pipes_messages SET message = 'x' WHERE name = 'web_log'",
      '2: UPDATE of `pipes_messages` is not implemented',
    ],
    ["DELETE FROM pipes_messages WHERE name = 'web_log' AND message = 'a'", 'done 0/0'],
    ["SELECT message FROM pipes_messages WHERE name = 'web_log'", [['[1]']]],
    ["DELETE FROM pipes_messages WHERE name = 'web_log'", 'done 0/0'],
    ["SELECT message FROM pipes_messages WHERE name = 'web_log'", []],
  ],
  pipes: [
    [
      "SELECT * FROM pipes WHERE name IN ('web_page', 'web_nobody', 'no name')",
      [
        ['web_page', '1'],
        ['web_nobody', '0'],
      ],
    ],
    ['SELECT name FROM pipes WHERE users > 0', [['web_page']]],
    ["INSERT INTO pipes (name, users) VALUES ('x', 1)", '10: Table `pipes` is read only'],
    ["UPDATE pipes SET users = 1 WHERE name = 'x'", '10: Table `pipes` is read only'],
    ["DELETE FROM pipes WHERE name = 'x'", '10: Table `pipes` is read only'],
  ],
  users_in_pipes: [
    [
      "SELECT * FROM users_in_pipes WHERE name = 'web_page'",
      [
        [
          'web_page',
          '5',
          '0123456789abcdefghijklmnopqrstuv',
          'capture/1.0',
          '127.0.0.1',
          'http://127.0.0.1',
          '',
        ],
      ],
    ],
    ['SELECT name, user_id FROM users_in_pipes', [['web_page', '5']]],
    ["INSERT INTO users_in_pipes (name, user_id) VALUES ('x', 1)", '10: Table `users_in_pipes` is read only'],
    ["DELETE FROM users_in_pipes WHERE name = 'x'", '10: Table `users_in_pipes` is read only'],
  ],
  revoked_tokens: [
    ["INSERT INTO revoked_tokens (token) VALUES ('one'), ('two')", 'done 2/1'],
    ["INSERT INTO revoked_tokens (token) VALUES ('')", '12: field `token` is empty'],
    ["SELECT * FROM revoked_tokens WHERE token IN ('two', 'three')", [['two']]],
    ["DELETE FROM revoked_tokens WHERE token = 'one'", 'done 0/0'],
    ['DELETE FROM revoked_tokens', `13: Deleting ${NEEDS_KEY}`],
    ['SELECT * FROM revoked_tokens', [['two']]],
  ],
  conference: [
    ["SELECT * FROM conference WHERE name = 'x'", []],
    ["INSERT INTO conference (name, user_id) VALUES ('x', 1)", '500: Video calls are not part of Encke'],
    ["DELETE FROM conference WHERE name = 'x'", 'done 0/0'],
    ["SELECT * FROM conference_members WHERE name = 'x'", []],
    [
      "INSERT INTO conference_members (name) VALUES ('x')",
      '10: insert into `conference_members` is not ready yet',
    ],
  ],
  views: [
    [
      "SELECT name, subscribers FROM channels WHERE name IN ('web_page', '@5')",
      [
        ['web_page', '1'],
        ['@5', '1'],
      ],
    ],
    [
      'SELECT name, subscribers, `offset` FROM channels WHERE subscribers > 0 ORDER BY name',
      [
        ['@5', '1', '0'],
        ['web_page', '1', '0'],
      ],
    ],
    [
      'SELECT user_id, transport, ip, user_agent, channels, channels_behind FROM sessions',
      [['5', 'comet', '127.0.0.1', 'capture/1.0', '2', '0']],
    ],
    ['SELECT * FROM users_online', [['5', '1']]],
    ["SELECT value FROM metrics WHERE name = 'encke_cometql_connections'", [['1']]],
    ["SELECT COUNT(*) FROM metrics WHERE name LIKE 'encke\\_%' AND value >= 0", [[/^\d{2,}$/]]],
    ["INSERT INTO channels (name) VALUES ('x')", '10: Table `channels` is read only'],
    ["UPDATE sessions SET ip = '' WHERE session = 'x'", '10: Table `sessions` is read only'],
    ["DELETE FROM metrics WHERE name = 'x'", '10: Table `metrics` is read only'],
  ],
  information_schema: [
    ["SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME = 'pipes'", [['pipes']]],
    [
      "SELECT column_name FROM information_schema.columns WHERE table_name = 'users_time'",
      [['id'], ['time']],
    ],
  ],
  'no table': [
    ['SELECT * FROM dialogs', "15: Table doesn't exist"],
    ['INSERT INTO dialogs (id) VALUES (1)', '10: insert into dialogs is not ready yet'],
    ['SELECT * FROM Pipes', "15: Table doesn't exist"],
    ["REPLACE INTO users_auth (id, hash) VALUES (7, 'replaced')", 'done 1/7'],
    ['TRUNCATE users_auth', '2: TRUNCATE is not implemented'],
    ['DROP TABLE users_auth', '2: DROP is not implemented'],
    ['SELECT hash FROM users_auth WHERE id = 7', [['replaced']]],
  ],
}

test('every kind of statement on every table', async (t) => {
  const node = await startCometNode(t)
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  await line.ask(query("INSERT INTO users_auth (id, hash) VALUES (5, 'five')"))
  const page = await openComet(t, node.publicPort, { user: 5, key: 'five' })
  page.say('subscription\nweb_page')
  await page.settled()

  for (const [name, rows] of Object.entries(statements)) {
    await t.test(name, async () => {
      for (const [statement, outcome] of rows)
        same((await line.ask(query(statement))).packets, outcome, statement)
    })
  }
  assert.ok(page.isOpen())
})

function same(packets: readonly Buffer[], outcome: Outcome, statement: string): void {
  const [first = hex('00')] = packets
  if (typeof outcome === 'string') {
    assert.equal(isOk(first) ? doneOf(first) : wordsOf(first), outcome, statement)
    return
  }
  const rows = rowsOf(packets)
  const even = rows.map((row, at) => row.map((cell, column) => evened(cell, outcome[at]?.[column])))
  assert.deepEqual(even, outcome, statement)
}

/** The pattern itself where the cell is as it says. */
function evened(cell: string, expected: string | RegExp | undefined): string | RegExp {
  return expected instanceof RegExp && expected.test(cell) ? expected : cell
}

function doneOf(ok: Buffer): string {
  return `done ${ok[5]}/${ok[6]}`
}

function wordsOf(bytes: Buffer): string {
  const { code, text } = refusalOf(bytes) ?? { code: 0, text: 'rows' }
  return `${code}: ${text.replace(/[:;][\s\S]*$/, '')}`
}
