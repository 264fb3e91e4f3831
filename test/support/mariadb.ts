/**
 * A real MariaDB for tests, with its own folder and port.
 *
 * Owns `startMariaDb`: it installs an empty server into a temporary folder, runs it on loopback and waits until it takes
 * connections. Whoever started it stops it; nothing outside the folder is touched. Needs `mariadb-install-db` and
 * `mariadbd` (see scripts/system-packages.sh).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2'
import { until } from './until.ts'

/** Generous: the machine is shared. */
const READY_WITHIN_MS = 60_000
/** The port is free when it is looked for; somebody else may be faster. */
const MAX_ATTEMPTS = 3

/** Where Debian keeps servers, which is not on everybody's PATH. */
const PATH = [process.env.PATH ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter)

export interface MariaDb {
  readonly port: number
  /** Runs statements, separated by `;`, as the one who may do everything. */
  run(sql: string): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Starts a server, one for all tests of a file: that takes a second or two. */
export async function startMariaDb(): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), 'encke-mariadb-'))
  try {
    return await startIn(folder)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

async function startIn(folder: string): Promise<MariaDb> {
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []
  const common = ['--no-defaults', ...asRoot, `--datadir=${join(folder, 'data')}`]
  const install = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']
  await promisify(execFile)('mariadb-install-db', [...common, ...install], { env: { ...process.env, PATH } })
  const socket = join(folder, 'sql.sock')
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const server = runServer([...common, `--socket=${socket}`, `--port=${port}`])
    try {
      await until(() => server.output().includes('ready for connections') || server.hasEnded(), {
        withinMs: READY_WITHIN_MS,
        what: () => `MariaDB to be ready; it said:\n${server.output()}`,
      })
    } catch (error) {
      await server.stop()
      throw error
    }
    if (!server.hasEnded())
      return { port, run: (sql) => runSql(socket, sql), stop: () => end(server, folder) }
    if (attempt === MAX_ATTEMPTS) throw new Error(`MariaDB does not start:\n${server.output()}`)
  }
}

/** Its folder is thrown away, so it need not end well. */
async function end(server: ServerProcess, folder: string): Promise<void> {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

interface ServerProcess {
  output(): string
  hasEnded(): boolean
  stop(): Promise<void>
}

function runServer(args: readonly string[]): ServerProcess {
  const small = ['--bind-address=127.0.0.1', '--skip-log-bin', '--innodb-buffer-pool-size=16M']
  const child = spawn('mariadbd', [...args, ...small], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.on('error', ({ message }) => {
    output += message
  })
  return { output: () => output, hasEnded: () => hasEnded(child), stop: () => stop(child) }
}

function hasEnded({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('A TCP listener has a port')
  return address.port
}

function runSql(socketPath: string, sql: string): Promise<void> {
  const connection = createConnection({ socketPath, user: 'root', multipleStatements: true })
  return new Promise((resolve, reject) => {
    connection.query(sql, (error) => {
      connection.destroy()
      if (error === null) resolve()
      else reject(error)
    })
  })
}
