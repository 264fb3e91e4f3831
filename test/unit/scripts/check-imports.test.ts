/**
 * Tests of scripts/check-imports.ts on made-up trees: every rule once broken, and what must not count as broken.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkImports } from '../../../scripts/check-imports.ts'
import { withTree } from '../../support/tree.ts'

/** Import lines that break a rule, by the file they stand in, and the rule as reported. */
const broken: readonly [file: string, line: string, rule: string][] = [
  [
    'core/hub.ts',
    "import { app } from '../transports/websocket.ts'",
    'core is below transports: imports go down only',
  ],
  ['core/hub.ts', "import type { App } from '../server.ts'", 'core is below server: imports go down only'],
  [
    'codes.ts',
    "import { parse } from './protocol/parse.ts'",
    'codes is below protocol: imports go down only',
  ],
  [
    'sockets/topic-sets.ts',
    "import { streamOf } from '../transports/sse-fan-out.ts'",
    'sockets is below transports: imports go down only',
  ],
  [
    'core/hub.ts',
    "import { createTopicSets } from '../sockets/topic-sets.ts'",
    'core is below sockets: imports go down only',
  ],
  [
    'comet/comet.ts',
    "import { serveSse } from '../transports/sse.ts'",
    'comet and transports are parts of one level: they never import each other',
  ],
  [
    'transports/websocket.ts',
    "import { route } from '../http-api/routes.ts'",
    'transports and http-api are parts of one level: they never import each other',
  ],
  [
    'protocol/messages.ts',
    "import { options } from '../config/options.ts'",
    'protocol and config are parts of one level: they never import each other',
  ],
  ['client/client.ts', "import { systemClock } from '../clock.ts'", 'client imports only protocol and codes'],
  ['cli/serve.ts', "import { createPublisher } from '../index.ts'", 'nothing imports index'],
  ['server.ts', "await import('./main.ts')", 'nothing imports main'],
  [
    'server.ts',
    "import { createClient } from './client/client.ts'",
    'client is on no level, so server may not import it',
  ],
  ['server.ts', "import pkg from '../package.json'", 'server may not import from outside src/'],
  [
    'metrics/table.ts',
    "export { routes } from '../http-api/routes.ts'",
    'metrics and http-api are parts of one level: they never import each other',
  ],
  [
    'attic/old.ts',
    "import { codes } from '../codes.ts'",
    'attic has no level: give it one in scripts/check-imports.ts',
  ],
]

for (const [file, line, rule] of broken) {
  test(`import check refuses ${line} in ${file}`, async (t) => {
    const root = await withTree(t, { [`src/${file}`]: `/** Header. */\n${line}\n` })
    const specifier = /'(.*)'/.exec(line)?.[1]
    assert.deepEqual(checkImports(root), [{ file: `src/${file}`, line: 2, imports: specifier, rule }])
  })
}

const allowed: readonly [file: string, line: string][] = [
  ['errors.ts', "import { codes } from './codes.ts'"],
  ['config/options.ts', "import { logLevels } from '../log.ts'"],
  ['core/hub.ts', "import type { FanOut } from './fan-out.ts'"],
  ['transports/websocket.ts', "import { Session } from '../core/session.ts'"],
  ['sockets/topic-sets.ts', "import { topicOf } from '../core/hub-channel.ts'"],
  ['transports/sse.ts', "import type { ConnectionGate } from '../sockets/connection-gate.ts'"],
  ['comet/comet.ts', "import type { ConnectionGate } from '../sockets/connection-gate.ts'"],
  ['client/client.ts', "import type { Reply } from '../protocol/messages.ts'"],
  ['cli/publish.ts', "import { createPublisher } from '../publish-port/publisher.ts'"],
  ['cli/subscribe.ts', "import { createClient } from '../client/client.ts'"],
  ['index.ts', "export { createClient } from './client/client.ts'"],
  ['main.ts', "await import('./cli/serve.ts')"],
  ['core/hub.ts', "import { readFile } from 'node:fs/promises'"],
]

for (const [file, line] of allowed) {
  test(`import check allows ${line} in ${file}`, async (t) => {
    const root = await withTree(t, { [`src/${file}`]: `${line}\n` })
    assert.deepEqual(checkImports(root), [])
  })
}

test('import check sees an import spread over lines and reports the line of its path', async (t) => {
  const text = "import type {\n  App,\n  Socket,\n} from '../transports/websocket.ts'\n"
  const root = await withTree(t, { 'src/core/hub.ts': text })
  assert.deepEqual(
    checkImports(root).map((fault) => fault.line),
    [4],
  )
})

test('import check takes an import in a comment for no import, and a route in a string for no comment', async (t) => {
  const text = [
    '/**',
    " * import { app } from '../transports/websocket.ts'",
    ' */',
    "// import { app } from '../transports/websocket.ts'",
    "app.any('/*', answer)",
    "await import('../server.ts') /* last */",
  ]
  const root = await withTree(t, { 'src/core/hub.ts': text.join('\n') })
  assert.deepEqual(
    checkImports(root).map((fault) => [fault.line, fault.imports]),
    [[6, '../server.ts']],
  )
})

test('import check passes on the source of Encke', () => {
  assert.deepEqual(checkImports(fileURLToPath(new URL('../../..', import.meta.url))), [])
})
