/**
 * A node whose native library can't be loaded says why and ends with 78.
 *
 * The built node runs in a folder of its own beside all packages but uWebSockets.js, which is missing or replaced by one
 * that fails as a real one does on an old system. Needs dist/, which `npm test` builds first.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ownEnv } from '../support/node.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const LIBRARY = 'uWebSockets.js'

/** Runs `serve` with `library` as the text of the native library's module, null = not installed. */
function serveWith(t: TestContext, library: string | null) {
  const folder = mkdtempSync(join(tmpdir(), 'encke-native-'))
  t.after(() => rmSync(folder, { recursive: true }))
  cpSync(join(repository, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(repository, 'package.json'), join(folder, 'package.json'))
  const packages = join(folder, 'node_modules')
  mkdirSync(packages)
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name !== LIBRARY) symlinkSync(join(repository, 'node_modules', name), join(packages, name))
  }
  if (library !== null) {
    mkdirSync(join(packages, LIBRARY))
    const manifest = { name: LIBRARY, type: 'module', exports: './index.mjs' }
    writeFileSync(join(packages, LIBRARY, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(packages, LIBRARY, 'index.mjs'), library)
  }
  const flags = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--internal-port',
    '0',
    '--publish-port',
    '0',
    '--cometql-port',
    '0',
  ]
  const ran = spawnSync(process.execPath, [join(folder, 'dist', 'main.js'), 'serve', ...flags], {
    encoding: 'utf8',
    timeout: 20_000,
    env: ownEnv(),
  })
  const lines = ran.stderr.trim().split('\n')
  return { code: ran.status, stdout: ran.stdout, lines }
}

for (const [what, library, cause] of [
  ['not installed', null, /it is not installed/],
  [
    'built for a newer libc',
    `throw new Error("/lib/libc.so.6: version \`GLIBC_2.38' not found (required by uws_linux_x64_115.node)")`,
    /needs glibc 2\.38, this machine has /,
  ],
  [
    'without a binary for this Node',
    `throw new Error("Cannot find module './bin/uws_linux_x64_999.node'")`,
    /has no binary for this machine/,
  ],
  ['not the native one', 'export const App = () => ({})', /what loaded is not the native library/],
] as const) {
  test(`a library that is ${what} ends the node with 78 and one line with cause and remedy`, (t) => {
    const { code, stdout, lines } = serveWith(t, library)
    assert.deepEqual([code, stdout, lines.length], [78, '', 1], lines.join('\n'))
    assert.match(lines[0] ?? '', cause)
    assert.ok(lines[0]?.includes(`Node ${process.versions.node}`), lines[0])
    assert.match(lines[0] ?? '', /npm install --save-exact "uWebSockets\.js@github:uNetworking/)
  })
}
