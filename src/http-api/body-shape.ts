/**
 * The shape of a request body: from bytes to checked fields, or to the reason why not.
 *
 * Owns the order of the checks: UTF-8, depth, JSON, an object, known names, nothing missing, each value. The first
 * mistake is the one that is told. Bound: the body, once as bytes and once parsed; depth MAX_DEPTH. Keeps no state.
 */
import { isUtf8 } from 'node:buffer'
import { distance } from 'fastest-levenshtein'
import { type Failure, hasFailed } from '../core/broker.ts'
import { shown } from '../core/names.ts'
import { errorText } from '../errors.ts'
import { MAX_JSON_DEPTH } from '../protocol/payload.ts'
import { type Field, shownValue } from './fields.ts'
import { isNestedDeeper, memberBytes } from './json-member.ts'
import type { JsonSchema } from './json-schema.ts'

/** Arrays and objects within one another: the body around data as deep as data may be. Checked before parsing. */
export const MAX_DEPTH = 1 + MAX_JSON_DEPTH

/** A name this many letters away from a known one is taken for a slip of the pen. */
const MAX_SLIPS = 3

type Fields = { readonly [name: string]: Field<unknown> }
type Values<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never }

/** What an operation expects in the body. */
export interface BodyShape<B> {
  readonly schema: JsonSchema
  /** @param bytes kept by reference: do not reuse the buffer */
  read(bytes: Buffer): B | Failure
}

/**
 * Builds the shape of a body from its fields.
 *
 * @param oneOf names of optional fields of which exactly one must be there
 */
export function bodyShape<F extends Fields>(fields: F, oneOf: readonly (keyof F & string)[] = []) {
  const names = Object.keys(fields)
  const shape: BodyShape<Values<F>> = {
    schema: shapeSchema(fields, oneOf),
    read(bytes) {
      const object = parseObject(bytes)
      if (hasFailed(object)) return object
      const failure = unknownName(object.members, names) ?? oneOfFailure(object.members, oneOf)
      if (failure !== null) return failure
      return readFields(fields, object.members, bytes)
    },
  }
  return shape
}

function shapeSchema(fields: Fields, oneOf: readonly string[]): JsonSchema {
  const entries = Object.entries(fields)
  const required = entries.filter(([, field]) => field.missing === null).map(([name]) => name)
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(entries.map(([name, field]) => [name, field.schema])),
    additionalProperties: false,
    ...(oneOf.length > 0 ? { oneOf: oneOf.map((name) => ({ required: [name] })) } : {}),
  }
}

type Members = ReadonlyMap<string, unknown>

function parseObject(bytes: Buffer): { readonly members: Members } | Failure {
  if (!isUtf8(bytes)) return failed('INVALID_DATA', 'Body is not UTF-8')
  if (isNestedDeeper(bytes, MAX_DEPTH)) {
    return failed('INVALID_DATA', `Body nests arrays and objects deeper than ${MAX_DEPTH}`)
  }
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (thrown) {
    return failed('INVALID_ARGUMENT', `Body is not JSON: ${errorText(thrown)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return failed('INVALID_ARGUMENT', `Body must be a JSON object: ${shownValue(value)} given`)
  }
  return { members: new Map(Object.entries(value)) }
}

function unknownName(members: Members, known: readonly string[]): Failure | null {
  for (const name of members.keys()) {
    if (known.includes(name)) continue
    return failed('INVALID_ARGUMENT', `Body has an unknown field ${shown(name)}: ${nameHint(name, known)}`)
  }
  return null
}

/** What to say about a name that is none of `known`: which was meant, or all there are. */
export function nameHint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === null ? `known are ${known.join(', ')}` : `did you mean "${nearest}"?`
}

/** Long names are not compared: the cost grows with the product of the lengths. */
function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > 40) return null
  const slips = known.map((candidate) => distance(name.toLowerCase(), candidate))
  const least = Math.min(...slips)
  const nearest = known[slips.indexOf(least)]
  return nearest !== undefined && least <= Math.min(MAX_SLIPS, nearest.length - 1) ? nearest : null
}

function oneOfFailure(members: Members, oneOf: readonly string[]): Failure | null {
  if (oneOf.length === 0) return null
  const present = oneOf.filter((name) => members.has(name))
  if (present.length === 1) return null
  const names = oneOf.map((name) => `"${name}"`)
  const found = present.length === 0 ? 'none of them is there' : `${present.length} of them are there`
  return failed('INVALID_ARGUMENT', `Body must have exactly one of ${names.join(' and ')}: ${found}`)
}

function readFields<F extends Fields>(fields: F, members: Members, bytes: Buffer): Values<F> | Failure {
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    if (!members.has(name)) {
      if (field.missing === null) return failed('INVALID_ARGUMENT', `Body lacks the field "${name}"`)
      values[name] = field.missing.value
      continue
    }
    const reading = field.read(members.get(name), name, () => memberBytes(bytes, name) ?? Buffer.alloc(0))
    if (hasFailed(reading)) return reading
    values[name] = reading.value
  }
  return values as Values<F>
}

function failed(code: Failure['failed'], message: string): Failure {
  return { failed: code, message }
}
