/**
 * The tables there are.
 *
 * Owns their list and how a name in a statement becomes one: names are compared letter by letter as CppComet does, those
 * of information_schema in any case. A database that there is not has no tables; whose rows are meant is the runner's.
 */
import { chooseDatabase, INFORMATION_SCHEMA, unknownDatabase } from '../databases.ts'
import { QueryError } from '../query-failure.ts'
import type { NodeFacts } from '../run/context.ts'
import type { TableName } from '../sql/statement.ts'
import { channels } from './channels.ts'
import { conference, conferenceMembers } from './conference.ts'
import { informationSchema } from './information-schema.ts'
import { metricsTable } from './metrics.ts'
import { pipes } from './pipes.ts'
import { pipesMessages } from './pipes-messages.ts'
import { pipesSettings } from './pipes-settings.ts'
import { revokedTokens } from './revoked-tokens.ts'
import { sessions } from './sessions.ts'
import type { Table } from './table.ts'
import { usersAuth } from './users-auth.ts'
import { usersData } from './users-data.ts'
import { usersInPipes } from './users-in-pipes.ts'
import { usersMessages } from './users-messages.ts'
import { usersOnline } from './users-online.ts'
import { usersTime } from './users-time.ts'

export interface Tables {
  /** Without those of information_schema, CppComet's first */
  readonly all: readonly Table[]
  /**
   * @param database the one that was chosen
   * @throws {QueryError} notFound: the table, or the database in front of its name
   */
  find(name: TableName, database: string): Table
}

export function createTables(facts: Pick<NodeFacts, 'metrics'>): Tables {
  const all: readonly Table[] = [
    usersAuth,
    usersTime,
    usersMessages,
    pipesMessages,
    usersInPipes,
    pipes,
    pipesSettings,
    usersData,
    revokedTokens,
    conference,
    conferenceMembers,
    channels,
    sessions,
    usersOnline,
    metricsTable(facts.metrics),
  ]
  const byName = new Map(all.map((table) => [table.name, table]))
  const ofSchema = new Map(informationSchema(() => all).map((table) => [table.name.toLowerCase(), table]))

  return {
    all,
    find({ schema, name }, database) {
      const chosen = chooseDatabase(schema === '' ? database : schema)
      if (chosen === null) throw new QueryError('notFound', unknownDatabase.message)
      const isSchema = chosen.name === INFORMATION_SCHEMA
      const table = isSchema ? ofSchema.get(name.toLowerCase()) : byName.get(name)
      if (table !== undefined) return table
      const names = [...(isSchema ? ofSchema : byName).keys()].join(', ')
      throw new QueryError('notFound', `Table doesn't exist: \`${name.slice(0, 64)}\`; there are ${names}`)
    },
  }
}
