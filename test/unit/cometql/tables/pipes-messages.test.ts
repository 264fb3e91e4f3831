/**
 * Tests of src/cometql/tables/pipes-messages.ts: from a literal to what a subscriber gets, and the history of a pipe as it
 * is read and taken apart. It is longer than most because that history is read in pages, out of memory or off a disk.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Payload } from '../../../../src/protocol/payload.ts'
import { come, publications } from '../../../support/core-users.ts'
import { type LocalCore, type LocalCoreOptions, localCore, request } from '../../../support/local-core.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

/** What the fake clock says when a test begins. */
const START_SECOND = 1_700_000_000

const KEEPING: LocalCoreOptions = { rules: [{ match: '*', historySize: 100_000 }], maxHistoryBytes: 2 ** 30 }

function setUp(t: Test, options: LocalCoreOptions = KEEPING) {
  const core = localCore(t, options)
  return { core, ...sqlOn(core) }
}

/** Publishes the numbers from 1 on. */
async function publishNumbers(core: LocalCore, count: number, channel = 'log'): Promise<void> {
  const requests = Array.from({ length: count }, (_, at) => request(channel, at + 1))
  await core.broker.publish(requests, 'http')
}

function upTo(count: number, from = 1): string[] {
  return Array.from({ length: count - from + 1 }, (_, at) => String(from + at))
}

const MESSAGES = "SELECT message FROM pipes_messages WHERE name = 'log'"

describe('INSERT', () => {
  const literals: readonly (readonly [written: string, got: unknown])[] = [
    [`'{"a":"x\\ny"}'`, { a: 'x\ny' }],
    [`'{\\"a\\":\\"x\\\\ny\\"}'`, { a: 'x\ny' }],
    [`'{"it":"it\\'s"}'`, { it: "it's" }],
    [`'{"it":"it''s"}'`, { it: "it's" }],
    [`'it\\'s'`, "it's"],
    [`'it''s'`, "it's"],
    [`"it's"`, "it's"],
    [`"say ""so"""`, 'say "so"'],
    [`'C:\\\\temp'`, 'C:\\temp'],
    [`'line\\nline'`, 'line\nline'],
    [`'é😀 кометы'`, 'é😀 кометы'],
    [`'5'`, 5],
    ['5', 5],
    [`'true'`, true],
    [`'"5"'`, '5'],
    [`'[1, 2]'`, [1, 2]],
    [`''`, ''],
    [`'{broken'`, '{broken'],
  ]
  for (const [written, got] of literals) {
    test(`a subscriber gets ${written} as ${JSON.stringify(got)}`, async (t) => {
      const { core, wrote } = setUp(t, {})
      const session = core.connected()
      await core.subscribe(session, 'web_chat')
      const query = `INSERT INTO pipes_messages (name, event, message)VALUES('web_chat', 'said', ${written});`
      assert.deepEqual(await wrote(query), [0, 0])
      await core.settle()
      assert.deepEqual(publications(core, session), [
        { channel: 'web_chat', offset: 1, event: 'said', data: got },
      ])
    })
  }

  test('a value of a prepared statement is taken as it is, JSON if it is JSON', async (t) => {
    const { core, wrote } = setUp(t, {})
    const session = core.connected()
    await core.subscribe(session, 'web_chat')
    const query = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)'
    for (const message of ["it's \\n", '{"a":"\\n"}', '5']) await wrote(query, 'web_chat', '', message)
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ data }) => data),
      ["it's \\n", { a: '\n' }, 5],
    )
  })

  test('no event is none', async (t) => {
    const { core, wrote } = setUp(t)
    const session = core.connected()
    await core.subscribe(session, 'log')
    await wrote("INSERT INTO pipes_messages (name, event, message)VALUES('log', '', 'x')")
    await core.settle()
    assert.deepEqual(publications(core, session), [{ channel: 'log', offset: 1, data: 'x' }])
  })

  test('several rows are published together, in order, to several pipes', async (t) => {
    const { core, wrote } = setUp(t)
    const session = core.connected()
    await core.subscribe(session, 'one')
    await core.subscribe(session, 'two')
    const rows = "('one', '', 1), ('two', '', 2), ('one', '', 3)"
    assert.deepEqual(await wrote(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows}`), [0, 0])
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ channel, data }) => [channel, data]),
      [
        ['one', 1],
        ['two', 2],
        ['one', 3],
      ],
    )
  })

  test('other columns may be given, and mean nothing', async (t) => {
    const { wrote, rows } = setUp(t)
    await wrote("INSERT INTO pipes_messages VALUES ('own-id', 5, 'log', 77, 'said', 'x', 9)")
    const [row] = await rows("SELECT * FROM pipes_messages WHERE name = 'log'")
    assert.deepEqual(row, ['k3-1-log', String(START_SECOND), 'log', '0', 'said', 'x', '0'])
  })

  test('names, events and missing fields are refused in the words of CppComet', async (t) => {
    const { refused } = setUp(t)
    const insert = (name: string, event = '') =>
      `INSERT INTO pipes_messages (name, event, message) VALUES ('${name}', '${event}', 'x')`
    await refused(insert('x'.repeat(65)), 'tooLong', 'Channel name is too long')
    await refused(insert('ab'), 'tooShort', 'Channel name is too short')
    const alphabet = 'The channel name can contain only the characters A-Za-z0-9_-'
    await refused(insert('a.bc'), 'invalid', alphabet)
    await refused(insert('@17'), 'invalid', alphabet)
    await refused(insert('abc', 'x'.repeat(65)), 'tooLong', 'Channel event_name is too long')
    await refused(
      "INSERT INTO pipes_messages (name, event) VALUES ('abc', '')",
      'invalid',
      'field `message` is required',
    )
    await refused(
      "INSERT INTO pipes_messages (name, message) VALUES ('abc', '')",
      'invalid',
      'field `event` is required',
    )
    await refused(
      "INSERT INTO pipes_messages (event, message) VALUES ('', '')",
      'invalid',
      'field `name` is required',
    )
  })

  test('one bad row keeps all rows from being published', async (t) => {
    const { core, refused } = setUp(t)
    const rows = "('log', '', 1), ('log', 'a b', 2)"
    await refused(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows}`, 'invalid')
    assert.equal((await core.broker.channel('log')).position.offset, 0)
  })

  test('it can not be changed afterwards', async (t) => {
    const { refused } = setUp(t)
    const words = 'UPDATE of `pipes_messages` is not implemented: use INSERT and DELETE'
    await refused("UPDATE pipes_messages SET message = 'x' WHERE name = 'log'", 'notImplemented', words)
  })
})

