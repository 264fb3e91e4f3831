/**
 * PHP's own web server for tests, as `php -S` runs an application on a developer's machine.
 *
 * Owns one process on a free port of loopback per call; it ends with its test. What it logs is in the error when it
 * does not start.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

const READY_WITHIN_MS = 30_000

/**
 * Serves a folder; resolves to its address, such as http://127.0.0.1:40001.
 *
 * @param env environment variables on top of this process's own
 */
export async function startPhpServer(
  t: TestContext,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const child = spawn('php', ['-S', '127.0.0.1:0', '-t', folder], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  atEnd(t, async () => {
    child.kill()
    await ended
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  return until(() => /Server \((http:\S+)\) started/.exec(said)?.[1], {
    withinMs: READY_WITHIN_MS,
    what: () => `PHP to serve ${folder}; it said:\n${said}`,
  })
}
