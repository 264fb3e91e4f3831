/**
 * What tests let another process do with a store: `store-program.ts COMMAND ARGS…`, one JSON value per line on stdout.
 *
 * Owns the commands: `none` opens a store in memory; `lock` takes a folder and ends; `hold` opens and waits for a line; `read` looks at every folder named, one after the other;
 * `fill` writes until the disk refuses, then goes on as told; `load` writes without end and tells what was acknowledged.
 */
import { createInterface } from 'node:readline'
import type { Store } from '../../../../src/core/store.ts'
import { logNames, tableNames } from '../../../../src/core/store.ts'
import { ConfigError, EnckeError, errorText } from '../../../../src/errors.ts'
import { lockFolder } from '../../../../src/store/folder-lock.ts'
import { openStore } from '../../../../src/store/open-store.ts'
import { runLoad } from './load.ts'
import { recordingLog } from './stores.ts'

const MESSAGE_BYTES = 3_000

const [command = '', ...args] = process.argv.slice(2)
const input = createInterface(process.stdin)[Symbol.asyncIterator]()

function tell(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Opens a store, or tells why not. */
async function opened(dataDir: string): Promise<Store | null> {
  try {
    return await openStore({ dataDir })
  } catch (error) {
    tell(refusal(error))
    return null
  }
}

function refusal(error: unknown): object {
  return error instanceof ConfigError
    ? { refused: error.mistakes }
    : { threw: error instanceof Error ? error.stack : String(error) }
}

async function hold(dataDir: string): Promise<void> {
  const store = await opened(dataDir)
  if (store === null) return
  tell({ opened: process.pid })
  await input.next()
  await store.close()
  tell({ closed: true })
}

/** Everything that can be read of each store, and whether it can still be written. */
async function read(folders: readonly string[]): Promise<void> {
  for (const dataDir of folders) {
    const { log, lines } = recordingLog()
    try {
      const store = await openStore({ dataDir, log })
      const counts = count(store)
      await store.write([{ put: 'userData', tenant: 1, key: 'after', value: 'all' }])
      await store.write([
        {
          append: 'history',
          tenant: 1,
          owner: 'after',
          entry: { seq: 1, timeMs: 1, value: Buffer.alloc(9_000) },
        },
      ])
      await store.close()
      tell({ dataDir, ...counts, warnings: lines.map(({ message }) => message) })
    } catch (error) {
      tell({ dataDir, ...refusal(error) })
    }
  }
}

function count(store: Store): { rows: number; entries: number } {
  let rows = 0
  let entries = 0
  for (const table of tableNames) for (const _ of store.rows(table, null, '')) rows++
  for (const log of logNames)
    for (const { tenant, owner } of store.owners(log, null))
      for (const _ of store.entries(log, tenant, owner, 0)) entries++
  return { rows, entries }
}

/** Fills the disk; for each line read afterwards tries again: `cut` makes room first, `write` writes, `end` ends. */
async function fill(dataDir: string): Promise<void> {
  const store = await opened(dataDir)
  if (store === null) return
  let seq = 0
  const append = (count: number) =>
    store.write(
      Array.from({ length: count }, () => {
        const entry = { seq: ++seq, timeMs: 1, value: Buffer.alloc(MESSAGE_BYTES, 'f') }
        return { append: 'history', tenant: 1, owner: 'c', entry } as const
      }),
    )
  let kept = 0
  let failure: unknown = null
  while (failure === null) {
    const pending = store.write([{ put: 'lastSeen', tenant: 1, key: '7', value: `${seq}` }])
    failure = await Promise.all([append(20), pending]).then(
      () => null,
      (error) => error,
    )
    if (failure === null) kept = seq
  }
  tell({ kept, range: store.range('history', 1, 'c'), seen: store.get('lastSeen', 1, '7'), ...face(failure) })
  for (let { value } = await input.next(); value !== 'end'; { value } = await input.next()) {
    const change =
      value === 'cut' ? store.write([{ cut: 'history', tenant: 1, owner: 'c', from: 0, to: 100 }]) : append(1)
    tell(await change.then(() => ({ done: value, last: seq }), face))
  }
  await store.close()
  tell({ closed: true })
}

function sharedObjects(): string[] {
  const report: unknown = process.report.getReport()
  if (typeof report !== 'object' || report === null || !('sharedObjects' in report))
    throw new Error('No report')
  return Array.isArray(report.sharedObjects) ? report.sharedObjects.map(String) : []
}

function face(error: unknown): object {
  return { code: error instanceof EnckeError ? error.code : null, message: errorText(error) }
}

switch (command) {
  case 'none':
    tell({
      isDurable: (await openStore({ dataDir: 'none' })).isDurable,
      // Of native code nothing is found but what was loaded.
      loaded: sharedObjects().filter((path) => path.includes('lmdb')),
    })
    break
  case 'lock':
    // The process ends by itself, with the lock in its hands.
    await lockFolder(args[0] ?? '')
    tell({ locked: true })
    break
  case 'hold':
    await hold(args[0] ?? '')
    break
  case 'read':
    await read(args)
    break
  case 'fill':
    await fill(args[0] ?? '')
    break
  case 'load':
    await runLoad(args[0] ?? '', tell)
    break
  default:
    throw new Error(`No command "${command}"`)
}
process.stdin.destroy()
