/**
 * Checks that imports go one way: `node --import tsx scripts/check-imports.ts [ROOT]`.
 *
 * Owns the levels of the source tree. A file may import from its own part and from levels below, never from a level
 * above and never from another part of its own level. Type-only imports count: what can't be compiled alone can't be
 * understood alone. Reads every file of src/ once; judges paths only, so it must not be asked what a name is used for.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Parts by level, lowest first. A part is a folder of src/ or a file directly in it, named without `.ts`. */
const LEVELS: readonly (readonly string[])[] = [
  ['codes', 'errors', 'clock', 'log', 'json-log', 'version', 'young-generation'],
  ['protocol', 'config', 'uws'],
  ['core'],
  ['sockets'],
  ['transports', 'comet', 'cometql', 'publish-port', 'http-api', 'bus', 'cluster', 'store', 'metrics'],
  ['server'],
  ['cli'],
  ['main'],
]

/** Parts of the lowest level are single files that build on each other: errors speak in codes. */
const FREE_LEVEL = 0

/** Parts that live outside the levels, and all they may import besides themselves. */
const APART: Readonly<Record<string, readonly string[] | 'anything'>> = {
  client: ['protocol', 'codes'],
  index: 'anything',
}

/** Parts that a program outside src/ loads, so nothing inside may. */
const NEVER_IMPORTED = ['index', 'main']

/** The commands talk to a running node as any page does: through the client. */
const EXTRA: Readonly<Record<string, readonly string[]>> = { cli: ['client'] }

/** `import … from '…'`, `export … from '…'`, `import '…'` and `import('…')`, over line breaks. */
const IMPORT =
  /(?:^|[;}\s])(?:import|export)\s*(?:type\s)?[\w\s{},*$]*?from\s*(['"])(.+?)\1|(?:^|[;}\s])import\s*(['"])(.+?)\3|\bimport\(\s*(['"])(.+?)\5/g

export interface ImportFault {
  /** Path from the root, with `/` */
  readonly file: string
  readonly line: number
  /** The specifier as written */
  readonly imports: string
  readonly rule: string
}

/**
 * Finds every import under `root`/src that goes the wrong way.
 *
 * @param root folder that holds src/
 */
export function checkImports(root: string): ImportFault[] {
  const src = join(root, 'src')
  return sourceFiles(src).flatMap((path) => checkFile(src, path))
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function checkFile(src: string, path: string): ImportFault[] {
  const text = withoutComments(readFileSync(path, 'utf8'))
  const from = partOf(src, path)
  const faults: ImportFault[] = []
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[2] ?? match[4] ?? match[6] ?? ''
    if (!specifier.startsWith('.')) {
      continue
    }
    const rule = brokenRule(from, partOf(src, resolve(dirname(path), specifier)))
    if (rule !== null) {
      const at = match.index + match[0].lastIndexOf(specifier)
      const file = ['src', ...relative(src, path).split(sep)].join('/')
      faults.push({ file, line: lineAt(text, at), imports: specifier, rule })
    }
  }
  return faults
}

/**
 * Blanks comments but keeps their line breaks, so that an import in an example is none and line numbers hold.
 *
 * Only comments that begin a line: a route such as '/*' inside a string begins none.
 */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*$)/gm, (comment) => comment.replace(/[^\n]/g, ' '))
}

/** The part a file belongs to: the first folder below src/, or the file's own name; '..' outside of src/. */
function partOf(src: string, path: string): string {
  const first = relative(src, path).split(sep)[0] ?? ''
  return first.replace(/\.[mc]?[jt]s$/, '')
}

/** The rule that `from` importing `to` breaks, in words; null when it may. */
function brokenRule(from: string, to: string): string | null {
  if (from === to) return null
  if (to === '..') return `${from} may not import from outside src/`
  if (NEVER_IMPORTED.includes(to)) return `nothing imports ${to}`
  const apart = APART[from]
  if (apart !== undefined) {
    if (apart === 'anything' || apart.includes(to)) return null
    return `${from} imports only ${apart.join(' and ')}`
  }
  if (EXTRA[from]?.includes(to)) return null
  return brokenLevel(from, to)
}

function brokenLevel(from: string, to: string): string | null {
  const fromLevel = LEVELS.findIndex((parts) => parts.includes(from))
  const toLevel = LEVELS.findIndex((parts) => parts.includes(to))
  if (fromLevel === -1) return `${from} has no level: give it one in scripts/check-imports.ts`
  if (toLevel === -1) return `${to} is on no level, so ${from} may not import it`
  if (toLevel > fromLevel) return `${from} is below ${to}: imports go down only`
  if (toLevel === fromLevel && fromLevel !== FREE_LEVEL) {
    return `${from} and ${to} are parts of one level: they never import each other`
  }
  return null
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function main(root: string): void {
  const faults = checkImports(root)
  for (const fault of faults) {
    console.error(`${fault.file}:${fault.line}: imports "${fault.imports}": ${fault.rule}`)
  }
  if (faults.length > 0) {
    process.exitCode = 1
  } else {
    console.log('Imports go one way')
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)))
}
