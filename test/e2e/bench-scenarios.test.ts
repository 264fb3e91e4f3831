/**
 * Scenarios of the bench from their flags to the JSON they write, as small as they get.
 *
 * Measures the node in dist/, as the bench always does: build first. Shows that they run to their end without a problem
 * and that every figure is there; what the figures are is no matter.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { compileNative } from '../../bench/support/native.ts'
import { enckeProgram } from '../../bench/support/paths.ts'
import { runCommand } from '../support/node.ts'

const needsC = { skip: compileNative() === null && 'no C compiler' }
const short = ['--quick', '--seconds', '0.5', '--warm-up-seconds', '0.1', '--max-minutes', '1.5']

/** A machine that stands still for all of what is measured has measured nothing: it is done again. */
const RUNS = 3

interface Outcome {
  readonly stdout: string
  readonly problems: readonly string[]
  readonly figures: unknown
}

/** Runs a scenario until every figure is there. @param check throws when one is not */
async function measure(
  t: TestContext,
  [scenario, ...flags]: readonly [string, ...string[]],
  check: (figures: unknown) => void,
): Promise<string> {
  for (let run = 1; ; run++) {
    const { stdout, problems, figures } = await runScenario(t, scenario, flags)
    assert.deepEqual(problems, [])
    try {
      check(figures)
      return stdout
    } catch (missing) {
      if (run === RUNS) throw missing
    }
  }
}

/** Runs a scenario in a folder of its own, which is gone with the test. */
async function runScenario(t: TestContext, scenario: string, flags: readonly string[]): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'encke-bench-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const json = join(folder, 'figures.json')
  const bench = ['--import', 'tsx', 'bench/main.ts', scenario, ...short, '--json', json, ...flags]
  const command = runCommand(process.execPath, bench)
  t.after(() => command.process.kill())
  const code = await command.ended
  assert.equal(code, 0, `${command.stderr()}\nIt measures ${enckeProgram}, which must be built`)
  const { problems, figures } = JSON.parse(readFileSync(json, 'utf8')) as Outcome
  return { stdout: command.stdout(), problems, figures }
}

/** Every number of `rows` under these names is there and above zero. */
function assertFigures(rows: readonly object[], names: readonly string[]): void {
  for (const row of rows)
    for (const name of names) {
      const value: unknown = Reflect.get(row, name)
      assert.ok(
        typeof value === 'number' && value > 0,
        `${name} is ${String(value)} in ${JSON.stringify(row)}`,
      )
    }
}

test('comet delivers to pages of both versions in every way, and weighs idle ones', needsC, async (t) => {
  const small = ['--subscribers', '20', '--burst', '3', '--connections', '500', '--settle-seconds', '0.5']
  const stdout = await measure(t, ['comet', ...small], (figures) => {
    const { rates, memory } = figures as { rates: object[]; memory: object }
    assert.equal(rates.length, 3 * 4)
    assertFigures(rates, ['deliveriesPerSecond', 'nativeRatio'])
    assertFigures([memory], ['connections', 'baseBytes'])
  })
  assert.match(stdout, /^comet 4\.08 .*^comet 3\.25 /ms)
  assert.match(stdout, /Memory of idle pages/)
})

test('durable publishes on disk and in memory, and finds everything after a kill', async (t) => {
  const stdout = await measure(t, ['durable', '--fill', '2000', '--missed', '500'], (figures) => {
    const { syncs, rates, restart } = figures as { syncs: object; rates: object[]; restart: object }
    assertFigures([syncs], ['syncsPerSecond', 'p50Ms', 'p99Ms'])
    assert.equal(rates.length, 3 * 2)
    assertFigures(rates, ['publicationsPerSecond', 'memoryRatio', 'syncRatio'])
    assertFigures([restart], ['publications', 'diskBytes', 'readyMs', 'firstPageMs', 'missed', 'recoveryMs'])
  })
  assert.match(stdout, /Killed and started again/)
})
