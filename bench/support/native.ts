/**
 * Compiles the programs in bench/native with the machine's C compiler, when they are older than their sources.
 *
 * Owns bench/native/build. A program is compiled under another name and renamed, so that two benches at once do not
 * run half a file. Without a compiler there are no native programs, and the bench says what that means.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './paths.ts'

const folder = join(repository, 'bench', 'native')
const build = join(folder, 'build')
const flags = ['-O2', '-Wall', '-Wextra', '-std=gnu11']
const programs = {
  generator: [
    'generator.c',
    'clients.c',
    'comet.c',
    'cycle.c',
    'flags.c',
    'handshake.c',
    'polls.c',
    'publisher.c',
    'publishers.c',
  ],
  ceiling: ['ceiling.c'],
} as const

export interface NativePrograms {
  readonly generator: string
  readonly ceiling: string
}

/**
 * Compiles what is out of date.
 *
 * @returns paths of the programs; null when there is no `cc`
 * @throws {Error} when there is one and it refuses the sources
 */
export function compileNative(): NativePrograms | null {
  if (!hasCompiler()) return null
  mkdirSync(build, { recursive: true })
  return { generator: compile('generator'), ceiling: compile('ceiling') }
}

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false // not installed
  }
}

function compile(name: keyof typeof programs): string {
  const program = join(build, name)
  if (existsSync(program) && statSync(program).mtimeMs >= newestSourceMs()) return program
  const unfinished = `${program}.${process.pid}`
  const sources = programs[name].map((source) => join(folder, source))
  execFileSync('cc', [...flags, '-o', unfinished, ...sources], { stdio: ['ignore', 'inherit', 'inherit'] })
  renameSync(unfinished, program)
  return program
}

function newestSourceMs(): number {
  const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name))
  return Math.max(...sources.map((name) => statSync(join(folder, name)).mtimeMs))
}
