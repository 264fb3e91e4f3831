/**
 * What a client gives a prepared statement: binary values, each as the text it stands for.
 *
 * Owns the layout of COM_STMT_EXECUTE and of every type a client can send. Integers of 64 bits are exact. Types are
 * sent with the first execution only, so the caller keeps them for the next. Pure.
 *
 *     17  id:4  flags:1  iterations:4  nulls:(count+7)/8  are types sent:1  [type:1 unsigned:1]×count  values
 *
 * Layouts: MySQL Internals, "COM_STMT_EXECUTE" and "Binary Protocol Value".
 */
import type { Parameter } from '../sql/values.ts'
import { FieldReader, MalformedPacket } from './fields.ts'

/** Types that a client sent: for each parameter its code, and 0x8000 besides where it is unsigned. */
export interface ParameterTypes {
  readonly codes: Uint16Array
}

/** Command byte, id, flags and iterations. */
const HEAD_BYTES = 10

/** The highest of 16 bits; those between it and the code mean nothing. */
const UNSIGNED = 0x8000
const CODE_MASK = 0xff

/** MYSQL_TYPE_… */
const types = {
  decimal: 0x00,
  tiny: 0x01,
  short: 0x02,
  long: 0x03,
  float: 0x04,
  double: 0x05,
  null: 0x06,
  timestamp: 0x07,
  longLong: 0x08,
  int24: 0x09,
  date: 0x0a,
  time: 0x0b,
  dateTime: 0x0c,
  year: 0x0d,
  varchar: 0x0f,
  bit: 0x10,
  json: 0xf5,
  newDecimal: 0xf6,
  enum: 0xf7,
  set: 0xf8,
  tinyBlob: 0xf9,
  mediumBlob: 0xfa,
  longBlob: 0xfb,
  blob: 0xfc,
  varString: 0xfd,
  string: 0xfe,
  geometry: 0xff,
} as const

/** How long dates and times are: none at all, the date, with the time, with microseconds. */
const DATE_LENGTHS: readonly number[] = [0, 4, 7, 11]
const TIME_LENGTHS: readonly number[] = [0, 8, 12]

/** A float needs at most so many digits. */
const MAX_FLOAT_DIGITS = 9

/**
 * Reads the parameters of an execution.
 *
 * @param payload the whole packet, with the command byte in front
 * @param count question marks of the statement
 * @param known types sent with an earlier execution of the same statement; null = none
 * @param longData by parameter, from 0: what COM_STMT_SEND_LONG_DATA brought; such a value is not in the packet
 * @returns parameters: bytes of texts, some of them views of `payload`; null = NULL. Types: for the next execution
 * @throws {MalformedPacket} also for a type that is not known
 */
export function readParameters(
  payload: Buffer,
  count: number,
  known: ParameterTypes | null,
  longData: ReadonlyMap<number, Buffer>,
): { parameters: Parameter[]; types: ParameterTypes | null } {
  if (count === 0) return { parameters: [], types: known }
  const reader = new FieldReader(payload, HEAD_BYTES)
  const nulls = reader.bytes((count + 7) >> 3)
  const sent = reader.byte() === 0 ? known : readTypes(reader, count)
  if (sent === null || sent.codes.length !== count) {
    throw new MalformedPacket(`The types of ${count} parameters were never sent`)
  }
  const parameters: Parameter[] = []
  for (const [i, type] of sent.codes.entries()) {
    const isNull = ((nulls[i >> 3] ?? 0) & (1 << (i & 7))) !== 0
    parameters.push(longData.get(i) ?? (isNull ? null : readValue(reader, type)))
  }
  return { parameters, types: sent }
}

function readTypes(reader: FieldReader, count: number): ParameterTypes {
  const declared = new FieldReader(reader.bytes(count * 2))
  return { codes: Uint16Array.from({ length: count }, () => declared.int16()) }
}

