/**
 * Tests of src/client/comet/comet-options.ts: addresses, logins and defaults of all forms the options may have.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addressOf,
  type CometOptions,
  loginOf,
  merge,
  nodeIndex,
} from '../../../../src/client/comet/comet-options.ts'

const script = 'https://push.example.com/CometServerApi.js'
const behind = 'http://example.com:8080/comet-server/api/CometServerApi.js'

const addresses: [node: string, isWss: boolean, scriptUrl: string | undefined, url: string][] = [
  ['example.com', false, script, 'ws://example.com/ws'],
  ['example.com', true, undefined, 'wss://example.com/ws'],
  ['example.com:8087', false, undefined, 'ws://example.com:8087/ws'],
  ['example.com/comet-server', true, undefined, 'wss://example.com/comet-server/ws'],
  ['example.com/comet-server/', true, undefined, 'wss://example.com/comet-server/ws'],
  ['//example.com/', false, undefined, 'ws://example.com/ws'],
  ['https://example.com:8087/push', false, undefined, 'wss://example.com:8087/push/ws'],
  ['ws://example.com', false, undefined, 'ws://example.com/ws'],
  ['[::1]:8087', false, undefined, 'ws://[::1]:8087/ws'],
  ['app.comet-server.ru', false, script, 'wss://push.example.com/ws'],
  ['app.comet-server.com:8087', false, behind, 'ws://example.com:8080/comet-server/ws'],
  ['app.comet-server.ru', true, behind, 'wss://example.com:8080/comet-server/ws'],
  ['app.comet-server.ru', false, 'http://example.com/js/CometServerApi.js', 'ws://example.com/ws'],
  ['app.comet-server.ru', false, undefined, '/ws'],
  ['my-comet-server.ru', false, script, 'ws://my-comet-server.ru/ws'],
]

for (const [node, isWss, scriptUrl, url] of addresses) {
  test(`node ${node} of a script at ${scriptUrl} is ${url}, encrypted: ${isWss}`, () => {
    assert.equal(addressOf(node, { scriptUrl, isWss }), url)
  })
}

test('login has number, user, key and name as the node takes them', () => {
  const login = (options: CometOptions, uuid = 'u') => loginOf(options, uuid)
  assert.deepEqual(login({ dev_id: '15', user_id: 7, user_key: 'key' }), {
    tenant: 15,
    user: '7',
    key: 'key',
    uuid: 'u',
  })
  const tenants = [undefined, 0, '0', 'x', -1, 1.5, 2_147_483_648, 2_147_483_647]
  assert.deepEqual(
    tenants.map((dev_id) => login({ dev_id }).tenant),
    [0, 0, 0, 0, 0, 0, 0, 2_147_483_647],
  )
  const users = [undefined, 0, '0', '', -5, 'undefined', 'null', Number.NaN, '007', 'ann']
  assert.deepEqual(
    users.map((user_id) => login({ user_id }).user),
    ['', '', '', '', '', '', '', '', '7', 'ann'],
  )
  assert.equal(login({}).key, '')
  assert.equal(login({}, `a b/${'c'.repeat(40)}`).uuid, `a_b_${'c'.repeat(28)}`)
})

test('nodes of all names come to one list, and the tenant to its default', () => {
  const settled = (given: CometOptions) => {
    const options: CometOptions = {}
    merge(options, given)
    return [options.nodeArray, options.dev_id]
  }
  assert.deepEqual(settled({}), [['app.comet-server.ru'], '15'])
  assert.deepEqual(settled({ node: [] }), [['app.comet-server.ru'], '15'])
  assert.deepEqual(settled({ node: 'a' }), [['a'], '0'])
  assert.deepEqual(settled({ node: ['a', 'b'], dev_id: 3 }), [['a', 'b'], 3])
  assert.deepEqual(settled({ nodes: ['c'], node: 'a', nodeArray: ['d'] }), [['c'], '0'])
  assert.deepEqual(settled({ nodeArray: ['d'] }), [['d'], '0'])
})

test('options that are given again go over those before, a node over all the nodes there were', () => {
  const options: CometOptions = { nodes: ['a', 'b'], dev_id: 3, user_id: 7 }
  merge(options, options)
  assert.deepEqual(options.nodeArray, ['a', 'b'])
  merge(options, { node: 'c', user_id: 8 })
  assert.deepEqual([options.nodeArray, options.dev_id, options.user_id], [['c'], 3, 8])
  merge(options, {})
  assert.deepEqual(options.nodeArray, ['c'])
})

test('node is the first, or with roundrobin that of the user', () => {
  assert.equal(nodeIndex({ user_id: 7 }, 3, 0.9), 0)
  assert.equal(nodeIndex({ roundrobin: true, user_id: '7' }, 3, 0.9), 1)
  assert.equal(nodeIndex({ roundrobin: true }, 3, 0.9), 2)
  assert.equal(nodeIndex({ roundrobin: true, user_id: 'ann' }, 3, 0), 0)
})
