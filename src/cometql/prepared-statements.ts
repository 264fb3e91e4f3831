/**
 * The prepared statements of one connection.
 *
 * Owns them by their numbers, with the values that came ahead in pieces and the types a client sends once. Bounds: `MOST`
 * statements, which need `MEMORY_BYTES` together, or as much as `TEXTS` of the longest have letters; and `maxBytes` of
 * values in pieces, over all of them.
 */
import { isUtf8 } from 'node:buffer'
import { QueryError } from './query-failure.ts'
import type { Script, Statement } from './sql/statement.ts'
import type { Parameter } from './sql/values.ts'
import { type ParameterTypes, readParameters } from './wire/parameters.ts'

/** As many as MySQL allows by default over all connections. */
const MOST = 16_382

const MEMORY_BYTES = 8_388_608

const TEXTS = 4

/** As many as the protocol can count. */
const MAX_PARAMETERS = 65_535

/** Memory of a piece of a value besides its bytes. */
const PIECE_BYTES = 128

interface Prepared {
  readonly statement: Statement | null
  /** What the prefix of a cluster says; null = nothing */
  readonly tenant: number | null
  /** Memory it needs, or a little more */
  readonly bytes: number
  readonly parameters: number
  types: ParameterTypes | null
  /** What came for parameters in pieces */
  longData: Map<number, Buffer[]>
  /** Why a piece was not kept: told when the statement is executed, as pieces are not answered */
  fault: QueryError | null
}

/** A statement with its values. */
export interface Execution {
  /** Whose it is from now on; null = as before */
  readonly tenant: number | null
  /** Null = it was empty */
  readonly statement: Statement | null
  readonly parameters: readonly Parameter[]
}

export class PreparedStatements {
  readonly #maxBytes: number
  readonly #statements: Map<number, Prepared>
  #lastId: number
  #longBytes: number
  #bytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#statements = new Map()
    this.#lastId = 0
    this.#longBytes = 0
    this.#bytes = 0
  }

  /** Returns the number of the statement. @throws {QueryError} there are too many, or too much of them */
  add({ statements, tenant, parameters, memoryBytes }: Script, textBytes: number): number {
    if (this.#statements.size === MOST) {
      throw new QueryError('tooLong', `Too many prepared statements: ${MOST} of at most ${MOST}; close some`)
    }
    const bytes = textBytes + memoryBytes
    const most = Math.max(MEMORY_BYTES, TEXTS * this.#maxBytes)
    if (this.#bytes + bytes > most) {
      const words = `Prepared statements are too long together: they need more than ${most} bytes`
      throw new QueryError('tooLong', `${words}; close some`)
    }
    if (parameters > MAX_PARAMETERS) {
      throw new QueryError('tooLong', `Too many question marks: ${parameters} of at most ${MAX_PARAMETERS}`)
    }
    this.#lastId++
    this.#bytes += bytes
    const [statement = null] = statements
    const fresh = { types: null, longData: new Map(), fault: null }
    this.#statements.set(this.#lastId, { statement, tenant, parameters, bytes, ...fresh })
    return this.#lastId
  }

  /** Null = there is none of that number, or it was empty. */
  statement(id: number): Statement | null {
    return this.#statements.get(id)?.statement ?? null
  }

  /** A piece of a value; kept for the next execution. */
  append(id: number, parameter: number, bytes: Buffer): void {
    const prepared = this.#statements.get(id)
    if (prepared === undefined || parameter >= prepared.parameters) return
    // One that is empty says that there is a value.
    if (bytes.length === 0 && prepared.longData.has(parameter)) return
    if (this.#longBytes + bytes.length + PIECE_BYTES > this.#maxBytes) {
      this.tooLong(id)
      return
    }
    this.#longBytes += bytes.length + PIECE_BYTES
    const pieces = prepared.longData.get(parameter)
    if (pieces === undefined) prepared.longData.set(parameter, [Buffer.from(bytes)])
    else pieces.push(Buffer.from(bytes))
  }

  /** A piece that could not be kept: told when the statement is executed. */
  tooLong(id: number): void {
    const prepared = this.#statements.get(id)
    if (prepared === undefined) return
    const message = `Data is too long: values in pieces are above ${this.#maxBytes} bytes (cometqlMaxQueryBytes)`
    prepared.fault = new QueryError('tooLong', message)
  }

  /** @param payload the packet that asks for it @throws {QueryError} @throws {MalformedPacket} */
  execution(id: number, payload: Buffer): Execution {
    const prepared = this.#get(id)
    const { statement, tenant, parameters: count, types, longData, fault } = prepared
    const whole = new Map([...longData].map(([at, pieces]) => [at, Buffer.concat(pieces)]))
    this.reset(id)
    if (fault !== null) throw fault
    const read = readParameters(payload, count, types, whole)
    prepared.types = read.types
    if (read.parameters.some((given) => given !== null && !isUtf8(given))) {
      throw new QueryError('invalid', 'A value is not UTF-8: say SET NAMES utf8mb4 and send it so')
    }
    return { statement, tenant, parameters: read.parameters }
  }

  /** Forgets what came in pieces. @throws {QueryError} */
  reset(id: number): void {
    const prepared = this.#get(id)
    for (const pieces of prepared.longData.values()) {
      for (const piece of pieces) this.#longBytes -= piece.length + PIECE_BYTES
    }
    prepared.longData = new Map()
    prepared.fault = null
  }

  remove(id: number): void {
    const prepared = this.#statements.get(id)
    if (prepared === undefined) return
    this.reset(id)
    this.#bytes -= prepared.bytes
    this.#statements.delete(id)
  }

  clear(): void {
    this.#statements.clear()
    this.#bytes = 0
    this.#longBytes = 0
  }

  #get(id: number): Prepared {
    const prepared = this.#statements.get(id)
    if (prepared !== undefined) return prepared
    throw new QueryError('notFound', `There is no prepared statement ${id} on this connection`)
  }
}
