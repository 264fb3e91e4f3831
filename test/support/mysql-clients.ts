/**
 * Real MySQL clients, all made to do the same few things: log in, publish texts, read who is there.
 *
 * Owns one row per client and way to say a query. PHP and Python run as programs of their own (test/support/mysql-clients/),
 * which take a job and give its outcome; so does the command line of MariaDB; mysql2 runs in this process. Every client
 * escapes in its own way. Bound: a program is killed after 20 s.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { needs, needsPart } from './tools.ts'

const PROGRAMS = fileURLToPath(new URL('mysql-clients', import.meta.url))
const MAX_LIFE_MS = 40_000
/** Debian's own: modules that Debian installs are there and not in other Pythons. */
export const PYTHON = '/usr/bin/python3'

export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** '' = none is named */
  readonly database: string
  /** Certificate that the server must show; without it no TLS is asked for. */
  readonly caFile?: string
}

/** What a client tells of a refusal, in its own words. */
export interface Refusal {
  readonly code: number
  readonly message: string
}

export type Outcome<T> = { readonly ok: T } | { readonly refused: Refusal }

export interface Publishing {
  readonly pipe: string
  readonly user: number
  readonly event: string
  readonly texts: readonly string[]
}

/** Rows of tables, every value as the client gives it. */
export interface Presence {
  /** users_time: id, time */
  readonly times: readonly (readonly unknown[])[]
  /** pipes: name, users */
  readonly counts: readonly (readonly unknown[])[]
  /** users_in_pipes of the first pipe: name, user_id */
  readonly pages: readonly (readonly unknown[])[]
}

export interface MySqlClient {
  /** Letters, digits and `-`: it names events too */
  readonly name: string
  /** For the `skip` option of a test */
  readonly skip: string | false
  /** The version comment of the server */
  login(login: Login): Promise<Outcome<string>>
  /** Publishes every text to the pipe and to the user. */
  publish(login: Login, what: Publishing): Promise<Outcome<number>>
  /** @param users two; @param pipes two */
  read(login: Login, users: readonly number[], pipes: readonly string[]): Promise<Outcome<Presence>>
}

export const needsPhp =
  needs('php') ||
  needsPart('php-mysql', [
    'php',
    '-r',
    'exit((int) !(class_exists("mysqli") && in_array("mysql", PDO::getAvailableDrivers())));',
  ])
export const needsPyMySql = needsPart('python3-pymysql', [PYTHON, '-c', 'import pymysql'])
const needsCli = needs('mariadb')

export const mysqlClients: readonly MySqlClient[] = [
  commandLine('mariadb-e', (query) => ({ args: ['--execute', query] })),
  commandLine('mariadb-script', (query) => ({ input: query })),
  program('mysqli-query', needsPhp),
  program('mysqli-prepare', needsPhp),
  program('pdo-emulated', needsPhp),
  program('pdo-native', needsPhp),
  inProcess('mysql2-query'),
  inProcess('mysql2-execute'),
  program('pymysql-execute', needsPyMySql),
  program('pymysql-executemany', needsPyMySql),
]

/** Runs what a client can do besides; `facts` by the names its program gives them. */
export function features(
  client: 'mysqli' | 'pdo' | 'pymysql',
  job: object,
): Promise<Outcome<Record<string, unknown>>> {
  return runJob(client, { do: 'features', ...job })
}

/** A client with a program of its own, and the way it is to use it. */
function program(name: string, skip: string | false): MySqlClient {
  const [client = '', way = ''] = name.split('-')
  return {
    name,
    skip,
    login: (login) => runJob(client, { do: 'login', login }),
    publish: (login, what) => runJob(client, { do: 'publish', way, login, ...what }),
    read: (login, users, pipes) => runJob(client, { do: 'read', way, login, users, pipes }),
  }
}

async function runJob<T>(client: string, job: object): Promise<Outcome<T>> {
  const [command = '', file = ''] =
    client === 'pymysql' ? [PYTHON, 'use_pymysql.py'] : ['php', `${client}.php`]
  const ended = await runWithInput(command, [`${PROGRAMS}/${file}`], JSON.stringify(job))
  if (ended.code !== 0) throw new Error(`${file} ended with ${ended.code}: ${ended.stdout}${ended.stderr}`)
  return JSON.parse(ended.stdout) as Outcome<T>
}

export interface EndedProgram {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. @param env besides this process's own */
export async function runWithInput(
  command: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Promise<EndedProgram> {
  const child = spawn(command, args, { timeout: MAX_LIFE_MS, env: { ...process.env, ...env } })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
    })
  }
  child.stdin.on('error', () => {}) // it ended without reading all of it, which its exit code tells
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}

