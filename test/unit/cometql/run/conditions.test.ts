/**
 * Tests of src/cometql/run/conditions.ts: which rows of a small table a WHERE lets through, and how much it may ask.
 * Longer than most because every kind of comparison has a table of conditions.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { type Filter, filterOf, keysMissing, rowTest } from '../../../../src/cometql/run/conditions.ts'
import { Values } from '../../../../src/cometql/sql/values.ts'
import type { Table } from '../../../../src/cometql/tables/table.ts'
import { condition } from '../../../support/read-statements.ts'
import { type SampleRow, sampleTable } from '../../../support/sample-table.ts'

const rows: readonly SampleRow[] = [
  ['1', 'ada', '36', 5, 0.5],
  ['2', 'Bob', '9', 10, 2.25],
  ['7', 'cleo', '100', 0, -3],
  ['10', '7', '36', 7, 7],
  ['11', '', '0', -1, 0],
]
const people = sampleTable(rows)

/** Ids of the rows that pass. */
function passing(where: string, ...given: readonly (string | null)[]): string {
  const values = new Values(given.map((one) => (one === null ? null : Buffer.from(one))))
  return rows
    .filter(rowTest(condition(where), people, values))
    .map(([id]) => id)
    .join(' ')
}

function filter(where: string, table: Table = people): Filter {
  return filterOf(condition(where), table, new Values())
}

const ALL = '1 2 7 10 11'

describe('numbers', () => {
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ['id = 7', '7'],
    ["id = '7'", '7'],
    ["id = '07'", '7'],
    ["id = ' 7 '", '7'],
    ["id = '7.0'", '7'],
    ["id = '7e0'", '7'],
    ['7 = id', '7'],
    ['id > 7', '10 11'],
    ["id > '7'", '10 11'],
    ['7 < id', '10 11'],
    ['id >= 7', '7 10 11'],
    ['id < 10', '1 2 7'],
    ['id <= 10', '1 2 7 10'],
    ['id <> 7', '1 2 10 11'],
    ['id != 7', '1 2 10 11'],
    ['age = 36', '1 10'],
    ['age < 36', '2 11'],
    ['visits > -1', '1 2 7 10'],
    ['visits < 0', '11'],
    ["visits = '5'", '1'],
    ['visits = 5.0', '1'],
    ['score > 0.25', '1 2 10'],
    ['score = 2.25', '2'],
    ['score <= -3', '7'],
    ['score BETWEEN -3 AND 0.5', '1 7 11'],
    ['id BETWEEN 2 AND 10', '2 7 10'],
    ["id BETWEEN '2' AND '10'", '2 7 10'],
    ['id BETWEEN 10 AND 2', ''],
    ['id NOT BETWEEN 2 AND 10', '1 11'],
    ['id IN (10, 2, 99)', '2 10'],
    ["id IN ('10', '02')", '2 10'],
    ['id NOT IN (10, 2)', '1 7 11'],
    ['visits = TRUE', ''],
    ['visits = FALSE', '7'],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids || 'nothing'} through`, () => assert.equal(passing(where), ids))
  }
})

describe('texts', () => {
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ["name = 'ada'", '1'],
    ["name = 'ADA'", ''],
    ["name = 'ada '", ''],
    ['name = ada', '1'],
    ["name = ''", '11'],
    ["name <> ''", '1 2 7 10'],
    // Letter by letter: capitals come before the others, digits before both.
    ["name < 'a'", '2 10 11'],
    ["name > 'Bob'", '1 7'],
    ['name = 7', '10'],
    ["name = '07'", ''],
    ["name IN ('ada', '7')", '1 10'],
    ["name NOT IN ('ada', '7')", '2 7 11'],
    ["name BETWEEN 'a' AND 'b'", '1'],
    ["name LIKE '%o%'", '2 7'],
    ["name LIKE 'b%'", ''],
    ["name LIKE '___'", '1 2'],
    ["name NOT LIKE '%o%'", '1 10 11'],
    ["name LIKE ''", '11'],
    // Any column is a text to LIKE.
    ["id LIKE '1%'", '1 10 11'],
    ["visits LIKE '-%'", '11'],
    ["score LIKE '%.%'", '1 2'],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids || 'nothing'} through`, () => assert.equal(passing(where), ids))
  }
})

