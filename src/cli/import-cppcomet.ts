/**
 * `encke import-cppcomet`: what a CppComet kept in its database, into the folder of a node.
 *
 * Owns the words of the command, and that the store is opened and closed around the import; with --dry-run there is none.
 * The node must not run: the store lets nobody else in. How rows become state is in import/.
 */
import { options } from '../config/options.ts'
import { MAX_TENANT } from '../core/tenants.ts'
import { createLogger } from '../json-log.ts'
import { openStore } from '../store/open-store.ts'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes, usageError } from './exit.ts'
import { openDatabase } from './import/database.ts'
import { parseDatabaseUrl } from './import/database-url.ts'
import { type ImportJob, type ImportResult, importDatabase } from './import/import-database.ts'
import { openProgress } from './import/progress.ts'
import { summaryOf } from './import/tally.ts'
import { isOn, numberOf, textOf } from './parse-args.ts'

const NO_FOLDER = 'none'

export const importCppcomet: Command = {
  name: 'import-cppcomet',
  describe:
    'Takes over what a CppComet kept in MySQL or MariaDB: keys and data of users, waiting messages, histories, settings.',
  positionals: [],
  flags: {
    mysql: {
      kind: 'text',
      describe:
        'The database: mysql://USER:PASSWORD@HOST:PORT/DATABASE. Without a password in it, that of MYSQL_PWD is used',
    },
    'data-dir': {
      kind: 'text',
      describe: 'Folder of the node, dataDir of its configuration. Also ENCKE_DATA_DIR',
      defaultText: options.dataDir.default,
    },
    tenant: {
      kind: 'number',
      describe: `Tenant of everything in a database without dev_id, 0–${MAX_TENANT}`,
      defaultText: String(options.tenant.default),
    },
    'dry-run': {
      kind: 'switch',
      describe: 'Read and count everything and write nothing; the folder is not looked at',
    },
  },
  examples: [
    ['import-cppcomet --mysql mysql://me@db/c --dry-run', 'What would come; MYSQL_PWD is set'],
    ['import-cppcomet --mysql mysql://me:pw@db/c', 'Take it over into .encke'],
  ],
  notes: [
    'The node must not be running. Stop CppComet first: what it writes after the import has begun does not come along.',
    'May be run again: it ends with the same state. Rows that can not be taken over are counted by reason.',
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const address = parseDatabaseUrl(textOf(args, 'mysql'), process.env.MYSQL_PWD ?? '')
  const tenant = numberOf(args, 'tenant', { min: 0, max: MAX_TENANT, otherwise: options.tenant.default })
  const isDryRun = isOn(args, 'dry-run')
  const dataDir = textOf(args, 'data-dir', process.env.ENCKE_DATA_DIR ?? options.dataDir.default)
  if (!isDryRun && dataDir === NO_FOLDER) throw usageError('An import needs a folder: give --data-dir')

  const database = await openDatabase(address)
  try {
    const second = await openDatabase(address)
    try {
      const connections = { database, second, tenant, openProgress }
      const result = isDryRun
        ? await importDatabase({ ...connections, store: nowhere })
        : await importInto(dataDir, connections)
      tell(result, isDryRun, args.flags.tenant !== undefined)
    } finally {
      await second.close()
    }
  } finally {
    await database.close()
  }
  return exitCodes.done
}

async function importInto(dataDir: string, connections: Omit<ImportJob, 'store'>): Promise<ImportResult> {
  const store = await openStore({ dataDir, log: createLogger('warn') })
  try {
    return await importDatabase({ ...connections, store })
  } finally {
    await store.close()
  }
}

/** Holds nothing and keeps nothing. */
const nowhere: ImportJob['store'] = {
  get: () => null,
  range: () => null,
  entries: () => [],
  write: () => Promise.resolve(),
}

function tell({ tallies, hasTenants }: ImportResult, isDryRun: boolean, hasTenantFlag: boolean): void {
  if (hasTenants && hasTenantFlag) {
    console.error('Flag --tenant was not needed where tables have dev_id: it is the tenant of each row')
  }
  console.log(summaryOf(tallies))
  if (isDryRun) console.log('Nothing was written: this was a dry run')
}
