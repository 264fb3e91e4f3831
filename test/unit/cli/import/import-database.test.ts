/**
 * Recorded databases, imported into a store: inboxes, histories, and what a second or an interrupted import leaves.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CommandError } from '../../../../src/cli/exit.ts'
import { importDatabase } from '../../../../src/cli/import/import-database.ts'
import type { Store } from '../../../../src/core/store.ts'
import {
  decodePosition,
  encodePosition,
  inboxEntry,
  readInboxEntry,
} from '../../../../src/core/stored-forms.ts'
import { Payload } from '../../../../src/protocol/payload.ts'
import { createMemoryStore } from '../../../../src/store/memory-store.ts'
import {
  type RecordedRow,
  type RecordedTables,
  scriptedDatabase,
} from '../../../support/scripted-database.ts'

const START_S = 1_700_000_000

/** A message in a pipe, `at` seconds after the start. */
const said = (name: string, at: number, more: RecordedRow = {}): RecordedRow => ({
  id: `id-${String(at).padStart(4, '0')}`,
  time: START_S + at,
  pipe_name: name,
  event: 'e',
  message: `{"n":${at}}`,
  user_id: 0,
  ...more,
})

const sent = (user: number, at: number, more: RecordedRow = {}): RecordedRow => ({
  id: `id-${at}`,
  time: START_S + at,
  user_id: user,
  event: 'pm',
  message: `{"n":${at}}`,
  ...more,
})

/** Imports and returns what became of the rows of one table. */
async function importInto(store: Store, tables: RecordedTables, failAfter?: number) {
  const { tallies } = await importDatabase({
    database: scriptedDatabase(tables),
    second: scriptedDatabase(tables, failAfter),
    store,
    tenant: 4,
    openProgress: async () => ({ step() {}, end() {} }),
  })
  return (table: string) => {
    const tally = tallies.find((one) => one.table === table)
    assert.ok(tally !== undefined, table)
    assert.equal(tally.read, tally.imported + [...tally.skipped.values()].reduce((sum, n) => sum + n, 0))
    return { ...tally, skipped: Object.fromEntries(tally.skipped) }
  }
}

/** `offset:n` of every publication in a history. */
const historyOf = (store: Store, name: string, tenant = 4) =>
  [...store.entries('history', tenant, name, 0)].map(
    ({ seq, value }) => `${seq}:${JSON.parse(`${value}`).data.n}`,
  )

const positionOf = (store: Store, name: string) => decodePosition(store.get('channels', 4, name) ?? '{}')

const inboxOf = (store: Store, user: string) =>
  [...store.entries('inbox', 4, user, 0)].map((entry) => readInboxEntry(entry).id)

