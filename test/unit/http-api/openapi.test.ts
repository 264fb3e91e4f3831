/**
 * Tests of openapi.ts: the document says what the node does, and docs/openapi.json is that document.
 *
 * The answers are held against the documented schemas by a validator that knows nothing of our code.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import Schema from 'typebox/schema'
import { openapiDocument, openapiText, templatePath } from '../../../src/http-api/openapi.ts'
import { routes } from '../../../src/http-api/routes.ts'
import { failingStore } from '../../support/failing-store.ts'
import { type LocalApi, startLocalApi } from '../../support/local-api.ts'
import { newsMessage, scriptedBroker } from '../../support/scripted-broker.ts'

interface Media {
  readonly schema: object
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}
interface Operation {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Media>> }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const document = openapiDocument(routes) as unknown as Document
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

/** A validator for a schema of the document; its references point into the document. */
function validatorOf(schema: object) {
  return Schema.Compile({ ...schema, components: document.components })
}

function assertFits(schema: object, value: unknown): void {
  const validator = validatorOf(schema)
  assert.ok(validator.Check(value), `${JSON.stringify(value)}: ${JSON.stringify(validator.Errors(value))}`)
}

describe('the validator of these tests', () => {
  test('the validator follows references and finds faults', () => {
    const schema = { $ref: '#/components/schemas/ErrorBody' }
    const error = { code: 100, name: 'INTERNAL', message: 'm', retry: true }
    assertFits(schema, { error })
    assert.ok(!validatorOf(schema).Check({ error: { ...error, name: 'NO_SUCH_NAME' } }))
    assert.ok(!validatorOf(schema).Check({ error: { ...error, retry: undefined } }))
  })
})

describe('the document', () => {
  test('docs/openapi.json is the document of this code', async () => {
    const kept = await readFile(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')
    assert.equal(kept, openapiText(routes), 'stale: run node --import tsx scripts/generate-openapi.ts')
  })

  test('every route is documented, and nothing else is', () => {
    const documented = operations.map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(
      documented.sort(),
      routes.map(({ method, path }) => `${method} ${templatePath(path)}`).sort(),
    )
  })

  test('operation ids differ from each other', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.equal(new Set(ids).size, ids.length)
  })

  test('every example in the document fits its schema', () => {
    let count = 0
    for (const media of allMedia()) {
      for (const { value } of Object.values(media.examples ?? {})) {
        assertFits(media.schema, value)
        count++
      }
    }
    assert.ok(count > 20, `${count} examples`)
  })

  test('the document is served as it is kept', async (t) => {
    const { call } = await startLocalApi(t)
    assert.deepEqual((await call('/api/openapi.json')).json, JSON.parse(openapiText(routes)))
  })
})

