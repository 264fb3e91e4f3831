/**
 * What becomes of the things a command throws.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CommandError, endingOf, exitCodes, exitMeanings, usageError } from '../../../src/cli/exit.ts'
import { AccessError, ConfigError, LimitError, ListenError, UnavailableError } from '../../../src/errors.ts'

test('every thrown thing has its exit code', () => {
  const cases: readonly (readonly [unknown, number])[] = [
    [usageError('x'), 64],
    [new CommandError(73, 'x'), 73],
    [new ConfigError(['a', 'b']), 78],
    [new AccessError('KEY_INVALID', 'x'), 78],
    [new ListenError('x'), 69],
    [new UnavailableError('DRAINING', 'x'), 69],
    [new LimitError('CHANNEL_LIMIT', 'x'), 70],
    [new TypeError('x'), 70],
    ['x', 70],
  ]
  for (const [thrown, code] of cases) assert.equal(endingOf(thrown).exitCode, code, String(thrown))
})

test('configuration mistakes are one line each', () => {
  assert.deepEqual(endingOf(new ConfigError(['a', 'b'])).lines, ['a', 'b'])
})

test('only faults of our own come with a stack', () => {
  assert.match(endingOf(new TypeError('odd')).lines.join('\n'), /^Internal error: TypeError: odd\n\s+at /)
  assert.deepEqual(endingOf(new LimitError('CHANNEL_LIMIT', 'Too many')).lines, ['Too many'])
})

test('guide to the command line lists every exit code with the words of the help', () => {
  const guide = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8')
  for (const [name, code] of Object.entries(exitCodes)) {
    assert.ok(guide.includes(`| ${code} | ${exitMeanings[name as keyof typeof exitMeanings]} |`), name)
  }
})
