/**
 * Tests of src/cometql/run/select.ts: columns, order, limits and counts of rows of a small table, and how far it is walked.
 *
 * It is longer than most because every clause has a table of queries over the same five rows.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { localCore } from '../../../support/local-core.ts'
import { collected, sqlOn } from '../../../support/run-sql.ts'
import { type SampleRow, sampleTable } from '../../../support/sample-table.ts'

const people: readonly SampleRow[] = [
  ['1', 'ada', '36', 5, 0.5],
  ['2', 'bob', '9', 10, 2.25],
  ['7', 'ada', '100', 0, -3],
  ['10', 'cleo', '36', 7, 7],
  ['11', 'dan', '0', -1, 0],
]

type Test = Parameters<typeof localCore>[0]

function setUp(
  t: Test,
  rows = people,
  options: Parameters<typeof sampleTable>[1] = {},
  sortBytes = 1_000_000,
) {
  const table = sampleTable(rows, options)
  return { table, ...sqlOn(localCore(t), { tables: [table], sortBytes }) }
}

describe('columns of a result', () => {
  test('* is all columns in the order of the table', async (t) => {
    const { columns, rows } = setUp(t)
    assert.deepEqual(await columns('SELECT * FROM t'), ['id', 'name', 'age', 'visits', 'score'])
    assert.deepEqual(await rows('SELECT * FROM t'), people)
  })

  test('columns come in the order they were asked for, twice as well', async (t) => {
    const { columns, rows } = setUp(t)
    const query = 'SELECT visits, id, visits FROM t WHERE id = 2'
    assert.deepEqual(await columns(query), ['visits', 'id', 'visits'])
    assert.deepEqual(await rows(query), [[10, '2', 10]])
  })

  test('an alias heads a column', async (t) => {
    const { columns } = setUp(t)
    assert.deepEqual(await columns('SELECT id AS n, name label, `age` FROM t'), ['n', 'label', 'age'])
  })

  test('* stands beside columns and constants', async (t) => {
    const { columns, rows } = setUp(t)
    const query = "SELECT name, t.*, 'x' AS mark, 5 FROM t WHERE id = 1"
    assert.deepEqual(await columns(query), ['name', 'id', 'name', 'age', 'visits', 'score', 'mark', '5'])
    assert.deepEqual(await rows(query), [['ada', '1', 'ada', '36', 5, 0.5, 'x', 5]])
  })

  test('a constant stands in every row that passes', async (t) => {
    const { rows } = setUp(t)
    assert.deepEqual(await rows('SELECT 1 FROM t WHERE visits > 5'), [[1], [1]])
    assert.deepEqual(await rows('SELECT 1 FROM t WHERE id = 99'), [])
  })

  test('a quoted name is a column, as CppComet has it', async (t) => {
    const { rows } = setUp(t)
    assert.deepEqual(await rows(`SELECT "name" FROM t WHERE 'id' = 2`), [['bob']])
  })

  test('numbers keep the type of their column', async (t) => {
    const { answer } = setUp(t)
    const answered = await answer('SELECT id, visits AS v, score FROM t')
    assert.ok(answered.kind === 'rows')
    assert.deepEqual(
      answered.columns.map(({ name, type }) => `${name} ${type}`),
      ['id text', 'v integer', 'score number'],
    )
  })

  test('a column that is not there is refused before any row, wherever it is named', async (t) => {
    const { table, refused } = setUp(t)
    const words = 'Not a specific column: `nobody`; `t` has id, name, age, visits, score'
    for (const query of [
      'SELECT nobody FROM t',
      'SELECT * FROM t WHERE nobody = 1',
      'SELECT * FROM t ORDER BY nobody',
      'SELECT COUNT(nobody) FROM t',
      'SELECT COUNT(*) FROM t ORDER BY nobody',
    ]) {
      await refused(query, 'columns', words)
    }
    assert.equal(table.taken, 0)
  })
})

describe('the bounds of a result', () => {
  const times = (count: number, what: string) => Array(count).fill(what).join(', ')

  test('a result has 256 columns at most', async (t) => {
    const { columns, refused } = setUp(t)
    assert.equal((await columns(`SELECT ${times(256, 'id')} FROM t`)).length, 256)
    for (const query of [`SELECT ${times(257, 'id')} FROM t`, `SELECT ${times(257, '1')}`]) {
      await refused(query, 'tooLong', 'Too many columns: 257 of at most 256')
    }
  })

  test('* stands for its columns when they are counted', async (t) => {
    const { columns, refused } = setUp(t)
    assert.equal((await columns(`SELECT ${times(51, '*')} FROM t`)).length, 255)
    await refused(`SELECT ${times(52, '*')} FROM t`, 'tooLong', 'Too many columns: 260 of at most 256')
  })

  test('a row that is made long by columns that come again is refused', async (t) => {
    const letters = 1_000_000
    const { rows, refused } = setUp(t, [['1', 'x'.repeat(letters), '', 0, 0]])
    assert.equal((await rows(`SELECT ${times(16, 'name')} FROM t`))[0]?.length, 16)
    const bounds = `${17 * letters} of at most 16777216 letters; ask for its columns once`
    await refused(`SELECT ${times(17, 'name')} FROM t`, 'tooLong', `Row is too long: ${bounds}`)
  })

  test('rows are ordered by 32 things at most', async (t) => {
    const { list, refused } = setUp(t)
    assert.deepEqual(await list(`SELECT id FROM t ORDER BY ${times(32, 'visits')}`), [
      '11',
      '7',
      '1',
      '10',
      '2',
    ])
    const words = 'ORDER BY is too long: 33 of at most 32 columns'
    await refused(`SELECT id FROM t ORDER BY ${times(33, '1')}`, 'tooLong', words)
    await refused(`SELECT COUNT(*) FROM t ORDER BY ${times(33, 'id')}`, 'tooLong', words)
  })
})

describe('ORDER BY', () => {
  const cases: readonly (readonly [order: string, ids: string])[] = [
    ['id', '1 2 7 10 11'],
    ['id DESC', '11 10 7 2 1'],
    ['id ASC', '1 2 7 10 11'],
    ['name', '1 7 2 10 11'],
    ['name DESC', '11 10 2 1 7'],
    ['name, id DESC', '7 1 2 10 11'],
    ['age', '11 2 1 10 7'],
    ['age DESC, name DESC', '7 10 1 2 11'],
    ['age, visits DESC', '11 2 10 1 7'],
    ['visits', '11 7 1 10 2'],
    ['score DESC', '10 2 1 11 7'],
    ['1 DESC', '11 10 7 2 1'],
    ['`id`', '1 2 7 10 11'],
    ['t.id DESC', '11 10 7 2 1'],
  ]
  for (const [order, ids] of cases) {
    test(`ORDER BY ${order} gives ${ids}`, async (t) => {
      const { list } = setUp(t)
      assert.equal((await list(`SELECT id FROM t ORDER BY ${order}`)).join(' '), ids)
    })
  }

  test('a column that is not among those of the result orders it as well', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT name FROM t ORDER BY visits'), ['dan', 'ada', 'ada', 'cleo', 'bob'])
  })

  test('the label of a column orders by what is under it, as number or text, whatever the label is', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT id AS n FROM t ORDER BY n DESC'), ['11', '10', '7', '2', '1'])
    assert.deepEqual(await list('SELECT age AS name FROM t ORDER BY name'), ['0', '9', '36', '36', '100'])
    assert.deepEqual(await list('SELECT name AS id FROM t ORDER BY id'), ['ada', 'ada', 'bob', 'cleo', 'dan'])
    assert.deepEqual(await list('SELECT id AS n FROM t ORDER BY 1 DESC'), ['11', '10', '7', '2', '1'])
  })

  test('the number of a column counts those that * stands for', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT * FROM t ORDER BY 4'), ['11', '7', '1', '10', '2'])
    assert.deepEqual(await list('SELECT id, 5, t.* FROM t ORDER BY 6'), ['11', '7', '1', '10', '2'])
  })

  test('a constant orders nothing', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT id, 5 AS five FROM t ORDER BY five DESC'), [
      '1',
      '2',
      '7',
      '10',
      '11',
    ])
  })

  test('the number of a column that is not there is refused', async (t) => {
    const { refused } = setUp(t)
    const words = 'Not a specific column: ORDER BY 2, of 1 columns'
    await refused('SELECT id FROM t ORDER BY 2', 'columns', words)
    await refused('SELECT COUNT(*) FROM t ORDER BY 2', 'columns', words)
  })

  test('a result that needs more than cometqlSortBytes is refused among its rows, and says what to do', async (t) => {
    const many = Array.from({ length: 5_000 }, (_, at): SampleRow => [`${at}`, 'somebody', '1', at, 0])
    const { rows, refused } = setUp(t, many, {}, 65_536)
    const words = 'needs more than the 65536 bytes of cometqlSortBytes: add WHERE or LIMIT, or leave it out'
    await refused('SELECT * FROM t ORDER BY id', 'tooLong', `ORDER BY ${words}`)
    await refused('SELECT DISTINCT id FROM t', 'tooLong', `DISTINCT ${words}`)
    await refused('SELECT * FROM t ORDER BY id LIMIT 4000', 'tooLong', `ORDER BY ${words}`)
    assert.equal((await rows('SELECT * FROM t')).length, 5_000)
    assert.equal((await rows('SELECT * FROM t WHERE visits < 100 ORDER BY id')).length, 100)
    assert.deepEqual(await rows('SELECT id FROM t ORDER BY visits DESC LIMIT 2'), [['4999'], ['4998']])
    assert.deepEqual(await rows('SELECT DISTINCT age FROM t'), [['1']])
  })
})

describe('LIMIT', () => {
  const cases: readonly (readonly [limit: string, ids: string])[] = [
    ['LIMIT 2', '1 2'],
    ['LIMIT 0', ''],
    ['LIMIT 99', '1 2 7 10 11'],
    ['LIMIT 1, 2', '2 7'],
    ['LIMIT 2 OFFSET 1', '2 7'],
    ['LIMIT 2 OFFSET 4', '11'],
    ['LIMIT 2 OFFSET 5', ''],
    ['LIMIT 0 OFFSET 1', ''],
    ['LIMIT 4, 99', '11'],
    ["LIMIT '2'", '1 2'],
    ['ORDER BY id DESC LIMIT 2', '11 10'],
    ['ORDER BY id DESC LIMIT 1, 2', '10 7'],
    ['ORDER BY id DESC LIMIT 0', ''],
    ['WHERE visits > 0 LIMIT 1, 1', '2'],
  ]
  for (const [clauses, ids] of cases) {
    test(`${clauses} gives ${ids || 'nothing'}`, async (t) => {
      const { list } = setUp(t)
      assert.equal((await list(`SELECT id FROM t ${clauses}`)).join(' '), ids)
    })
  }

  test('parameters may say it', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT id FROM t LIMIT ? OFFSET ?', 2, 3), ['10', '11'])
    assert.deepEqual(await list('SELECT id FROM t LIMIT ?, ?', 3, 1), ['10'])
  })

  test('what is no number of rows is refused', async (t) => {
    const { failure, refused } = setUp(t)
    for (const given of ['-1', '1.5', 'x', '', null]) {
      const { code, message } = await failure('SELECT id FROM t LIMIT ?', given)
      assert.equal(code, 3, String(given))
      assert.match(message, /^Syntax error in query: LIMIT must be a whole number/)
    }
    await refused("SELECT id FROM t LIMIT 'x'", 'syntax')
  })

  test('a walk ends with the last row that is wanted', async (t) => {
    const many = Array.from({ length: 300 }, (_, at): SampleRow => [`${at}`, 'x', '1', at, 0])
    const { table, list } = setUp(t, many)
    assert.equal((await list('SELECT id FROM t LIMIT 4')).length, 4)
    assert.equal(table.taken, 2, 'batches of three rows')
    assert.equal(table.ended, 1)
    assert.deepEqual(await list('SELECT id FROM t WHERE visits > 9 LIMIT 1'), ['10'])
    assert.equal(table.taken, 2 + 4)
    assert.equal(table.ended, 2)
  })

  test('a walk does not begin for a LIMIT of 0', async (t) => {
    const { table, rows } = setUp(t)
    assert.deepEqual(await rows('SELECT id FROM t LIMIT 0'), [])
    assert.equal(table.taken, 0)
  })

  test('a walk ends when the client has left, whatever becomes of its rows, found or not', async (t) => {
    const many = Array.from({ length: 300 }, (_, at): SampleRow => [`${at}`, 'x', '1', at, 0])
    for (const query of [
      'SELECT * FROM t',
      'SELECT * FROM t WHERE visits < 0',
      'SELECT COUNT(*) FROM t',
      'SELECT DISTINCT age FROM t',
      'SELECT * FROM t ORDER BY id',
      'SELECT * FROM t LIMIT 5 OFFSET 250',
    ]) {
      const table = sampleTable(many)
      const sql = sqlOn(localCore(t), { tables: [table], context: { isWanted: () => table.taken < 4 } })
      await sql.rows(query)
      assert.deepEqual([table.taken, table.ended], [4, 1], query)
    }
  })

  test('a walk ends when its rows are not taken any more', async (t) => {
    const { table, answer } = setUp(t)
    const answered = await answer('SELECT id FROM t')
    assert.ok(answered.kind === 'rows')
    for await (const _ of answered.batches) break
    assert.deepEqual([table.taken, table.ended], [1, 1])
  })
})

describe('COUNT', () => {
  const cases: readonly (readonly [query: string, count: number])[] = [
    ['SELECT COUNT(*) FROM t', 5],
    ['SELECT COUNT(1) FROM t', 5],
    ['SELECT COUNT(name) FROM t', 5],
    ['SELECT COUNT(*) FROM t WHERE visits > 5', 2],
    ['SELECT COUNT(*) FROM t WHERE id IN (1, 2, 99)', 2],
    ['SELECT COUNT(*) FROM t WHERE id = 99', 0],
    ['SELECT COUNT(*) FROM t WHERE 1 = 0', 0],
    ['SELECT COUNT(*) FROM t LIMIT 1', 5],
    ['SELECT COUNT(*) FROM t ORDER BY id', 5],
    ['SELECT COUNT(*) AS n FROM t ORDER BY n DESC', 5],
    ['SELECT COUNT(*) FROM t ORDER BY 1', 5],
  ]
  for (const [query, count] of cases) {
    test(`${query} is ${count}`, async (t) => {
      const { rows } = setUp(t)
      assert.deepEqual(await rows(query), [[count]])
    })
  }

  test('it is headed as it was written, or by its alias, and is an integer', async (t) => {
    const { answer } = setUp(t)
    const answered = await answer('SELECT COUNT(*), count(id) AS n FROM t')
    assert.ok(answered.kind === 'rows')
    assert.deepEqual(answered.columns, [
      { name: 'COUNT(*)', type: 'integer' },
      { name: 'n', type: 'integer' },
    ])
    assert.deepEqual(await collected(answered), [[5, 5]])
  })

  test('LIMIT is of the one row of the count', async (t) => {
    const { rows } = setUp(t)
    assert.deepEqual(await rows('SELECT COUNT(*) FROM t LIMIT 0'), [])
    assert.deepEqual(await rows('SELECT COUNT(*) FROM t LIMIT 1, 1'), [])
  })

  test('beside a column it is refused', async (t) => {
    const { refused } = setUp(t)
    for (const query of [
      'SELECT name, COUNT(*) FROM t',
      'SELECT COUNT(*), 1 FROM t',
      'SELECT *, COUNT(*) FROM t',
    ]) {
      await refused(query, 'notImplemented', 'COUNT beside other columns is not implemented')
    }
  })
})

describe('DISTINCT', () => {
  test('rows that are alike are told once', async (t) => {
    const { rows } = setUp(t)
    assert.deepEqual(await rows('SELECT DISTINCT name FROM t'), [['ada'], ['bob'], ['cleo'], ['dan']])
    assert.deepEqual(await rows('SELECT DISTINCT age FROM t ORDER BY age DESC'), [
      ['100'],
      ['36'],
      ['9'],
      ['0'],
    ])
    assert.equal((await rows('SELECT DISTINCT name, age FROM t')).length, 5)
    assert.deepEqual(await rows('SELECT DISTINCT 5 FROM t'), [[5]])
  })

  test('LIMIT counts what is left of them', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT DISTINCT name FROM t LIMIT 1, 2'), ['bob', 'cleo'])
    assert.deepEqual(await list('SELECT DISTINCT name FROM t ORDER BY name LIMIT 2'), ['ada', 'bob'])
  })
})

describe('DISTINCT with an order and a limit', () => {
  test('takes out what is alike before rows are left out for the limit', async (t) => {
    const many = Array.from(
      { length: 5_000 },
      (_, at): SampleRow => [`${at}`, at < 4_998 ? 'a' : `b${at}`, '1', at, 0],
    )
    const { list } = setUp(t, many, {}, 2_000_000)
    assert.deepEqual(await list('SELECT DISTINCT name FROM t ORDER BY name LIMIT 3'), ['a', 'b4998', 'b4999'])
  })
})

describe('which rows are looked at', () => {
  test('rows are looked up by what tells them apart where that is named, whatever else is', async (t) => {
    const table = { ...sampleTable(people, { keys: ['name', 'id'] }), identity: 'id' }
    const { list } = sqlOn(localCore(t), { tables: [table] })
    assert.deepEqual(await list("SELECT id FROM t WHERE name = 'ada' AND id IN (7, 2)"), ['7'])
    assert.deepEqual(table.asked, [{ by: 'id', keys: ['7', '2'] }])
  })

  test('rows are looked up by their keys where the condition names them', async (t) => {
    const { table, list } = setUp(t)
    assert.deepEqual(await list('SELECT id FROM t WHERE id IN (7, 1, 99)'), ['7', '1'])
    assert.deepEqual(table.asked, [{ by: 'id', keys: ['7', '1', '99'] }])
  })

  test('a key in two spellings is one row', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list("SELECT id FROM t WHERE id IN (7, '07')"), ['7'])
    assert.deepEqual(await list("SELECT id FROM t WHERE id = 7 OR id = '7.0' OR id = 1"), ['7', '1'])
    assert.deepEqual(await list("SELECT id FROM t WHERE id = '7' AND id = '07'"), ['7'])
  })

  test('all of the condition holds for rows of keys as well', async (t) => {
    const { list } = setUp(t)
    assert.deepEqual(await list('SELECT id FROM t WHERE id IN (1, 2, 7) AND visits > 0'), ['1', '2'])
    assert.deepEqual(
      await list('SELECT id FROM t WHERE (id = 1 AND visits = 9) OR (id = 2 AND visits = 10)'),
      ['2'],
    )
  })

  test('no key that can be is no row, and nothing is walked', async (t) => {
    const { table, list } = setUp(t)
    assert.deepEqual(await list("SELECT id FROM t WHERE id = 'x'"), [])
    assert.deepEqual(await list('SELECT id FROM t WHERE id = NULL'), [])
    assert.deepEqual(await list('SELECT id FROM t WHERE id = 1 AND id = 2'), [])
    assert.equal(table.taken, 0)
  })

  test('a table that is not walked asks for its key', async (t) => {
    const { list, refused } = setUp(t, people, { isWalked: false })
    const words = 'Selection without transferring the requested values of the primary key is not supported'
    for (const where of [
      '',
      'WHERE visits = 5',
      'WHERE id > 5',
      'WHERE id = 5 OR visits = 5',
      'WHERE NOT id = 5',
    ]) {
      await refused(`SELECT * FROM t ${where}`, 'conditions', words)
    }
    assert.deepEqual(await list('SELECT id FROM t WHERE id = 1 AND visits = 5'), ['1'])
    assert.deepEqual(await list('SELECT id FROM t WHERE 1 = 0'), [])
  })
})

describe('constants without a table', () => {
  const cases: readonly (readonly [query: string, rows: readonly (readonly (string | number)[])[]])[] = [
    ['SELECT 1', [[1]]],
    ["SELECT 1, 'a', 2.50", [[1, 'a', '2.50']]],
    ['SELECT 1 FROM DUAL', [[1]]],
    ['SELECT 1 LIMIT 0', []],
    ['SELECT 1 LIMIT 1', [[1]]],
    ['SELECT 1 LIMIT 1, 1', []],
    ['SELECT 1 FROM DUAL WHERE 1 = 1', [[1]]],
    ['SELECT 1 FROM DUAL WHERE 1 = 0', []],
    ['SELECT 1 FROM DUAL WHERE NOT 1', []],
    ['SELECT 1 FROM DUAL WHERE NOT NULL', []],
    ['SELECT DISTINCT 1', [[1]]],
    ['SELECT NULL', [['']]],
  ]
  for (const [query, expected] of cases) {
    test(`${query} gives ${JSON.stringify(expected)}`, async (t) => {
      const { rows } = setUp(t)
      assert.deepEqual(await rows(query), expected)
    })
  }

  test('they are headed as they were written', async (t) => {
    const { columns } = setUp(t)
    assert.deepEqual(await columns("SELECT 1, 'a', VERSION() AS v, @@version"), ['1', 'a', 'v', '@@version'])
  })

  test('a column needs a table', async (t) => {
    const { refused } = setUp(t)
    assert.match(await refused('SELECT id', 'syntax'), /expected FROM/)
    assert.match(await refused('SELECT *', 'syntax'), /expected FROM/)
    await refused('SELECT 1 FROM DUAL WHERE id = 1', 'columns', 'Not a specific column: `id`')
  })
})
