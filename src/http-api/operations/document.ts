/**
 * GET /api/openapi.json: this API, described.
 *
 * Owns the operation only. The document is written from the table of routes, of which this route is a row: it is made
 * on the first request and kept.
 */
import { openapiDocument } from '../openapi.ts'
import type { GetRoute, Route } from '../route.ts'

/** @param routes gives the whole table, this route included */
export function documentRoute(routes: () => readonly Route[]): GetRoute {
  let document: unknown = null
  return {
    method: 'GET',
    path: '/api/openapi.json',
    name: 'document',
    summary: 'This API as an OpenAPI 3.1 document',
    ok: {
      description: 'The OpenAPI document',
      contentType: 'application/json',
      schema: { type: 'object', required: ['openapi', 'info', 'paths'] },
    },
    async run() {
      document ??= openapiDocument(routes())
      return { json: document }
    },
  }
}
