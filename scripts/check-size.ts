/**
 * Checks that files stay readable: `node --import tsx scripts/check-size.ts [ROOT]`.
 *
 * Owns two bounds. Above 400 lines a file's header must say why it is long (in a sentence with the word "longer");
 * above 600 it fails unless the list below gives a reason, and only parsers, tables and generated files have one.
 * Entries of the list that are no longer needed fail too, so the list never rots.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXPLAIN_ABOVE_LINES = 400
const FAIL_ABOVE_LINES = 600

/** The word a long file's header uses to explain its length. */
const EXPLANATION = /\blonger\b/i

const FOLDERS = ['src', 'test', 'bench', 'scripts', 'examples']
const ENDINGS = ['.ts', '.mjs', '.js', '.css', '.html', '.sh', '.c', '.h', '.lua']

/** Files above 600 lines by path, each with its kind and reason: `parser: …`, `table: …` or `generated: …`. */
export type LongFiles = Readonly<Record<string, string>>
const LONG_FILES: LongFiles = {}

export interface SizeReport {
  /** Each fails the check. */
  readonly faults: readonly string[]
  /** Long files that explain themselves. */
  readonly notes: readonly string[]
}

/**
 * Measures every source file under `root`.
 *
 * @param longFiles reasons for files above 600 lines, by path from the root with `/`
 */
export function checkSizes(root: string, longFiles: LongFiles = LONG_FILES): SizeReport {
  const faults: string[] = []
  const notes: string[] = []
  const excused = new Set<string>()
  for (const path of sourceFiles(root)) {
    const text = readFileSync(join(root, path), 'utf8')
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
    const reason = longFiles[path]
    if (lines > FAIL_ABOVE_LINES && reason !== undefined) {
      excused.add(path)
      notes.push(`${path}: ${lines} lines (${reason})`)
    } else if (lines > FAIL_ABOVE_LINES) {
      faults.push(`${path}: ${lines} lines: above ${FAIL_ABOVE_LINES}, split it by what its parts own`)
    } else if (lines > EXPLAIN_ABOVE_LINES) {
      const target = EXPLANATION.test(header(text)) ? notes : faults
      const note = target === notes ? 'explained in its header' : 'its header does not say why it is longer'
      target.push(`${path}: ${lines} lines: ${note}`)
    }
  }
  return { faults: [...faults, ...staleReasons(longFiles, excused)], notes }
}

function sourceFiles(root: string): string[] {
  return FOLDERS.filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true, recursive: true }))
    .filter((entry) => entry.isFile() && ENDINGS.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

/** The comment a file begins with, in any of the comment forms of our languages. */
function header(text: string): string {
  const match = /^(?:#![^\n]*\n)?\s*(?:\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->|(?:(?:#|--|\/\/)[^\n]*\n)+)/.exec(
    text,
  )
  return match?.[0] ?? ''
}

function staleReasons(longFiles: LongFiles, excused: ReadonlySet<string>): string[] {
  return Object.entries(longFiles).flatMap(([path, reason]) => {
    if (!/^(parser|table|generated): ./.test(reason)) {
      return [
        `${path}: "${reason}" is no reason: only a parser, a table or a generated file may be this long`,
      ]
    }
    return excused.has(path) ? [] : [`${path}: listed as long, but it is not: take it off the list`]
  })
}

function main(root: string): void {
  const { faults, notes } = checkSizes(root)
  for (const note of notes) console.log(`note: ${note}`)
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) {
    process.exitCode = 1
  } else {
    console.log('Sizes are within bounds')
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)))
}