describe('histories', () => {
  const settings = [{ name: 'chat', length: 3 }]

  test('hold the latest of a pipe, oldest first, with offsets from 1', async () => {
    const store = createMemoryStore()
    const pipe_messages = [5, 1, 4, 2, 3].map((at) => said('chat', at))
    const tally = await importInto(store, { pipes_settings: settings, pipe_messages })
    assert.deepEqual(historyOf(store, 'chat'), ['1:3', '2:4', '3:5'])
    assert.equal(positionOf(store, 'chat').offset, 3)
    assert.deepEqual(tally('pipe_messages').skipped, { 'older than the length of the pipe': 2 })
  })

  test('are of pipes that keep some: by their settings, or by the name trust_', async () => {
    const store = createMemoryStore()
    const pipe_messages = [said('trust_log', 1), said('web_x', 2), said('trusted', 3), said('chat', 4)]
    const tally = await importInto(store, { pipes_settings: settings, pipe_messages })
    assert.deepEqual([...store.owners('history', null)].map(({ owner }) => owner).sort(), [
      'chat',
      'trust_log',
    ])
    assert.deepEqual(tally('pipe_messages').skipped, { 'the pipe keeps no history': 2 })
  })

  test('of pipes that differ in case alone are kept apart', async () => {
    // Columns compare without case: both pipes were one, with all of their messages, and the settings of either.
    const store = createMemoryStore()
    const pipe_messages = [said('Chat', 1), said('chat', 2), said('trust_A', 3), said('trust_a', 4)]
    const tally = await importInto(store, { pipes_settings: settings, pipe_messages })
    const histories = ['chat', 'Chat', 'trust_A', 'trust_a'].map((name) => historyOf(store, name))
    assert.deepEqual(histories, [['1:2'], [], ['1:3'], ['1:4']])
    assert.deepEqual(tally('pipe_messages').skipped, { 'the pipe keeps no history': 1 })
  })

  test('keep their length also where the pipe is a trust_ one', async () => {
    const store = createMemoryStore()
    const pipe_messages = [said('trust_log', 1), said('trust_log', 2)]
    await importInto(store, { pipes_settings: [{ name: 'trust_log', length: 1 }], pipe_messages })
    assert.deepEqual(historyOf(store, 'trust_log'), ['1:2'])
  })

  test('of a database without settings are those of trust_ pipes', async () => {
    const store = createMemoryStore()
    const tally = await importInto(store, { pipe_messages: [said('trust_log', 1), said('chat', 2)] })
    assert.deepEqual(historyOf(store, 'trust_log'), ['1:1'])
    assert.equal(tally('pipes_settings').missing, 'there is no such table')
  })

  test('find their settings tenant by tenant', async () => {
    const store = createMemoryStore()
    await importInto(store, {
      pipes_settings: [
        { dev_id: 1, name: 'chat', length: 1 },
        { dev_id: 2, name: 'chat', length: 2 },
      ],
      pipe_messages: [1, 2, 3].flatMap((at) => [1, 2].map((dev_id) => said('chat', at, { dev_id }))),
    })
    assert.deepEqual(historyOf(store, 'chat', 1), ['1:3'])
    assert.deepEqual(historyOf(store, 'chat', 2), ['1:2', '2:3'])
  })

  test('have no holes where rows are left out', async () => {
    const store = createMemoryStore()
    const pipe_messages = [
      said('chat', 1),
      said('chat', 2, { message: Buffer.from([0xff]) }),
      said('chat', 3),
    ]
    const tally = await importInto(store, { pipes_settings: settings, pipe_messages })
    assert.deepEqual(historyOf(store, 'chat'), ['1:1', '2:3'])
    assert.deepEqual(tally('pipe_messages').skipped, { 'text is broken': 1 })
  })

  test('of the same rows have the same epoch, of other rows another', async () => {
    const epochs = new Set<string>()
    for (const ats of [[1, 2], [1, 2], [1, 3], [1]]) {
      const store = createMemoryStore()
      await importInto(store, { pipes_settings: settings, pipe_messages: ats.map((at) => said('chat', at)) })
      epochs.add(positionOf(store, 'chat').epoch)
    }
    assert.equal(epochs.size, 3)
  })

  test('are made anew by a second import of other rows', async () => {
    const store = createMemoryStore()
    await importInto(store, {
      pipes_settings: settings,
      pipe_messages: [1, 2, 3].map((at) => said('chat', at)),
    })
    await importInto(store, { pipes_settings: settings, pipe_messages: [said('chat', 9)] })
    assert.deepEqual(historyOf(store, 'chat'), ['1:9'])
    assert.equal(positionOf(store, 'chat').offset, 1)
  })

  test('that a node made, went on with or emptied are left alone', async () => {
    const pipe_messages = [said('chat', 1)]
    const isLeft = async (change: (store: Store) => Promise<void>) => {
      const store = createMemoryStore()
      await importInto(store, { pipes_settings: settings, pipe_messages })
      await change(store)
      const before = [historyOf(store, 'chat'), positionOf(store, 'chat')]
      const tally = await importInto(store, { pipes_settings: settings, pipe_messages: [said('chat', 9)] })
      assert.deepEqual([historyOf(store, 'chat'), positionOf(store, 'chat')], before)
      assert.deepEqual(tally('pipe_messages').skipped, { 'a node has published or cleared there since': 1 })
    }
    const at = { tenant: 4, owner: 'chat' } as const
    const entry = { seq: 2, timeMs: 1, value: Buffer.from('{"data":{"n":0}}') }
    await isLeft((store) => store.write([{ append: 'history', ...at, entry }]))
    await isLeft((store) =>
      store.write([
        { append: 'history', ...at, entry },
        { cut: 'history', ...at, from: 1, to: 1 },
      ]),
    )
    await isLeft((store) => store.write([{ cut: 'history', ...at, from: 1, to: 1 }]))
    const value = encodePosition({ epoch: 'ab12', offset: 1 })
    await isLeft((store) => store.write([{ put: 'channels', tenant: 4, key: 'chat', value }]))
  })

  test('of an import that was interrupted are completed by the next one', async () => {
    const store = createMemoryStore()
    const pipe_messages = Array.from({ length: 2_500 }, (_, at) => said('trust_log', at + 1))
    await assert.rejects(importInto(store, { pipe_messages }, 1_700), /The connection is lost/)
    assert.equal(store.get('channels', 4, 'trust_log'), null)
    await importInto(store, { pipe_messages })
    assert.equal(historyOf(store, 'trust_log').length, 2_500)
    assert.equal(positionOf(store, 'trust_log').offset, 2_500)
  })
})

