/**
 * Queries of published CppComet applications, letter for letter as they are sent, and those its documentation gives.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Insert, Select, Statement, Value } from '../../../../src/cometql/sql/statement.ts'
import {
  call,
  column,
  compared,
  letters,
  number,
  statement,
  systemVariable,
  table,
  text,
} from '../../../support/read-statements.ts'

function insert(name: string, columns: readonly string[], ...row: readonly Value[]): Insert {
  return { kind: 'insert', table: table(name), columns, rows: [row] }
}

function select(query: Partial<Select>): Select {
  return {
    kind: 'select',
    isDistinct: false,
    items: [{ kind: 'all' }],
    from: null,
    where: null,
    orderBy: [],
    limit: null,
    ...query,
  }
}

function among(name: string, ...values: readonly Value[]): Select['where'] {
  return { kind: 'in', column: name, values, isNot: false }
}

const cases: readonly (readonly [where: string, query: string, expected: Statement])[] = [
  [
    'auth-example logs a user in',
    "INSERT INTO users_auth (id, hash)VALUES('7', 'abc' );",
    insert('users_auth', ['id', 'hash'], text('7'), text('abc')),
  ],
  [
    'auth-example sends to a user',
    `INSERT INTO users_messages (id, event, message)VALUES ('7', 'message', '{\\"k\\":\\"v\\"}')`,
    insert(
      'users_messages',
      ['id', 'event', 'message'],
      text('7'),
      text('message'),
      text('{\\"k\\":\\"v\\"}'),
    ),
  ],
  [
    'php-messages-demo sends to a user, with a stray quote at the end',
    "INSERT INTO users_messages (id, event, message)VALUES('7', 'iziMessages', 'text');'",
    insert('users_messages', ['id', 'event', 'message'], text('7'), text('iziMessages'), text('text')),
  ],
  [
    'php-messages-demo sends into a pipe, with a stray quote at the end',
    "INSERT INTO pipes_messages (name, event, message)VALUES('web_public', 'iziMessages', 'text');'",
    insert(
      'pipes_messages',
      ['name', 'event', 'message'],
      text('web_public'),
      text('iziMessages'),
      text('text'),
    ),
  ],
  [
    'php-chat-example sends into a pipe',
    `INSERT INTO pipes_messages (name, event, message)VALUES('simplechat', 'newMessage', '{"text":"it\\'s"}')`,
    insert(
      'pipes_messages',
      ['name', 'event', 'message'],
      text('simplechat'),
      text('newMessage'),
      text(`{"text":"it\\'s"}`),
    ),
  ],
  [
    'Star.Comet-Chat asks for a hash',
    'SELECT hash FROM users_auth WHERE id = 7',
    select({ items: [column('hash')], from: table('users_auth'), where: compared('id', '=', number(7)) }),
  ],
  [
    'Star.Comet-Chat logs a user in',
    "INSERT INTO users_auth (id, hash )VALUES (7, 'c4ca4238a0b923820dcc509a6f75849b')",
    insert('users_auth', ['id', 'hash'], number(7), text('c4ca4238a0b923820dcc509a6f75849b')),
  ],
  [
    'Star.Comet-Chat sends to a user',
    "INSERT INTO users_messages (id, event, message )VALUES (7, 'newMessage', '{\\\"from\\\":8}')",
    insert(
      'users_messages',
      ['id', 'event', 'message'],
      number(7),
      text('newMessage'),
      text('{\\"from\\":8}'),
    ),
  ],
  [
    'Star.Comet-Chat logs a user off',
    'DELETE FROM users_auth WHERE id = 7',
    { kind: 'delete', table: table('users_auth'), where: compared('id', '=', number(7)) },
  ],
  [
    'Star.Comet-Chat asks when many were online',
    'SELECT id, time FROM users_time WHERE id IN( 1,2,3);',
    select({
      items: [column('id'), column('time')],
      from: table('users_time'),
      where: among('id', number(1), number(2), number(3)),
    }),
  ],
  [
    'Star.Comet-Chat asks when one was online',
    'SELECT time FROM users_time WHERE id = 7',
    select({ items: [column('time')], from: table('users_time'), where: compared('id', '=', number(7)) }),
  ],
  [
    'Star.Comet-Chat logs a user in by its configuration',
    "INSERT INTO users_auth (id, hash )VALUES ('7', 'h')",
    insert('users_auth', ['id', 'hash'], text('7'), text('h')),
  ],
  [
    'video-chat begins a call',
    "INSERT INTO conference (name, user_id, caller_id, message, profile)VALUES('room', '7', '8', 'hello', 'video')",
    insert(
      'conference',
      ['name', 'user_id', 'caller_id', 'message', 'profile'],
      text('room'),
      text('7'),
      text('8'),
      text('hello'),
      text('video'),
    ),
  ],
  [
    'documentation publishes from bash, without an event',
    `INSERT INTO pipes_messages (name, event, message)VALUES('web_MainPageChat', '', '{"text":"hello","name":"Bash"}' );`,
    insert(
      'pipes_messages',
      ['name', 'event', 'message'],
      text('web_MainPageChat'),
      text(''),
      text('{"text":"hello","name":"Bash"}'),
    ),
  ],
  [
    'mysql asks for the version comment',
    'select @@version_comment limit 1',
    select({
      items: [systemVariable('version_comment', '@@version_comment')],
      limit: { count: number(1), offset: null },
    }),
  ],
  ['mysql asks for the database', 'SELECT DATABASE()', select({ items: [call('DATABASE', 'DATABASE()')] })],
  [
    'documentation shows the status',
    'show status',
    { kind: 'show', what: 'status', scope: 'session', like: null },
  ],
  [
    'telegraf asks for the status of the node',
    'show global status',
    { kind: 'show', what: 'status', scope: 'global', like: null },
  ],
  [
    'documentation counts users in pipes',
    'select * from pipes where name in( "web_admins", "web_php_chat");',
    select({
      from: table('pipes'),
      where: among('name', text('web_admins', '"'), text('web_php_chat', '"')),
    }),
  ],
  [
    'documentation sets the history of a pipe, with columns in quotes',
    `insert into pipes_settings ("name", "length") values ('p10', 10);`,
    insert('pipes_settings', ['name', 'length'], text('p10'), number(10)),
  ],
  ['PHP sets the letters it speaks', 'SET NAMES utf8mb4', { kind: 'nothing' }],
  [
    'PHP escapes what is to be sent',
    `INSERT INTO users_messages (id, event, message) VALUES ('7', 'e', 'it\\'s \\"so\\", \\\\ and\\nmore: привет 👍')`,
    insert(
      'users_messages',
      ['id', 'event', 'message'],
      text('7'),
      text('e'),
      text(letters(`it\\'s \\"so\\", \\\\ and\\nmore: привет 👍`)),
    ),
  ],
  [
    'PHP doubles apostrophes behind an INSERT',
    `INSERT INTO users_messages (id, event, message) VALUES ('7', 'e', 'it''s "so", \\ and')`,
    insert('users_messages', ['id', 'event', 'message'], text('7'), text('e'), text(`it''s "so", \\ and`)),
  ],
  [
    "Python's PyMySQL sends bytes",
    "INSERT INTO users_messages (id, event, message) VALUES (7, 'e', _binary'{\\\"a\\\":1}')",
    insert('users_messages', ['id', 'event', 'message'], number(7), text('e'), text('{\\"a\\":1}')),
  ],
]

for (const [where, query, expected] of cases) {
  test(`query is read as it is sent: ${where}`, () => {
    assert.deepEqual(statement(query), expected)
  })
}
