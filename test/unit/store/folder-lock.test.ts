/**
 * One node per folder: who is refused, and whose socket is removed.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderTaken, lockFolder } from '../../../src/store/folder-lock.ts'
import { until } from '../../support/until.ts'
import { startChild } from './support/child.ts'
import { folderFor } from './support/stores.ts'

const SOCKET = 'node.sock'

test('lock is refused to a second one in the same process, with its process id', async (t) => {
  const folder = folderFor(t)
  const lock = await lockFolder(folder)
  await toldPid(folder, process.pid)
  await lock.release()
})

test('lock leaves nothing in the folder and can be taken again', async (t) => {
  const folder = folderFor(t)
  for (let round = 0; round < 3; round++) {
    const lock = await lockFolder(folder)
    assert.equal(lock.isLeftOver, false)
    assert.ok(existsSync(join(folder, SOCKET)))
    await lock.release()
    assert.deepEqual(readdirSync(folder), [])
  }
})

test('lock of a folder whose path is longer than an address of a socket works alike', async (t) => {
  const folder = join(folderFor(t), 'x'.repeat(200), 'y'.repeat(200))
  mkdirSync(folder, { recursive: true })
  const lock = await lockFolder(folder)
  assert.ok(existsSync(join(folder, SOCKET)))
  await toldPid(folder, process.pid)
  await lock.release()
  assert.deepEqual(readdirSync(folder), [])
})

for (const depth of ['short', 'x'.repeat(220)]) {
  test(`lock is refused while another process lives, and taken over from one that was killed (${depth.length} letters)`, async (t) => {
    const folder = join(folderFor(t), depth)
    const child = startChild(t, ['hold', folder])
    assert.deepEqual(await child.line(1), { opened: child.pid })
    await toldPid(folder, child.pid)
    child.kill('SIGKILL')
    await child.ended
    assert.ok(existsSync(join(folder, SOCKET)), 'the dead process left its socket')
    const lock = await lockFolder(folder)
    assert.equal(lock.isLeftOver, true)
    await assert.rejects(lockFolder(folder), FolderTaken)
    await lock.release()
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(SOCKET)),
      [],
    )
  })
}

test('lock is refused while the other process is stopped and says nothing', async (t) => {
  const folder = folderFor(t)
  const child = startChild(t, ['hold', folder])
  await child.line(1)
  child.kill('SIGSTOP')
  await assert.rejects(lockFolder(folder), (error) => error instanceof FolderTaken && error.pid === null)
  child.kill('SIGCONT')
  child.tell('end')
  assert.equal(await child.ended, 0)
  await (await lockFolder(folder)).release()
})

test('lock goes to one alone of many that come at once over a dead socket', async (t) => {
  const folder = folderFor(t)
  const child = startChild(t, ['hold', folder])
  await child.line(1)
  child.kill('SIGKILL')
  await child.ended
  const attempts = await Promise.allSettled(Array.from({ length: 24 }, () => lockFolder(folder)))
  const taken = attempts.filter((attempt) => attempt.status === 'fulfilled')
  assert.equal(taken.length, 1)
  for (const attempt of attempts)
    if (attempt.status === 'rejected')
      assert.ok(attempt.reason instanceof FolderTaken, String(attempt.reason))
  await assert.rejects(lockFolder(folder), FolderTaken)
  for (const { value } of taken) await value.release()
})

test('lock touches no file of its name that is no socket', async (t) => {
  const folder = folderFor(t)
  writeFileSync(join(folder, SOCKET), 'a note')
  await assert.rejects(lockFolder(folder), /is no socket/)
  assert.deepEqual(readdirSync(folder), [SOCKET])
})

test('lock is refused by a listener that says something else', async (t) => {
  const folder = folderFor(t)
  const stranger = createServer((socket) => socket.on('error', () => socket.destroy()).end('hello\n'))
  await new Promise<void>((resolve) => stranger.listen(join(folder, SOCKET), resolve))
  await assert.rejects(lockFolder(folder), (error) => error instanceof FolderTaken && error.pid === null)
  await new Promise((resolve) => stranger.close(resolve))
})

test('lock does not keep its process alive', async (t) => {
  const child = startChild(t, ['lock', folderFor(t)])
  assert.equal(await child.ended, 0, child.stderr)
  assert.deepEqual(child.lines, [{ locked: true }])
})

/** Until the one who has the folder says that it is `pid`: asked for long enough, as it may stand still for a moment. */
async function toldPid(folder: string, pid: number): Promise<void> {
  await until(async () => {
    const error: unknown = await lockFolder(folder).then(
      () => assert.fail('The folder was given away'),
      (refusal: unknown) => refusal,
    )
    return error instanceof FolderTaken && error.pid === pid
  })
}