describe('a text that is no number, where a number should be', () => {
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ["id = 'seven'", ''],
    ["id = '7x'", ''],
    ["id = ''", ''],
    ["id = ' '", ''],
    // Numbers to JavaScript, not to SQL.
    ["id = '0x7'", ''],
    ["id = '0b111'", ''],
    ["visits < 'Infinity'", ''],
    ["id <> 'seven'", ALL],
    ["id < 'seven'", ''],
    ["id >= 'seven'", ''],
    ["NOT id < 'seven'", ''],
    ["id IN ('seven', 7)", '7'],
    ["id NOT IN ('seven')", ALL],
    ["id NOT IN ('seven', 7)", '1 2 10 11'],
    ["id BETWEEN 'a' AND 'z'", ''],
    ["id NOT BETWEEN 'a' AND 7", '10 11'],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids || 'nothing'} through`, () => assert.equal(passing(where), ids))
  }

  test('an empty text in a row is in no list of texts that are no numbers either', () => {
    const [odd] = [['', '', '', 0, 0]] as const
    for (const where of ["id IN ('seven')", "id = 'seven'", "id = ''", 'id IN (0)', 'id = 0']) {
      assert.equal(rowTest(condition(where), people, new Values())(odd), false, where)
    }
  })
})

describe('NULL, which is neither equal nor unequal to anything', () => {
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ['id = NULL', ''],
    ['id <> NULL', ''],
    ['id > NULL', ''],
    ['NULL = id', ''],
    ['NOT id = NULL', ''],
    ['NOT id <> NULL', ''],
    ['NOT (id > NULL)', ''],
    ['id IN (NULL)', ''],
    ['id IN (7, NULL)', '7'],
    ['id NOT IN (7, NULL)', ''],
    ['id NOT IN (NULL)', ''],
    ['NOT id IN (7, NULL)', ''],
    ['NOT (id NOT IN (7, NULL))', '7'],
    ['name LIKE NULL', ''],
    ['name NOT LIKE NULL', ''],
    ['NOT name LIKE NULL', ''],
    ['id BETWEEN NULL AND 7', ''],
    ['id BETWEEN 7 AND NULL', ''],
    ['id NOT BETWEEN NULL AND 7', '10 11'],
    ['id NOT BETWEEN 7 AND NULL', '1 2'],
    ['NOT (id BETWEEN NULL AND 7)', '10 11'],
    ['id = NULL OR id = 7', '7'],
    ['NOT (id = NULL OR id = 7)', ''],
    ['NOT (id = NULL AND id = 7)', '1 2 10 11'],
    ['id IS NULL', ''],
    ['id IS NOT NULL', ALL],
    ['NOT id IS NULL', ALL],
    ['NOT id IS NOT NULL', ''],
    ["name IS NULL OR name = ''", '11'],
    // Of constants as well: neither they nor their opposite are true.
    ['NULL', ''],
    ['NOT NULL', ''],
    ['1 = NULL', ''],
    ['NOT (1 = NULL)', ''],
    ['NOT (1 <> NULL)', ''],
    ['NOT NOT (1 = NULL)', ''],
    ['NOT (1 = NULL AND id = 7)', '1 2 10 11'],
    ['NOT (1 = NULL OR id = 7)', ''],
    ['NULL OR id = 7', '7'],
    ['NOT (NULL AND 0)', ALL],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids || 'nothing'} through`, () => assert.equal(passing(where), ids))
  }

  test('a parameter that is NULL does as much', () => {
    assert.equal(passing('id = ?', null), '')
    assert.equal(passing('id <> ?', null), '')
    assert.equal(passing('id NOT IN (?, ?)', '7', null), '')
    assert.equal(passing('NOT id = ?', null), '')
  })
})

