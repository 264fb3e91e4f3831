/**
 * What a folder must be for a node to start on it, and what is said when it is not.
 *
 * Each refusal is one line that names option, folder, fault and remedy, and leaves the folder as it was. Refusals that root would
 * not meet are tried in a process without privileges.
 */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { open } from 'lmdb'
import { ConfigError } from '../../../src/errors.ts'
import { FORMAT_VERSION, formatOperation } from '../../../src/store/format.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { openTree } from '../../../src/store/tree.ts'
import { NOBODY, startChild } from './support/child.ts'
import { folderFor, recordingLog } from './support/stores.ts'

test('store of dataDir none is in memory and loads no LMDB', async (t) => {
  const child = startChild(t, ['none'])
  assert.equal(await child.ended, 0, child.stderr)
  assert.deepEqual(child.lines, [{ isDurable: false, loaded: [] }])
})

test('store makes folder and file for its user alone, and no more files than it needs', async (t) => {
  const dataDir = join(folderFor(t), 'a', 'b')
  const store = await openStore({ dataDir })
  assert.equal(store.isDurable, true)
  assert.equal(store.bytes(), statSync(join(dataDir, 'data.mdb')).size)
  await store.close()
  assert.equal(statSync(dataDir).mode & 0o777, 0o700)
  assert.equal(statSync(join(dataDir, 'data.mdb')).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(dataDir).sort(), ['data.mdb', 'data.mdb-lock'])
})

test('store begins anew over the file of a node that was killed while it made it', async (t) => {
  const dataDir = folderFor(t)
  writeFileSync(join(dataDir, 'new.mdb'), Buffer.alloc(5_000))
  const store = await openStore({ dataDir })
  await store.write([{ put: 'userData', tenant: 1, key: '7', value: 'x' }])
  await store.close()
  assert.deepEqual(readdirSync(dataDir).sort(), ['data.mdb', 'data.mdb-lock'])
})

test('store refuses what is not a folder', async (t) => {
  const folder = folderFor(t)
  writeFileSync(join(folder, 'file'), 'text')
  await assertRefused(join(folder, 'file'), /it is not a folder, .*: name a folder/)
  await assertRefused(join(folder, 'file', 'below'), /it is not a folder, or lies in what is none/)
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'text')
})

test('store refuses a folder that another node uses, and says which', async (t) => {
  const dataDir = folderFor(t)
  const child = startChild(t, ['hold', dataDir])
  assert.deepEqual(await child.line(1), { opened: child.pid })
  await assertRefused(
    dataDir,
    new RegExp(`another node \\(process ${child.pid}\\) uses it: stop that one first`),
  )
  child.tell('end')
  assert.equal(await child.ended, 0)
  const store = await openStore({ dataDir })
  await assertRefused(dataDir, new RegExp(`process ${process.pid}`))
  await store.close()
})

test('store refuses a folder or file that it has no permission for', async (t) => {
  const sealed = folderFor(t)
  chmodSync(sealed, 0o500)
  const shut = join(folderFor(t), 'x')
  const held = folderFor(t)
  await (await openStore({ dataDir: held })).close()
  for (const folder of [sealed, held]) own(folder)
  own(join(shut, '..'))
  chmodSync(join(shut, '..'), 0o500)
  chmodSync(join(held, 'data.mdb'), 0o400)
  const child = startChild(t, ['read', sealed, shut, held], { isNobody: true })
  assert.equal(await child.ended, 0, child.stderr)
  const texts = child.lines.map((line) => JSON.stringify(line))
  assert.match(texts[0] ?? '', /refused.*no permission to write into it: give it to the user/)
  assert.match(texts[1] ?? '', /refused.*no permission to write into it/)
  assert.match(texts[2] ?? '', /refused.*data\.mdb cannot be written.*EACCES/)
  chmodSync(sealed, 0o700)
  chmodSync(join(shut, '..'), 0o700)
  assert.deepEqual(readdirSync(held).sort(), ['data.mdb', 'data.mdb-lock'])
})

test('store refuses the file of a newer version and leaves it alone', async (t) => {
  const dataDir = folderFor(t)
  const tree = await openTree(join(dataDir, 'data.mdb'))
  await tree.commit([formatOperation(FORMAT_VERSION + 1)])
  await tree.close()
  await assertRefused(
    dataDir,
    /data\.mdb has format 2, and this version knows 1 at most: use a newer version/,
  )
})

test('store refuses a data.mdb that is not its own', async (t) => {
  const other = folderFor(t)
  const database = open({ path: join(other, 'data.mdb'), noSubdir: true })
  const named = database.openDB({ name: 'people' })
  await named.put('someone', { else: true })
  await database.close()
  await assertRefused(other, /data\.mdb does not begin as a store does: it is damaged, or something else/)

  const plain = folderFor(t)
  const text = open({ path: join(plain, 'data.mdb'), noSubdir: true })
  await text.put('someone', 'else')
  await text.close()
  await assertRefused(plain, /data\.mdb does not begin as a store does: it is damaged, or something else/)

  for (const content of ['a text', 'x'.repeat(20_000), '']) {
    const folder = folderFor(t)
    writeFileSync(join(folder, 'data.mdb'), content)
    await assertRefused(folder, /data\.mdb (does not begin as a store does|is cut off|is empty)/)
  }
})

test('store refuses a folder whose data.mdb or locks are no files', async (t) => {
  const locked = folderFor(t)
  await (await openStore({ dataDir: locked })).close()
  rmSync(join(locked, 'data.mdb-lock'))
  mkdirSync(join(locked, 'data.mdb-lock'))
  await assertRefused(locked, /data\.mdb-lock is no file/)
  const folder = folderFor(t)
  mkdirSync(join(folder, 'data.mdb'))
  await assertRefused(folder, /data\.mdb cannot be read: EISDIR/)
  const taken = folderFor(t)
  mkdirSync(join(taken, 'node.sock'))
  await assertRefused(taken, /node\.sock is there and is no socket/)
})

test('store says nothing to the log when all is well', async (t) => {
  const { log, lines } = recordingLog()
  const dataDir = folderFor(t)
  for (let round = 0; round < 2; round++) await (await openStore({ dataDir, log })).close()
  assert.deepEqual(lines, [])
})

/** Asserts that a store is refused in one line, and that nothing in the folder has changed. */
async function assertRefused(dataDir: string, why: RegExp): Promise<void> {
  const before = contents(dataDir)
  await assert.rejects(openStore({ dataDir }), (error) => {
    assert.ok(error instanceof ConfigError, String(error))
    assert.equal(error.mistakes.length, 1)
    const [line = ''] = error.mistakes
    assert.ok(line.startsWith(`"dataDir": cannot use ${dataDir}: `), line)
    assert.match(line, why)
    assert.doesNotMatch(line, /\n/)
    return true
  })
  assert.deepEqual(contents(dataDir), before)
}

/** Names and contents of a folder's files, but for LMDB's table of readers, which a node that runs writes in. */
function contents(folder: string): unknown {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return null
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-lock'))
    .map((entry) => [entry.name, hash('sha256', readFileSync(join(folder, entry.name)))])
}

/** Gives a folder to the user that a child without privileges is. */
function own(folder: string): void {
  if (process.getuid?.() !== 0) return
  for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
    chownSync(path, NOBODY, NOBODY)
}
