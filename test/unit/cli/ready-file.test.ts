/**
 * The ready file: there when the node is, and not otherwise.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CommandError } from '../../../src/cli/exit.ts'
import { openReadyFile } from '../../../src/cli/ready-file.ts'
import { withTree } from '../../support/tree.ts'

test('ready file of an earlier node is gone before the new one is ready', async (t) => {
  const folder = await withTree(t, { 'ready.json': '{"pid":1}' })
  openReadyFile(join(folder, 'ready.json'))
  assert.deepEqual(readdirSync(folder), [])
})

test('ready file holds one JSON object and leaves no draft behind', async (t) => {
  const folder = await withTree(t, {})
  const path = join(folder, 'ready.json')
  const file = openReadyFile(path)
  file.write({ pid: 7, public: { port: 1 } })
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { pid: 7, public: { port: 1 } })
  assert.deepEqual(readdirSync(folder), ['ready.json'])
  file.remove()
  file.remove()
  assert.equal(existsSync(path), false)
})

test('ready file that can not be made ends with 73', async (t) => {
  const folder = await withTree(t, { 'file.txt': '' })
  const missing = openReadyFile(join(folder, 'no', 'such', 'ready.json'))
  const is73 = (error: unknown) => error instanceof CommandError && error.exitCode === 73
  assert.throws(() => missing.write({ pid: 1 }), is73)
  assert.throws(() => openReadyFile(folder), is73)
  missing.remove()
})

test('no ready file is asked for by an empty path', () => {
  const none = openReadyFile('')
  none.write({ pid: 1 })
  none.remove()
})