describe('SELECT', () => {
  test('a row has id, second, pipe, its number, event, message and who published it', async (t) => {
    const { core, wrote, rows } = setUp(t)
    await wrote(
      "INSERT INTO pipes_messages (name, event, message) VALUES ('log', 'a', 'text'), ('log', '', '{\"a\":1}')",
    )
    core.clock.turn(2_500)
    await core.broker.publish([request('log', [1], 'b', '17')], 'client')
    assert.deepEqual(await rows("SELECT * FROM pipes_messages WHERE name = 'log'"), [
      ['k3-1-log', String(START_SECOND), 'log', '0', 'a', 'text', '0'],
      ['k3-2-log', String(START_SECOND), 'log', '1', '', '{"a":1}', '0'],
      ['k3-3-log', String(START_SECOND + 2), 'log', '2', 'b', '[1]', '17'],
    ])
  })

  test('what was read and is inserted again is the same message', async (t) => {
    const { core, wrote, list } = setUp(t)
    const values = ["it's", '5', 5, { a: '\n' }, '{"a":1}', '', 'é😀', null, '"']
    await core.broker.publish(
      values.map((value) => request('log', value)),
      'http',
    )
    for (const message of await list(MESSAGES)) {
      await wrote('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', 'copy', '', message)
    }
    const session = core.connected()
    await core.subscribe(session, 'copy', { epoch: '', offset: 0 })
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ data }) => data),
      values,
    )
  })

  test('pipes come in the order they were named, each numbered from 0', async (t) => {
    const { core, rows } = setUp(t)
    for (const channel of ['one', 'two', 'one']) await core.publish(channel)
    const query =
      "SELECT name, `index` FROM pipes_messages WHERE name IN ('two', 'none', 'one', 'a.b', 'two')"
    assert.deepEqual(await rows(query), [
      ['two', '0'],
      ['one', '0'],
      ['one', '1'],
    ])
  })

  test('messages are found by their ids, in the order of the question', async (t) => {
    const { core, rows } = setUp(t)
    await publishNumbers(core, 5)
    await core.publish('other', 'x')
    const ids = "'k3-4-log', 'k3-1-other', 'k3-2-log', 'k3-9-log', 'k9-1-log', 'k3-1-none', 'x', 'k3-2-log'"
    assert.deepEqual(await rows(`SELECT id, message FROM pipes_messages WHERE id IN (${ids})`), [
      ['k3-4-log', '4'],
      ['k3-1-other', 'x'],
      ['k3-2-log', '2'],
    ])
  })

  // Each looked through ten thousand entries behind it for one that is there: 150 of them held the loop for five seconds.
  test('a message that was removed is looked for in its place alone', async (t) => {
    const store = recordingStore()
    let reads = 0
    const entry: typeof store.entry = (...asked) => {
      reads++
      return store.entry(...asked)
    }
    const rules = [{ match: '*', historySize: 9_999, durable: true }]
    const { core, list, wrote } = setUp(t, { rules, store: { ...store, entry } })
    await publishNumbers(core, 2_000)
    const gone = upTo(1_900, 101).map((offset) => `'k3-${offset}-log'`)
    await wrote(`DELETE FROM pipes_messages WHERE id IN (${gone.join()})`)
    reads = 0
    const asked = [...gone.slice(0, 100), "'k3-1950-log'"]
    assert.deepEqual(await list(`SELECT message FROM pipes_messages WHERE id IN (${asked.join()})`), ['1950'])
    assert.ok(reads < 2 * asked.length, `${reads} reads`)
  })

  test('an id in another spelling is no id', async (t) => {
    const { core, rows, wrote, list } = setUp(t)
    await publishNumbers(core, 3)
    for (const id of [
      'k3-02-log',
      'k3-0-log',
      'k3--1-log',
      'k3-2.0-log',
      ' k3-2-log',
      'k3-2-log ',
      'k3-2-',
      'K3-2-log',
    ]) {
      assert.deepEqual(await rows('SELECT * FROM pipes_messages WHERE id = ?', id), [], id)
      await wrote('DELETE FROM pipes_messages WHERE id = ?', id)
    }
    assert.deepEqual(await list(MESSAGES), ['1', '2', '3'])
  })

  test('conditions, orders and limits hold for messages', async (t) => {
    const { core, list } = setUp(t)
    await publishNumbers(core, 12)
    assert.deepEqual(await list(`${MESSAGES} AND \`index\` >= 9`), ['10', '11', '12'])
    assert.deepEqual(await list(`${MESSAGES} ORDER BY \`index\` DESC LIMIT 2`), ['12', '11'])
    assert.deepEqual(await list(`${MESSAGES} ORDER BY message LIMIT 3`), ['1', '10', '11'])
    assert.deepEqual(await list(`${MESSAGES} AND message LIKE '1_'`), ['10', '11', '12'])
    assert.deepEqual(await list(`${MESSAGES} LIMIT 3, 2`), ['4', '5'])
    assert.deepEqual(await list("SELECT COUNT(*) FROM pipes_messages WHERE name IN ('log', 'none')"), [12])
  })

  test('a pipe or a message has to be named', async (t) => {
    const { refused } = setUp(t)
    const words = 'Selection without transferring the requested values of the primary key is not supported'
    for (const where of [
      '',
      "WHERE event = 'a'",
      "WHERE name LIKE '%'",
      "WHERE name = 'log' OR id = 'k3-1-log'",
    ]) {
      await refused(`SELECT * FROM pipes_messages ${where}`, 'conditions', words)
    }
  })

  test('a pipe that keeps nothing, is empty or unknown, has no rows', async (t) => {
    const { core, rows } = setUp(t, { rules: [{ match: 'log', historySize: 5 }] })
    await core.publish('plain')
    for (const name of ['plain', 'log', 'unknown', 'x', 'a.b', '@17', '']) {
      assert.deepEqual(await rows('SELECT * FROM pipes_messages WHERE name = ?', name), [], name)
    }
  })

  test('a pipe keeps as many as its rule says, numbered from the first that is there', async (t) => {
    const { core, rows } = setUp(t, { rules: [{ match: 'log', historySize: 3 }] })
    await publishNumbers(core, 10)
    const query = "SELECT id, `index`, message FROM pipes_messages WHERE name = 'log'"
    assert.deepEqual(await rows(query), [
      ['k3-8-log', '0', '8'],
      ['k3-9-log', '1', '9'],
      ['k3-10-log', '2', '10'],
    ])
    assert.deepEqual(await rows("SELECT * FROM pipes_messages WHERE id = 'k3-7-log'"), [])
  })
})

