/**
 * Tests of src/cometql/run/write.ts: what a table is told of an INSERT, UPDATE or DELETE, and what is refused before it is
 * told anything. What tables make of it is tested with each of them.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Keys, Table } from '../../../../src/cometql/tables/table.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'
import { type SampleRow, sampleColumns, sampleTable } from '../../../support/sample-table.ts'

const people: readonly SampleRow[] = [
  ['1', 'ada', '36', 5, 0.5],
  ['2', 'bob', '9', 10, 2.25],
  ['7', 'ada', '100', 0, -3],
]

type Test = Parameters<typeof localCore>[0]
type Told = Record<string, string>

/** A table that takes every write and notes what it was told. */
function setUp(t: Test) {
  const told: { inserted: Told[][]; removed: Keys[]; updated: [Keys, Told][] } = {
    inserted: [],
    removed: [],
    updated: [],
  }
  const texts = (row: ReadonlyMap<string, { text(): string }>) =>
    Object.fromEntries([...row].map(([name, value]) => [name, value.text()]))
  const table: Table = {
    ...sampleTable(people),
    columns: sampleColumns.map((column) =>
      column.name === 'name' ? { ...column, isRequired: true } : column,
    ),
    identity: 'id',
    insert: async (rows) => {
      told.inserted.push(rows.map(texts))
      return { affected: rows.length, insertId: 42 }
    },
    remove: async (keys) => void told.removed.push(keys),
    update: async (keys, sets) => {
      told.updated.push([keys, texts(sets)])
      return keys.keys.length
    },
  }
  return { told, ...sqlOn(localCore(t), { tables: [table] }) }
}

