/**
 * The OpenAPI 3.1 document of the internal HTTP API, written from the table of routes.
 *
 * Owns how a route becomes a path item. The same text is served at /api/openapi.json and kept in docs/openapi.json,
 * where a check finds it stale. Pure.
 */
import { type CodeName, codes, errorFace } from '../codes.ts'
import { errorBodySchema, errorFaceSchema, type JsonSchema } from './json-schema.ts'
import type { Route } from './route.ts'

/** Version of the API, not of the node: grows when a route or a field is added. */
const API_VERSION = '1.2.0'

/** What any route may answer, whatever it does. */
const COMMON_ERRORS: readonly CodeName[] = ['INTERNAL', 'ORIGIN_DENIED']
const KEY_ERRORS: readonly CodeName[] = ['KEY_INVALID']
const PARAM_ERRORS: readonly CodeName[] = ['INVALID_ARGUMENT']
const BODY_ERRORS: readonly CodeName[] = [
  'BAD_MESSAGE',
  'INVALID_ARGUMENT',
  'INVALID_DATA',
  'MESSAGE_TOO_LARGE',
]

/** The document as a value for JSON. */
export function openapiDocument(routes: readonly Route[]): JsonSchema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Encke internal HTTP API',
      version: API_VERSION,
      description:
        'For applications and operators: publish, ask who is there, disconnect, watch. GET routes answer HEAD too.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:8081', description: 'Default address of the internal port' }],
    security: [{ key: [] }, { tenant: [] }],
    paths: pathItems(routes),
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'The `key` of the node, where one is configured; for the `tenant` of the node',
        },
        tenant: {
          type: 'http',
          scheme: 'basic',
          description: 'The number of a tenant as the user, the `key` of the node as the password',
        },
      },
      schemas: { ErrorFace: errorFaceSchema, ErrorBody: errorBodySchema },
    },
  }
}

/** The document as docs/openapi.json holds it. */
export function openapiText(routes: readonly Route[]): string {
  return `${JSON.stringify(openapiDocument(routes), null, 2)}\n`
}

/** `/api/channels/:name` as OpenAPI writes it: `/api/channels/{name}`. */
export function templatePath(path: string): string {
  return path.replaceAll(/:([a-z]+)/g, '{$1}')
}

function pathItems(routes: readonly Route[]): JsonSchema {
  const items: Record<string, JsonSchema> = {}
  for (const route of routes) {
    const path = templatePath(route.path)
    items[path] = { ...items[path], [route.method.toLowerCase()]: operationObject(route) }
  }
  return items
}

function operationObject(route: Route): JsonSchema {
  return {
    operationId: route.name,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.isOpen ? { security: [] } : {}),
    ...inputObjects(route),
    responses: { 200: okObject(route), ...errorObjects(route) },
  }
}

function inputObjects(route: Route): JsonSchema {
  if (route.method === 'POST') {
    const examples = Object.entries(route.examples).map(([name, value]) => [name, { value }])
    const json = { schema: route.bodySchema, examples: Object.fromEntries(examples) }
    return { requestBody: { required: true, content: { 'application/json': json } } }
  }
  const parameters = [
    ...Object.entries(route.params ?? {}).map(([name, param]) => ({
      name,
      in: 'path',
      required: true,
      ...param,
    })),
    ...Object.entries(route.querySchemas ?? {}).map(([name, schema]) => ({ name, in: 'query', schema })),
  ]
  return parameters.length === 0 ? {} : { parameters }
}

function okObject({ ok }: Route): JsonSchema {
  return { description: ok.description, content: { [ok.contentType]: { schema: ok.schema } } }
}

/** One response per status; codes that share a status share its description. */
function errorObjects(route: Route): Record<string, JsonSchema> {
  const responses: Record<string, JsonSchema> = {}
  const names = new Set(errorCodes(route))
  for (const status of new Set([...names].map((name) => codes[name].http))) {
    responses[status] = errorResponse([...names].filter((name) => codes[name].http === status))
  }
  return responses
}

function errorResponse(names: readonly CodeName[]): JsonSchema {
  const examples = names.map((name) => [name, { value: { error: errorFace(name, codes[name].meaning) } }])
  return {
    description: names.map((name) => `${name}: ${codes[name].meaning}`).join('\n\n'),
    content: {
      'application/json': {
        schema: { $ref: '#/components/schemas/ErrorBody' },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

function errorCodes(route: Route): CodeName[] {
  return [
    ...(route.errors ?? []),
    ...(route.method === 'POST' ? BODY_ERRORS : []),
    ...(route.method === 'GET' && route.params !== undefined ? PARAM_ERRORS : []),
    ...(route.isOpen ? [] : KEY_ERRORS),
    ...COMMON_ERRORS,
  ]
}
