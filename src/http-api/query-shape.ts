/**
 * The shape of a query: from `?limit=10&order=desc` to checked values, or to the reason why not.
 *
 * Owns the parameters a query may be made of and the order of the checks: known names, each once, each value. All are
 * optional. Every refusal names parameter, value and bound. Bound: the request target, which node:http limits. Pure.
 */
import { type Failure, hasFailed } from '../core/broker.ts'
import { shown } from '../core/names.ts'
import { nameHint } from './body-shape.ts'
import { type Reading, shownValue } from './fields.ts'
import type { JsonSchema } from './json-schema.ts'

/** One parameter of a query. */
export interface QueryField<T> {
  readonly schema: JsonSchema
  /** What counts when the query lacks it. */
  readonly missing: T
  /** @param text percent-decoded; bytes that are not UTF-8 have become U+FFFD */
  read(text: string, name: string): Reading<T>
}

type QueryFields = { readonly [name: string]: QueryField<unknown> }
type QueryValues<F extends QueryFields> = {
  readonly [Name in keyof F]: F[Name] extends QueryField<infer T> ? T : never
}

/** What an operation takes from the query. */
export interface QueryShape<Q> {
  readonly schemas: Readonly<Record<string, JsonSchema>>
  /** @param search what follows the `?` */
  read(search: string): Q | Failure
}

/** Builds the shape of a query from its parameters. */
export function queryShape<F extends QueryFields>(fields: F): QueryShape<QueryValues<F>> {
  return {
    schemas: Object.fromEntries(Object.entries(fields).map(([name, { schema }]) => [name, schema])),
    read(search) {
      const given = new URLSearchParams(search)
      return nameFailure(given, Object.keys(fields)) ?? readValues(fields, given)
    },
  }
}

/** An integer from `min` to `max`. */
export function integerQuery<T>(
  { min, max }: { readonly min: number; readonly max: number },
  missing: T,
  description: string,
): QueryField<number | T> {
  return {
    schema: { type: 'integer', minimum: min, maximum: max, description },
    missing,
    read(text, name) {
      const value = Number(text)
      if (/^\d+$/.test(text) && value >= min && value <= max) return { value }
      return wrong(name, `an integer from ${min} to ${max}`, text)
    },
  }
}

/** Any text of at most `maxLength` characters, the empty one too. */
export function textQuery<T>(maxLength: number, missing: T, description: string): QueryField<string | T> {
  return {
    schema: { type: 'string', maxLength, description },
    missing,
    read: (text, name) =>
      text.length <= maxLength ? { value: text } : wrong(name, `at most ${maxLength} characters`, text),
  }
}

/** One of a few words. */
export function choiceQuery<const C extends string>(
  choices: readonly C[],
  missing: C,
  description: string,
): QueryField<C> {
  return {
    schema: { type: 'string', enum: choices, default: missing, description },
    missing,
    read(text, name) {
      const value = choices.find((choice) => choice === text)
      return value === undefined ? wrong(name, choices.join(' or '), text) : { value }
    },
  }
}

function nameFailure(given: URLSearchParams, known: readonly string[]): Failure | null {
  for (const name of given.keys()) {
    if (!known.includes(name)) {
      return refused(`Query has an unknown parameter ${shown(name)}: ${nameHint(name, known)}`)
    }
    const { length } = given.getAll(name)
    if (length > 1) return refused(`Query has the parameter "${name}" ${length} times, may have it once`)
  }
  return null
}

function readValues<F extends QueryFields>(fields: F, given: URLSearchParams): QueryValues<F> | Failure {
  const values: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    const text = given.get(name)
    const reading = text === null ? { value: field.missing } : field.read(text, name)
    if (hasFailed(reading)) return reading
    values[name] = reading.value
  }
  return values as QueryValues<F>
}

function wrong(name: string, must: string, text: string): Failure {
  return refused(`Parameter "${name}" must be ${must}: ${shownValue(text)} given`)
}

function refused(message: string): Failure {
  return { failed: 'INVALID_ARGUMENT', message }
}