describe('INSERT', () => {
  test('the table is told all rows at once, and its answer is the answer', async (t) => {
    const { told, wrote } = setUp(t)
    assert.deepEqual(await wrote("INSERT INTO t (id, name) VALUES (1, 'ada'), ('2', \"bob\")"), [2, 42])
    assert.deepEqual(told.inserted, [
      [
        { id: '1', name: 'ada' },
        { id: '2', name: 'bob' },
      ],
    ])
  })

  test('columns may be listed in any order', async (t) => {
    const { told, wrote } = setUp(t)
    await wrote("INSERT INTO t (name, visits, id) VALUES ('ada', 3, 1)")
    assert.deepEqual(told.inserted, [[{ name: 'ada', visits: '3', id: '1' }]])
  })

  test('without a list values are for all columns in the order of the table', async (t) => {
    const { told, wrote, refused } = setUp(t)
    await wrote("INSERT INTO t VALUES (1, 'ada', 36, 5, 0.5)")
    assert.deepEqual(told.inserted, [[{ id: '1', name: 'ada', age: '36', visits: '5', score: '0.5' }]])
    await refused("INSERT INTO t VALUES (1, 'ada')", 'columns', 'Error in columns list: 5 columns, 2 values')
    await refused("INSERT INTO t VALUES (1, 'a', 1, 1, 1, 1)", 'columns', 'Error in columns list')
  })

  test('REPLACE, and INSERT with SET, are the same', async (t) => {
    const { told, wrote } = setUp(t)
    await wrote("REPLACE INTO t (id, name) VALUES (1, 'ada')")
    await wrote("INSERT INTO t SET id = 1, name = 'ada'")
    assert.deepEqual(told.inserted, [[{ id: '1', name: 'ada' }], [{ id: '1', name: 'ada' }]])
  })

  test('values are unescaped', async (t) => {
    const { told, wrote } = setUp(t)
    await wrote(`INSERT INTO t (name, id) VALUES ('it\\'s', 'it''s'), ("say \\"a\\"", 'ü😀')`)
    assert.deepEqual(told.inserted, [
      [
        { name: "it's", id: "it's" },
        { name: 'say "a"', id: 'ü😀' },
      ],
    ])
  })

  test('parameters are taken as they are', async (t) => {
    const { told, wrote } = setUp(t)
    await wrote('INSERT INTO t (id, name) VALUES (?, ?), (?, ?)', 1, "it's", 2, 'a\\nb')
    assert.deepEqual(told.inserted, [
      [
        { id: '1', name: "it's" },
        { id: '2', name: 'a\\nb' },
      ],
    ])
  })

  test('NULL and DEFAULT are no value', async (t) => {
    const { told, wrote, refused } = setUp(t)
    await wrote("INSERT INTO t (id, name, age) VALUES (NULL, 'ada', DEFAULT)")
    await wrote('INSERT INTO t (id, name) VALUES (?, ?)', null, 'bob')
    assert.deepEqual(told.inserted, [[{ name: 'ada' }], [{ name: 'bob' }]])
    await refused('INSERT INTO t (id, name) VALUES (1, NULL)', 'invalid', 'field `name` is required')
  })

  test('a field that is required and not given is refused, an empty one is not', async (t) => {
    const { told, wrote, refused } = setUp(t)
    await refused('INSERT INTO t (id) VALUES (1)', 'invalid', 'field `name` is required')
    await wrote("INSERT INTO t (name) VALUES ('')")
    assert.deepEqual(told.inserted, [[{ name: '' }]])
  })

  test('what is wrong with one row is wrong with all: nothing is written', async (t) => {
    const { told, refused } = setUp(t)
    await refused(
      "INSERT INTO t (id, name) VALUES (1, 'a'), (2, NULL)",
      'invalid',
      'field `name` is required',
    )
    await refused("INSERT INTO t (id, name) VALUES (1, 'a'), (2)", 'columns', 'Error in columns list')
    await refused("INSERT INTO t VALUES (1, 'a', 1, 1, 1), (2, 'b')", 'columns', 'Error in columns list')
    assert.deepEqual(told.inserted, [])
  })

  test('a column that is not there, or is named twice, is refused', async (t) => {
    const { told, refused } = setUp(t)
    await refused("INSERT INTO t (nmae) VALUES ('a')", 'columns', 'Not a specific column: `nmae`')
    await refused(
      "INSERT INTO t (name, name) VALUES ('a', 'b')",
      'conditions',
      'Each column in the insert used only once',
    )
    assert.deepEqual(told.inserted, [])
  })

  test('a table without INSERT is read only', async (t) => {
    const sql = sqlOn(localCore(t), { tables: [sampleTable(people)] })
    await sql.refused("INSERT INTO t (name) VALUES ('a')", 'readOnly', 'Table `t` is read only')
    await sql.refused("INSERT INTO t (nmae) VALUES ('a')", 'readOnly', 'Table `t` is read only')
  })
})

