/**
 * One statement, done.
 *
 * Owns who does which kind of statement, for which tenant, and that whatever goes wrong becomes an answer: refusals say
 * what is wrong, what the node or its store can not do keeps its own code, and a fault of ours is logged. A publish is
 * handed over before this returns, so several may be on their way at once, in order.
 */
import { EnckeError, errorText } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import type { Answer } from '../answer.ts'
import { done } from '../answer.ts'
import { chooseDatabase } from '../databases.ts'
import { nodeFailure, QueryError, type QueryFailure, queryFailure } from '../query-failure.ts'
import type { Statement, TableName } from '../sql/statement.ts'
import type { Values } from '../sql/values.ts'
import type { Tables } from '../tables/all-tables.ts'
import { refuseDialogs } from '../tables/conference.ts'
import { MAX_AT_ONCE } from '../tables/publish-rows.ts'
import { databaseName } from './constants.ts'
import type { RunContext } from './context.ts'
import { selectConstants, selectRows } from './select.ts'
import { show } from './show.ts'
import { deleteRows, insertRows, updateRows } from './write.ts'

export interface RunDeps {
  readonly tables: Tables
  readonly log: Logger
}

export interface RunLimits {
  readonly cometqlSortBytes: number
}

/** Statements about the connection itself, which it has to do. */
export type NodeStatement = Exclude<Statement, { kind: 'use' | 'transaction' }>

export interface Runner {
  /** Never rejects. Rows are found when they are taken; what goes wrong then is thrown there. */
  run(statement: NodeStatement, context: RunContext, values: Values): Promise<Answer>
  /** Whether a statement only publishes, and not very much, and need not wait for those before it to be answered. */
  isPublish(statement: Statement): boolean
  /** A thrown thing as a refusal. */
  failureOf(thrown: unknown): QueryFailure
}

export function createRunner({ tables, log }: RunDeps, limits: RunLimits): Runner {
  const selectLimits = { sortBytes: limits.cometqlSortBytes }

  function failureOf(thrown: unknown): QueryFailure {
    if (thrown instanceof QueryError) return thrown.failure
    if (thrown instanceof EnckeError) return nodeFailure({ failed: thrown.code, message: thrown.message })
    log.error('Statement failed', { error: errorText(thrown) })
    return queryFailure('internal', 'Internal error: the log of the node has the cause')
  }

  async function run(statement: NodeStatement, context: RunContext, values: Values): Promise<Answer> {
    try {
      return await answer(statement, context, values.of(databaseName(context)))
    } catch (thrown) {
      return { kind: 'failed', failure: failureOf(thrown) }
    }
  }

  function answer(statement: NodeStatement, context: RunContext, values: Values): Answer | Promise<Answer> {
    const find = (name: TableName) => tables.find(name, context.database)
    const of = (name: TableName) => contextOf(name, context)
    switch (statement.kind) {
      case 'nothing':
        return done
      case 'select': {
        const { from } = statement
        if (from === null) return selectConstants(statement, context, values)
        return selectRows(statement, find(from), { context: of(from), values, limits: selectLimits })
      }
      case 'insert':
        refuseDialogs(statement.table.name)
        return insertRows(statement, find(statement.table), of(statement.table), values)
      case 'update':
        return updateRows(statement, find(statement.table), of(statement.table), values)
      case 'delete':
        return deleteRows(statement, find(statement.table), of(statement.table), values)
      case 'show':
        return show(statement, context, { tables, values })
    }
  }

  return {
    run,
    isPublish: (statement) =>
      statement.kind === 'insert' &&
      publishing.has(statement.table.name) &&
      statement.rows.length <= MAX_AT_ONCE,
    failureOf,
  }
}

/**
 * Rows of `db_N.table` are those of tenant N, and of `CometQL_v1.table` those of the user, whatever was chosen; the
 * connection stays where it is.
 */
function contextOf({ schema }: TableName, context: RunContext): RunContext {
  if (schema === '') return context
  const tenant = chooseDatabase(schema)?.tenant ?? context.ownTenant
  return tenant === context.tenant ? context : { ...context, tenant }
}

/** Tables whose rows are publications. */
const publishing: ReadonlySet<string> = new Set(['pipes_messages', 'users_messages'])
