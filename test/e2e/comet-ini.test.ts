/**
 * A comet.ini on the command line: what a node takes from it, and how it ends when it can not be read.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../support/cli-process.ts'
import { withTree } from '../support/tree.ts'

test('values of a comet.ini are told as its own, the password masked', async (t) => {
  const ini =
    '; ours\n[main]\npassword = hunter2 ; secret\n[ws]\nport = 8087\nip = 127.0.0.1\n[db]\nhost = localhost\n'
  const path = join(await withTree(t, { 'comet.ini': ini }), 'comet.ini')
  const { code, stdout, stderr } = await runCli(t, ['print-config', `--comet-ini=${path}`])
  assert.equal(code, 0)
  assert.match(stdout, /^port: 8087 # ini$/m)
  assert.match(stdout, /^cometqlPassword: "\*{5}" # ini$/m)
  assert.match(stdout, /^internalPort: 8081 # default$/m)
  assert.equal(stderr, `Warning: ${path}: not used by Encke: db.host\n`)
})

test('a comet.ini with a mistake is told by section and key', async (t) => {
  const path = join(await withTree(t, { 'comet.ini': '[ws]\nport = 80870\n' }), 'comet.ini')
  const { code, stderr } = await runCli(t, ['check-config'], { env: { ENCKE_COMET_INI: path } })
  assert.equal(code, 78)
  assert.equal(stderr, `[ws] port in ${path}: 80870 is above 65535 (port)\n`)
})

test('a comet.ini that is not there is missing input', async (t) => {
  const path = join(await withTree(t, {}), 'comet.ini')
  const { code, stderr } = await runCli(t, ['check-config', `--comet-ini=${path}`])
  assert.equal(code, 66)
  assert.match(stderr, /^Cannot read the configuration file: ENOENT.*comet\.ini/)
})
