/**
 * Tests of src/client/comet/comet-api.ts: connecting, logging in, restarting, and what the page is told of itself.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connected,
  greeting,
  hostOf,
  recorder,
  setUp,
  started,
  untilCame,
} from '../../../support/scripted-comet.ts'
import { startScriptedNode } from '../../../support/scripted-node.ts'
import { until } from '../../../support/until.ts'

test('start connects at once with the login that the options make, and calls back', async (t) => {
  const { node, api, options } = await setUp(t)
  assert.equal(api.isMaster(), undefined)
  assert.equal(api.isConnected(), false)
  let calls = 0
  assert.equal(
    api.start({ ...options, user_id: 7, user_key: 'right' }, () => calls++),
    true,
  )
  assert.equal(api.isMaster(), true)
  assert.equal(api.isConnected(), true)
  const { args } = await (await node.connection(0)).command('connect')
  assert.deepEqual(args, {
    login: { tenant: 15, user: '7', key: 'right', uuid: 'browser' },
    resume: true,
  })
  await connected(api)
  assert.deepEqual([calls, api.isAuthorized(), api.getRealUserKey()], [1, true, 'stored'])
  assert.deepEqual([api.getUserId(), api.getUserKey(), api.getDevId()], [7, 'right', 15])
  assert.equal(api.getUUID(), 'browser')
})

test('start again changes nothing where nothing is new, and logs in anew where the user is', async (t) => {
  const { node, api, options } = await started(t)
  api.start(options)
  api.start()
  assert.equal(node.connections.length, 1)
  api.start({ user_id: 7, user_key: 'right' })
  await until(() => api.isAuthorized() === true)
  assert.deepEqual(
    node.connections.map(({ commands }) => commands[0]?.args.login),
    [
      { tenant: 15, user: '', key: '', uuid: 'browser' },
      { tenant: 15, user: '7', key: 'right', uuid: 'browser' },
    ],
  )
})

test('auth callbacks are called when the status changes', async (t) => {
  const { node, api, timers, options } = await setUp(t)
  const calls: string[] = []
  api.onAuthSuccess(() => calls.push(`yes, ${api.getRealUserKey()}`))
  api.onAuthFalill(() => calls.push('no'))
  assert.equal(api.isAuthorized(), undefined)
  api.start(options)
  await until(() => calls.length === 1)
  api.restart({ user_id: 7, user_key: 'right' })
  await until(() => calls.length === 2)
  ;(await node.connection(1)).socket.terminate()
  await until(() => !api.isConnected())
  timers.turn(250)
  await until(() => api.isConnected())
  await node.connection(2)
  api.restart({ user_key: 'wrong' })
  await until(() => calls.length === 3)
  assert.deepEqual(calls, ['no', 'yes, stored', 'no'])
  assert.equal(api.isAuthorized(), false)
})

test('login that is taken back makes the page anonymous', async (t) => {
  let isTakenBack = false
  const { node, api, timers } = await started(
    t,
    {
      connect: () => ({
        ok: {
          session: 'u~1',
          user: isTakenBack ? '' : '7',
          pingMs: 25_000,
          login: { authorized: !isTakenBack, key: isTakenBack ? '' : 'stored' },
        },
      }),
    },
    { user_id: 7, user_key: 'right' },
  )
  const calls: string[] = []
  api.onAuthFalill(() => calls.push('no'))
  isTakenBack = true
  ;(await node.connection(0)).send({ bye: { code: 3014, reason: 'The login was taken back' } })
  await until(() => !api.isConnected())
  timers.turn(250)
  await until(() => calls.length === 1)
  assert.deepEqual([api.isAuthorized(), api.getRealUserKey()], [false, ''])
})

test('node that lets no anonymous page in leaves it unauthorized, until restart', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const error = { code: 148, name: 'LOGIN_INVALID', message: 'No', retry: false }
  let isRight = false
  const { node, api, options } = await setUp(t, {
    connect: () => (isRight ? { ok: { session: 'u~1', user: '7', pingMs: 25_000 } } : { error }),
  })
  api.start(options)
  await until(() => api.isAuthorized() === false)
  assert.equal(errors.mock.callCount(), 1)
  isRight = true
  api.restart({ user_id: 7, user_key: 'right' })
  await until(() => api.isAuthorized() === true)
  assert.equal(node.connections.length, 2)
})

test('address is told before start as well, which decides nothing', async (t) => {
  const { node, api } = await setUp(t)
  assert.equal(api.getUrl('example.com'), 'ws://example.com/ws')
  assert.equal(api.getUrl(), '/ws')
  api.start({ node: hostOf(node) })
  assert.equal(api.getDevId(), '0')
})

test('restart keeps callbacks and goes on from where every pipe was', async (t) => {
  const { node, api } = await started(t)
  const { messages, callback } = recorder()
  api.subscription('web_a', callback)
  const first = await node.connection(0)
  await first.command('subscribe')
  first.send({ channel: 'web_a', offset: 41, data: 'before' })
  await untilCame(messages)
  assert.equal(api.restart({ user_id: 7, user_key: 'right' }), undefined)
  const second = await node.connection(1)
  const { args } = await second.command('subscribe')
  assert.deepEqual(args.channels, [{ channel: 'web_a', since: { epoch: 'k3', offset: 41 } }])
  second.send({ channel: 'web_a', offset: 42, data: 'after' })
  await untilCame(messages, 2)
  assert.equal((await second.command('connect')).args.resume, true)
  api.restart()
  await node.connection(2)
})

test('restart before start starts; after stop it connects again', async (t) => {
  // Pages are told that they are connected from the first attempt on; what waits goes when the node has accepted them.
  const { node, api, timers, options } = await setUp(t)
  assert.equal(api.restart(options), true)
  await connected(api)
  api.stop()
  assert.equal(api.isConnected(), false)
  assert.equal(api.web_pipe_send('web_a', 'said', 1), false)
  api.restart()
  const connection = await node.connection(1)
  assert.equal((await connection.command('connect')).args.resume, true)
  assert.equal(api.isConnected(), true)
  await until(() => {
    timers.turn(20)
    return connection.commands.some(({ name }) => name === 'publish')
  })
  assert.equal((await connection.command('publish')).args.data, 1)
})

test('restart with another node goes there, with all pipes from where they were, and what waits', async (t) => {
  // Another node was another client, which knew no positions: what was published on the way was lost without a word.
  const { node, api, timers } = await started(t, { publish: () => null }, { user_id: 7, user_key: 'right' })
  const other = await startScriptedNode(t, greeting)
  const { messages, callback } = recorder()
  api.subscription('web_a', callback)
  assert.equal(api.web_pipe_send('web_b', 'said', 'unanswered'), true)
  const first = await node.connection(0)
  await first.command('publish')
  await first.command('subscribe')
  first.send({ channel: 'web_a', offset: 41, data: 'here' })
  await untilCame(messages)
  api.restart({ node: hostOf(other) })
  const connection = await other.connection(0)
  const since = { epoch: 'k3', offset: 41 }
  assert.deepEqual((await connection.command('subscribe')).args, { channels: [{ channel: 'web_a', since }] })
  assert.deepEqual((await connection.command('connect')).args.since, { epoch: 'k3', offset: 0 })
  await until(() => {
    timers.turn(20)
    return connection.commands.some(({ name }) => name === 'publish')
  })
  connection.send({ channel: 'web_a', offset: 42, data: 'there' })
  await untilCame(messages, 2)
  assert.equal(api.getUrl(), other.url)
})

test('node that is not there yields to the next of several', async (t) => {
  const { node, api, timers } = await setUp(t)
  api.start({ nodeArray: ['127.0.0.1:1', hostOf(node)], dev_id: 15 })
  await until(() => {
    timers.turn(100)
    return api.isAuthorized() !== undefined
  })
  assert.equal(api.getUrl(), node.url)
})

test('next of several nodes tells what it does not know of the pipes', async (t) => {
  const { node, api, timers } = await setUp(t)
  const gap = { from: 1, to: 9, reason: 'epoch' }
  const other = await startScriptedNode(t, {
    ...greeting,
    subscribe: () => ({
      ok: { channels: [{ channel: 'web_a', epoch: 'x1', offset: 9, recovered: false, gap }] },
    }),
  })
  const missed: unknown[] = []
  api.onGap((each) => missed.push(each))
  const { messages, callback } = recorder()
  api.subscription('web_a', callback)
  api.start({ nodes: [hostOf(node), hostOf(other)], dev_id: 15 })
  const first = await node.connection(0)
  await first.command('subscribe') // no node sends what was not asked for yet
  first.send({ channel: 'web_a', offset: 41, data: 'here' })
  await untilCame(messages)
  node.isWebSocketBlocked = true
  first.socket.terminate()
  await until(() => {
    timers.turn(100)
    return missed.length > 0
  })
  const connection = await other.connection(0)
  connection.send({ channel: 'web_a', offset: 10, data: 'there' })
  await untilCame(messages, 2)
  assert.deepEqual(missed, [{ pipe: 'web_a', count: undefined }])
  assert.equal(api.getUrl(), other.url)
})

test('page whose WebSockets are blocked goes on with long polling', async (t) => {
  const { node, api, timers, options } = await setUp(t)
  node.isWebSocketBlocked = true
  api.start(options)
  await until(() => {
    timers.turn(100)
    return api.isAuthorized() !== undefined
  })
  assert.ok(node.http.requests('/poll').length > 0)
  api.web_pipe_send('web_a', 'said', 1)
  await until(() =>
    node.http.requests('/poll').some(({ body }) => body.commands.some(({ name }) => name === 'publish')),
  )
})

test('page that wants no WebSockets uses none', async (t) => {
  const { node, api, options } = await setUp(t)
  assert.equal(api.UseWebSocket(false), false)
  api.start(options)
  await connected(api)
  assert.equal(node.connections.length, 0)
  assert.ok(node.http.requests('/poll').length > 0)
})

test('names of browser, tab and answers have their lengths and alphabets, and stay', async (t) => {
  const { api } = await setUp(t)
  assert.match(api.getUUID(), /^[\w-]{32}$/)
  assert.equal(api.getUUID(), api.getUUID())
  assert.match(api.getTabUUID(), /^[A-Za-z0-9]{16}$/)
  assert.equal(api.getTabUUID(), api.getTabUUID())
  assert.match(api.getCustomString(), /^\d{10}$/)
})

test('encryption, log level and statistics are what the page says', async (t) => {
  const { node, api } = await started(t)
  assert.deepEqual(
    [api.isUseWss(), api.UseWss(true), api.isUseWss(), api.UseWss()],
    [false, true, true, false],
  )
  const logged = t.mock.method(console, 'log', () => {})
  assert.equal(api.getLogLevel(), 0)
  api.setLogLevel(1)
  api.subscription('web_a')
  const connection = await node.connection(0)
  await connection.command('subscribe')
  connection.send({ channel: 'web_a', offset: 41, data: 1 })
  await until(() => logged.mock.callCount() > 0)
  assert.equal(api.getLogLevel(), 1)
  assert.equal(api.sendStatistics(), true)
  assert.equal(api.Base64.decode(api.Base64.encode('ж')), 'ж')
  assert.equal(api.stripslashes("a\\'b"), "a'b")
  assert.deepEqual(
    connection.commands.map(({ name }) => name),
    ['connect', 'subscribe'],
  )
})
