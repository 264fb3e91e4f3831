/**
 * Values of a row that is to be written.
 *
 * Owns what a column without a value is: the empty text. Whether it may be missing was decided before. Pure.
 */
import { Payload } from '../../protocol/payload.ts'
import type { GivenRow } from '../sql/values.ts'

export function textIn(row: GivenRow, column: string): string {
  return row.get(column)?.text() ?? ''
}

export function payloadIn(row: GivenRow, column: string): Payload {
  return row.get(column)?.payload() ?? Payload.fromText('')
}
