/**
 * What every scenario is given: cores, compiled programs, and how to run a generator.
 *
 * Owns the choice between the generator in C and the one in Node, and the shape of a scenario's result.
 */
import { join } from 'node:path'
import { assignCores, type Cores } from './cores.ts'
import { compileNative, type NativePrograms } from './native.ts'
import { repository } from './paths.ts'
import type { Table } from './table.ts'

const nodeGenerator = join(repository, 'bench', 'support', 'generator-node.ts')

export interface Rig {
  readonly cores: Cores
  /** null when the machine has no C compiler. */
  readonly native: NativePrograms | null
  readonly generatorKind: 'C' | 'Node'
  /** Command of generator `index`, pinning included, without flags. */
  generatorCommand(index: number): readonly string[]
}

export interface ScenarioResult {
  readonly tables: readonly Table[]
  /** Said under the tables: conditions and exceptions of this run. */
  readonly notes: readonly string[]
  /** What must not happen in a sound run, such as lost messages. */
  readonly problems: readonly string[]
  /** The figures as they go into the JSON. */
  readonly figures: unknown
}

/** For scenarios whose clients only the generator in C can be. @throws {Error} when there is none */
export function requireNative(rig: Rig, scenario: string): void {
  if (rig.native === null)
    throw new Error(`Cannot run "${scenario}": it needs the generator in C, that is a C compiler`)
}

/** @param withoutNative act as if there were no C compiler */
export function setUpRig(withoutNative: boolean): Rig {
  const cores = assignCores()
  const native = withoutNative ? null : compileNative()
  const program = native === null ? [process.execPath, '--import', 'tsx', nodeGenerator] : [native.generator]
  return {
    cores,
    native,
    generatorKind: native === null ? 'Node' : 'C',
    generatorCommand: (index) => [...cores.generator(index), ...program],
  }
}

/** Notes on the conditions of a run that hold for every scenario. */
export function conditions(rig: Rig): string[] {
  return [
    rig.cores.isPinned
      ? 'Servers are pinned to one core, generators to the others.'
      : 'Nothing is pinned: servers and generators share cores, figures are lower and vary more.',
    ...(rig.native === null
      ? ['No C compiler: the generator is a Node program and often the bottleneck; there is no C ceiling.']
      : []),
  ]
}