/** Runs the command line of MariaDB without what a person has configured. */
export function runCommandLine(login: Login, args: readonly string[], input = ''): Promise<EndedProgram> {
  const { host, port, user, password, database, caFile } = login
  const own = ['--no-defaults', '--default-character-set=utf8mb4', `-h${host}`, `-P${port}`, `-u${user}`]
  if (database !== '') own.push(`-D${database}`)
  if (caFile !== undefined) own.push(`--ssl-ca=${caFile}`, '--ssl-verify-server-cert')
  return runWithInput('mariadb', [...own, ...args], input, { MYSQL_PWD: password })
}

/** Texts as a person escapes them: of two for the pipe and the user, one with backslashes and one with doubled apostrophes. */
function commandLine(name: string, how: (query: string) => { args?: string[]; input?: string }): MySqlClient {
  async function run(login: Login, query: string): Promise<Outcome<string[][]>> {
    const { args = [], input } = how(query)
    const ended = await runCommandLine(login, ['--batch', '--skip-column-names', ...args], input)
    if (ended.code === 0) return { ok: tableOf(ended.stdout) }
    const [, code, message] = /^ERROR (\d+) \(\w+\).*?: (.*)$/m.exec(ended.stderr) ?? []
    if (message === undefined) throw new Error(`mariadb ended with ${ended.code}: ${ended.stderr}`)
    return { refused: { code: Number(code), message } }
  }
  const rowsOf = async (login: Login, query: string): Promise<string[][]> => {
    const outcome = await run(login, query)
    if ('refused' in outcome) throw new Error(`${query}: ${outcome.refused.message}`)
    return outcome.ok
  }
  return {
    name,
    skip: needsCli,
    async login(login) {
      const outcome = await run(login, 'select @@version_comment limit 1')
      return 'refused' in outcome ? outcome : { ok: outcome.ok[0]?.[0] ?? '' }
    },
    async publish(login, { pipe, user, event, texts }) {
      const queries = texts.map(
        (
          text,
        ) => `INSERT INTO pipes_messages (name, event, message)VALUES('${pipe}', '${event}', '${backslashed(text)}' );
          INSERT INTO users_messages (id, event, message)VALUES(${user}, '${event}', '${doubled(text)}');`,
      )
      const outcome = await run(login, queries.join('\n'))
      return 'refused' in outcome ? outcome : { ok: texts.length }
    },
    async read(login, users, pipes) {
      const names = pipes.map((pipe) => `"${pipe}"`).join(', ')
      const times = await rowsOf(login, `SELECT id, time FROM users_time WHERE id IN( ${users.join(',')});`)
      const counts = await rowsOf(login, `select * from pipes where name in( ${names});`)
      const pages = await rowsOf(login, `select name, user_id from users_in_pipes where name = '${pipes[0]}'`)
      return { ok: { times, counts, pages } }
    },
  }
}

const backslashed = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
const doubled = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "''")

function tableOf(printed: string): string[][] {
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
}

function inProcess(name: 'mysql2-query' | 'mysql2-execute'): MySqlClient {
  const isPrepared = name === 'mysql2-execute'
  const ask = async (db: Connection, query: string, values: readonly (string | number)[]) => {
    const options = { sql: query, values: [...values], rowsAsArray: true }
    const [rows] = isPrepared
      ? await db.execute<RowDataPacket[][]>(options)
      : await db.query<RowDataPacket[][]>(options)
    return rows
  }
  return {
    name,
    skip: false,
    login: (login) =>
      withMysql2(login, async (db) => {
        const [row] = await ask(db, 'SELECT @@version_comment', [])
        return String(row?.[0])
      }),
    publish: (login, { pipe, user, event, texts }) =>
      withMysql2(login, async (db) => {
        for (const text of texts) {
          await ask(db, 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [
            pipe,
            event,
            text,
          ])
          await ask(db, 'INSERT INTO users_messages (id, event, message) VALUES (?, ?, ?)', [
            user,
            event,
            text,
          ])
        }
        return texts.length
      }),
    read: (login, users, pipes) =>
      withMysql2(login, async (db) => ({
        times: await ask(db, 'SELECT id, time FROM users_time WHERE id IN (?, ?)', users),
        counts: await ask(db, 'SELECT * FROM pipes WHERE name IN (?, ?)', pipes),
        pages: await ask(db, 'SELECT name, user_id FROM users_in_pipes WHERE name = ?', pipes.slice(0, 1)),
      })),
  }
}

/** Does something with a connection of mysql2, and ends it. */
async function withMysql2<T>(login: Login, run: (db: Connection) => Promise<T>): Promise<Outcome<T>> {
  let db: Connection | null = null
  try {
    const { caFile, ...rest } = login
    db = await createConnection(caFile === undefined ? rest : { ...rest, ssl: { ca: readFileSync(caFile) } })
    return { ok: await run(db) }
  } catch (error) {
    const { errno, message } = error as { readonly errno?: number; readonly message: string }
    if (errno === undefined) throw error
    return { refused: { code: errno, message } }
  } finally {
    db?.destroy()
  }
}
