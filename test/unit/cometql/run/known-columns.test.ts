/**
 * Tests of src/cometql/run/known-columns.ts: a condition on a column that rows found so do not tell is refused, wherever in
 * the condition it stands.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { checkKnown } from '../../../../src/cometql/run/known-columns.ts'
import { parse } from '../../../../src/cometql/sql/parse.ts'
import type { Condition } from '../../../../src/cometql/sql/statement.ts'
import { pipesMessages } from '../../../../src/cometql/tables/pipes-messages.ts'

function where(text: string): Condition | null {
  const [statement] = parse(`SELECT * FROM t WHERE ${text}`, { isMulti: false }).statements
  assert.ok(statement?.kind === 'select')
  return statement.where
}

const conditions = [
  'id = 5 AND `index` = 0',
  '`index` IN (1, 2) AND id = 5',
  'id = 5 AND NOT (event = 1 OR `index` > 3)',
  "id = 5 AND `index` LIKE '1%'",
  'id = 5 AND `index` BETWEEN 1 AND 2',
  'id = 5 AND `index` IS NOT NULL',
]

for (const text of conditions) {
  test(`a row found by its id does not know its place: ${text}`, () => {
    assert.throws(
      () => checkKnown(where(text), pipesMessages, 'id'),
      (error) => error instanceof QueryError && error.failure.code === 2,
    )
    checkKnown(where(text), pipesMessages, 'name')
  })
}

test('a condition on other columns, or on none that there is, is no business of it', () => {
  for (const text of ['id = 5', 'id = 5 AND nosuch = 1', 'NOT (id <> 5 OR event = 2)', '1 = 1']) {
    checkKnown(where(text), pipesMessages, 'id')
  }
  checkKnown(null, pipesMessages, 'id')
})