for (const kept of ['in memory', 'on disk'] as const) {
  const options = (): LocalCoreOptions => {
    const rules = [{ match: '*', historySize: 100_000, durable: kept === 'on disk' }]
    return { ...KEEPING, rules, ...(kept === 'on disk' ? { store: recordingStore() } : {}) }
  }

  describe(`a long history ${kept}`, () => {
    test('is read whole, in pages, in order, and numbered through', async (t) => {
      const { core, rows } = setUp(t, options())
      await publishNumbers(core, 2_345)
      const read = await rows("SELECT message, `index` FROM pipes_messages WHERE name = 'log'")
      assert.deepEqual(
        read,
        upTo(2_345).map((message) => [message, String(Number(message) - 1)]),
      )
    })

    test('is read whole where messages were removed in between, at both ends and in a row', async (t) => {
      const { core, list, wrote } = setUp(t, options())
      await publishNumbers(core, 1_600)
      const removed = new Set([
        '1',
        '2',
        '3',
        '500',
        '501',
        '777',
        '1000',
        '1599',
        '1600',
        ...upTo(1_500, 1_001),
      ])
      const ids = [...removed].map((offset) => `'k3-${offset}-log'`).join(', ')
      assert.deepEqual(await wrote(`DELETE FROM pipes_messages WHERE id IN (${ids})`), [0, 0])
      const left = upTo(1_600).filter((message) => !removed.has(message))
      assert.deepEqual(await list(MESSAGES), left)
      const numbers = await list("SELECT `index` FROM pipes_messages WHERE name = 'log'")
      assert.deepEqual(
        numbers,
        left.map((_, at) => String(at)),
      )
      assert.deepEqual(await list("SELECT id FROM pipes_messages WHERE id IN ('k3-500-log', 'k3-502-log')"), [
        'k3-502-log',
      ])
    })

    test('is read whole where every other message is missing', async (t) => {
      const { core, list } = setUp(t, options())
      await publishNumbers(core, 400)
      await core.broker.removeFromHistory(
        'log',
        upTo(400)
          .map(Number)
          .filter((offset) => offset % 2 === 1),
      )
      assert.deepEqual(
        await list(MESSAGES),
        upTo(400).filter((message) => Number(message) % 2 === 0),
      )
    })

    test('goes on with what is published afterwards', async (t) => {
      const { core, list, wrote } = setUp(t, options())
      await publishNumbers(core, 3)
      await wrote("DELETE FROM pipes_messages WHERE id IN ('k3-3-log', 'k3-1-log')")
      await core.publish('log', 4)
      assert.deepEqual(await list(MESSAGES), ['2', '4'])
      assert.deepEqual(await list("SELECT id FROM pipes_messages WHERE name = 'log'"), [
        'k3-2-log',
        'k3-4-log',
      ])
    })

    test('is gone as a whole by the name of its pipe, and positions go on', async (t) => {
      const { core, list, wrote } = setUp(t, options())
      await publishNumbers(core, 3)
      await core.publish('other', 'x')
      assert.deepEqual(await wrote("DELETE FROM pipes_messages WHERE name IN ('log', 'none', 'a.b')"), [0, 0])
      assert.deepEqual(await list(MESSAGES), [])
      assert.deepEqual(await list("SELECT message FROM pipes_messages WHERE name = 'other'"), ['x'])
      await core.publish('log', 4)
      assert.deepEqual(await list("SELECT id FROM pipes_messages WHERE name = 'log'"), ['k3-4-log'])
    })
  })
}

