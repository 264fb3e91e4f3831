/**
 * The tables there are.
 *
 * Owns their list and how a name in a statement becomes one: names are compared letter by letter as CppComet does, those
 * of information_schema in any case. That one has tables of its own, all other databases the same ones, and one that there
 * is not has none; whose rows are meant is the runner's.
 */
import {
  type ChosenDatabase,
  chooseDatabase,
  DATABASE,
  INFORMATION_SCHEMA,
  isSameDatabase,
  otherDatabase,
  unknownDatabase,
} from '../databases.ts'
import { QueryError } from '../query-failure.ts'
import type { NodeFacts } from '../run/context.ts'
import type { TableName } from '../sql/statement.ts'
import { homeOf } from './catalog.ts'
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
  /**
   * Those of a database: CppComet's first, or in order of their names.
   *
   * @param database '' = none, which is as CppComet's own
   * @throws {QueryError} notFound: there is no such database
   */
  in(database: string): readonly Table[]
  /**
   * @param database the one that was chosen
   * @throws {QueryError} notFound: the table, or the database in front of its name; columns: they are said to be of another
   * database
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
  const byName = named(all)
  const inHome = schemaTables(all, DATABASE)

  /** @param chosen where tables of the node are told to be, if that is what is asked for */
  function tablesOf({ name }: ChosenDatabase, chosen: string): ReadonlyMap<string, Table> {
    if (name !== INFORMATION_SCHEMA) return byName
    const home = homeOf(chosen)
    return home === DATABASE ? inHome : schemaTables(all, home)
  }

  return {
    in: (database) => [...tablesOf(known(database), database).values()],
    find({ schema, name, within }, database) {
      if (within !== undefined && !isSameDatabase(within, database)) throw otherDatabase(within)
      const meant = known(schema === '' ? database : schema)
      const tables = tablesOf(meant, database)
      const table = tables.get(meant.name === INFORMATION_SCHEMA ? name.toLowerCase() : name)
      if (table !== undefined) return table
      const names = [...tables.keys()].join(', ')
      throw new QueryError('notFound', `Table doesn't exist: \`${name.slice(0, 64)}\`; there are ${names}`)
    },
  }
}

function known(database: string): ChosenDatabase {
  const found = chooseDatabase(database)
  if (found === null) throw new QueryError('notFound', unknownDatabase.message)
  return found
}

/** Those of information_schema, which tell of themselves as well. They are quickly made, so that none are kept per tenant. */
function schemaTables(all: readonly Table[], home: string): ReadonlyMap<string, Table> {
  const own: readonly Table[] = informationSchema(() => [...all, ...own], home)
  return named(own)
}

function named(tables: readonly Table[]): ReadonlyMap<string, Table> {
  return new Map(tables.map((table) => [table.name, table]))
}
