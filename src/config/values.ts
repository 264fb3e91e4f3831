/**
 * One value of one option, from text or from a file, checked against its shape.
 *
 * Owns the two steps every value takes: text becomes the kind its option wants (flags and environment variables
 * hold nothing but text), then the value is held against kind and bounds. A mistake is a phrase that names value
 * and bound; who calls puts source and name in front. Values of plain text options are never quoted, because some
 * of them are secrets.
 */

import { suggestion } from './names.ts'
import type { Shape } from './options.ts'

const MAX_TEXT_LENGTH = 4_096
const MAX_LIST_ITEMS = 1_000
const MAX_QUOTED_LENGTH = 60

const WORDS_FOR_BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
])

export type PlainValue = number | string | boolean | readonly string[]

/** A value that may be used, or what is wrong with it: a phrase such as `70000 is above 65535 (port)`. */
export type Checked<Value = PlainValue> = { readonly value: Value } | { readonly mistake: string }

/**
 * Reads the text of a flag or an environment variable and checks the value.
 *
 * Lists are comma separated, blanks around items do not count, empty items are left out.
 */
export function checkText(shape: Shape, text: string): Checked {
  switch (shape.kind) {
    case 'integer':
      if (!/^-?\d+$/.test(text.trim())) return { mistake: `${quoteValue(text)} is not a whole number` }
      return checkValue(shape, Number(text))
    case 'boolean': {
      const value = WORDS_FOR_BOOLEANS.get(text.trim().toLowerCase())
      if (value === undefined) return { mistake: `${quoteValue(text)} is neither true nor false` }
      return { value }
    }
    case 'list':
      return checkValue(shape, splitList(text))
    case 'string':
    case 'choice':
      return checkValue(shape, text)
  }
}

/** Checks a value that has its kind already, such as one from a parsed file. */
export function checkValue(shape: Shape, value: unknown): Checked {
  switch (shape.kind) {
    case 'integer':
      return checkInteger(value, shape)
    case 'boolean':
      return typeof value === 'boolean'
        ? { value }
        : { mistake: `${kindOf(value)} is neither true nor false` }
    case 'list':
      return checkList(value)
    case 'string':
      return checkString(value)
    case 'choice':
      return checkChoice(value, shape.choices)
  }
}

/** A value as it may stand in a message: shortened, one line, without the password of a URL. */
export function quoteValue(value: unknown): string {
  const text = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/@\s]*@/g, '//*****@')
  return text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`
}

/** What `value` is, in words: `a number`, `text`, `a list`, `a map`, `nothing`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'boolean') return `${value}`
  return `a ${typeof value}`
}

function checkInteger(value: unknown, shape: { unit: string; min: number; max: number }): Checked {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    const shown = typeof value === 'number' || typeof value === 'string' ? quoteValue(value) : kindOf(value)
    return { mistake: `${shown} is not a whole number` }
  }
  if (value < shape.min) return { mistake: `${value} is below ${shape.min} (${shape.unit})` }
  if (value > shape.max) return { mistake: `${value} is above ${shape.max} (${shape.unit})` }
  return { value }
}

function checkString(value: unknown): Checked<string> {
  if (typeof value !== 'string') {
    const hint = typeof value === 'number' || typeof value === 'boolean' ? ': put it in quotes' : ''
    return { mistake: `must be text, is ${kindOf(value)}${hint}` }
  }
  if (value.length > MAX_TEXT_LENGTH) {
    return { mistake: `${value.length} characters are above ${MAX_TEXT_LENGTH} (characters)` }
  }
  if (holdsControlCharacter(value)) return { mistake: 'holds a control character' }
  return { value }
}

function checkList(value: unknown): Checked<readonly string[]> {
  if (!Array.isArray(value)) return { mistake: `must be a list, is ${kindOf(value)}` }
  if (value.length > MAX_LIST_ITEMS) {
    return { mistake: `${value.length} items are above ${MAX_LIST_ITEMS} (items)` }
  }
  const items: string[] = []
  for (const [index, item] of value.entries()) {
    const checked = checkString(item)
    if ('mistake' in checked) return { mistake: `item ${index + 1} ${checked.mistake}` }
    if (checked.value === '') return { mistake: `item ${index + 1} is empty` }
    items.push(checked.value)
  }
  return { value: items }
}

function checkChoice(value: unknown, choices: readonly string[]): Checked<string> {
  if (typeof value === 'string' && choices.includes(value)) return { value }
  const shown = typeof value === 'string' ? quoteValue(value) : kindOf(value)
  const near = typeof value === 'string' ? suggestion(value, choices) : ''
  return { mistake: `${shown} is not one of ${choices.join(', ')}${near}` }
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function holdsControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 || unit === 0x7f) return true
  }
  return false
}