describe('a very long history', () => {
  test('is read although more of its first messages are missing than one page looks for', async (t) => {
    // The first page was asked for without a position: it told of no gap, and that was taken for the end.
    const { core, list } = setUp(t)
    await publishNumbers(core, 10_600)
    await core.broker.removeFromHistory('log', upTo(10_500).map(Number))
    assert.deepEqual(await list(MESSAGES), upTo(10_600, 10_501))
  })

  test('leaves their turn to others', async (t) => {
    const { core, list } = setUp(t)
    await publishNumbers(core, 5_000)
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await turnOfTheLoop()
    })()
    assert.equal((await list(MESSAGES)).length, 5_000)
    isOver = true
    await others
    assert.ok(turns >= 9, `${turns} turns`)
  })

  test('ends when no more rows are wanted', async (t) => {
    const core = localCore(t, KEEPING)
    await publishNumbers(core, 3_000)
    let pages = 0
    const history: LocalCore['broker']['history'] = (channel, query) => {
      pages++
      return core.broker.history(channel, query)
    }
    const sql = sqlOn(core, { context: { broker: { ...core.broker, history } } })
    assert.deepEqual(await sql.list(`${MESSAGES} LIMIT 501, 2`), ['502', '503'])
    assert.equal(pages, 2)
  })

  test('that is cleared or goes on while it is read has an end all the same', async (t) => {
    const core = localCore(t, KEEPING)
    await publishNumbers(core, 1_200)
    let pages = 0
    const history: LocalCore['broker']['history'] = async (channel, query) => {
      pages++
      if (pages === 2) await core.broker.clearHistory('log')
      if (pages <= 3) await publishNumbers(core, 10)
      return core.broker.history(channel, query)
    }
    const sql = sqlOn(core, { context: { broker: { ...core.broker, history } } })
    const offsets = (await sql.list("SELECT id FROM pipes_messages WHERE name = 'log'")).map((id) =>
      Number(String(id).split('-')[1]),
    )
    assert.deepEqual(
      offsets,
      [...offsets].sort((one, other) => one - other),
    )
    assert.equal(new Set(offsets).size, offsets.length, 'no message twice')
    assert.deepEqual(offsets.slice(0, 500), upTo(500).map(Number))
  })
})

