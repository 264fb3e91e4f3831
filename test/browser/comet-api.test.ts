/**
 * `CometServerApi.js` in Chromium against a real node: pages written for CppComet, which load it from the node.
 *
 * Owns what the scripted node of the unit tests cannot show: logins, presence, logs and inboxes of a real node, its restarts,
 * a network without WebSockets, and tabs that share a storage. The page is of another origin than the node.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  asApplication,
  type Brief,
  openAnonymous,
  openCometPage,
  openUser,
  settled,
  startCometNode,
  TENANT,
} from '../support/comet-page.ts'
import { secondsFromNow, signToken } from '../support/tokens.ts'
import { needs } from '../support/tools.ts'
import { startWebProxy } from '../support/web-proxy.ts'

const skip = needs('chromium')

test('pages talk over a pipe: the others get it, the sender is told how many', { skip }, async (t) => {
  const node = await startCometNode(t)
  const [ann, bob, guest] = [
    await openUser(t, node, 7),
    await openUser(t, node, 8),
    await openAnonymous(t, node),
  ]
  for (const page of [ann, bob, guest]) {
    await page.subscribe('web_chat', 'web_chat.said', '#web_chat')
    await settled(page)
  }
  assert.equal(await ann.run(`cometApi.web_pipe_send('web_chat', 'said', { text: "it's \\\\ 'me'" })`), true)
  await guest.briefs('web_chat', 1)
  await guest.run(`cometApi.web_pipe_send('web_chat.sung', [1, null])`)
  const said: Brief = [{ text: "it's \\ 'me'" }, 7, 'web_chat', 'said']
  const sung: Brief = [[1, null], 0, 'web_chat', 'sung']
  assert.deepEqual(await bob.briefs('web_chat', 2), [said, sung])
  assert.deepEqual(await bob.briefs('web_chat.said', 1), [said])
  assert.deepEqual(await ann.briefs('web_chat', 1), [sung])
  assert.deepEqual(await guest.briefs('web_chat', 1), [said])
  const report = (await ann.briefs('#web_chat', 1))[0]
  assert.deepEqual(report?.[0], { message: JSON.stringify(said[0]), number_messages: 2 })
})

test('page logs in by key or token, is told when the login is not right, and when it is taken back', {
  skip,
}, async (t) => {
  const node = await startCometNode(t, '--cometql-password', 'secret')
  const ann = await openUser(t, node, 7)
  assert.equal(await ann.run('cometApi.getRealUserKey()'), 'key7')
  const secret = `secret${TENANT}`
  const token = signToken({ alg: 'HS256', secret }, { user_id: 7, exp: secondsFromNow(60) })
  await ann.run(`cometApi.restart({ user_key: '${token}' })`)
  await settled(ann)
  assert.deepEqual(await ann.run('[cometApi.isAuthorized(), cometApi.getRealUserKey()]'), [true, 'key7'])
  await ann.run("cometApi.restart({ user_key: 'wrong' })")
  await ann.authorized(false)
  await ann.run("cometApi.restart({ user_key: 'key7' })")
  await ann.authorized(true)
  await asApplication(node, 'users/key/remove', { user: '7' })
  await ann.authorized(false)
  assert.deepEqual(await ann.run('auths'), [true, false, true, false])
  assert.equal(await ann.run('cometApi.isConnected()'), true)
})

test('page sees who comes to a track_ pipe, who leaves, and who is online', { skip }, async (t) => {
  const node = await startCometNode(t, '--session-linger-ms', '200')
  const watcher = await openAnonymous(t, node)
  await watcher.subscribe('track_room', 'track_room.unsubscription', 'user_status_7', 'user_status_7.offline')
  await settled(watcher)
  const ann = await openUser(t, node, 7)
  await ann.subscribe('track_room')
  const [uuid, own] = [await ann.run('cometApi.getUUID()'), await watcher.run('cometApi.getUUID()')]
  const came: Brief = [{ user_id: 7, uuid }, 0, 'track_room', 'subscription']
  assert.deepEqual(await watcher.briefs('track_room', 1), [came])
  assert.deepEqual(await watcher.briefs('user_status_7', 1), [['online', 0, 'user_status_7', 'online']])
  const users = await watcher.run<unknown[]>(
    "new Promise((resolve) => cometApi.getTrackPipeUsers('track_room', ({ data }) => resolve(data)))",
  )
  assert.deepEqual(
    new Set(users.map((user) => JSON.stringify(user))),
    new Set([JSON.stringify({ user_id: 0, uuid: own }), JSON.stringify({ user_id: 7, uuid })]),
  )
  await ann.run('cometApi.stop()')
  const left: Brief = [{ user_id: 7, uuid }, 0, 'track_room', 'unsubscription']
  assert.deepEqual(await watcher.briefs('track_room.unsubscription', 1), [left])
  assert.deepEqual(await watcher.briefs('user_status_7.offline', 1), [
    ['offline', 0, 'user_status_7', 'offline'],
  ])
  assert.deepEqual(await ann.came('track_room'), [])
})

test('page reads the log of a pipe, counts who is on it and reads the data of a user', {
  skip,
}, async (t) => {
  const node = await startCometNode(t)
  await asApplication(node, 'channels/settings', { channel: 'web_log', historySize: 10 })
  await asApplication(node, 'users/data', { user: '7', data: '{"name":"Ann"}' })
  const ann = await openUser(t, node, 7)
  for (let n = 1; n <= 3; n++) await ann.run(`cometApi.web_pipe_send('web_log', 'said', ${n})`)
  await settled(ann)
  const guest = await openAnonymous(t, node)
  await guest.run("cometApi.get_pipe_log('web_log', note('log'))")
  assert.deepEqual(
    await guest.briefs('log', 3),
    [1, 2, 3].map((n) => [n, 7, 'web_log', 'said']),
  )
  await ann.run("cometApi.web_pipe_send('web_log', 'said', 4)")
  await guest.briefs('log', 4)
  const isHistory = (await guest.came('log')).map(({ server_info }) => server_info.history)
  assert.deepEqual(isHistory, [true, true, true, false])
  const answers = await guest.run(`Promise.all([
    new Promise((resolve) => cometApi.count_users_in_pipe('web_log', ({ data }) => resolve(data))),
    new Promise((resolve) => cometApi.getUserData(7, ({ data }) => resolve(data))),
    new Promise((resolve) => cometApi.getUserData(8, ({ data }) => resolve(data))),
  ])`)
  assert.deepEqual(answers, [
    { user_in_pipe: 1 },
    { user_data: '{"name":"Ann"}', user_id: 7 },
    { user_data: '', user_id: 8 },
  ])
})

test('user gets private messages, those sent while away among them, and each once', { skip }, async (t) => {
  const node = await startCometNode(t)
  await asApplication(node, 'users/key', { user: '7', key: 'key7' })
  for (const n of [1, 2]) await asApplication(node, 'publish', { user: '7', event: 'pm', data: n })
  const ann = await openCometPage(t, node, null)
  await ann.subscribe('msg', 'msg.pm')
  const start = { node: new URL(node.publicUrl).host, dev_id: TENANT, user_id: 7, user_key: 'key7' }
  await ann.run(`cometApi.start(${JSON.stringify(start)})`)
  await ann.briefs('msg', 2)
  await asApplication(node, 'publish', { user: '7', event: 'pm', data: 3 })
  await asApplication(node, 'publish', { user: '7', data: 'plain' })
  const all = [1, 2, 3].map((n): Brief => [n, 0, 'msg', 'pm'])
  assert.deepEqual(await ann.briefs('msg', 4), [...all, ['plain', 0, 'msg', '']])
  assert.deepEqual(await ann.briefs('msg.pm', 3), all)
  await ann.run('cometApi.restart()')
  await settled(ann)
  const again = await openUser(t, node, 7)
  await again.subscribe('msg')
  await asApplication(node, 'publish', { user: '7', data: 'last' })
  await again.briefs('msg', 1)
  await ann.briefs('msg', 5)
  assert.deepEqual([(await again.came('msg')).length, (await ann.came('msg')).length], [1, 5])
})

test('restart with other credentials keeps callbacks and opens what was closed', { skip }, async (t) => {
  const node = await startCometNode(t)
  const page = await openAnonymous(t, node)
  await page.subscribe('private_club', 'web_chat', 'msg')
  await settled(page)
  await asApplication(node, 'users/key', { user: '7', key: 'key7' })
  await page.run("cometApi.restart({ user_id: 7, user_key: 'key7' })")
  await page.authorized(true)
  await settled(page)
  await asApplication(node, 'publish', { channel: 'private_club', data: 'for members' })
  await asApplication(node, 'publish', { channel: 'web_chat', data: 'for all' })
  await asApplication(node, 'publish', { user: '7', data: 'for one' })
  assert.equal((await page.briefs('private_club', 1))[0]?.[0], 'for members')
  assert.equal((await page.briefs('web_chat', 1))[0]?.[0], 'for all')
  assert.equal((await page.briefs('msg', 1))[0]?.[0], 'for one')
  assert.deepEqual(await page.run('auths'), [false, true])
})

test('pages of a node that is started anew come back and miss nothing', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'encke-comet-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const first = await startCometNode(t, '--data-dir', folder)
  const ann = await openUser(t, first, 7)
  await ann.subscribe('trust_news', 'msg', '#web_chat')
  await settled(ann)
  await asApplication(first, 'publish', { channel: 'trust_news', data: 1 })
  await asApplication(first, 'publish', { user: '7', data: 1 })
  await ann.briefs('trust_news', 1)
  await ann.briefs('msg', 1)
  await first.stop()
  await ann.page.waitForFunction('!cometApi.isConnected()')
  assert.equal(await ann.run("cometApi.web_pipe_send('web_chat', 'said', 'while away')"), false)
  const ports = { '--port': first.publicPort, '--internal-port': first.internalPort }
  const flags = Object.entries(ports).flatMap(([name, port]) => [name, `${port}`])
  const second = await startCometNode(t, '--data-dir', folder, ...flags)
  await asApplication(second, 'publish', { channel: 'trust_news', data: 2 })
  await asApplication(second, 'publish', { user: '7', data: 2 })
  const numbers = async (name: string) => (await ann.briefs(name, 2)).map(([data]) => data)
  assert.deepEqual(await numbers('trust_news'), [1, 2])
  assert.deepEqual(await numbers('msg'), [1, 2])
  assert.deepEqual((await ann.briefs('#web_chat', 1))[0]?.[0], {
    message: '"while away"',
    number_messages: 0,
  })
  assert.deepEqual(await ann.run('auths'), [true])
})

test('page whose WebSockets are blocked does all of it by long polling', { skip }, async (t) => {
  const node = await startCometNode(t)
  const proxy = await startWebProxy(t, node.publicPort)
  proxy.upgrades = 'refused'
  const [ann, guest] = [
    await openUser(t, node, 7, { from: proxy.publicUrl }),
    await openAnonymous(t, node, { from: proxy.publicUrl }),
  ]
  for (const page of [ann, guest]) {
    await page.subscribe('web_chat', '#web_chat', 'msg')
    await settled(page)
  }
  await ann.run("cometApi.web_pipe_send('web_chat', 'said', 'hi')")
  assert.deepEqual(await guest.briefs('web_chat', 1), [['hi', 7, 'web_chat', 'said']])
  assert.deepEqual((await ann.briefs('#web_chat', 1))[0]?.[0], { message: '"hi"', number_messages: 1 })
  await asApplication(node, 'publish', { user: '7', data: 'to you' })
  await ann.briefs('msg', 1)
  assert.ok(proxy.asked.includes('POST /poll'))
})

test('page that names no node connects to where the script came from', { skip }, async (t) => {
  const node = await startCometNode(t)
  const page = await openCometPage(t, node, null)
  assert.deepEqual(
    await page.run(`[
      cometApi === CometServer(), new cometServerApi({ user_id: 5 }).getUserId(), _cometServerApi().isMaster(),
      comet_server_signal() === tabSignal, typeof new _tabSignal().connect, cometApi.isAuthorized(),
    ]`),
    [true, 5, undefined, true, 'function', undefined],
  )
  await page.run(`new Promise((resolve) => cometApi.start(undefined, resolve))`)
  await page.authorized(false)
  assert.equal(await page.run('cometApi.getUrl()'), node.wsUrl)
  assert.equal(await page.run('cometApi.getDevId()'), `${TENANT}`)
})

test('script is served wherever pages of CppComet load it from', { skip }, async (t) => {
  const node = await startCometNode(t)
  const texts = new Set<string>()
  for (const folder of ['', '/api', '/comet-server', '/comet-server/api']) {
    const answer = await fetch(`${node.publicUrl}${folder}/CometServerApi.js?v=4`)
    assert.deepEqual(
      [answer.status, answer.headers.get('content-type'), answer.headers.get('access-control-allow-origin')],
      [200, 'text/javascript; charset=utf-8', '*'],
    )
    texts.add(await answer.text())
  }
  assert.equal(texts.size, 1)
})

test('script that is loaded twice keeps the API there is', { skip }, async (t) => {
  const node = await startCometNode(t)
  const page = await openCometPage(t, node, null)
  await page.run('cometApi.mark = true')
  await page.page.addScriptTag({ url: `${node.publicUrl}/comet-server/api/CometServerApi.js` })
  assert.equal(await page.run('cometApi.mark'), true)
})

test('tabs of one origin share their name, their states and the signals they send to all', {
  skip,
}, async (t) => {
  const node = await startCometNode(t)
  const first = await openAnonymous(t, node)
  const [context, origin] = [first.page.context(), first.page.url()]
  const second = await openAnonymous(t, node, { context, origin })
  assert.equal(await first.run('cometApi.getUUID()'), await second.run('cometApi.getUUID()'))
  assert.notEqual(await first.run('cometApi.getTabUUID()'), await second.run('cometApi.getTabUUID()'))
  await second.run("tabSignal.connect('greet', (...args) => { came.greet = args })")
  assert.equal(await first.run("tabSignal.emitAll('greet', { n: 1 })"), true)
  await second.page.waitForFunction('came.greet')
  assert.deepEqual(await second.run('came.greet'), [{ n: 1 }, 'greet', true])
  assert.equal(await first.run("tabSignal.setState('who', 'first', 60000)"), true)
  // Tabs are processes: what one stores the other sees a moment later.
  await second.page.waitForFunction("tabSignal.getState('who') === 'first'")
  assert.equal(await second.run("tabSignal.setState('who', 'second', 60000)"), false)
  assert.equal(await second.run("tabSignal.getState('who')"), 'first')
  await first.run('cometApi.setLogLevel(1)')
  await second.page.waitForFunction("localStorage.getItem('comet_LogLevel') === '1'")
  await second.page.reload()
  assert.equal(await second.run('cometApi.getLogLevel()'), 1)
})
