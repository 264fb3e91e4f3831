/**
 * What a route is: one row of the table from which requests are served and the OpenAPI document is written.
 *
 * Owns the types between the HTTP side (http-api.ts, serve-request.ts) and the operations, which know no HTTP: an
 * operation gets checked values and gives back a value or a failure.
 */
import type { CodeName } from '../codes.ts'
import { type Failure, hasFailed } from '../core/broker.ts'
import type { BodyShape } from './body-shape.ts'
import type { JsonSchema } from './json-schema.ts'
import type { OperationDeps } from './operation-deps.ts'
import type { QueryShape } from './query-shape.ts'

/** What an operation answers: a JSON value, a text, or why not. */
export type Answer =
  | { readonly json: unknown }
  | { readonly text: string | Buffer; readonly contentType: string }
  | Failure

export type Params = Readonly<Record<string, string>>

/** The documentation of an answer with status 200. */
export interface OkResponse {
  readonly description: string
  readonly contentType: string
  readonly schema: JsonSchema
}

interface Described {
  /** Path with `:name` for a parameter, which is one segment, percent-decoded. */
  readonly path: string
  /** camelCase, unique; the `operationId` of the document. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  /** True: no key is asked for. */
  readonly isOpen?: true
  /** True: a failure is a plain answer (a health probe's no) and is not counted as a failed command. */
  readonly isProbe?: true
  readonly ok: OkResponse
  /** Codes this operation itself may answer; those of every route need not be listed. */
  readonly errors?: readonly CodeName[]
}

export interface GetRoute extends Described {
  readonly method: 'GET'
  readonly params?: Readonly<Record<string, { readonly schema: JsonSchema; readonly example: string }>>
  /** Parameters of the query, all optional; without it a query is ignored. */
  readonly querySchemas?: Readonly<Record<string, JsonSchema>>
  /** @param search what follows the `?` of the request target; the operation checks it against its shape */
  run(deps: OperationDeps, params: Params, search: string): Promise<Answer>
}

export interface PostRoute extends Described {
  readonly method: 'POST'
  readonly bodySchema: JsonSchema
  readonly examples: Readonly<Record<string, unknown>>
  /** @param body the bytes of the body; the operation checks them against its shape */
  run(deps: OperationDeps, body: Buffer): Promise<Answer>
}

export type Route = GetRoute | PostRoute

interface PostOperation<B> extends Omit<PostRoute, 'method' | 'bodySchema' | 'run'> {
  readonly body: BodyShape<B>
  run(deps: OperationDeps, body: B): Promise<Answer>
}

interface GetOperation<Q> extends Omit<GetRoute, 'method' | 'querySchemas' | 'run'> {
  readonly query: QueryShape<Q>
  run(deps: OperationDeps, params: Params, query: Q): Promise<Answer>
}

/** Makes a route of an operation with a query: `run` is called with checked values only. */
export function getRoute<Q extends object>(operation: GetOperation<Q>): GetRoute {
  const { query: shape, run, ...described } = operation
  return {
    ...described,
    method: 'GET',
    querySchemas: shape.schemas,
    async run(deps, params, search) {
      const query = shape.read(search)
      return hasFailed(query) ? query : run(deps, params, query)
    },
  }
}

/** Makes a route of an operation with a body: `run` is called with the checked fields only. */
export function postRoute<B extends object>(operation: PostOperation<B>): PostRoute {
  const { body: shape, run, ...described } = operation
  return {
    ...described,
    method: 'POST',
    bodySchema: shape.schema,
    async run(deps, bytes) {
      const body = shape.read(bytes)
      return hasFailed(body) ? body : run(deps, body)
    },
  }
}