function readValue(reader: FieldReader, type: number): Parameter {
  const code = type & CODE_MASK
  switch (code) {
    case types.null:
      return null
    case types.tiny:
    case types.short:
    case types.year:
    case types.long:
    case types.int24:
    case types.longLong:
      return asText(readInteger(reader, code, (type & UNSIGNED) !== 0))
    case types.float:
      return asText(shortestFloat(reader.float()))
    case types.double:
      return asText(String(reader.double()))
    case types.date:
    case types.dateTime:
    case types.timestamp:
      return asText(readDate(reader, code === types.date))
    case types.time:
      return asText(readTime(reader))
    default:
      return readBytes(reader, code)
  }
}

function readInteger(reader: FieldReader, code: number, isUnsigned: boolean): string {
  switch (code) {
    case types.tiny:
      return String(signedUnless(isUnsigned, reader.byte(), 8))
    case types.short:
    case types.year:
      return String(signedUnless(isUnsigned, reader.int16(), 16))
    case types.longLong:
      return String(isUnsigned ? reader.int64() : reader.signedInt64())
    default:
      return String(signedUnless(isUnsigned, reader.int32(), 32))
  }
}

function signedUnless(isUnsigned: boolean, value: number, bits: number): number {
  return isUnsigned || value < 2 ** (bits - 1) ? value : value - 2 ** bits
}

/** The shortest decimal that is this float and no other. */
function shortestFloat(value: number): string {
  for (let digits = 1; digits < MAX_FLOAT_DIGITS; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return String(rounded)
  }
  return String(Number(value.toPrecision(MAX_FLOAT_DIGITS)))
}

/** `2024-02-29 12:00:00.000001`; a date alone where the type says so. */
function readDate(reader: FieldReader, isDateOnly: boolean): string {
  const length = readLength(reader, DATE_LENGTHS, 'a date')
  const year = length >= 4 ? reader.int16() : 0
  const month = length >= 4 ? reader.byte() : 0
  const day = length >= 4 ? reader.byte() : 0
  const clock = readClock(reader, length >= 7, length >= 11)
  const date = `${padded(year, 4)}-${padded(month)}-${padded(day)}`
  return isDateOnly ? date : `${date} ${padded(clock.hours)}:${clock.rest}`
}

/** `-26:30:00.000001`: days count as hours. */
function readTime(reader: FieldReader): string {
  const length = readLength(reader, TIME_LENGTHS, 'a time')
  const sign = length >= 8 && reader.byte() !== 0 ? '-' : ''
  const days = length >= 8 ? reader.int32() : 0
  const clock = readClock(reader, length >= 8, length >= 12)
  return `${sign}${padded(days * 24 + clock.hours)}:${clock.rest}`
}

/** Hours, and the rest as text: minutes, seconds, and microseconds where there are any. */
function readClock(
  reader: FieldReader,
  hasTime: boolean,
  hasMicroseconds: boolean,
): { hours: number; rest: string } {
  const hours = hasTime ? reader.byte() : 0
  const minutes = hasTime ? reader.byte() : 0
  const seconds = hasTime ? reader.byte() : 0
  const microseconds = hasMicroseconds ? reader.int32() : 0
  const fraction = microseconds === 0 ? '' : `.${padded(microseconds, 6)}`
  return { hours, rest: `${padded(minutes)}:${padded(seconds)}${fraction}` }
}

function readLength(reader: FieldReader, allowed: readonly number[], what: string): number {
  const length = reader.byte()
  if (allowed.includes(length)) return length
  throw new MalformedPacket(`Cannot read ${what} of ${length} bytes before byte ${reader.at}`)
}

function readBytes(reader: FieldReader, code: number): Parameter {
  const isBytes =
    code === types.decimal ||
    code === types.varchar ||
    code === types.bit ||
    (code >= types.json && code <= types.geometry)
  if (isBytes) return reader.lenencBytes()
  throw new MalformedPacket(`A parameter has the unknown type ${code}`)
}

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, '0')
}

function asText(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