describe('the node', () => {
  for (const { path, method, operation } of operations) {
    test(`${method} ${path} answers its examples as documented`, async (t) => {
      const api = await startLocalApi(t, { rules: [{ match: 'news', historySize: 10 }] })
      await api.post('/api/publish', { channel: 'news', data: 1, event: 'e' })
      for (const body of examplesOf(operation)) {
        const { status, headers, json, text } = await ask(api, method, pathOf(path, operation), body)
        assert.equal(status, 200)
        const type = (headers.get('content-type') ?? '').split(';', 1)[0] ?? ''
        const media = operation.responses[200]?.content[type]
        assert.ok(media !== undefined, `an answer of type ${type} is not documented`)
        assertFits(media.schema, type === 'application/json' ? json : text)
      }
    })

    test(`${method} ${path} asks for the key exactly where the document says so`, async (t) => {
      const api = await startLocalApi(t, { key: 's3cret' })
      const [body = null] = examplesOf(operation)
      const { status, json } = await ask(api, method, pathOf(path, operation), body)
      const isOpen = operation.security?.length === 0
      assert.equal(status, isOpen ? 200 : 401)
      if (!isOpen) assertFits(operation.responses[401]?.content['application/json']?.schema ?? {}, json)
    })
  }

  const mistakes: readonly [path: string, operation: string, body: unknown][] = [
    ['/api/publish', 'publish', { channel: 'a' }],
    ['/api/publish', 'publish', { channel: '', data: 1 }],
    ['/api/publish', 'publish', { channel: 'a', data: 'x'.repeat(2000) }],
    ['/api/publish', 'publish', 'x'.repeat(70_000)],
    ['/api/broadcast', 'broadcast', { channels: ['a', 'b', 'c'], data: 1 }],
    ['/api/disconnect', 'disconnect', { user: '' }],
    ['/api/channels/%00', 'channelState', null],
    ['/api/channels/news/history', 'channelHistory', null],
    ['/api/channels/news/history?limit=0', 'channelHistory', null],
    ['/api/channels/%00/history', 'channelHistory', null],
    ['/api/channels/%00/presence', 'channelPresence', null],
    ['/api/publish', 'publish', { channel: 'a', data: 1, key: '\n' }],
    ['/api/users/%', 'userState', null],
    ['/api/users/%01/data', 'userData', null],
    ['/api/users/%01/inbox', 'userInbox', null],
    ['/api/users/17/inbox?limit=0', 'userInbox', null],
    ['/api/users/key', 'setUserKey', { user: '17', key: 'a b' }],
    ['/api/users/key/remove', 'removeUserKey', {}],
    ['/api/users/data', 'setUserData', { user: '17', data: 1 }],
    ['/api/users/inbox/clear', 'clearInbox', { user: '' }],
    ['/api/tokens/revoke', 'revokeToken', { token: '' }],
    ['/api/tokens/restore', 'restoreToken', { token: '' }],
    ['/api/channels/settings', 'setChannelSettings', { channel: '', historySize: 1 }],
    ['/api/channels/settings', 'setChannelSettings', { channel: 'a', historySize: -1 }],
    ['/api/channels/%00/settings', 'channelSettings', null],
    ['/api/channels/history/clear', 'clearHistory', { channel: '@' }],
  ]
  for (const [path, id, body] of mistakes) {
    test(`${path} with ${JSON.stringify(body)?.slice(0, 40)} gets a documented error`, async (t) => {
      const api = await startLocalApi(t, { maxPublicationBytes: 1000, maxChannelsPerCommand: 2 })
      const { status, json } = await ask(api, body === null ? 'GET' : 'POST', path, body)
      assert.ok(status >= 400, `status ${status}`)
      const documented = operations.find(({ operation }) => operation.operationId === id)?.operation
      const media = documented?.responses[status]?.content['application/json']
      assert.ok(media !== undefined, `status ${status} is not documented`)
      assertFits(media.schema, json)
      const { error } = json as { error: { name: string } }
      assert.ok(Object.keys(media.examples ?? {}).includes(error.name), `${error.name} is not documented`)
    })
  }

  test('history with a gap and presence with sessions fit their schemas', async (t) => {
    const clients = [{ session: 'n1-1', user: '' }]
    const gap = { from: 1, to: 0, reason: 'epoch' } as const
    const messages = [newsMessage(1, '1', 'e', '17')]
    const history = { position: { epoch: 'k3', offset: 1 }, messages, timesMs: [1], gap }
    const script = scriptedBroker({ history, presence: { count: 1, clients } })
    const api = await startLocalApi(t, { wrap: script.wrap })
    for (const what of ['history', 'presence']) {
      const { json } = await api.call(`/api/channels/news/${what}`)
      const documented = document.paths[`/api/channels/{name}/${what}`]?.get?.responses[200]
      assertFits(documented?.content['application/json']?.schema ?? { not: {} }, json)
    }
  })

  test('an inbox with messages and settings with a size fit their schemas', async (t) => {
    const api = await startLocalApi(t, { inboxSize: 5 })
    await api.post('/api/publish', { user: '17', data: { a: 1 }, event: 'mail' })
    await api.post('/api/channels/settings', { channel: 'news', historySize: 5 })
    for (const [template, path] of [
      ['/api/users/{id}/inbox', '/api/users/17/inbox'],
      ['/api/channels/{name}/settings', '/api/channels/news/settings'],
    ] as const) {
      const { json, text } = await api.call(path)
      const documented = document.paths[template]?.get?.responses[200]
      assertFits(documented?.content['application/json']?.schema ?? { not: {} }, json)
      assert.match(text, /mail|5/)
    }
  })

  test('writes say that the store may fail', async (t) => {
    const failing = failingStore()
    const api = await startLocalApi(t, { store: failing.store, inboxSize: 5 })
    failing.isFull = true
    const writing = operations.filter(({ path }) =>
      /\/(publish|key|remove|data|settings|revoke|restore)$/.test(path),
    )
    let count = 0
    for (const { path, method, operation } of writing) {
      if (method !== 'POST') continue
      const body = examplesOf(operation).at(-1)
      const { status, json } = await ask(api, method, path, body)
      assert.equal(status, 503, path)
      const media = operation.responses[503]?.content['application/json']
      assertFits(media?.schema ?? { not: {} }, json)
      assert.ok(Object.keys(media?.examples ?? {}).includes('STORE_FAILED'), path)
      count++
    }
    assert.equal(count, 7)
  })

  test('the parameters of a query are documented as such', () => {
    const parameters = document.paths['/api/channels/{name}/history']?.get?.parameters ?? []
    assert.deepEqual(
      parameters.map((parameter) => [parameter.name, parameter.in]),
      [
        ['name', 'path'],
        ['limit', 'query'],
        ['epoch', 'query'],
        ['offset', 'query'],
        ['order', 'query'],
      ],
    )
  })

  test('the channel rows that broadcast answers fit the schema, refused ones too', async (t) => {
    const api = await startLocalApi(t)
    const { json } = await ask(api, 'POST', '/api/broadcast', { channels: ['a', '@'], data: 1 })
    assertFits(
      document.paths['/api/broadcast']?.post?.responses[200]?.content['application/json']?.schema ?? {},
      json,
    )
  })
})

function ask(api: LocalApi, method: string, path: string, body: unknown) {
  return method === 'POST' ? api.post(path, body) : api.call(path, { method })
}

/** The documented bodies; [null] for an operation without one. */
function examplesOf({ requestBody }: Operation): readonly unknown[] {
  const examples = requestBody?.content['application/json']?.examples
  return examples === undefined ? [null] : Object.values(examples).map(({ value }) => value)
}

function pathOf(template: string, { parameters = [] }: Operation): string {
  return parameters.reduce(
    (path, { name, example = '' }) => path.replace(`{${name}}`, encodeURIComponent(example)),
    template,
  )
}

function allMedia(): readonly Media[] {
  return operations.flatMap(({ operation }) => [
    ...Object.values(operation.requestBody?.content ?? {}),
    ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content)),
  ])
}
