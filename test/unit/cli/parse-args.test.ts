/**
 * Command lines, accepted and refused.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Command } from '../../../src/cli/command.ts'
import { CommandError } from '../../../src/cli/exit.ts'
import { isOn, listOf, numberOf, parseArgs, textOf } from '../../../src/cli/parse-args.ts'

const command: Pick<Command, 'name' | 'flags' | 'positionals'> = {
  name: 'publish',
  positionals: [
    { name: 'channel', describe: '' },
    { name: 'data', describe: '', isOptional: true },
  ],
  flags: {
    host: { kind: 'text', describe: '' },
    port: { kind: 'number', describe: '' },
    json: { kind: 'switch', describe: '' },
    channel: { kind: 'text', describe: '', isList: true },
  },
}

const parse = (...tokens: string[]) => parseArgs(command, tokens)

function refusal(...tokens: string[]): string {
  try {
    parse(...tokens)
  } catch (error) {
    assert.ok(error instanceof CommandError)
    assert.equal(error.exitCode, 64)
    return error.message
  }
  return assert.fail(`taken: ${tokens.join(' ')}`)
}

describe('positionals', () => {
  test('are taken as typed, numbers, dashes and empty text included', () => {
    assert.deepEqual(parse('news', '007').positionals, ['news', '007'])
    assert.deepEqual(parse('news', '-').positionals, ['news', '-'])
    assert.deepEqual(parse('news', '').positionals, ['news', ''])
    assert.deepEqual(parse('--json', 'news', '--', '--x').positionals, ['news', '--x'])
  })

  test('are neither missing nor too many', () => {
    assert.equal(refusal(), 'Command publish needs <channel>')
    assert.equal(refusal('a', 'b', 'c'), 'Unexpected argument "c"')
  })

  test('may be a list at the end, of at least one', () => {
    const open = { ...command, positionals: [{ name: 'channel', describe: '', isList: true as const }] }
    assert.deepEqual(parseArgs(open, ['a', 'b', 'c']).positionals, ['a', 'b', 'c'])
    assert.throws(() => parseArgs(open, []), /needs <channel>/)
  })

  test('may be missing when help is asked for', () => {
    assert.equal(isOn(parse('--help'), 'help'), true)
    assert.equal(isOn(parse('-h'), 'help'), true)
  })
})

describe('flags', () => {
  test('take their value after a space or an equals sign', () => {
    assert.equal(textOf(parse('c', '--host', 'a'), 'host'), 'a')
    assert.equal(textOf(parse('c', '--host=a=b'), 'host'), 'a=b')
    assert.equal(textOf(parse('c', '--host='), 'host', 'other'), '')
    assert.equal(textOf(parse('c', '--host=-x'), 'host'), '-x')
    assert.equal(textOf(parse('c'), 'host', 'other'), 'other')
  })

  test('that are unknown are refused with the nearest known flag', () => {
    assert.equal(refusal('c', '--prot', '5'), 'Unknown flag --prot, did you mean "--port"?')
    assert.equal(refusal('c', '--jsn'), 'Unknown flag --jsn, did you mean "--json"?')
    assert.equal(refusal('c', '--no-jsn'), 'Unknown flag --no-jsn, did you mean "--no-json"?')
    assert.equal(refusal('c', '--xyzzyx'), 'Unknown flag --xyzzyx')
    assert.equal(refusal('c', '--toString'), 'Unknown flag --toString')
  })

  test('with one dash are refused', () => {
    assert.match(refusal('c', '-p'), /^Unknown flag -p: flags have two dashes/)
    assert.match(refusal('c', '-5'), /^Unknown flag -5: .* -- goes before text/)
  })

  test('without their value are refused', () => {
    assert.equal(refusal('c', '--host'), 'Flag --host needs a value: write --host=VALUE')
    assert.equal(refusal('c', '--host', '--json'), 'Flag --host needs a value: write --host=VALUE')
  })

  test('may be repeated where they are lists only', () => {
    assert.deepEqual(listOf(parse('c', '--channel', 'a', '--channel=b'), 'channel'), ['a', 'b'])
    assert.throws(() => textOf(parse('c', '--host=a', '--host=b'), 'host'), /given 2 times/)
  })
})

describe('switches', () => {
  test('are on, off, or not given', () => {
    assert.equal(isOn(parse('c', '--json'), 'json'), true)
    assert.equal(isOn(parse('c', '--no-json'), 'json'), false)
    assert.equal(isOn(parse('c', '--json=false'), 'json'), false)
    assert.equal(isOn(parse('c', '--no-json', '--json'), 'json'), true)
    assert.equal(isOn(parse('c'), 'json'), false)
  })

  test('take no other value', () => {
    assert.equal(refusal('c', '--json=5'), 'Flag --json takes no value but =true or =false: got "5"')
  })

  test('leave the word behind them alone', () => {
    assert.deepEqual(parse('--json', 'news').positionals, ['news'])
  })
})

describe('numbers', () => {
  const bounds = { min: 1, max: 10, otherwise: 7 }

  test('are whole and within bounds, and have a default', () => {
    assert.equal(numberOf(parse('c', '--port', '10'), 'port', bounds), 10)
    assert.equal(numberOf(parse('c'), 'port', bounds), 7)
  })

  test('beyond their bounds are refused, as is what is none', () => {
    const read = (text: string) => numberOf(parse('c', `--port=${text}`), 'port', bounds)
    assert.throws(() => read('0'), /at least 1: got 0/)
    assert.throws(() => read('11'), /at most 10: got 11/)
    for (const text of ['', '1.5', 'x', '1e0']) assert.throws(() => read(text), /takes a whole number/)
  })
})
