/**
 * Tests of src/cometql/tables/conference.ts: nothing is found there, and who would begin a call is told why not.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Row } from '../../../../src/cometql/answer.ts'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import { selectRows } from '../../../../src/cometql/run/select.ts'
import type { Condition, Select } from '../../../../src/cometql/sql/statement.ts'
import { type GivenRow, Values } from '../../../../src/cometql/sql/values.ts'
import { conference, conferenceMembers } from '../../../../src/cometql/tables/conference.ts'
import type { Table } from '../../../../src/cometql/tables/table.ts'
import { Payload } from '../../../../src/protocol/payload.ts'
import { localCore } from '../../../support/local-core.ts'
import { queryContext } from '../../../support/query-context.ts'
import { sqlOn } from '../../../support/run-sql.ts'

const byName: Condition = {
  kind: 'compare',
  column: 'name',
  operator: '=',
  value: { kind: 'text', raw: 'x', quote: '"' },
}

test('SELECT * FROM conference WHERE name = "x" has the columns of CppComet and no rows', async (t) => {
  const { columns, rows } = await selected(t, conference, byName)
  assert.deepEqual(columns, ['name', 'user_id', 'caller_id', 'message', 'profile', 'stream', 'node'])
  assert.deepEqual(rows, [])
})

test('SELECT * FROM conference_members WHERE name = "x" has the columns of CppComet and no rows', async (t) => {
  const { columns, rows } = await selected(t, conferenceMembers, byName)
  assert.deepEqual(columns, ['name', 'user_id', 'join_time', 'last_talking'])
  assert.deepEqual(rows, [])
})

test('SELECT without a name is refused as CppComet does', async (t) => {
  for (const table of [conference, conferenceMembers]) {
    const error = await refusal(selected(t, table, null))
    assert.equal(error.failure.code, 13, table.name)
    assert.match(error.message, /^Selection without transferring the requested values of the primary key/)
  }
})

test('INSERT INTO conference, as video chats do it, is told that there are no calls', async (t) => {
  const row = given({ name: 'room', user_id: '7', caller_id: '5', message: '', profile: 'video' })
  const error = await refusal(conference.insert?.([row], queryContext(localCore(t))))
  assert.deepEqual(told(error), {
    code: 500,
    state: 'HY000',
    message: 'Video calls are not part of Encke: it has no FreeSWITCH to make them with',
  })
})

test('DELETE FROM conference ends nothing, as video chats do it', async (t) => {
  const sql = sqlOn(localCore(t))
  assert.deepEqual(await sql.wrote("DELETE FROM conference WHERE name = 'room'"), [0, 0])
  assert.deepEqual(await sql.wrote("DELETE FROM conference WHERE name = 'room' AND user_id = 7"), [0, 0])
  await sql.refused('DELETE FROM conference', 'conditions')
})

test('INSERT INTO dialogs is refused in the words of CppComet, whatever its columns', async (t) => {
  const sql = sqlOn(localCore(t))
  for (const query of [
    "INSERT INTO dialogs (id, text) VALUES (7, 'hello')",
    'INSERT INTO dialogs VALUES (1)',
    'INSERT INTO db_5.dialogs (id) VALUES (1)',
  ]) {
    assert.equal(await sql.refused(query, 'readOnly'), 'insert into dialogs is not ready yet', query)
  }
})

test('dialogs is no table to those who ask', async (t) => {
  const sql = sqlOn(localCore(t))
  for (const query of ['SELECT * FROM dialogs WHERE id = 7', 'DELETE FROM dialogs WHERE id = 7']) {
    await sql.refused(query, 'notFound', "Table doesn't exist: `dialogs`")
  }
})

test('INSERT INTO conference_members is refused in the words of CppComet', async (t) => {
  const row = given({ name: 'room', user_id: '7' })
  const error = await refusal(conferenceMembers.insert?.([row], queryContext(localCore(t))))
  assert.deepEqual(told(error), {
    code: 10,
    state: 'HY000',
    message: 'insert into `conference_members` is not ready yet',
  })
})

test('DELETE FROM conference_members is refused likewise', async (t) => {
  const keys = { by: 'name', keys: ['x'] }
  const error = await refusal(conferenceMembers.remove?.(keys, queryContext(localCore(t))))
  assert.deepEqual(
    [error.failure.code, error.message],
    [10, 'delete from `conference_members` is not ready yet'],
  )
})

async function selected(t: TestContext, table: Table, where: Condition | null) {
  const select: Select = {
    kind: 'select',
    isDistinct: false,
    items: [{ kind: 'all' }],
    from: { schema: '', name: table.name },
    where,
    orderBy: [],
    limit: null,
  }
  const limits = { sortBytes: 1_000_000 }
  const answer = selectRows(select, table, {
    context: queryContext(localCore(t)),
    values: new Values(),
    limits,
  })
  if (answer.kind !== 'rows') throw new Error(`It came to ${answer.kind}`)
  const rows: Row[] = []
  for await (const batch of answer.batches) rows.push(...batch)
  return { columns: answer.columns.map(({ name }) => name), rows }
}

function given(texts: Readonly<Record<string, string>>): GivenRow {
  const entries = Object.entries(texts).map(([column, text]) => {
    return [column, { text: () => text, payload: () => Payload.fromBytes(Buffer.from(text)) }] as const
  })
  return new Map(entries)
}

async function refusal(run: Promise<unknown> | undefined): Promise<QueryError> {
  try {
    await run
  } catch (error) {
    if (error instanceof QueryError) return error
    throw error
  }
  throw new Error('It was not refused')
}

/** What the client is sent. */
function told({ failure: { code, state, message } }: QueryError) {
  return { code, state, message }
}