describe('inboxes', () => {
  test('hold the messages of each user in their order', async () => {
    const store = createMemoryStore()
    const tally = await importInto(store, { users_messages: [sent(7, 2), sent(8, 3), sent(7, 1)] })
    assert.deepEqual([inboxOf(store, '7'), inboxOf(store, '8')], [['id-1', 'id-2'], ['id-3']])
    assert.equal(tally('users_messages').imported, 3)
  })

  test('keep the order of messages of one second', async () => {
    const store = createMemoryStore()
    await importInto(store, { users_messages: [1, 2, 3].map((n) => sent(7, n, { time: START_S })) })
    const [first, ...others] = store.entries('inbox', 4, '7', 0)
    assert.deepEqual(
      others.map(({ seq, timeMs }) => [seq - (first?.seq ?? 0), timeMs]),
      [
        [1, START_S * 1_000],
        [2, START_S * 1_000],
      ],
    )
  })

  test('get no message twice, and lose none that was there', async () => {
    const store = createMemoryStore()
    const message = { id: 'own', event: '', user: '', fromClient: false, data: Payload.fromText('mine') }
    const entry = inboxEntry(2_000_000_000_000_000, 2_000_000_000_000, message)
    await store.write([{ append: 'inbox', tenant: 4, owner: '7', entry }])
    await importInto(store, { users_messages: [sent(7, 1)] })
    const tally = await importInto(store, { users_messages: [sent(7, 1), sent(7, 2)] })
    assert.deepEqual(inboxOf(store, '7'), ['own', 'id-1', 'id-2'])
    assert.deepEqual(tally('users_messages').skipped, { 'already in the inbox': 1 })
  })

  test('are not disturbed by rows that are left out', async () => {
    const store = createMemoryStore()
    const rows = [
      sent(7, 1),
      sent(7, 2, { id: '' }),
      sent(7, 3, { event: 'a b' }),
      sent(7, 4, { time: 0 }),
      sent(7, 5),
    ]
    const tally = await importInto(store, { users_messages: rows })
    assert.deepEqual(inboxOf(store, '7'), ['id-1', 'id-5'])
    assert.deepEqual(tally('users_messages').skipped, {
      'time is none': 1,
      'id is empty': 1,
      'event has foreign characters': 1,
    })
  })
})

describe('tables', () => {
  test('that are missing or of another form are named, and the others imported', async () => {
    const store = createMemoryStore()
    const tally = await importInto(store, {
      users_auth: [{ user_id: 7, hash: 'h' }],
      users_time: [{ user_id: 7, at: 1 }],
    })
    assert.equal(store.get('credentials', 4, '7'), 'h')
    assert.equal(tally('users_auth').missing, '')
    assert.equal(tally('users_time').missing, 'left out: it has no column time')
    assert.equal(tally('users_data').missing, 'there is no such table')
  })

  test('that are all missing end the import', async () => {
    await assert.rejects(importInto(createMemoryStore(), { log_query: [{ id: 1 }] }), (error) => {
      assert.ok(error instanceof CommandError)
      assert.equal(error.exitCode, 66)
      return true
    })
  })

  test('are told row by row to whoever watches', async () => {
    const tables = {
      users_auth: [
        { user_id: 7, hash: 'h' },
        { user_id: 0, hash: 'h' },
      ],
      pipes_settings: [{ name: 'chat', length: 1 }],
      pipe_messages: [said('chat', 1), said('chat', 2), said('web_x', 3)],
    }
    let [total, done, isOver] = [0, 0, false]
    await importDatabase({
      database: scriptedDatabase(tables),
      second: scriptedDatabase(tables),
      store: createMemoryStore(),
      tenant: 1,
      openProgress: async (rows) => {
        total = rows
        return {
          step: (_, rows) => {
            done += rows
          },
          end: () => {
            isOver = true
          },
        }
      },
    })
    assert.deepEqual([total, done, isOver], [6, 6, true])
  })
})
