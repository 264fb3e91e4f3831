/**
 * What the bench says of a disk: how often it can be waited for, and what a folder takes up on it.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { bytesOnDisk, measureSyncs } from '../../../bench/support/disk.ts'

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encke-disk-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('measureSyncs counts what the disk took, and leaves nothing behind', (t) => {
  const folder = makeFolder(t)
  const { syncsPerSecond, p50Ms, p99Ms } = measureSyncs(folder, 0.05)
  assert.ok(syncsPerSecond > 0 && p50Ms > 0 && p50Ms <= p99Ms)
  assert.deepEqual(readdirSync(folder), [])
})

test('bytesOnDisk counts files below folders, and no holes in them', (t) => {
  const folder = makeFolder(t)
  const before = bytesOnDisk(folder)
  mkdirSync(join(folder, 'below'))
  writeFileSync(join(folder, 'below', 'full'), Buffer.alloc(1_000_000, 1), { flush: true })
  const hole = join(folder, 'hole')
  writeFileSync(hole, '')
  truncateSync(hole, 50_000_000)
  const grown = bytesOnDisk(folder) - before
  assert.ok(grown >= 1_000_000 && grown < 2_000_000, `${grown} bytes`)
})
