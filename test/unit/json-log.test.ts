/**
 * Tests of src/json-log.ts: the lines a real process writes.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { LogLevel } from '../../src/log.ts'

/** What a process that logs at every level writes to stderr, and whether it wrote anything to stdout. */
function linesAt(level: LogLevel): Record<string, unknown>[] {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('../../src/json-log.ts', import.meta.url).href)}
    const log = createLogger(${JSON.stringify(level)})
    log.trace('t', { n: 0 })
    log.debug('d', { n: 1 })
    log.info('i', { n: 2 })
    log.warn('w')
    log.error('e', { n: 4 })
    log.child({ session: 's1' }).child({ transport: 'websocket' }).error('child', { n: 5 })
    process.exit(0)`
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  )
  assert.deepEqual([status, stdout], [0, ''], stderr)
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

test('logger writes one JSON line for each call to stderr, the last before an exit too', () => {
  const lines = linesAt('trace')
  assert.deepEqual(
    lines.map((line) => line.msg),
    ['t', 'd', 'i', 'w', 'e', 'child'],
  )
  assert.deepEqual(
    lines.map((line) => line.n),
    [0, 1, 2, undefined, 4, 5],
  )
  assert.deepEqual([lines[5]?.session, lines[5]?.transport], ['s1', 'websocket'])
  for (const line of lines) assert.equal(typeof line.time, 'number')
})

test('logger leaves out what is below its level', () => {
  assert.deepEqual(
    linesAt('warn').map((line) => line.msg),
    ['w', 'e', 'child'],
  )
  assert.deepEqual(linesAt('silent'), [])
})