describe('DELETE', () => {
  const all: readonly (readonly [where: string, keys: readonly string[]])[] = [
    ['id = 7', ['7']],
    ["id IN (7, '07', 99)", ['7', '99']],
    ['id = 1 OR id = 99', ['1', '99']],
    ['NOT id <> 7', ['7']],
    ['id = 7 AND 1 = 1', ['7']],
    ["id = '12345678901234567' OR id = 7", ['12345678901234567', '7']],
  ]
  for (const [where, keys] of all) {
    test(`WHERE ${where} goes to the table as it is, be there rows or not`, async (t) => {
      const { told, wrote } = setUp(t)
      assert.deepEqual(await wrote(`DELETE FROM t WHERE ${where}`), [0, 0])
      assert.deepEqual(told.removed, [{ by: 'id', keys }])
    })
  }

  const some: readonly (readonly [where: string, ids: readonly string[]])[] = [
    ['id IN (1, 2, 7) AND visits > 0', ['1', '2']],
    ["name = 'ada' AND visits > 0", ['1']],
    ["(id = 1 AND name = 'ada') OR (id = 2 AND name = 'ada')", ['1']],
    ['id = 1 AND id = 1', ['1']],
    ["name = 'ada' AND id IN (1, 2)", ['1']],
  ]
  for (const [where, ids] of some) {
    test(`WHERE ${where} takes the rows that match, by what tells them apart`, async (t) => {
      const { told, wrote } = setUp(t)
      assert.deepEqual(await wrote(`DELETE FROM t WHERE ${where}`), [0, 0])
      assert.deepEqual(told.removed, [{ by: 'id', keys: ids }])
    })
  }

  for (const where of [
    'id = 99 AND visits > 0',
    'id = 1 AND visits = 99',
    'id = 1 AND id = 2',
    "id = 'x'",
    'id = NULL',
    '1 = 0',
    'NOT (1 = NULL)',
    'id = 1 AND NOT NULL',
    "id = '1.00000000000000000001'",
    "id >= 1 AND id = '12345678901234568'",
  ]) {
    test(`WHERE ${where} takes nothing, and the table is not told`, async (t) => {
      const { told, wrote } = setUp(t)
      assert.deepEqual(await wrote(`DELETE FROM t WHERE ${where}`), [0, 0])
      assert.deepEqual(told.removed, [])
    })
  }

  for (const where of [
    '',
    'WHERE visits = 5',
    'WHERE id > 1',
    'WHERE id = 1 OR visits = 5',
    'WHERE NOT id = 1',
    'WHERE 1',
    'WHERE id >= 7 AND id <= 7',
  ]) {
    test(`DELETE ${where || 'without WHERE'} does not say which rows are meant`, async (t) => {
      const { told, refused } = setUp(t)
      const words = 'Deleting without transferring the requested values of the primary key is not supported'
      await refused(`DELETE FROM t ${where}`, 'conditions', words)
      assert.deepEqual(told.removed, [])
    })
  }

  test('a column that is not there is refused, beside a key as well', async (t) => {
    const { told, refused } = setUp(t)
    for (const where of ['id = 1 AND nobody = 2', 'nobody = 2', '1 = 0 AND nobody = 2', 'nobody = 2 OR 1']) {
      await refused(`DELETE FROM t WHERE ${where}`, 'columns', 'Not a specific column: `nobody`')
    }
    assert.deepEqual(told.removed, [])
  })

  test('rows that go together by their key are taken whole, or the statement is refused', async (t) => {
    const removed: Keys[] = []
    const remove = async (keys: Keys) => void removed.push(keys)
    const table: Table = { ...sampleTable(people, { keys: ['name'] }), remove }
    const sql = sqlOn(localCore(t), { tables: [table] })
    const words =
      'Rows of `t` go together: only all of the same `name` can be meant; leave the other conditions out'
    await sql.refused("DELETE FROM t WHERE name = 'ada' AND visits > 0", 'notImplemented', words)
    assert.deepEqual(removed, [])
    await sql.wrote("DELETE FROM t WHERE name = 'ada'")
    assert.deepEqual(removed, [{ by: 'name', keys: ['ada'] }])
  })

  test('rows are taken out though the client has left: it said so', async (t) => {
    const core = localCore(t)
    const removed: Keys[] = []
    const remove = async (keys: Keys) => void removed.push(keys)
    const table: Table = { ...sampleTable(people), identity: 'id', remove }
    const sql = sqlOn(core, { tables: [table], context: { isWanted: () => false } })
    await sql.wrote('DELETE FROM t WHERE id = 1 AND visits = 5')
    assert.deepEqual(removed, [{ by: 'id', keys: ['1'] }])
  })

  test('a table without DELETE is read only, whatever is asked', async (t) => {
    const sql = sqlOn(localCore(t), { tables: [sampleTable(people)] })
    for (const where of ['', 'WHERE id = 1', 'WHERE nobody = 1']) {
      await sql.refused(`DELETE FROM t ${where}`, 'readOnly', 'Table `t` is read only')
    }
  })

  test('the order of rows is no matter, a number of them is refused', async (t) => {
    const { told, wrote, refused } = setUp(t)
    await wrote('DELETE FROM t WHERE id = 1 ORDER BY id')
    await refused('DELETE FROM t WHERE id = 2 LIMIT 1', 'notImplemented', 'LIMIT in DELETE')
    assert.deepEqual(told.removed, [{ by: 'id', keys: ['1'] }])
  })
})

