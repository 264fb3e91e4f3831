/**
 * Tests of what reads of lmdb-store.ts ask of the tree, and of what they say when it can't be read.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../../src/log.ts'
import { entryKey, logPrefix } from '../../../src/store/keys.ts'
import { createLmdbStore } from '../../../src/store/lmdb-store.ts'
import type { Pair, Tree } from '../../../src/store/tree.ts'
import { encodeEntry } from '../../../src/store/values.ts'

const ENTRIES = 1_000

/** A tree with one log; counts the values that are read. */
function setUp() {
  const prefix = logPrefix('inbox', 1, '7')
  const pairs = Array.from({ length: ENTRIES }, (_, at): Pair => {
    const key = entryKey(prefix, at + 1)
    return { key, value: encodeEntry(key, { seq: at + 1, timeMs: 0, value: Buffer.from('x') }) }
  })
  const state = { read: 0, isBroken: false }
  const ask = <T>(value: T): T => {
    if (state.isBroken) throw new Error('MDB_CORRUPTED')
    return value
  }
  const tree: Tree = {
    get: () => ask(null),
    pairs({ start }, limit) {
      const first = ask(pairs.findIndex(({ key }) => key.compare(start) >= 0))
      const found = first === -1 ? [] : pairs.slice(first, first + limit)
      state.read += found.length
      return found
    },
    keys: () => ask([]),
    lastKey: () => ask(null),
    commit: async () => {},
    close: async () => {},
  }
  const options = { tree, log: silentLogger, bytes: () => 0, onClosed: async () => {} }
  const store = createLmdbStore(options)
  return { store, state }
}

test('a walk that is left at the first entry reads one', () => {
  // Each sweep, and each message put, read 128 messages of an inbox to see the oldest.
  const { store, state } = setUp()
  const [first] = store.entries('inbox', 1, '7', 0)
  assert.deepEqual([first?.seq, state.read], [1, 1])
  assert.equal([...store.entries('inbox', 1, '7', 0)].length, ENTRIES)
})

test('a tree that can not be read is a failure of the store', () => {
  const { store, state } = setUp()
  state.isBroken = true
  const failure = { code: 'STORE_FAILED', message: /MDB_CORRUPTED/ }
  assert.throws(() => store.get('userData', 1, '7'), failure)
  assert.throws(() => store.range('inbox', 1, '7'), failure)
  assert.throws(() => [...store.entries('inbox', 1, '7', 0)], failure)
  assert.throws(() => [...store.owners('inbox', null)], failure)
})
