/**
 * Who goes into which commit, and what happens to whom when one fails.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnavailableError } from '../../../src/errors.ts'
import { createWriteQueue, MAX_WAITING_BYTES, type Write } from '../../../src/store/write-queue.ts'
import { until } from '../../support/until.ts'

interface Named extends Write {
  readonly name: string
}

function write(name: string, more: Partial<Write> = {}): Named {
  return { name, bytes: 100, onlyTakes: false, ...more }
}

/** A queue over a disk that is told by hand how each commit ends. */
function handDisk() {
  const commits: { readonly names: string[]; end(error?: Error): void }[] = []
  const settled: string[] = []
  const failed: unknown[] = []
  const state = { nowMs: 0 }
  const queue = createWriteQueue<Named>({
    commit: (writes) =>
      new Promise((resolve, reject) =>
        commits.push({
          names: writes.map(({ name }) => name),
          end: (error) => (error === undefined ? resolve() : reject(error)),
        }),
      ),
    onAdded: () => {},
    onSettled: ({ name }) => void settled.push(name),
    onFailed: (error) => void failed.push(error),
    nowMs: () => state.nowMs,
  })
  const commit = async (index: number) => until(() => commits[index], { what: `commit ${index}` })
  return { queue, commits, commit, settled, failed, state }
}

/** How a promise ended: 'kept', or the code of its error. */
function fate(promise: Promise<void>): Promise<string> {
  return promise.then(
    () => 'kept',
    (error) => (error instanceof UnavailableError ? error.code : String(error)),
  )
}

test('write queue commits what comes in one turn together, and what comes meanwhile next', async () => {
  const { queue, commits, commit, settled } = handDisk()
  const first = [queue.add(write('a')), queue.add(write('b'))]
  const one = await commit(0)
  assert.deepEqual(one.names, ['a', 'b'])
  const later = [queue.add(write('c')), queue.add(write('d'))]
  assert.equal(commits.length, 1)
  one.end()
  await Promise.all(first)
  assert.deepEqual(settled, ['a', 'b'])
  const two = await commit(1)
  assert.deepEqual(two.names, ['c', 'd'])
  two.end()
  await Promise.all(later)
  await queue.drained()
})

test('write queue takes along who writes because the commit before has ended', async () => {
  const { queue, commit } = handDisk()
  const again = queue.add(write('a')).then(() => queue.add(write('a2')))
  const one = await commit(0)
  const other = queue.add(write('b'))
  one.end()
  const two = await commit(1)
  assert.deepEqual(two.names, ['b', 'a2'])
  two.end()
  await Promise.all([again, other])
})

test('write queue splits what is too much for one commit, in order, and lets a large write go alone', async () => {
  const { queue, commit } = handDisk()
  const mb = 1024 * 1024
  const all = ['a', 'b', 'c'].map((name) => queue.add(write(name, { bytes: 3 * mb })))
  all.push(queue.add(write('d', { bytes: 20 * mb })))
  const names: string[][] = []
  for (let index = 0; index < 3; index++) {
    const one = await commit(index)
    names.push(one.names)
    one.end()
  }
  await Promise.all(all)
  assert.deepEqual(names, [['a', 'b'], ['c'], ['d']])
})

test('write queue refuses what would wait above its bound, and goes on when there is less', async () => {
  const { queue, commit } = handDisk()
  const large = queue.add(write('large', { bytes: MAX_WAITING_BYTES - 100 }))
  const fits = queue.add(write('fits'))
  await assert.rejects(queue.add(write('too much')), {
    code: 'STORE_FAILED',
    message: /too much waits for the disk/,
  })
  ;(await commit(0)).end()
  ;(await commit(1)).end()
  await Promise.all([large, fits])
  const next = queue.add(write('next'))
  ;(await commit(2)).end()
  await next
})

test('write queue tries again what only takes when a commit fails, and rejects the rest', async () => {
  const { queue, commit, settled, failed } = handDisk()
  const fates = [
    fate(queue.add(write('put'))),
    fate(queue.add(write('cut', { onlyTakes: true }))),
    fate(queue.add(write('append'))),
  ]
  ;(await commit(0)).end(new Error('no room'))
  const second = await commit(1)
  assert.deepEqual(second.names, ['cut'])
  second.end()
  assert.deepEqual(await Promise.all(fates), ['STORE_FAILED', 'kept', 'STORE_FAILED'])
  assert.deepEqual(settled, ['put', 'append', 'cut'])
  assert.equal(failed.length, 1)
})

test('write queue tells the cause, and tries each write that only takes once more at most', async () => {
  const { queue, commits, commit } = handDisk()
  const put = queue.add(write('put'))
  const cut = fate(queue.add(write('cut', { onlyTakes: true })))
  const refused = assert.rejects(put, {
    code: 'STORE_FAILED',
    message: 'Cannot keep it: the disk refused: no room',
  })
  ;(await commit(0)).end(new Error('no room'))
  ;(await commit(1)).end(new Error('none at all'))
  await refused
  assert.equal(await cut, 'STORE_FAILED')
  await queue.drained()
  assert.equal(commits.length, 2)
})

test('write queue refuses at once what adds for a while after a failure, but not what takes', async () => {
  const { queue, commits, commit, state } = handDisk()
  const first = fate(queue.add(write('a')))
  ;(await commit(0)).end(new Error('no room'))
  assert.equal(await first, 'STORE_FAILED')
  assert.equal(await fate(queue.add(write('b'))), 'STORE_FAILED')
  assert.equal(commits.length, 1)
  const cut = queue.add(write('cut', { onlyTakes: true }))
  ;(await commit(1)).end()
  await cut
  state.nowMs += 250
  const c = queue.add(write('c'))
  ;(await commit(2)).end()
  await c
})