describe('AND, OR and NOT', () => {
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ['age = 36 AND visits > 5', '10'],
    ['id = 1 OR id = 2', '1 2'],
    ['id = 1 || id = 2', '1 2'],
    ['age = 36 && visits > 5', '10'],
    // AND binds closer.
    ['id = 1 OR id = 2 AND visits = 0', '1'],
    ['(id = 1 OR id = 2) AND visits = 10', '2'],
    ['NOT id = 1 AND NOT id = 2', '7 10 11'],
    ['NOT (id = 1 OR id = 2)', '7 10 11'],
    ['NOT (age = 36 AND visits > 5)', '1 2 7 11'],
    ['NOT NOT id = 1', '1'],
    ['NOT (NOT (id = 1) AND NOT (id = 2))', '1 2'],
    ["NOT name LIKE '%o%' AND NOT id BETWEEN 2 AND 10", '1 11'],
    ['1 = 1', ALL],
    ['1', ALL],
    ['0', ''],
    ['1 = 0 OR id = 7', '7'],
    ['1 = 1 AND id = 7', '7'],
    ['NOT 1 = 0', ALL],
    ['NOT (1 = 1 AND id = 7)', '1 2 10 11'],
    ['NOT (id = 1 OR (age = 36 AND NOT (visits > 5 OR 1 = 0)))', '2 7 10 11'],
    // What one column may be, or may not be, is put together.
    ['id = 1 OR id IN (2, 99) OR name = cleo OR id = 11', '1 2 7 11'],
    ['id <> 1 AND id NOT IN (2, 99) AND visits > -1 AND id <> 7', '10'],
    ['id IN (1, 2) AND id IN (2, 7)', '2'],
    ['id NOT IN (1, 2) OR id NOT IN (2, 7)', '1 7 10 11'],
    ["id <> 'x' AND id <> 7", '1 2 10 11'],
    ["id = 'x' OR id = 7", '7'],
    ['id <> NULL AND id <> 7', ''],
    ['id <> NULL OR id <> 7', '1 2 10 11'],
    ['id = 1 AND id = 2', ''],
    ['id > 1 AND id < 10 AND id <> 7', '2'],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids || 'nothing'} through`, () => assert.equal(passing(where), ids))
  }

  test('no WHERE lets everything through', () => {
    assert.equal(rows.filter(rowTest(null, people, new Values())).length, rows.length)
  })

  test('parameters stand where values do', () => {
    assert.equal(
      passing('id IN (?, ?) OR name LIKE ? OR visits BETWEEN ? AND ?', '1', '02', 'cl%', '6', '8'),
      '1 2 7 10',
    )
  })

  test('a column that is not there is refused wherever it stands, with those that are', () => {
    for (const where of [
      'idd = 1',
      'idd IN (1)',
      "idd LIKE '1'",
      'idd BETWEEN 1 AND 2',
      'idd IS NULL',
      'NOT idd = 1',
      'id = 1 AND idd = 1',
      'id = 1 OR (idd = 1)',
      'ID = 1',
    ]) {
      assert.throws(
        () => passing(where),
        (error) => {
          assert.ok(error instanceof QueryError)
          assert.equal(error.failure.code, queryCodes.columns, where)
          assert.match(error.message, /^Not a specific column: `\w+`; `t` has id, name, age, visits, score$/)
          return true
        },
      )
    }
  })
})

describe('a table that is compared in any case', () => {
  const anyCase: Table = { ...people, isAnyCase: true }
  const listed: readonly SampleRow[] = [
    ['1', 'Uptime', '0', 0, 0],
    ['2', '5', '0', 0, 0],
    ['3', '10', '0', 0, 0],
    ['4', 'ON', '0', 0, 0],
    ['5', 'utf8', '0', 0, 0],
    ['6', '', '0', 0, 0],
  ]
  const cases: readonly (readonly [where: string, ids: string])[] = [
    ["NAME = 'uptime'", '1'],
    ["name = 'UPTIME'", '1'],
    ["name LIKE 'upTIME'", '1'],
    ["name IN ('on', 'UTF8')", '4 5'],
    ["name NOT IN ('on', 'UTF8', 'uptime')", '2 3 6'],
    ["name <> 'on'", '1 2 3 5 6'],
    ["name >= 'UPTIME'", '1 5'],
    ["name < 'P'", '2 3 4 6'],
    // Numbers, where both sides are.
    ['name = 5', '2'],
    ["name = '5.0'", '2'],
    ['name > 5', '1 3 4 5'],
    ["name < '10'", '2 6'],
    ['name BETWEEN 5 AND 10', '2 3'],
    ['name IN (10.0, 5)', '2 3'],
    ["name <> '05'", '1 3 4 5 6'],
    ['ID > 4', '5 6'],
  ]
  for (const [where, ids] of cases) {
    test(`WHERE ${where} lets ${ids} through`, () => {
      const passed = listed.filter(rowTest(condition(where), anyCase, new Values()))
      assert.equal(passed.map(([id]) => id).join(' '), ids)
    })
  }
})

describe('numbers in a column of texts', () => {
  const named: readonly SampleRow[] = ['5', '10', '30', 'ada', '', '9.5'].map((name, at) => [
    `${at}`,
    name,
    '',
    0,
    0,
  ])
  const cases: readonly (readonly [where: string, names: string])[] = [
    ['name > 9', '10 30 9.5'],
    ['name <= 9.5', '5 9.5'],
    ['name BETWEEN 6 AND 10', '10 9.5'],
    ['NOT name > 9', '5'],
    // What stands in quotes is a text.
    ["name > '9'", 'ada 9.5'],
    ["name < '3'", '10 '],
    ['name = 10', '10'],
  ]
  for (const [where, names] of cases) {
    test(`WHERE ${where} lets ${names} through`, () => {
      const passed = named.filter(rowTest(condition(where), people, new Values()))
      assert.equal(passed.map(([, name]) => name).join(' '), names)
    })
  }
})

describe('numbers of more digits than a double has', () => {
  const long: readonly SampleRow[] = [
    ['12345678901234567', 'a', '1', 0, 0.1 + 0.2],
    ['12345678901234568', 'b', '1', 0, 12345678901234568],
    ['9007199254740993', 'c', '1', 0, 0],
  ]
  const cases: readonly (readonly [where: string, names: string])[] = [
    ["id = '12345678901234567'", 'a'],
    ['id = 12345678901234568', 'b'],
    ["id >= '12345678901234568'", 'b'],
    ["id > '12345678901234569'", ''],
    ["id < '12345678901234568'", 'a c'],
    ["id IN ('0012345678901234567', '9007199254740992')", 'a'],
    ["id <> '12345678901234567'", 'b c'],
    ['id < 18446744073709551615', 'a b c'],
    ['id > 1e16', 'a b'],
    // It would have to be rounded.
    ["id = '12345678901234567.0'", ''],
    ["id >= '1.2345678901234567e16'", ''],
    ['score = 0.30000000000000004', 'a'],
    ['score = 0.3', ''],
    ['score = 12345678901234568', 'b'],
  ]
  for (const [where, names] of cases) {
    test(`WHERE ${where} lets ${names || 'nothing'} through`, () => {
      const passed = long.filter(rowTest(condition(where), people, new Values()))
      assert.equal(passed.map(([, name]) => name).join(' '), names)
    })
  }
})

describe('the bound', () => {
  const orders = (count: number) => Array.from({ length: count }, (_, at) => `visits > ${at}`).join(' OR ')

  test('many values of a column are one thing to ask, in a list and side by side', () => {
    const many = Array.from({ length: 45_000 }, (_, at) => at)
    const sideBySide = filter(many.map((one) => `visits = ${one}`).join(' OR '))
    const unlike = filter(many.map((one) => `visits <> ${one + 1}`).join(' AND '))
    // Each row is looked at once, whatever there is to look for: one by one this would take half a minute.
    const start = performance.now()
    let passed = 0
    for (let at = 0; at < 50_000; at++) {
      const row = ['1', '', '', at, 0]
      passed += Number(sideBySide.test(row)) + Number(unlike.test(row))
    }
    assert.equal(passed, 45_000 + 5_000)
    assert.ok(performance.now() - start < 10_000, `${performance.now() - start} ms`)
  })

  test('more than 128 things to ask of each row are refused', () => {
    assert.equal(filter(orders(128)).test(['1', '', '', 1, 0]), true)
    const tooLong = (error: unknown) =>
      error instanceof QueryError &&
      error.failure.code === queryCodes.tooLong &&
      error.message ===
        'Condition is too long: 129 of at most 128 comparisons for a row; IN (…) counts as one'
    assert.throws(() => filter(orders(129)), tooLong)
    assert.throws(() => filter(`id = 1 AND NOT (${orders(64)}) AND (${orders(64)})`), tooLong)
  })

  test('a pattern counts as eight, as it is looked for in all of a text', () => {
    const patterns = (count: number) => Array.from({ length: count }, () => "name LIKE '%a%'").join(' OR ')
    assert.equal(filter(patterns(16)).test(['1', 'xax', '', 1, 0]), true)
    assert.throws(() => filter(patterns(17)), /136 of at most 128 comparisons/)
  })

  test('constants and NULL are nothing to ask', () => {
    const constants = Array.from({ length: 200 }, () => '1 = 1').join(' AND ')
    assert.equal(filter(`${constants} AND id = 7`).test(['7', '', '', 0, 0]), true)
  })

  test('a text of ten thousand digits is looked at once', () => {
    // Two runs of digits that may share them out in any way were tried in every way: seconds for each row.
    const digits = '1'.repeat(60_000)
    const start = performance.now()
    for (const text of [`${digits}x`, `${digits}.${digits}x`, `${' '.repeat(60_000)}x`]) {
      assert.equal(passing(`id = '${text}' OR id > '${text}'`), '')
      assert.equal(filter('id = 7 OR visits = 1').test([text, '', '', 0, 0]), false)
    }
    assert.ok(performance.now() - start < 3_000, `${performance.now() - start} ms`)
  })
})

describe('a condition that is missing', () => {
  test('a condition that lacks its key is refused with a hint how to say it', () => {
    const { failure } = keysMissing(people, 'Selection')
    assert.equal(failure.code, 13)
    const words = 'Selection without transferring the requested values of the primary key is not supported'
    assert.equal(failure.message, `${words}; say which rows: WHERE \`id\` = … or \`id\` IN (…)`)
    assert.match(
      keysMissing(people, 'Deleting').message,
      /^Deleting without transferring the requested values/,
    )
  })
})
