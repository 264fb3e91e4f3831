/**
 * What the file says it is, and how an older one becomes a newer one.
 *
 * Owns the format row, the version this code writes, and the migrations between versions: each makes its changes and raises the
 * version in one commit, so a power cut between two leaves a store that is whole. A file of a newer version is refused, not
 * guessed at. A version is raised when keys or values change their meaning; new tables alone are no reason.
 */
import { FORMAT_KEY } from './keys.ts'
import type { Operation, Tree } from './tree.ts'
import { decodeRow, encodeRow } from './values.ts'

/** What this code reads and writes. */
export const FORMAT_VERSION = 1

/** In the format row of every store. */
const NAME = 'encke'

/** From one version to the next. */
export interface Migration {
  readonly from: number
  /** All that has to change; the version is raised with it. */
  readonly operations: (tree: Tree) => Operation[]
}

/** By what they start from: one for each version before `FORMAT_VERSION`. */
export const migrations: readonly Migration[] = []

/** The row of a new store. */
export function formatOperation(version: number): Operation {
  return { key: FORMAT_KEY, value: encodeRow(FORMAT_KEY, JSON.stringify({ store: NAME, format: version })) }
}

/** The version that the format row says; null when it is damaged, or not a row of Encke's. */
export function formatIn(value: Buffer): number | null {
  const text = decodeRow(FORMAT_KEY, value)
  if (text === null) return null
  const row: unknown = JSON.parse(text)
  if (typeof row !== 'object' || row === null || !('store' in row) || !('format' in row)) return null
  return row.store === NAME && typeof row.format === 'number' ? row.format : null
}

/** The version of a store; null when the tree is none of Encke's. */
export function formatOf(tree: Tree): number | null {
  const value = tree.get(FORMAT_KEY)
  return value === null ? null : formatIn(value)
}

/**
 * Brings a store up to `version`, one commit per step.
 *
 * @returns versions that were reached on the way, none when there was nothing to do
 * @throws {RangeError} when a step is missing
 */
export async function migrate(
  tree: Tree,
  steps: readonly Migration[] = migrations,
  version: number = FORMAT_VERSION,
): Promise<number[]> {
  const passed: number[] = []
  for (let at = formatOf(tree); at !== null && at < version; at = formatOf(tree)) {
    const step = steps.find(({ from }) => from === at)
    if (step === undefined) throw new RangeError(`No way from format ${at} of the store to ${version}`)
    await tree.commit([...step.operations(tree), formatOperation(at + 1)])
    passed.push(at + 1)
  }
  return passed
}
