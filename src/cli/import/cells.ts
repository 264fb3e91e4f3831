/**
 * What the cells of a CppComet row may hold, and why a row is left out.
 *
 * Owns the checks every table shares: tenants, user ids, names, times, text. A fault is a reason that the summary counts
 * rows by, so reasons are few and hold nothing of the row. Pure.
 */
import { isUtf8 } from 'node:buffer'
import { MAX_TENANT } from '../../core/tenants.ts'
import { Payload } from '../../protocol/payload.ts'
import type { Cells } from './database.ts'

/** Columns of CppComet's names are as long; Encke's names may be longer. */
const MAX_NAME_LENGTH = 128
const NAME = new RegExp(`^[A-Za-z0-9_-]{1,${MAX_NAME_LENGTH}}$`)
/** Numbers of inbox messages are times, and go no further. */
const MAX_SECONDS = 4_294_967_295
const MS_PER_SECOND = 1_000

/** Why a row is left out, as the summary says it. */
export class RowFault {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** Whose a row is. @param otherwise tenant of databases without the column */
export function tenantOf({ dev_id: cell }: Cells, otherwise: number): number | RowFault {
  if (cell === undefined) return otherwise
  const tenant = integerOf(cell)
  return tenant !== null && tenant >= 0 && tenant <= MAX_TENANT ? tenant : new RowFault('dev_id is no tenant')
}

/** A user who is somebody, as text. */
export function userOf({ user_id: cell }: Cells): string | RowFault {
  const user = integerOf(cell)
  return user !== null && user > 0 ? String(user) : new RowFault('user_id is not above 0')
}

/** Who published; '' = nobody in particular. */
export function publisherOf({ user_id: cell }: Cells): string {
  const user = integerOf(cell)
  return user !== null && user > 0 ? String(user) : ''
}

/** The name of a channel. */
export function channelOf(cell: Buffer | null | undefined): string | RowFault {
  const name = cell?.toString('latin1') ?? ''
  return NAME.test(name) ? name : new RowFault('name has foreign characters')
}

/** The name of an event; '' = none. */
export function eventOf({ event: cell }: Cells): string | RowFault {
  const event = cell?.toString('latin1') ?? ''
  return event === '' || NAME.test(event) ? event : new RowFault('event has foreign characters')
}

/** Milliseconds since 1970, above 0; CppComet counts seconds. */
export function timeOf({ time: cell }: Cells): number | RowFault {
  const seconds = integerOf(cell)
  const isTime = seconds !== null && seconds > 0 && seconds <= MAX_SECONDS
  return isTime ? seconds * MS_PER_SECOND : new RowFault('time is none')
}

/** Any text, '' for NULL. */
export function textOf(cell: Buffer | null | undefined): string | RowFault {
  const bytes = cell ?? Buffer.alloc(0)
  return isUtf8(bytes) ? bytes.toString() : new RowFault('text is broken')
}

/**
 * The data of a message as it was meant.
 *
 * CppComet kept what stood between the quotes of a query, with or without its escapes: JSON is JSON either way, and
 * anything else is the text that it is.
 */
export function dataOf({ message: cell }: Cells): Payload | RowFault {
  const text = textOf(cell)
  if (text instanceof RowFault) return text
  const payload =
    Payload.checkJson(Buffer.from(text)) ??
    (text.includes('\\') ? Payload.checkJson(Buffer.from(unescaped(text))) : null) ??
    Payload.fromText(text)
  return payload.isTooDeep() ? new RowFault('data is nested too deep') : payload
}

/** A whole number, also one that is text; null for anything else. */
export function integerOf(cell: Buffer | null | undefined): number | null {
  const text = cell?.toString('latin1') ?? ''
  const value = Number(text)
  return /^-?\d+$/.test(text) && Number.isSafeInteger(value) ? value : null
}

/** What stands behind a backslash, by the rules of MySQL's string literals; other letters are themselves. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', '0': '\0', Z: '\x1a' }

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, letter: string) => ESCAPES[letter] ?? letter)
}
