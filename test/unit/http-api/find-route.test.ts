/**
 * Tests of find-route.ts: from method and path to a route and its parameters.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findRoute } from '../../../src/http-api/find-route.ts'
import { routes } from '../../../src/http-api/routes.ts'

const find = (method: string, url: string) => findRoute(routes, method, url)

describe('findRoute', () => {
  const found: readonly [method: string, url: string, name: string, params: Record<string, string>][] = [
    ['POST', '/api/publish', 'publish', {}],
    ['GET', '/api/stats?pretty=1', 'nodeStats', {}],
    ['HEAD', '/metrics', 'metrics', {}],
    ['GET', '/api/channels/news', 'channelState', { name: 'news' }],
    ['GET', '/api/channels/a%2Fb%3F', 'channelState', { name: 'a/b?' }],
    ['GET', '/api/channels/%E2%98%84', 'channelState', { name: '☄' }],
    ['GET', '/api/channels/%2E%2E', 'channelState', { name: '..' }],
    ['GET', '/api/channels/..', 'channelState', { name: '..' }],
    ['GET', '/api/users/@+%2B', 'userState', { id: '@++' }],
  ]
  for (const [method, url, name, params] of found) {
    test(`${method} ${url} is ${name}`, () => {
      const result = find(method, url)
      assert.ok('route' in result)
      assert.deepEqual([result.route.name, result.params], [name, params])
    })
  }

  const missing = [
    '/',
    '',
    '/api',
    '/api/',
    '/api/publish/',
    '/API/publish',
    '//api/publish',
    '/api/channels/',
    '/api/channels/a/b',
    'http://x/metrics',
    '*',
  ]
  for (const url of missing) {
    test(`there is nothing at "${url}"`, () => {
      const result = find('GET', url)
      assert.ok('failure' in result)
      assert.deepEqual([result.failure.failed, result.allow], ['NOT_FOUND', ''])
    })
  }

  const wrongMethods: readonly [method: string, url: string, allow: string][] = [
    ['GET', '/api/publish', 'POST'],
    ['POST', '/api/channels/news', 'GET, HEAD'],
    ['OPTIONS', '/healthz', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
  ]
  for (const [method, url, allow] of wrongMethods) {
    test(`${method} ${url} is told to use ${allow}`, () => {
      const result = find(method, url)
      assert.ok('failure' in result)
      assert.deepEqual([result.failure.failed, result.allow], ['METHOD_NOT_ALLOWED', allow])
    })
  }

  for (const url of ['/api/channels/%', '/api/channels/%zz', '/api/users/%ff']) {
    test(`"${url}" is no percent-encoded UTF-8`, () => {
      const result = find('GET', url)
      assert.ok('failure' in result)
      assert.equal(result.failure.failed, 'INVALID_ARGUMENT')
    })
  }
})
