/**
 * What a file says it is, and how an older one becomes a newer one.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  FORMAT_VERSION,
  formatIn,
  formatOf,
  formatOperation,
  type Migration,
  migrate,
  migrations,
} from '../../../src/store/format.ts'
import { rowKey } from '../../../src/store/keys.ts'
import { openTree, type Tree } from '../../../src/store/tree.ts'
import { decodeRow, encodeRow } from '../../../src/store/values.ts'
import { folderFor } from './support/stores.ts'

const KEY = rowKey('userData', 1, '7')

/** Made-up history: version −1 kept texts in capitals, version 0 with a mark behind them. */
const STEPS: readonly Migration[] = [
  { from: -1, operations: (tree) => [row(textOf(tree).toLowerCase())] },
  { from: 0, operations: (tree) => [row(textOf(tree).replace('!', ''))] },
]

test('format has a way from every version before this one', () => {
  assert.deepEqual(
    migrations.map(({ from }) => from),
    Array.from({ length: FORMAT_VERSION - 1 }, (_, n) => n + 1),
  )
})

test('format row tells its version, and what is damaged or foreign tells none', () => {
  const { value } = formatOperation(3)
  assert.ok(value !== null)
  assert.equal(formatIn(value), 3)
  const damaged = Buffer.from(value)
  damaged[9] = 0
  assert.equal(formatIn(damaged), null)
  for (const text of [
    '{}',
    '"encke"',
    'null',
    '{"store":"other","format":1}',
    '{"store":"encke","format":"1"}',
  ])
    assert.equal(formatIn(encodeRow(Buffer.from([0]), text)), null)
})

test('format of an older store is brought up step by step', async (t) => {
  const tree = await treeOf(t, -1)
  assert.deepEqual(await migrate(tree, STEPS, 1), [0, 1])
  assert.equal(formatOf(tree), 1)
  assert.equal(textOf(tree), 'a text')
  assert.deepEqual(await migrate(tree, STEPS, 1), [])
  await tree.close()
})

test('format goes on from the step that was done when the next one fails', async (t) => {
  const tree = await treeOf(t, -1)
  const failing = STEPS.map((step) =>
    step.from === 0
      ? {
          from: 0,
          operations: () => {
            throw new Error('power cut')
          },
        }
      : step,
  )
  await assert.rejects(migrate(tree, failing, 1), /power cut/)
  assert.equal(formatOf(tree), 0)
  assert.equal(textOf(tree), 'a text!')
  assert.deepEqual(await migrate(tree, STEPS, 1), [1])
  assert.equal(textOf(tree), 'a text')
  await tree.close()
})

test('format without a way to this version is left as it is', async (t) => {
  const tree = await treeOf(t, -2)
  await assert.rejects(migrate(tree, STEPS, 1), RangeError)
  assert.equal(formatOf(tree), -2)
  await tree.close()
})

async function treeOf(t: Parameters<typeof folderFor>[0], version: number): Promise<Tree> {
  const tree = await openTree(join(folderFor(t), 'data.mdb'))
  await tree.commit([formatOperation(version), row('A TEXT!')])
  return tree
}

function row(text: string) {
  return { key: KEY, value: encodeRow(KEY, text) }
}

function textOf(tree: Tree): string {
  const value = tree.get(KEY)
  return (value === null ? null : decodeRow(KEY, value)) ?? ''
}