describe('DELETE', () => {
  test('of ids goes to each of their pipes once', async (t) => {
    const core = localCore(t, KEEPING)
    const calls: string[] = []
    const removeFromHistory: LocalCore['broker']['removeFromHistory'] = (channel, offsets) => {
      calls.push(`${channel} ${offsets.join(' ')}`)
      return core.broker.removeFromHistory(channel, offsets)
    }
    for (const name of ['one', 'two']) await publishNumbers(core, 4, name)
    const sql = sqlOn(core, { context: { broker: { ...core.broker, removeFromHistory } } })
    const ids = "'k3-1-one', 'k3-2-two', 'k3-3-one', 'k9-4-one', 'x', 'k3-1-none', 'k3-4-two'"
    assert.deepEqual(await sql.wrote(`DELETE FROM pipes_messages WHERE id IN (${ids})`), [0, 0])
    assert.deepEqual(calls.slice(0, 2), ['one 1 3', 'two 2 4'])
    const left = await sql.rows("SELECT id FROM pipes_messages WHERE name IN ('one', 'two')")
    assert.deepEqual(left.flat(), ['k3-2-one', 'k3-4-one', 'k3-1-two', 'k3-3-two'])
  })

  test('with more conditions takes only the messages that match', async (t) => {
    const { core, wrote, rows } = setUp(t)
    for (const event of ['keep', 'drop', 'keep', 'drop'])
      await core.broker.publish([request('log', 1, event)], 'http')
    await wrote("DELETE FROM pipes_messages WHERE name = 'log' AND event = 'drop'")
    assert.deepEqual(await rows("SELECT id, event FROM pipes_messages WHERE name = 'log'"), [
      ['k3-1-log', 'keep'],
      ['k3-3-log', 'keep'],
    ])
    await wrote("DELETE FROM pipes_messages WHERE id IN ('k3-1-log', 'k3-3-log') AND event = 'drop'")
    assert.equal((await rows("SELECT id FROM pipes_messages WHERE name = 'log'")).length, 2)
    await wrote("DELETE FROM pipes_messages WHERE name = 'log' AND `index` = 1")
    assert.deepEqual(await rows("SELECT id FROM pipes_messages WHERE name = 'log'"), [['k3-1-log']])
  })

  // The index was 0 of every row that was found by its id, so this DELETE took a message from the middle.
  test('asks for no place in the history where the message is named', async (t) => {
    const { core, refused, rows } = setUp(t)
    await publishNumbers(core, 3)
    const words = '`index` is known only of rows found by `name`, and these are found by `id`'
    for (const where of ["id = 'k3-2-log' AND `index` = 0", "NOT (id <> 'k3-2-log' OR `index` > 0)"]) {
      await refused(`DELETE FROM pipes_messages WHERE ${where}`, 'notImplemented', words)
      await refused(`SELECT message FROM pipes_messages WHERE ${where}`, 'notImplemented', words)
    }
    assert.deepEqual(await rows("SELECT `index`, message FROM pipes_messages WHERE id = 'k3-2-log'"), [
      ['', '2'],
    ])
    assert.equal((await rows(MESSAGES)).length, 3)
  })

  // A history was opened for each of ten thousand ids that named nothing, with a row on disk and a commit of its own.
  test('of ids that were never held makes no channels, and writes nothing', async (t) => {
    const store = recordingStore()
    const { core, wrote } = setUp(t, { rules: [{ match: '*', historySize: 9, durable: true }], store })
    await publishNumbers(core, 3)
    const channels = core.broker.channelCount()
    const { length } = store.writes
    const ids = [
      ...Array.from({ length: 500 }, (_, at) => `'k3-1-trust_${at}'`),
      "'k3-4-log'",
      "'k3-999999999999999-log'",
    ]
    await wrote(`DELETE FROM pipes_messages WHERE id IN (${ids.join()})`)
    await wrote("DELETE FROM pipes_messages WHERE name IN ('trust_1', 'trust_2')")
    assert.deepEqual([core.broker.channelCount(), store.writes.length], [channels, length])
  })

  test('of many ids is written in parts, neighbours as one', async (t) => {
    const store = recordingStore()
    const { core, wrote, list } = setUp(t, {
      rules: [{ match: '*', historySize: 9_999, durable: true }],
      store,
    })
    await publishNumbers(core, 1_200)
    const { length } = store.writes
    const ids = upTo(1_200)
      .filter((offset) => offset !== '600')
      .map((offset) => `'k3-${offset}-log'`)
    await wrote(`DELETE FROM pipes_messages WHERE id IN (${ids.reverse().join()})`)
    assert.deepEqual(await list(MESSAGES), ['600'])
    const cuts = store.writes.slice(length).map((changes) => changes.filter((one) => 'cut' in one).length)
    assert.deepEqual(cuts, [1, 1, 2, 1, 1], 'two where one stays in between')
  })

  test('a page that has seen less is told of a gap for what was taken', async (t) => {
    const { core, wrote } = setUp(t, { ...KEEPING, ringSize: 0 })
    await publishNumbers(core, 4)
    await wrote("DELETE FROM pipes_messages WHERE id = 'k3-3-log'")
    const session = core.connected()
    await core.subscribe(session, 'log', { epoch: 'k3', offset: 1 })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'log'), [2, 4])
    assert.deepEqual(
      core.fanOut.gaps(session, 'log').map(({ from, to }) => [from, to]),
      [[3, 3]],
    )
  })

  test('needs a name or an id', async (t) => {
    const { refused } = setUp(t)
    const words = 'Deleting without transferring the requested values of the primary key is not supported'
    for (const where of ['', "WHERE event = 'a'", 'WHERE time < 5']) {
      await refused(`DELETE FROM pipes_messages ${where}`, 'conditions', words)
    }
  })

  test('that the disk refuses says so, and everything is still there', async (t) => {
    const store = recordingStore()
    const { core, failure, list } = setUp(t, {
      rules: [{ match: '*', historySize: 10, durable: true }],
      store,
    })
    await publishNumbers(core, 3)
    store.fail()
    const { name } = await failure("DELETE FROM pipes_messages WHERE id = 'k3-2-log'")
    assert.equal(name, 'STORE_FAILED')
    assert.deepEqual(await list(MESSAGES), ['1', '2', '3'])
  })
})

