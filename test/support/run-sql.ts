/**
 * SQL against a core without sockets, from the text of a statement to the rows a client would be sent.
 *
 * Owns the short way through parser and runner, and the collecting of rows, so that a test reads like a session at a
 * MySQL prompt. A statement that is refused, at once or among its rows, rejects with what an ERR packet would say.
 */
import assert from 'node:assert/strict'
import type { Answer, Row } from '../../src/cometql/answer.ts'
import type { QueryFailure } from '../../src/cometql/query-failure.ts'
import { QueryError, queryCodes } from '../../src/cometql/query-failure.ts'
import type { RunContext } from '../../src/cometql/run/context.ts'
import { createRunner, type NodeStatement } from '../../src/cometql/run/run-statement.ts'
import { parse } from '../../src/cometql/sql/parse.ts'
import type { Statement } from '../../src/cometql/sql/statement.ts'
import { type Parameter, Values } from '../../src/cometql/sql/values.ts'
import { createTables, type Tables } from '../../src/cometql/tables/all-tables.ts'
import type { Table } from '../../src/cometql/tables/table.ts'
import { silentLogger } from '../../src/log.ts'
import type { LocalCore } from './local-core.ts'
import { nodeFacts, queryContext } from './query-context.ts'
import { letters } from './read-statements.ts'

/** As many as the option has by default. */
const SORT_BYTES = 16_777_216

export interface SqlOptions {
  /** Default: those of the node */
  readonly tables?: readonly Table[]
  readonly sortBytes?: number
  readonly context?: Partial<RunContext>
}

/** Given to the question marks of a statement; null = NULL. */
export type Given = string | number | null

export interface Sql {
  /** Rows of a SELECT. */
  rows(query: string, ...given: readonly Given[]): Promise<Row[]>
  /** The first column of its rows. */
  list(query: string, ...given: readonly Given[]): Promise<(string | number)[]>
  /** How its columns are headed. */
  columns(query: string): Promise<string[]>
  /** Affected rows and insert id of a write. */
  wrote(query: string, ...given: readonly Given[]): Promise<readonly [affected: number, insertId: number]>
  /** Checks that it is refused, by which code, with words that begin so; gives all of them. */
  refused(query: string, code: keyof typeof queryCodes, words?: string): Promise<string>
  /** Why it is refused; fails when it is not. */
  failure(query: string, ...given: readonly Given[]): Promise<QueryFailure>
  answer(query: string, ...given: readonly Given[]): Promise<Answer>
}

export function sqlOn(core: LocalCore, options: SqlOptions = {}): Sql {
  const tables = options.tables === undefined ? createTables(nodeFacts()) : only(options.tables)
  const limits = { cometqlSortBytes: options.sortBytes ?? SORT_BYTES }
  const runner = createRunner({ tables, log: silentLogger }, limits)

  async function answer(query: string, ...given: readonly Given[]): Promise<Answer> {
    const { statements } = parse(letters(query), { isMulti: false })
    const [statement] = statements
    assert.ok(statement !== undefined && isOfNode(statement), query)
    const parameters = given.map((one): Parameter => (one === null ? null : Buffer.from(String(one))))
    return runner.run(statement, queryContext(core, options.context), new Values(parameters))
  }

  async function rows(query: string, ...given: readonly Given[]): Promise<Row[]> {
    const answered = succeeded(await answer(query, ...given))
    assert.equal(answered.kind, 'rows', query)
    return collected(answered)
  }

  async function failure(query: string, ...given: readonly Given[]): Promise<QueryFailure> {
    try {
      await collected(succeeded(await answer(query, ...given)))
    } catch (thrown) {
      assert.ok(thrown instanceof Refused || thrown instanceof QueryError, String(thrown))
      return thrown.failure
    }
    return assert.fail(`${query} is not refused`)
  }

  return {
    answer,
    rows,
    failure,
    async list(query, ...given) {
      return (await rows(query, ...given)).map(([first = '']) => first)
    },
    async columns(query) {
      const answered = succeeded(await answer(query))
      assert.equal(answered.kind, 'rows', query)
      return answered.columns.map(({ name }) => name)
    },
    async wrote(query, ...given) {
      const answered = succeeded(await answer(query, ...given))
      assert.equal(answered.kind, 'done', query)
      return [answered.affected, answered.insertId]
    },
    async refused(query, code, words = '') {
      const { code: number, message } = await failure(query)
      assert.equal(number, queryCodes[code], `${query}: ${message}`)
      assert.ok(message.startsWith(words), `${query}: ${message}`)
      return message
    },
  }
}

/** Rows as the client gets them, whatever batches they came in. */
export async function collected(answered: Answer): Promise<Row[]> {
  const all: Row[] = []
  if (answered.kind !== 'rows') return all
  for await (const batch of answered.batches) all.push(...batch)
  return all
}

/** An answer that is a refusal, on its way to the test. */
class Refused extends Error {
  readonly failure: QueryFailure

  constructor(failure: QueryFailure) {
    super(`${failure.code}: ${failure.message}`)
    this.failure = failure
  }
}

function succeeded(answered: Answer): Exclude<Answer, { kind: 'failed' }> {
  if (answered.kind === 'failed') throw new Refused(answered.failure)
  return answered
}

function only(all: readonly Table[]): Tables {
  return {
    in: () => all,
    find({ name }) {
      const found = all.find((table) => table.name === name)
      assert.ok(found !== undefined, `There is no table ${name}`)
      return found
    },
  }
}

/** Whether it is not about the connection, which would have to do it. */
export function isOfNode(statement: Statement): statement is NodeStatement {
  return !['use', 'transaction'].includes(statement.kind)
}
