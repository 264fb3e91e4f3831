/**
 * The fields that request bodies are made of: for each its schema and the check that enforces it.
 *
 * Owns what a single field may hold and the sentence that says why it may not: field, value (shortened) and bound.
 * Schema and check stand side by side; the tests hold them against each other. A narrow reader of our own, because
 * a general validator takes longer to load than the whole node has for its start.
 * Channel names are checked by the broker, which knows the reserved ones.
 */
import type { Failure } from '../core/broker.ts'
import { eventFault, MAX_EVENT_BYTES, userIdFault } from '../core/names.ts'
import { MAX_TOKEN_BYTES, MAX_USER_KEY_BYTES } from '../core/user-records.ts'
import { Payload } from '../protocol/payload.ts'
import { MAX_KEY_BYTES, publicationKeyFault } from '../protocol/publication-key.ts'
import { channelSchema, type JsonSchema, userSchema } from './json-schema.ts'

/** Characters of a value that a message shows. */
const MAX_SHOWN = 40

const USER_KEY = new RegExp(`^[!-%'-~]{1,${MAX_USER_KEY_BYTES}}$`)

export type Reading<T> = { readonly value: T } | Failure

/** One field of a body. */
export interface Field<T> {
  readonly schema: JsonSchema
  /** What counts when the body lacks the field; null = the field must be there. */
  readonly missing: { readonly value: T } | null
  /**
   * Checks a value that JSON.parse gave.
   *
   * @param json gives the bytes of the value as they came
   */
  read(value: unknown, name: string, json: () => Buffer): Reading<T>
}

/** The same field, with a value for bodies that lack it. */
export function optional<T, M>(field: Field<T>, missing: M): Field<T | M> {
  return { ...field, missing: { value: missing } }
}

export const channelField: Field<string> = {
  schema: channelSchema,
  missing: null,
  read: readString,
}

export const channelListField: Field<readonly string[]> = {
  schema: {
    type: 'array',
    items: channelSchema,
    minItems: 1,
    description: 'Channel names, 1 to `maxChannelsPerCommand`',
  },
  missing: null,
  read(value, name) {
    if (!Array.isArray(value)) return wrong(name, 'an array of strings', value)
    if (value.length === 0) return wrong(name, 'an array of at least one string', value)
    const list: readonly unknown[] = value
    const bad = list.findIndex((item) => typeof item !== 'string')
    if (bad >= 0) return wrong(`${name}[${bad}]`, 'a string', list[bad])
    return { value: list.filter((item) => typeof item === 'string') }
  },
}

/** A user id; an integer stands for its decimal digits. */
export const userField: Field<string> = {
  schema: {
    anyOf: [
      userSchema,
      { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
    ],
    description: 'User id; an integer stands for its decimal digits',
  },
  missing: null,
  read(value, name) {
    const user = Number.isSafeInteger(value) ? String(value) : value
    if (typeof user !== 'string') return wrong(name, 'a string or an integer within ±(2^53 - 1)', value)
    const fault = userIdFault(user)
    return fault === null ? { value: user } : refused(name, value, fault)
  },
}

export const eventField: Field<string> = {
  schema: {
    type: 'string',
    maxLength: MAX_EVENT_BYTES,
    description: `Event name, at most ${MAX_EVENT_BYTES} bytes; empty = none`,
  },
  missing: null,
  read(value, name) {
    if (typeof value !== 'string') return wrong(name, 'a string', value)
    const fault = eventFault(value)
    return fault === null ? { value } : refused(name, value, fault)
  },
}

export const keyField: Field<string> = {
  schema: {
    type: 'string',
    maxLength: MAX_KEY_BYTES,
    description: `Stands for this publication, at most ${MAX_KEY_BYTES} bytes: the same key again on the same channel, within \`idempotencyMs\`, publishes nothing and gets the first answer; empty = none`,
  },
  missing: null,
  read(value, name) {
    if (typeof value !== 'string') return wrong(name, 'a string', value)
    const fault = publicationKeyFault(value)
    return fault === null ? { value } : refused(name, value, fault)
  },
}

/** The data of a publication: any JSON value, handed on byte for byte. */
export const dataField: Field<Payload> = {
  schema: { description: 'Any JSON value, null included; handed to subscribers byte for byte' },
  missing: null,
  // The bytes are part of a body that JSON.parse accepted: nothing is left to check.
  read: (_value, _name, json) => ({ value: Payload.trustJson(json()) }),
}

/** What a user logs in with. `&` and blanks would not survive the URLs that carry it. */
export const userKeyField: Field<string> = {
  schema: {
    type: 'string',
    pattern: USER_KEY.source,
    description: `1 to ${MAX_USER_KEY_BYTES} characters of printable ASCII without "&" and blanks`,
  },
  missing: null,
  read(value, name) {
    if (typeof value === 'string' && USER_KEY.test(value)) return { value }
    const must = `1 to ${MAX_USER_KEY_BYTES} characters of printable ASCII without "&" and blanks`
    // The value is not shown: it is a secret.
    return { failed: 'INVALID_ARGUMENT', message: `Field "${name}" must be ${must}` }
  },
}

/** A token; which texts are tokens is not asked here. */
export const tokenField: Field<string> = {
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: MAX_TOKEN_BYTES,
    description: `Token, at most ${MAX_TOKEN_BYTES} bytes`,
  },
  missing: null,
  read(value, name) {
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : 0
    if (typeof value === 'string' && bytes >= 1 && bytes <= MAX_TOKEN_BYTES) return { value }
    // The value is not shown: it may be good.
    const message = `Field "${name}" must be a string of 1 to ${MAX_TOKEN_BYTES} bytes`
    return { failed: 'INVALID_ARGUMENT', message }
  },
}

/** The same field, where null is a value too. */
export function nullable<T>(field: Field<T>, description: string): Field<T | null> {
  return {
    schema: { anyOf: [field.schema, { type: 'null' }], description },
    missing: field.missing,
    read: (value, name, json) => (value === null ? { value } : field.read(value, name, json)),
  }
}

/** A string of `min` to `max` bytes. */
export function textField(
  { min, max }: { readonly min: number; readonly max: number },
  description: string,
): Field<string> {
  return {
    schema: { type: 'string', minLength: min, maxLength: max, description },
    missing: null,
    read(value, name) {
      if (typeof value !== 'string') return wrong(name, 'a string', value)
      const bytes = Buffer.byteLength(value)
      if (bytes >= min && bytes <= max) return { value }
      return refused(name, value, `it has ${bytes} bytes, ${min} to ${max} are allowed`)
    },
  }
}

/** An integer from `min` to `max`. */
export function integerField(min: number, max: number, description: string): Field<number> {
  return {
    schema: { type: 'integer', minimum: min, maximum: max, description },
    missing: null,
    read(value, name) {
      const isInBounds = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      return isInBounds ? { value } : wrong(name, `an integer from ${min} to ${max}`, value)
    },
  }
}

/** A value as a message shows it: JSON, shortened. */
export function shownValue(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 3)}...`
}

function readString(value: unknown, name: string): Reading<string> {
  return typeof value === 'string' ? { value } : wrong(name, 'a string', value)
}

function wrong(name: string, wanted: string, value: unknown): Failure {
  return {
    failed: 'INVALID_ARGUMENT',
    message: `Field "${name}" must be ${wanted}: ${shownValue(value)} given`,
  }
}

function refused(name: string, value: unknown, fault: string): Failure {
  return {
    failed: 'INVALID_ARGUMENT',
    message: `Field "${name}" can not be ${shownValue(value)}: ${fault}`,
  }
}
