/**
 * Tests of scripts/check-size.ts on made-up trees: both bounds from both sides, reasons, and reasons gone stale.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSizes } from '../../../scripts/check-size.ts'
import { withTree } from '../../support/tree.ts'

function lines(count: number, header = '/** Header. */'): string {
  return `${header}\n${'let x\n'.repeat(count - 1)}`
}

test('size check says nothing about a file of 400 lines', async (t) => {
  const root = await withTree(t, { 'src/a.ts': lines(400) })
  assert.deepEqual(checkSizes(root, {}), { faults: [], notes: [] })
})

test('size check refuses a file of 401 lines whose header gives no reason', async (t) => {
  const root = await withTree(t, { 'test/unit/a.test.ts': lines(401) })
  assert.deepEqual(checkSizes(root, {}).faults, [
    'test/unit/a.test.ts: 401 lines: its header does not say why it is longer',
  ])
})

test('size check notes a file of 600 lines whose header says why it is longer', async (t) => {
  const root = await withTree(t, {
    'src/a.ts': lines(600, '/** Longer than most because it is a table. */'),
    'scripts/b.sh': lines(401, '#!/usr/bin/env bash\n#\n# Longer than most: all in one place.'),
  })
  assert.deepEqual(checkSizes(root, {}), {
    faults: [],
    notes: [
      'scripts/b.sh: 403 lines: explained in its header',
      'src/a.ts: 600 lines: explained in its header',
    ],
  })
})

test('size check does not take the word longer outside the header for a reason', async (t) => {
  const root = await withTree(t, { 'src/a.ts': `${lines(401)}// longer\n` })
  assert.equal(checkSizes(root, {}).faults.length, 1)
})

test('size check refuses a file of 601 lines even if its header explains it', async (t) => {
  const root = await withTree(t, { 'src/a.ts': lines(601, '/** Longer because. */') })
  assert.deepEqual(checkSizes(root, {}).faults, [
    'src/a.ts: 601 lines: above 600, split it by what its parts own',
  ])
})

test('size check notes a listed file of 601 lines with its reason', async (t) => {
  const root = await withTree(t, { 'src/a.ts': lines(601) })
  assert.deepEqual(checkSizes(root, { 'src/a.ts': 'table: one row per code' }), {
    faults: [],
    notes: ['src/a.ts: 601 lines (table: one row per code)'],
  })
})

test('size check refuses a listed file that is short again or gone', async (t) => {
  const root = await withTree(t, { 'src/a.ts': lines(10) })
  const listed = { 'src/a.ts': 'parser: one loop', 'src/gone.ts': 'generated: by a script' }
  assert.deepEqual(checkSizes(root, listed).faults, [
    'src/a.ts: listed as long, but it is not: take it off the list',
    'src/gone.ts: listed as long, but it is not: take it off the list',
  ])
})

test('size check refuses a reason of no known kind', async (t) => {
  const root = await withTree(t, { 'src/a.ts': lines(601) })
  assert.deepEqual(checkSizes(root, { 'src/a.ts': 'it grew' }).faults, [
    'src/a.ts: "it grew" is no reason: only a parser, a table or a generated file may be this long',
  ])
})
