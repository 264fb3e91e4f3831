/**
 * The look at a file finds no fault in a store that is whole, whatever it has been through; what it finds in others is
 * damage.test.ts's.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Change } from '../../../src/core/store.ts'
import { checkFile, type FileState } from '../../../src/store/file-check.ts'
import { formatIn } from '../../../src/store/format.ts'
import { FORMAT_KEY } from '../../../src/store/keys.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { createRandom, seed } from '../../support/seed.ts'
import { folderFor } from './support/stores.ts'

const ROUNDS = 12
const WRITES_PER_ROUND = 4
const UNTIL_ALL_IS_SEEN = 0

test(`look at a file finds no fault after any changes (TEST_SEED=${seed})`, async (t) => {
  const dataDir = folderFor(t)
  const random = createRandom()
  for (let round = 0; round < ROUNDS; round++) {
    const store = await openStore({ dataDir })
    for (let write = 0; write < WRITES_PER_ROUND; write++)
      await store.write(Array.from({ length: 1 + random.below(400) }, () => changeOf(random)))
    await store.close()
    const state = look(dataDir, UNTIL_ALL_IS_SEEN)
    assert.equal(state.isComplete, true)
    assert.equal(formatIn(state.firstValue), 1)
  }
})

test('look at a file that has no time sees what the file is all the same', async (t) => {
  const dataDir = folderFor(t)
  const store = await openStore({ dataDir })
  const entry = (seq: number) => ({ seq, timeMs: 1, value: Buffer.alloc(500) })
  await store.write(
    Array.from({ length: 3_000 }, (_, n) => ({ append: 'history', tenant: 1, owner: 'c', entry: entry(n) })),
  )
  await store.close()
  const state = look(dataDir, Number.MIN_VALUE)
  assert.equal(state.isComplete, false)
  assert.equal(formatIn(state.firstValue), 1)
})

function look(dataDir: string, maxMs: number): FileState {
  const file = openSync(join(dataDir, 'data.mdb'), 'r')
  try {
    return checkFile(file, FORMAT_KEY, maxMs)
  } finally {
    closeSync(file)
  }
}

/** Few owners and keys, so that pages are split, merged and freed; now and then a message with pages of its own. */
function changeOf(random: ReturnType<typeof createRandom>): Change {
  const log = { tenant: random.below(3), owner: `owner ${random.below(40)}` }
  const row = { tenant: 1, key: `key ${random.below(2_000)}` }
  const from = random.below(2_000)
  switch (random.below(8)) {
    case 0:
    case 1:
      return { cut: 'inbox', ...log, from, to: from + random.below(1_500) }
    case 2:
      return { put: 'userData', ...row, value: 'v'.repeat(random.below(500)) }
    case 3:
      return { remove: 'userData', ...row }
    default: {
      const value = Buffer.alloc(random.below(random.below(30) === 0 ? 100_000 : 2_000), 'x')
      return { append: 'inbox', ...log, entry: { seq: from, timeMs: 1, value } }
    }
  }
}
