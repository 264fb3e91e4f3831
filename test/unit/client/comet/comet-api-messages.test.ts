/**
 * Tests of src/client/comet/comet-api.ts: subscriptions, sending, and what callbacks are given.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brief, connected, recorder, setUp, started, untilCame } from '../../../support/scripted-comet.ts'
import { namesOf } from '../../../support/scripted-node.ts'
import { until } from '../../../support/until.ts'

test('subscriptions of one turn leave as one command, each pipe once, local names not at all', async (t) => {
  const { node, api, options } = await setUp(t)
  const nothing = () => {}
  assert.match(String(api.subscription('web_a', nothing)), /^web_a&&/)
  api.subscription('web_a.said', nothing)
  api.subscription('web_b\nweb_c.said', nothing)
  api.subscription(['web_d'], nothing)
  for (const local of ['#web_e', 'answer_to_web_e', '_answer_to_web_e', 'msg', 'msg.pm', '', 'sys']) {
    assert.ok(api.subscription(local, nothing))
  }
  api.subscription(nothing)
  api.subscription('web_f')
  api.start(options)
  const { args } = await (await node.connection(0)).command('subscribe')
  assert.deepEqual(namesOf(args.channels), ['web_a', 'web_b', 'web_c', 'web_d', 'web_f'])
})

test('subscription returns undefined for a list, false for what is no name', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const { api } = await setUp(t)
  assert.equal(api.subscription('web_a\nweb_b'), undefined)
  assert.equal(api.subscription(undefined), false)
  assert.equal(api.subscription('x'), false)
  assert.equal(errors.mock.callCount(), 1)
})

test('callbacks get data and server_info of the messages they asked for', async (t) => {
  const { node, api } = await started(t)
  const [pipe, event, other, everything, named] = Array.from({ length: 5 }, recorder)
  api.subscription('web_a', pipe?.callback)
  api.subscription('web_a.said', event?.callback)
  api.subscription('web_a.sung', other?.callback)
  api.subscription(everything?.callback)
  api.subscription('', named?.callback)
  const connection = await node.connection(0)
  await connection.command('subscribe')
  connection.send({ channel: 'web_a', offset: 41, event: 'said', user: '7', data: { text: 'hi' } })
  connection.send({ channel: 'web_a', offset: 42, data: 'plain' })
  await untilCame(pipe?.messages ?? [], 2)
  const said = [{ text: 'hi' }, 7, 'web_a', 'said', false]
  const plain = ['plain', 0, 'web_a', '', false]
  assert.deepEqual(pipe?.messages.map(brief), [said, plain])
  assert.deepEqual(event?.messages.map(brief), [said])
  assert.deepEqual(other?.messages, [])
  assert.deepEqual(everything?.messages.map(brief), [said, plain])
  assert.deepEqual(named?.messages.map(brief), [said, plain])
  const { server_info } = pipe?.messages[0] ?? assert.fail()
  assert.deepEqual([server_info.marker, server_info.uuid], [undefined, undefined])
  assert.ok(Math.abs((server_info.message_send_time ?? 0) - Date.now() / 1_000) < 60)
})

test('unsubscription ends one callback; the pipe stays subscribed', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const { node, api } = await started(t)
  const [first, second] = [recorder(), recorder()]
  const id = api.subscription('web_a', first.callback)
  api.subscription('web_a', second.callback)
  const connection = await node.connection(0)
  await connection.command('subscribe')
  assert.equal(api.unsubscription(id), true)
  assert.equal(api.unsubscription(id), false)
  assert.equal(api.unsubscription(false), false)
  assert.equal(api.unsubscription(), false)
  assert.equal(errors.mock.callCount(), 1)
  connection.send({ channel: 'web_a', offset: 41, data: 1 })
  await untilCame(second.messages)
  assert.equal(api.unsubscriptionAll(), true)
  connection.send({ channel: 'web_a', offset: 42, data: 2 })
  const all = recorder()
  api.subscription(all.callback)
  connection.send({ channel: 'web_a', offset: 43, data: 3 })
  await untilCame(all.messages)
  assert.deepEqual([first.messages.length, second.messages.length], [0, 1])
  assert.ok(!connection.commands.some(({ name }) => name === 'unsubscribe'))
})

test('web_pipe_send publishes to the others and reports how many got it', async (t) => {
  const { node, api } = await started(t, {
    publish: () => ({ ok: { epoch: 'k3', offset: 41, reached: 3 } }),
  })
  const [report, answer, event] = [recorder(), recorder(), recorder()]
  api.subscription('#web_a', report.callback)
  api.subscription('answer_to_web_a', answer.callback)
  api.subscription('_answer_to_web_a.answer', event.callback)
  assert.equal(api.web_pipe_send('web_a', 'said', { text: 'hi' }), true)
  await untilCame(report.messages)
  const { key, ...args } = (await (await node.connection(0)).command('publish')).args
  assert.deepEqual(args, { channel: 'web_a', data: { text: 'hi' }, event: 'said', echo: false })
  assert.match(String(key), /^\w{32}$/)
  const reported = [{ message: '{"text":"hi"}', number_messages: 3 }, 0, '_answer_to_web_a', 'answer', false]
  for (const { messages } of [report, answer, event]) assert.deepEqual(messages.map(brief), [reported])
})

test('web_pipe_send takes the event from the name of the pipe, and has one called undefined without', async (t) => {
  const { node, api } = await started(t)
  api.web_pipe_send('web_a.said', 'hi')
  api.web_pipe_send('webauth_a', 0)
  api.web_pipe_send('web_a', '', null)
  const connection = await node.connection(0)
  await connection.command('publish', 2)
  const sent = connection.commands.flatMap(({ name, args }) => (name === 'publish' ? [args] : []))
  assert.deepEqual(
    sent.map(({ channel, event, data }) => [channel, event, data]),
    [
      ['web_a', 'said', 'hi'],
      ['webauth_a', 'undefined', 0],
      ['web_a', '', null],
    ],
  )
})

test('web_pipe_send refuses other pipes, and sends no message that is none', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const { node, api } = await started(t)
  assert.equal(api.web_pipe_send('news', 'said', 1), undefined)
  assert.equal(api.web_pipe_send('@web_a', 'said', 1), undefined)
  assert.equal(errors.mock.callCount(), 2)
  assert.equal(api.web_pipe_send('web_a', undefined), false)
  assert.equal(
    api.web_pipe_send('web_a', 'said', () => {}),
    false,
  )
  api.web_pipe_send('web_a', 'said', 'last')
  const connection = await node.connection(0)
  assert.equal((await connection.command('publish')).args.data, 'last')
})

test('web_pipe_send before start and while away waits, in order, and says so', async (t) => {
  const { node, api, timers, options } = await setUp(t)
  assert.equal(api.web_pipe_send('web_a', 'said', 1), false)
  const changing = { n: 2 }
  assert.equal(api.web_pipe_send('web_a', 'said', changing), false)
  changing.n = 99
  api.start(options)
  const connection = await node.connection(0)
  await connected(api)
  timers.turn(20)
  await connection.command('publish', 1)
  connection.socket.terminate()
  await until(() => !api.isConnected())
  assert.equal(api.web_pipe_send('web_a', 'said', 3), false)
  timers.turn(250)
  const next = await node.connection(1)
  await until(() => api.isConnected())
  await until(() => {
    timers.turn(20)
    return next.commands.some(({ name }) => name === 'publish')
  })
  const data = [connection, next].flatMap(({ commands }) =>
    commands.flatMap(({ name, args }) => (name === 'publish' ? [args.data] : [])),
  )
  assert.deepEqual(data, [1, { n: 2 }, 3])
})

test('multi_web_pipe_send sends the same three times, and whoever gets it handles it once', async (t) => {
  const { node, api, timers } = await started(t)
  const message = { text: 'hi' }
  assert.equal(api.multi_web_pipe_send('web_a', 'said', message), true)
  assert.deepEqual(message, { text: 'hi' })
  timers.turn(2_000)
  const connection = await node.connection(0)
  await connection.command('publish', 2)
  const sent = connection.commands.flatMap(({ name, args }) => (name === 'publish' ? [args] : []))
  assert.equal(new Set(sent.map(({ key }) => key)).size, 3)
  const { messages, callback } = recorder()
  api.subscription('web_a', callback)
  await connection.command('subscribe')
  for (const [n, { data }] of sent.entries()) connection.send({ channel: 'web_a', offset: 41 + n, data })
  connection.send({ channel: 'web_a', offset: 44, data: 'last' })
  await untilCame(messages, 2)
  assert.deepEqual(
    messages.map(({ data }) => data),
    [message, 'last'],
  )
})

test('messages to the user are msg, with when they were sent', async (t) => {
  const { node, api } = await started(t, {}, { user_id: 7, user_key: 'right' })
  const [all, event] = [recorder(), recorder()]
  api.subscription('msg', all.callback)
  api.subscription('msg.pm', event.callback)
  const connection = await node.connection(0)
  connection.send({ channel: '@7', offset: 1, id: 'a-1', time: 1_700_000_000_999, event: 'pm', data: 'late' })
  connection.send({ channel: '@7', offset: 2, data: 'live' })
  await untilCame(all.messages, 2)
  assert.deepEqual(all.messages.map(brief), [
    ['late', 0, 'msg', 'pm', false],
    ['live', 0, 'msg', '', false],
  ])
  assert.equal(all.messages[0]?.server_info.message_send_time, 1_700_000_000)
  assert.equal(event.messages.length, 1)
  assert.deepEqual((await connection.command('ack')).args, { epoch: 'k3', offset: 2 })
})

test('pipe that is closed to the page says nothing; what else is refused is told on sys', async (t) => {
  const denied = { code: 144, name: 'ACCESS_DENIED', message: 'Closed', retry: false }
  const limit = { code: 106, name: 'CHANNEL_LIMIT', message: 'Too many', retry: false }
  const { api } = await started(t, {
    subscribe: ({ channels }) => ({
      ok: {
        channels: namesOf(channels).map((channel) => ({
          channel,
          error: channel === 'private_a' ? denied : limit,
        })),
      },
    }),
  })
  const { messages, callback } = recorder()
  api.subscription('sys', callback)
  api.subscription('private_a')
  api.subscription('web_a')
  await untilCame(messages)
  assert.deepEqual(messages.map(brief), [[{ error: 'Too many' }, 0, 'sys', 'error', false]])
})

test('onGap tells what will not come', async (t) => {
  const { node, api } = await started(t)
  const missed: unknown[] = []
  api.onGap((gap) => missed.push(gap))
  api.subscription('web_a')
  const connection = await node.connection(0)
  await connection.command('subscribe')
  connection.send({ channel: 'web_a', gap: { from: 41, to: 44, reason: 'trimmed' } })
  await until(() => missed.length === 1)
  assert.deepEqual(missed, [{ pipe: 'web_a', count: 4 }])
})

test('message handed in by the page reaches its callbacks', async (t) => {
  const { api } = await setUp(t)
  const [pipe, own] = [recorder(), recorder()]
  api.subscription('web_a.said', pipe.callback)
  api.subscription('msg', own.callback)
  assert.equal(api.msg_cultivate({ pipe: 'web_a', event: 'said', user_id: 7, data: '{\\"n\\":1}' }), 1)
  assert.equal(api.msg_cultivate({ data: 'to me' }), 1)
  assert.equal(api.msg_cultivate({ pipe: 'web_a' }), -1)
  assert.deepEqual(pipe.messages.map(brief), [[{ n: 1 }, 7, 'web_a', 'said', false]])
  assert.deepEqual(own.messages.map(brief), [['to me', 0, 'msg', '', false]])
})
