/**
 * Whether a reader was told the whole truth: what it received and what it was told would not come are all there was.
 *
 * Owns the check of the books of single readers. Pure.
 */
import type { Books, ReaderBooks } from './reports.ts'

/** Publications between a reader's subscription and its last word that it neither got nor was told of; can be negative. */
export function unexplained({ firstOffset, lastOffset, received, gapped }: ReaderBooks): number {
  return lastOffset - firstOffset - received - gapped
}

/** Whether every reader that is still there has come as far as `latestOffset`. */
export function areCaughtUp({ readers }: Books, latestOffset: number): boolean {
  return readers.every((reader) => !reader.isOpen || reader.lastOffset === latestOffset)
}

/**
 * What is wrong with the books of readers.
 *
 * @param mayEnd whether the node may have ended some: they are owed nothing after that, but everything before
 */
export function faultsOf(books: Books, latestOffset: number, mayEnd: boolean): string[] {
  const missing = books.readers.reduce((total, reader) => total + Math.abs(unexplained(reader)), 0)
  const behind = books.readers.filter((reader) => reader.isOpen && reader.lastOffset !== latestOffset).length
  return [
    ...(missing > 0 ? [`${missing} publications neither came nor were said to be missing`] : []),
    ...(books.breaks > 0 ? [`${books.breaks} times a message did not begin where the one before ended`] : []),
    ...(behind > 0 ? [`${behind} readers never caught up`] : []),
    ...(books.closed > 0 && !mayEnd
      ? [`${books.closed} readers were closed: ${JSON.stringify(books.reasons)}`]
      : []),
  ]
}
