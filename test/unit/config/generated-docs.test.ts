/**
 * Pages generated from the tables: in step with them, and checked by a check that can fail.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { codes } from '../../../src/codes.ts'
import { options } from '../../../src/config/options.ts'
import { ruleFields } from '../../../src/config/rules.ts'
import { withTree } from '../../support/tree.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

function generate(...args: string[]) {
  const script = ['--import', 'tsx', 'scripts/generate-docs.ts', ...args]
  return spawnSync(process.execPath, script, { cwd: root, encoding: 'utf8' })
}

test('pages in docs are what the tables say', () => {
  const { status, stderr } = generate('--check')
  assert.equal(status, 0, stderr)
})

test('check names the stale and the missing page', async (t) => {
  const folder = await withTree(t, {})
  assert.equal(generate('--out', folder).status, 0)
  assert.equal(generate('--check', '--out', folder).status, 0)
  appendFileSync(join(folder, 'errors.md'), 'x')
  rmSync(join(folder, 'configuration.md'))
  const { status, stderr } = generate('--check', '--out', folder)
  assert.equal(status, 1)
  assert.match(stderr, /Stale: configuration\.md/)
  assert.match(stderr, /Stale: errors\.md/)
})

test('every code has its heading and its four faces', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  for (const [name, { reply, close, http, mysql }] of Object.entries(codes)) {
    const section = page.split(`\n## ${name}\n`)[1]?.split('\n## ')[0] ?? ''
    assert.ok(section.includes(`| ${reply} | ${close} | ${http} | ${mysql[0]} (${mysql[1]}) |`), name)
  }
})

test('every option and every field of a rule has its row', () => {
  const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  for (const name of Object.keys(options)) assert.ok(page.includes(`| \`${name}\`<br>`), name)
  for (const name of Object.keys(ruleFields)) assert.ok(page.includes(`| \`${name}\` |`), name)
})