describe('tenants', () => {
  test('a pipe of one is not that of another, whatever is asked', async (t) => {
    const core = localCore(t, KEEPING)
    const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
    await one.wrote("INSERT INTO pipes_messages (name, event, message) VALUES ('log', '', 'one')")
    await two.wrote("INSERT INTO pipes_messages (name, event, message) VALUES ('log', '', 'two')")
    assert.deepEqual(await one.list(MESSAGES), ['one'])
    assert.deepEqual(await two.list(MESSAGES), ['two'])
    const session = await come(core, '7', null, 2)
    await core.subscribe(session, '2\u0001log', { epoch: '', offset: 0 })
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ data }) => data),
      ['two'],
    )
    await two.wrote("DELETE FROM pipes_messages WHERE id = 'k3-1-log'")
    await two.wrote("DELETE FROM pipes_messages WHERE name = 'log'")
    assert.deepEqual(await one.list(MESSAGES), ['one'])
    assert.deepEqual(await two.list(MESSAGES), [])
  })
})

test('data of any kind is told as the JSON it was published as', async (t) => {
  const { core, list } = setUp(t)
  const data = Payload.trustJson(Buffer.from('{ "a" : 1.50 }'))
  await core.broker.publish([{ channel: 'log', data, event: '', user: '', key: '' }], 'http')
  assert.deepEqual(await list(MESSAGES), ['{ "a" : 1.50 }'])
})
