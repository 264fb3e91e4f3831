/**
 * Tests of src/cometql/tables/users-messages.ts: a message to a user who is here arrives, one to a user who is away waits,
 * is shown, and is forgotten when that is asked for.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { come, dataOn, publications } from '../../../support/core-users.ts'
import { type LocalCore, localCore } from '../../../support/local-core.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test, options: Parameters<typeof localCore>[1] = {}) {
  const core = localCore(t, { inboxSize: 100, ...options })
  return { core, ...sqlOn(core) }
}

const INSERT = 'INSERT INTO users_messages (id, event, message)VALUES '

describe('INSERT', () => {
  test('a user who is here gets it on all connections, and nothing waits', async (t) => {
    const { core, wrote, rows } = setUp(t)
    const sessions = [await come(core, '7'), await come(core, '7')]
    const other = await come(core, '8')
    assert.deepEqual(await wrote(`${INSERT}('7', 'message', '{\\"k\\":\\"v\\"}')`), [0, 7])
    await core.settle()
    for (const session of sessions) {
      const [message] = publications(core, session)
      assert.deepEqual([message?.channel, message?.event, message?.data], ['@7', 'message', { k: 'v' }])
    }
    assert.deepEqual(dataOn(core, other, '@8'), [])
    assert.deepEqual(await rows('SELECT * FROM users_messages WHERE id = 7'), [])
  })

  test('a user who is away gets it on return, in order, once', async (t) => {
    const { core, wrote } = setUp(t)
    for (const message of [`'it\\'s'`, `'it''s'`, `'{"a":"\\n"}'`]) {
      assert.deepEqual(await wrote(`${INSERT}(7, 'mail', ${message})`), [0, 7])
    }
    const session = await come(core, '7')
    assert.deepEqual(dataOn(core, session, '@7'), ["it's", "it's", { a: '\n' }])
  })

  test('several rows go to their users, and the first of them is the insert id', async (t) => {
    const { core, wrote, list } = setUp(t)
    const session = await come(core, '8')
    assert.deepEqual(await wrote(`${INSERT}(9, '', 'a'), (8, '', 'b'), ('09', '', 'c')`), [0, 9])
    await core.settle()
    assert.deepEqual(dataOn(core, session, '@8'), ['b'])
    assert.deepEqual(await list('SELECT message FROM users_messages WHERE id = 9'), ['a', 'c'])
  })

  test('the index may be given, and means nothing', async (t) => {
    const { wrote, list } = setUp(t)
    await wrote("INSERT INTO users_messages VALUES (7, 'own', 'mail', 'x')")
    assert.notDeepEqual(await list('SELECT `index` FROM users_messages WHERE id = 7'), ['own'])
  })

  test('ids, events and missing fields are refused in the words of CppComet', async (t) => {
    const { refused } = setUp(t)
    for (const id of ['-1', '0', "'x'", "''"]) {
      await refused(`${INSERT}(${id}, '', 'x')`, 'invalid', 'The id field must be non-negative')
    }
    await refused(`${INSERT}(7, '${'x'.repeat(65)}', 'x')`, 'tooLong', 'Channel event_name is too long')
    await refused(`${INSERT}(7, 'a b', 'x')`, 'invalid', 'The channel name can contain only')
    await refused(
      'INSERT INTO users_messages (id, event) VALUES (7, 1)',
      'invalid',
      'field `message` is required',
    )
    await refused(
      'INSERT INTO users_messages (id, message) VALUES (7, 1)',
      'invalid',
      'field `event` is required',
    )
    await refused(
      'INSERT INTO users_messages (event, message) VALUES (7, 1)',
      'invalid',
      'field `id` is required',
    )
  })

  test('one bad row keeps all rows from being sent or kept', async (t) => {
    const { core, refused, rows } = setUp(t)
    const session = await come(core, '7')
    await refused(`${INSERT}(7, '', 1), (8, '', 2), (0, '', 3)`, 'invalid')
    await refused(`${INSERT}(7, '', 1), (8, 'a b', 2)`, 'invalid')
    await core.settle()
    assert.deepEqual(dataOn(core, session, '@7'), [])
    assert.deepEqual(await rows('SELECT * FROM users_messages WHERE id IN (7, 8)'), [])
  })

  test('a message that can not be kept is refused with what the store says', async (t) => {
    const store = recordingStore()
    const { failure, wrote, list } = setUp(t, { store })
    store.fail()
    assert.equal((await failure(`${INSERT}(7, '', 'lost')`)).name, 'STORE_FAILED')
    await wrote(`${INSERT}(7, '', 'kept')`)
    assert.deepEqual(await list('SELECT message FROM users_messages WHERE id = 7'), ['kept'])
  })

  test('without inboxes a message to a user who is away is taken, and gone', async (t) => {
    const { core, wrote, rows } = setUp(t, { inboxSize: 0 })
    assert.deepEqual(await wrote(`${INSERT}(7, '', 'x')`), [0, 7])
    assert.deepEqual(await rows('SELECT * FROM users_messages WHERE id = 7'), [])
    assert.deepEqual(dataOn(core, await come(core, '7'), '@7'), [])
  })
})

describe('SELECT', () => {
  test('what waits is told oldest first, with ids that differ', async (t) => {
    const { wrote, rows, columns } = setUp(t)
    await wrote(`${INSERT}(7, 'a', 'text'), (7, '', '{"a":1}'), (7, 'b', '"5"')`)
    const found = await rows('SELECT * FROM users_messages WHERE id = 7')
    assert.deepEqual(await columns('SELECT * FROM users_messages WHERE id = 7'), [
      'id',
      'index',
      'event',
      'message',
    ])
    assert.deepEqual(
      found.map(([id, , event, message]) => [id, event, message]),
      [
        ['7', 'a', 'text'],
        ['7', '', '{"a":1}'],
        ['7', 'b', '"5"'],
      ],
    )
    assert.equal(new Set(found.map((row) => row[1])).size, 3)
  })

  test('users come in the order of the question, each once', async (t) => {
    const { wrote, rows } = setUp(t)
    await wrote(`${INSERT}(7, '', 'a'), (8, '', 'b'), (7, '', 'c')`)
    assert.deepEqual(
      await rows("SELECT id, message FROM users_messages WHERE id IN (8, 99, '07', 7, 'x', 0)"),
      [
        ['8', 'b'],
        ['7', 'a'],
        ['7', 'c'],
      ],
    )
    assert.deepEqual(await rows("SELECT message FROM users_messages WHERE id IN (7, 8) AND message > 'a'"), [
      ['c'],
      ['b'],
    ])
    assert.deepEqual(await rows('SELECT COUNT(*) FROM users_messages WHERE id IN (7, 8)'), [[3]])
  })

  test('more than a batch is told whole', async (t) => {
    const { wrote, list } = setUp(t, { inboxSize: 2_000 })
    await wrote(INSERT + Array.from({ length: 1_500 }, (_, at) => `(7, '', ${at})`).join(', '))
    const expected = Array.from({ length: 1_500 }, (_, at) => String(at))
    assert.deepEqual(await list('SELECT message FROM users_messages WHERE id = 7'), expected)
  })

  // A batch was made of 256 whole inboxes, whatever they held.
  test('of large inboxes one is read at a time, and no more than rows are wanted', async (t) => {
    const core = localCore(t, { inboxSize: 10 })
    let reads = 0
    const inbox: LocalCore['broker']['inbox'] = (...asked) => {
      reads++
      return core.broker.inbox(...asked)
    }
    const { wrote, list } = sqlOn(core, { context: { broker: { ...core.broker, inbox } } })
    for (const id of [7, 8, 9]) await wrote(`${INSERT}(${id}, '', '${'x'.repeat(300_000)}')`)
    assert.deepEqual(await list('SELECT id FROM users_messages WHERE id IN (7, 8, 9) LIMIT 1'), ['7'])
    assert.equal(reads, 1)
  })

  test('what was delivered and acknowledged waits no more', async (t) => {
    const { core, wrote, rows } = setUp(t)
    await wrote(`${INSERT}(7, '', 'a')`)
    const session = await come(core, '7')
    const [message] = publications(core, session)
    await core.broker.acknowledge('@7', { epoch: 'k3', offset: message?.offset ?? 0 })
    assert.deepEqual(await rows('SELECT * FROM users_messages WHERE id = 7'), [])
  })

  test('a user has to be named', async (t) => {
    const { refused } = setUp(t)
    const words = 'Selection without transferring the requested values of the primary key is not supported'
    for (const where of ['', "WHERE event = 'a'", 'WHERE id > 0']) {
      await refused(`SELECT * FROM users_messages ${where}`, 'conditions', words)
    }
  })
})

describe('DELETE', () => {
  test('forgets what waits for the users, all of it, at once', async (t) => {
    const { core, wrote, list } = setUp(t)
    await wrote(`${INSERT}(7, '', 'a'), (8, '', 'b'), (9, '', 'c')`)
    assert.deepEqual(await wrote("DELETE FROM users_messages WHERE id IN (7, 9, 99, 'x')"), [0, 0])
    assert.deepEqual(await list('SELECT id FROM users_messages WHERE id IN (7, 8, 9)'), ['8'])
    assert.deepEqual(dataOn(core, await come(core, '7'), '@7'), [])
    assert.deepEqual(dataOn(core, await come(core, '8'), '@8'), ['b'])
  })

  // Each waited for a commit of its own.
  test('forgets what waits for many users some at a time', async (t) => {
    const core = localCore(t, { inboxSize: 10 })
    let underWay = 0
    const most: number[] = []
    const clearInbox: LocalCore['broker']['clearInbox'] = async (channel) => {
      most.push(++underWay)
      await core.broker.clearInbox(channel)
      underWay--
    }
    const { wrote, list } = sqlOn(core, { context: { broker: { ...core.broker, clearInbox } } })
    const ids = Array.from({ length: 40 }, (_, at) => at + 1)
    await wrote(INSERT + ids.map((id) => `(${id}, '', 'x')`).join())
    await wrote(`DELETE FROM users_messages WHERE id IN (${ids.join()})`)
    assert.deepEqual(await list(`SELECT id FROM users_messages WHERE id IN (${ids.join()})`), [])
    assert.deepEqual([most.length, Math.max(...most)], [40, 16])
  })

  test('of some of the messages of a user is refused', async (t) => {
    const { wrote, refused, list } = setUp(t)
    await wrote(`${INSERT}(7, 'a', 1), (7, 'b', 2)`)
    const words = 'Rows of `users_messages` go together: only all of the same `id` can be meant'
    await refused("DELETE FROM users_messages WHERE id = 7 AND event = 'a'", 'notImplemented', words)
    assert.deepEqual(await list('SELECT message FROM users_messages WHERE id = 7'), ['1', '2'])
  })

  test('needs a user, and UPDATE is not there', async (t) => {
    const { refused } = setUp(t)
    await refused('DELETE FROM users_messages', 'conditions', 'Deleting without transferring')
    await refused(
      "UPDATE users_messages SET event = 'a' WHERE id = 7",
      'notImplemented',
      'UPDATE of `users_messages`',
    )
  })
})

test('tenants have users of their own', async (t) => {
  const core = localCore(t, { inboxSize: 10 })
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  const here = await come(core, '7')
  await two.wrote(`${INSERT}(7, '', 'two'), (8, '', 'two')`)
  await core.settle()
  assert.deepEqual(dataOn(core, here, '@7'), [])
  assert.deepEqual(await one.rows('SELECT * FROM users_messages WHERE id IN (7, 8)'), [])
  await one.wrote('DELETE FROM users_messages WHERE id IN (7, 8)')
  assert.deepEqual(await two.list('SELECT id FROM users_messages WHERE id IN (7, 8)'), ['7', '8'])
})