describe('UPDATE', () => {
  test('the table is told rows that are there, and what to set; the answer is how many', async (t) => {
    const { told, wrote } = setUp(t)
    assert.deepEqual(await wrote("UPDATE t SET score = '-1', age = 5 WHERE id IN (1, 2, 99)"), [2, 0])
    assert.deepEqual(told.updated, [
      [
        { by: 'id', keys: ['1', '2'] },
        { score: '-1', age: '5' },
      ],
    ])
  })

  test('rows are those that all of the condition is true of', async (t) => {
    const { told, wrote } = setUp(t)
    assert.deepEqual(await wrote("UPDATE t SET age = 1 WHERE name = 'ada' AND visits > 0"), [1, 0])
    assert.deepEqual(told.updated[0]?.[0], { by: 'id', keys: ['1'] })
  })

  test('no rows are 0 rows, and the table is not told', async (t) => {
    const { told, wrote } = setUp(t)
    assert.deepEqual(await wrote('UPDATE t SET age = 1 WHERE id = 99'), [0, 0])
    assert.deepEqual(await wrote('UPDATE t SET age = 1 WHERE id = 1 AND visits = 99'), [0, 0])
    assert.deepEqual(told.updated, [])
  })

  test('parameters are taken', async (t) => {
    const { told, wrote } = setUp(t)
    await wrote('UPDATE t SET age = ? WHERE id = ?', "it's", 7)
    assert.deepEqual(told.updated, [[{ by: 'id', keys: ['7'] }, { age: "it's" }]])
  })

  test('a column that is set twice is refused, as one that is inserted twice is', async (t) => {
    const { told, refused } = setUp(t)
    const words = 'Each column in the update used only once'
    await refused('UPDATE t SET age = 1, age = 2 WHERE id = 7', 'conditions', words)
    assert.deepEqual(told.updated, [])
  })

  test('the column that says which row is meant can not be set', async (t) => {
    const { told, refused } = setUp(t)
    await refused('UPDATE t SET id = 8 WHERE id = 7', 'notImplemented', '`id` can not be changed')
    await refused(
      "UPDATE t SET age = 1, name = 'x' WHERE id = 7",
      'notImplemented',
      '`name` can not be changed',
    )
    assert.deepEqual(told.updated, [])
  })

  test('NULL is no value for a row that is there', async (t) => {
    const { told, refused } = setUp(t)
    await refused('UPDATE t SET age = NULL WHERE id = 7', 'invalid', 'field `age` can not be NULL')
    assert.deepEqual(told.updated, [])
  })

  test('columns that are not there are refused on both sides', async (t) => {
    const { told, refused } = setUp(t)
    await refused('UPDATE t SET nobody = 8 WHERE id = 7', 'columns', 'Not a specific column: `nobody`')
    for (const where of ['id = 7 AND nobody = 1', 'nobody = 1']) {
      await refused(`UPDATE t SET age = 8 WHERE ${where}`, 'columns', 'Not a specific column: `nobody`')
    }
    assert.deepEqual(told.updated, [])
  })

  test('it has to be said which rows are meant', async (t) => {
    const { told, refused } = setUp(t)
    const words = 'Updating without transferring the requested values of the primary key is not supported'
    for (const where of ['', 'WHERE visits = 5', 'WHERE id <> 5', 'WHERE 1 = 1']) {
      await refused(`UPDATE t SET age = 8 ${where}`, 'conditions', words)
    }
    assert.deepEqual(told.updated, [])
  })

  test('a table that is read only says so, one that takes INSERT and DELETE says that', async (t) => {
    const readOnly = sqlOn(localCore(t), { tables: [sampleTable(people)] })
    await readOnly.refused('UPDATE t SET age = 1 WHERE id = 1', 'readOnly', 'Table `t` is read only')
    const insert = async () => ({ affected: 0, insertId: 0 })
    const sql = sqlOn(localCore(t), { tables: [{ ...sampleTable(people), insert }] })
    const words = 'UPDATE of `t` is not implemented: use INSERT and DELETE'
    await sql.refused('UPDATE t SET age = 1 WHERE id = 1', 'notImplemented', words)
  })
})
