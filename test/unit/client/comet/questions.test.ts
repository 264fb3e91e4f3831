/**
 * Tests of src/client/comet/questions.ts and wire-text.ts through the API: what pages ask a node, and what its answers become.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../../../src/client/api.ts'
import { readLog } from '../../../../src/client/comet/questions.ts'
import { brief, recorder, started, untilCame } from '../../../support/scripted-comet.ts'
import { position } from '../../../support/scripted-node.ts'

test('what a node refuses is a message on sys', async (t) => {
  const error = { code: 144, name: 'ACCESS_DENIED', message: 'Not here', retry: false }
  const refuse = () => ({ error })
  const { api } = await started(t, {
    publish: refuse,
    stats: refuse,
    presence: refuse,
    userData: refuse,
    history: refuse,
  })
  const { messages, callback } = recorder()
  api.subscription('sys.error', callback)
  const never = () => assert.fail('called back with nothing')
  api.web_pipe_send('web_a', 'said', 1)
  api.count_users_in_pipe('web_a', never)
  api.getTrackPipeUsers('track_a', never)
  api.getUserData(7, never)
  api.get_pipe_log('web_a')
  await untilCame(messages, 5)
  const told = messages.map(({ data }) => JSON.stringify(data))
  assert.deepEqual(told.sort(), [
    '{"number_messages":-1,"error":"Not here"}',
    '{"number_messages":-1,"error":"Not here"}',
    '{"number_messages":-1,"error":"Not here"}',
    '{"user_id":-1,"error":"Not here"}',
    '{"user_id":-1,"user_data":"","error":"Not here"}',
  ])
})

test('count_users_in_pipe calls back once, with the number', async (t) => {
  const { api } = await started(t)
  const [answer, everything, named, pipe] = [recorder(), recorder(), recorder(), recorder()]
  api.subscription(everything.callback)
  api.subscription('', named.callback)
  api.subscription('_answer_pipe_count', pipe.callback)
  assert.equal(api.count_users_in_pipe('web_a', answer.callback), true)
  await untilCame(answer.messages)
  assert.deepEqual(answer.messages.map(brief), [
    [{ user_in_pipe: 12 }, 0, '_answer_pipe_count', 'user_in_pipe', false],
  ])
  assert.match(String(answer.messages[0]?.server_info.marker), /^\d{10}$/)
  // Whoever did not ask hears of it only among everything, which once was so only of one without the name ''.
  assert.deepEqual([everything.messages.length, named.messages.length, pipe.messages.length], [1, 1, 0])
})

test('getTrackPipeUsers tells users and browsers', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const clients = [
    { session: 'firefox~k3-1', user: '7' },
    { session: 'k3-2', user: '' },
    { session: 'k3-3', user: 'ann' },
  ]
  const { api } = await started(t, {
    presence: ({ channel }) => ({ ok: { channel, count: 3, clients } }),
  })
  const { messages, callback } = recorder()
  assert.equal(api.getTrackPipeUsers('web_a', callback), undefined)
  assert.equal(errors.mock.callCount(), 1)
  assert.equal(api.getTrackPipeUsers('track_a', callback), true)
  await untilCame(messages)
  assert.deepEqual(messages[0]?.data, [
    { user_id: 7, uuid: 'firefox' },
    { user_id: 0, uuid: 'k3-2' },
    { user_id: 'ann', uuid: 'k3-3' },
  ])
})

test('getUserData tells what is kept for a user', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const { api } = await started(t)
  const { messages, callback } = recorder()
  for (const wrong of ['x', 0, '', '-1']) assert.equal(api.getUserData(wrong, callback), undefined)
  assert.equal(errors.mock.callCount(), 4)
  assert.equal(api.getUserData(7), undefined)
  assert.equal(api.getUserData(7, callback), true)
  await untilCame(messages)
  assert.deepEqual(messages[0]?.data, { user_data: 'data of 7', user_id: 7 })
})

test('get_pipe_log brings all there is, the oldest first, and stays on the pipe', async (t) => {
  const row = (offset: number) => ({ channel: 'web_a', offset, event: 'said', user: '7', data: offset })
  const pages = [
    [row(38), row(39)],
    [row(40), row(41)],
  ]
  const { node, api } = await started(t, {
    history: () => ({ ok: { ...position, publications: pages.shift() ?? [] } }),
  })
  const { messages, callback } = recorder()
  assert.equal(api.get_pipe_log('web_a', callback), true)
  await untilCame(messages, 3)
  const connection = await node.connection(0)
  await connection.command('subscribe')
  connection.send(row(41))
  await untilCame(messages, 4)
  assert.deepEqual(messages.map(brief), [
    [38, 7, 'web_a', 'said', true],
    [39, 7, 'web_a', 'said', true],
    [40, 7, 'web_a', 'said', true],
    [41, 7, 'web_a', 'said', false],
  ])
  const asked = connection.commands.flatMap(({ name, args }) => (name === 'history' ? [args] : []))
  assert.deepEqual(asked, [{ channel: 'web_a' }, { channel: 'web_a', since: { epoch: 'k3', offset: 39 } }])
})

test('get_pipe_log goes on after a message that pages can not be told', async (t) => {
  // What one message threw ended the reading: none of those behind it came.
  const surfaced: (() => void)[] = []
  t.mock.method(globalThis, 'queueMicrotask', (run: () => void) => surfaced.push(run))
  const rows = [38, 39, 40].map((offset) => ({ channel: 'web_a', offset, data: offset }))
  const client = { history: async () => ({ ...position, publications: rows }) }
  const told: unknown[] = []
  const command = readLog('web_a', ({ data }) => {
    if (data === 39) throw new Error('Not this one')
    told.push(data)
  })
  await command.run(client as unknown as Client)
  assert.deepEqual(told, [38, 40])
  assert.throws(() => surfaced[0]?.(), /Not this one/)
})

test('get_pipe_log of a pipe without a log brings nothing, of none is a mistake', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const off = { code: 150, name: 'HISTORY_OFF', message: 'Off', retry: false }
  const { api } = await started(t, { history: () => ({ error: off }) })
  const { messages, callback } = recorder()
  api.subscription(callback)
  assert.equal(api.get_pipe_log('web_a', callback), true)
  api.count_users_in_pipe('web_a')
  await untilCame(messages)
  assert.equal(messages[0]?.server_info.pipe, '_answer_pipe_count')
  assert.equal(api.get_pipe_log(''), false)
  assert.equal(errors.mock.callCount(), 1)
})

test('commands in the words of the wire protocol do what they say', async (t) => {
  const errors = t.mock.method(console, 'error', () => {})
  const row = { channel: 'web_a', offset: 40, data: 'logged' }
  const { node, api } = await started(t, {
    history: () => ({ ok: { ...position, publications: [row] } }),
    publish: () => ({ ok: { epoch: 'k3', offset: 41, reached: 2 } }),
  })
  const { messages, callback } = recorder()
  api.subscription(callback)
  assert.equal(api.send_msg('subscription\nweb_a\nweb_b\n'), true)
  assert.equal(api.send_msg('web_pipe2\nweb_a\nsaid\n*\n{"n":\n1}'), true)
  assert.equal(api.socketArraySend('web_pipe2\nweb_a\nsaid\n*\nno json'), true)
  assert.equal(api.send_msg('pipe_log\nweb_a\n1\n'), true)
  assert.equal(api.send_msg('pipe_count\nweb_a\n2\n'), true)
  assert.equal(api.send_msg('track_pipe_users\ntrack_a\n3'), true)
  assert.equal(api.send_msg('user_data\n4\n7'), true)
  assert.equal(api.send_msg('statistics\n{}'), true)
  assert.equal(api.send_msg('dance'), false)
  assert.equal(errors.mock.callCount(), 1)
  await untilCame(messages, 6)
  const told = messages.map(({ data, server_info }) => `${server_info.marker} ${JSON.stringify(data)}`)
  assert.deepEqual(told.sort(), [
    '2 {"user_in_pipe":12}',
    '3 []',
    '4 {"user_data":"data of 7","user_id":7}',
    'undefined "logged"',
    'undefined {"message":"\\"no json\\"","number_messages":2}',
    'undefined {"message":"{\\"n\\":\\n1}","number_messages":2}',
  ])
  const { args } = await (await node.connection(0)).command('subscribe')
  assert.deepEqual(args, { channels: ['web_a', 'web_b'] })
})
