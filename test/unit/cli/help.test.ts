/**
 * Help texts: complete for every command, and in step with the guide.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commands } from '../../../src/cli/commands.ts'
import { commandHelp, overview } from '../../../src/cli/help.ts'
import { optionFlags } from '../../../src/cli/option-flags.ts'
import { figureTable } from '../../../src/cli/stats.ts'
import { flagName } from '../../../src/config/names.ts'
import { options } from '../../../src/config/options.ts'

const guide = readFileSync(new URL('../../../docs/command-line.md', import.meta.url), 'utf8')

for (const entry of commands) {
  test(`help of ${entry.name} has its flags, examples and the exit codes`, async () => {
    const command = await entry.load()
    assert.equal(command.name, entry.name)
    const help = await commandHelp(command)
    for (const flag of Object.keys(command.flags)) assert.match(help, new RegExp(`^ +--${flag}\\b`, 'm'))
    assert.ok(command.examples.length > 0)
    for (const [line] of command.examples) assert.ok(help.includes(`encke ${line}`), line)
    for (const { name } of command.positionals) assert.match(help, new RegExp(`^encke .*[<[]${name}`))
    assert.match(help, /Exit codes:\n {2}0 {3}done\n {2}64 /)
  })

  test(`guide to the command line tells about ${entry.name}`, async () => {
    assert.match(guide, new RegExp(`^## ${entry.name}$`, 'm'))
    const { flags } = await entry.load()
    const own = Object.keys(flags).filter(
      (flag) => !Object.hasOwn(optionFlags, flag) || entry.name === 'publish',
    )
    for (const flag of own) assert.ok(guide.includes(`--${flag}`), flag)
  })
}

test('overview lists every command', async () => {
  const text = await overview(commands)
  for (const { name, describe } of commands) assert.match(text, new RegExp(`encke ${name} +${describe}`))
})

test('every option is a flag, with its bounds in the help', () => {
  for (const name of Object.keys(options)) assert.ok(Object.hasOwn(optionFlags, flagName(name)), name)
  assert.match(
    optionFlags['drain-ms']?.describe ?? '',
    /\(ms, 0–600000\)\. 0: close all connections at once$/,
  )
  assert.equal(optionFlags['drain-ms']?.defaultText, '2000')
})

test('figures are laid out in two columns, with groups and thousands', () => {
  const text = figureTable({
    version: '0.1.0',
    counts: { openConnections: 1_234_567 },
    perSecond: { a: 0.25 },
  })
  assert.deepEqual(
    text.split('\n').map((line) => line.replace(/ {2,}(?=\S+$)/, ' | ')),
    ['version | 0.1.0', 'counts', '  open connections | 1,234,567', 'per second', '  a | 0.3'],
  )
})
