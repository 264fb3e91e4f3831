/**
 * Values in the form they are compared and ordered by.
 *
 * Owns what a text has to be to stand for a number, and that no number passes for another one: whole numbers are exact
 * however many digits they have, and one with a fraction that would have to be rounded is no number, but in columns of
 * doubles. A text longer than `MAX_NUMBER_LENGTH` is no number. Pure.
 */
import type { TableColumn } from '../tables/table.ts'
import { folded } from './like.ts'

/** No character can be matched in two ways, so that a text that is no number is refused in one pass. */
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

const WHOLE = /^[+-]?\d+$/

const MAX_NUMBER_LENGTH = 64

/** A double has them all, whatever they are. */
const EXACT_DIGITS = 15

/** Equal values are the same to `===`, whichever way they were written; NaN is equal to nothing. */
export type Comparable = string | number | bigint

export type Reading = (value: string | number) => Comparable

/** How values of a column are read. @param isAnyCase whether letters in upper and lower case are the same */
export function readingOf(column: TableColumn, isAnyCase: boolean): Reading {
  if (column.type === 'number') return doubleOf
  if (column.type === 'integer' || column.isNumber === true) return numberOf
  return isAnyCase ? (value) => folded(String(value)) : String
}

/** Whether values of a column are texts to a comparison. */
export function isText({ type, isNumber }: TableColumn): boolean {
  return type === 'text' && isNumber !== true
}

/** The number that a value stands for, exactly; NaN = none. A bigint only where a number would not be exact. */
export function numberOf(value: string | number): number | bigint {
  if (typeof value === 'number') {
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value
  }
  if (value.length <= EXACT_DIGITS && WHOLE.test(value)) return Number(value)
  const text = trimmed(value)
  if (!WHOLE.test(text)) return hasExactDigits(text) ? numberOf(doubleOf(text)) : Number.NaN
  return whole(BigInt(text.replace('+', '')))
}

function doubleOf(value: string | number): number {
  if (typeof value === 'number') return value
  const text = trimmed(value)
  return DECIMAL.test(text) ? Number(text) : Number.NaN
}

function trimmed(text: string): string {
  return text.length > MAX_NUMBER_LENGTH ? '' : text.trim()
}

function whole(value: bigint): number | bigint {
  const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
  return isSafe ? Number(value) : value
}

/** Zeros at either end are no digits that could be lost. */
function hasExactDigits(text: string): boolean {
  const [mantissa = ''] = text.split(/e/i)
  const digits = mantissa.replace(/\D/g, '').replace(/^0+/, '').replace(/0+$/, '')
  return digits.length <= EXACT_DIGITS
}
