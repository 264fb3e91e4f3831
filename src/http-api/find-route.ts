/**
 * From method and path to a route.
 *
 * Owns path matching: segments are compared one by one, a `:name` takes any non-empty segment and is percent-decoded.
 * The path is never normalised, so a channel named ".." stays one. O(routes) per request, a dozen.
 */
import type { Failure } from '../core/broker.ts'
import { shown } from '../core/names.ts'
import type { Params, Route } from './route.ts'

export type Found =
  | { readonly route: Route; readonly params: Params }
  /** `allow`: the methods that would work, '' when the path is unknown. */
  | { readonly failure: Failure; readonly allow: string }

/**
 * Finds the route for a request. HEAD finds the GET route.
 *
 * @param url request target as it came, with or without a query, which is ignored
 */
export function findRoute(routes: readonly Route[], method: string, url: string): Found {
  const path = url.split('?', 1)[0] ?? ''
  const segments = path.split('/')
  const atPath = routes.filter((route) => isMatch(route, segments))
  if (atPath.length === 0) {
    const message = `There is nothing at ${shown(path)}: /api/openapi.json lists what there is`
    return { failure: { failed: 'NOT_FOUND', message }, allow: '' }
  }
  const wanted = method === 'HEAD' ? 'GET' : method
  const route = atPath.find((candidate) => candidate.method === wanted)
  if (route === undefined) return notAllowed(atPath, method, path)
  const params = readParams(route, segments)
  if (params !== null) return { route, params }
  const message = `Path ${shown(path)} is not percent-encoded UTF-8`
  return { failure: { failed: 'INVALID_ARGUMENT', message }, allow: '' }
}

function isMatch(route: Route, segments: readonly string[]): boolean {
  const wanted = route.path.split('/')
  return (
    wanted.length === segments.length &&
    wanted.every((part, at) => (part.startsWith(':') ? segments[at] !== '' : part === segments[at]))
  )
}

/** Null when a parameter can not be decoded. */
function readParams(route: Route, segments: readonly string[]): Params | null {
  const params: Record<string, string> = {}
  for (const [at, part] of route.path.split('/').entries()) {
    if (!part.startsWith(':')) continue
    try {
      params[part.slice(1)] = decodeURIComponent(segments[at] ?? '')
    } catch {
      return null // URIError: a lone % or bytes that are not UTF-8
    }
  }
  return params
}

function notAllowed(atPath: readonly Route[], method: string, path: string): Found {
  const allow = atPath
    .flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
    .join(', ')
  const message = `${method} is not possible at ${shown(path)}: ${allow} is`
  return { failure: { failed: 'METHOD_NOT_ALLOWED', message }, allow }
}
