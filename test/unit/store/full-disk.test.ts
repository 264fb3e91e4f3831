/**
 * A disk that is full: writes are refused with a reason, reads go on, and so do writes once there is room.
 *
 * Owns a process whose files may not grow beyond a bound, which is what a full disk looks like to a program. It does not show
 * what the file system itself does when it has no block left for what was overwritten in place.
 */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../../src/store/open-store.ts'
import { until } from '../../support/until.ts'
import { startChild } from './support/child.ts'
import { folderFor } from './support/stores.ts'

const MAX_FILE_BYTES = 2 * 1024 * 1024

interface Full {
  readonly kept: number
  readonly range: { readonly first: number; readonly last: number }
  readonly seen: string
  readonly code: string
  readonly message: string
}

test('store on a full disk refuses writes, reads on, and writes again once there is room', async (t) => {
  const dataDir = folderFor(t)
  const child = startChild(t, ['fill', dataDir], { maxFileBytes: MAX_FILE_BYTES })
  const full = (await child.line(1)) as Full
  assert.equal(full.code, 'STORE_FAILED', child.stderr)
  assert.match(full.message, /^Cannot keep it: the disk refused: /)
  assert.ok(full.kept > 100)
  // Nothing of the write that failed is there, in the log or in the row that went with it.
  assert.deepEqual(full.range, { first: 1, last: full.kept })
  assert.equal(full.seen, `${full.kept - 20}`)

  child.tell('write')
  assert.equal(((await child.line(2)) as Full).code, 'STORE_FAILED')
  child.tell('cut')
  assert.deepEqual(((await child.line(3)) as { done: string }).done, 'cut', 'what makes room is done')
  let asked = 3
  await until(async () => {
    child.tell('write')
    return ((await child.line(++asked)) as { done?: string }).done === 'write'
  })
  child.tell('end')
  assert.equal(await child.ended, 0, child.stderr)
  assert.ok(statSync(join(dataDir, 'data.mdb')).size <= MAX_FILE_BYTES)

  const store = await openStore({ dataDir })
  const range = store.range('history', 1, 'c')
  assert.equal(range?.first, 101)
  assert.equal(
    [...store.entries('history', 1, 'c', 0)].filter(({ seq }) => seq <= full.kept).length,
    full.kept - 100,
  )
  await store.close()
})

test('store that was full goes on in a process that has room', async (t) => {
  const dataDir = folderFor(t)
  const child = startChild(t, ['fill', dataDir], { maxFileBytes: MAX_FILE_BYTES })
  const full = (await child.line(1)) as Full
  child.kill('SIGKILL')
  await child.ended
  const store = await openStore({ dataDir })
  assert.deepEqual(store.range('history', 1, 'c'), { first: 1, last: full.kept })
  await store.write([
    { append: 'history', tenant: 1, owner: 'c', entry: { seq: 10_000, timeMs: 1, value: Buffer.alloc(9) } },
  ])
  assert.equal(store.range('history', 1, 'c')?.last, 10_000)
  await store.close()
})

test('store for which there is no room at all is refused with what to do', async (t) => {
  const child = startChild(t, ['hold', folderFor(t)], { maxFileBytes: 4_096 })
  assert.equal(await child.ended, 0, child.stderr)
  assert.match(
    JSON.stringify(child.lines[0]),
    /refused.*no store can be made in it.*make room, or name another folder/,
  )
})
