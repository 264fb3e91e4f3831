/**
 * How connections of CppComet pages end: TCP goes, and never a Close frame.
 *
 * Owns the most important promise to these pages: one that gets a Close frame believes that it was meant to stop and never
 * comes back. So every reason of a node to end a connection is tried here, and the bytes are looked at: after whole
 * messages the stream ends or is reset. The one Close frame there is answers a page's own, which the library does before
 * the node hears of it (docs/cppcomet.md).
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { openCometPage } from '../support/comet-client.ts'
import { masked, opcodeOf, opcodes, payloadOf } from '../support/comet-frames.ts'
import {
  type CometFields,
  type CometLine,
  cometPath,
  dialComet,
  openComet,
  upgradeRequest,
} from '../support/comet-line.ts'
import { applicationOf, PASSWORD, startCometNode } from '../support/comet-node.ts'
import { cometReaches, numbered, openCometReader } from '../support/comet-reader.ts'
import { hex } from '../support/hex.ts'
import type { TestNode } from '../support/node.ts'
import { secondsFromNow, signToken } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { counter, openPublisher, ops } from '../support/wire.ts'

/** Tests at once: each has a node of its own, and most wait for it. */
const AT_ONCE = 3

const OLD = { version: '3.25' }
const POLL_BODY = 'web_x'
const SEVEN: CometFields = { key: 'hash7', user: 7 }

describe('the end of a connection of a page', { concurrency: AT_ONCE }, () => {
  test('node that is told to stop drops its pages, and they would come back', async (t) => {
    const node = await startCometNode(t, ['--drain-ms', '500'])
    const lines = [await openComet(t, node.publicPort), await openComet(t, node.publicPort, OLD)]
    const page = await openCometPage(t, node.publicPort)
    const [code] = await Promise.all([node.stop('SIGTERM'), ...lines.map((line) => assertNoCloseFrame(line))])
    assert.equal(code, 0)
    await until(() => page.closed() !== null, { what: 'the page to be dropped' })
    assert.equal(page.closed(), 'unclean')
  })

  test('node that is told to stop answers the polls that wait, and pages would poll again', async (t) => {
    const node = await startCometNode(t, ['--drain-ms', '500'])
    const url = (version: string) => `${node.publicUrl}${cometPath({ prefix: '/', version, uuid: version })}`
    const polls = await Promise.all(
      ['4.08', '3.25'].map(async (version) => {
        const first = await fetch(url(version), { method: 'POST', body: POLL_BODY })
        assert.match(await first.text(), /serverInfo/)
        return { waiting: fetch(url(version), { method: 'POST', body: POLL_BODY }) }
      }),
    )
    const app = applicationOf(node)
    await pollsCame(node, 4)
    await app.publish('web_x', 'e', 'before it stops')
    for (const { waiting } of polls) assert.match(await (await waiting).text(), /before it stops/)
    const next = ['4.08', '3.25'].map((version) => fetch(url(version), { method: 'POST', body: POLL_BODY }))
    await pollsCame(node, 6)
    const [code, ...answers] = await Promise.all([node.stop('SIGTERM'), ...next])
    assert.equal(code, 0)
    for (const answer of answers) {
      assert.ok(answer.status === 200 || answer.status === 503, `${answer.status}`)
      assert.doesNotMatch(await answer.text(), /"error":\d/, 'a page that is told such a number gives up')
    }
  })

  test('node that is killed is gone, and pages would come back', async (t) => {
    const node = await startCometNode(t)
    const page = await openCometPage(t, node.publicPort)
    await node.stop('SIGKILL')
    await until(() => page.closed() !== null, { what: 'the page to be dropped' })
    assert.equal(page.closed(), 'unclean')
  })

  test('page whose login is taken back is dropped, and comes back as nobody', async (t) => {
    const node = await startCometNode(t)
    const app = applicationOf(node)
    const key = signToken({ alg: 'HS256', secret: `${PASSWORD}1` }, { user_id: 7, exp: secondsFromNow(600) })
    const other = await openComet(t, node.publicPort, { key: 'hash8', user: 8 })
    const ways: readonly (readonly [CometFields, () => Promise<unknown>])[] = [
      [SEVEN, () => app.call('users/key/remove', { user: '7' })],
      [{ ...SEVEN, ...OLD }, () => app.call('users/key/remove', { user: '7' })],
      [{ user: 7, key }, () => app.call('tokens/revoke', { token: key })],
    ]
    for (const [fields, takeBack] of ways) {
      await app.setKey('7', 'hash7')
      const line = await openComet(t, node.publicPort, fields)
      await takeBack()
      await assertNoCloseFrame(line)
      const back = await openCometPage(t, node.publicPort, fields)
      assert.equal(back.isAuthorized(), false)
    }
    await other.settled()
  })

  test('page that the application disconnects is dropped', async (t) => {
    const node = await startCometNode(t)
    const app = applicationOf(node)
    await app.setKey('7', 'hash7')
    const line = await openComet(t, node.publicPort, SEVEN)
    assert.deepEqual(await app.call('disconnect', { user: '7' }), { disconnected: 1 })
    await assertNoCloseFrame(line)
  })

  test('page that does not read is dropped in the end, after whole messages', async (t) => {
    const node = await startCometNode(t, ['--max-lag-ms', '4000', '--max-backpressure-bytes', '16384'])
    const publisher = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
    t.after(() => publisher.close())
    const [steady, slow] = [await read(t, node, 'web_flood'), await read(t, node, 'web_flood')]
    slow.pause()
    let sent = 0
    await until(
      async () => {
        for (let n = 0; n < 20; n++) {
          sent++
          publisher.send(ops.publish, sent + 1, 'web_flood', numbered(sent, 50_000))
        }
        await cometReaches(steady, sent)
        return (
          (await counter(node.internalUrl, 'encke_connections_closed_total', { code: 'SLOW_CONSUMER' })) > 0
        )
      },
      { withinMs: 60_000, what: 'the slow one to be ended' },
    )
    slow.resume()
    await slow.dropped()
    assert.equal(slow.hasClosed(), false)
    assert.ok(slow.reached() < sent)
    assert.equal(steady.isDropped(), false)
  })

  test('page that breaks the protocol is dropped', async (t) => {
    const node = await startCometNode(t)
    const broken = [
      masked('hello'),
      masked('x', 0x83), // a reserved opcode
      masked('x', 0xf1), // reserved bits
      masked('x'.repeat(126), 0x89), // a control frame that is too long
      masked('x', 0x09), // a control frame in fragments
      masked('x', 0x80), // a continuation of nothing
      masked(Buffer.from([0xff, 0xfe])),
      masked(`subscription\n${'x'.repeat(65)}`),
      masked('x'.repeat(200_000)),
    ]
    for (const bytes of broken) {
      const line = await openComet(t, node.publicPort)
      line.write(bytes)
      await assertNoCloseFrame(line, bytes.subarray(0, 8).toString('hex'))
    }
  })

  test('address that is no good gets its error, and the connection is dropped', async (t) => {
    const node = await startCometNode(t)
    for (const path of ['/ws/', '/ws/sesion=k&myid=1', cometPath({ version: '4' })]) {
      const line = await dialComet(t, node.publicPort, upgradeRequest(path))
      const frames = await assertNoCloseFrame(line, path)
      assert.equal(frames.length, 1)
    }
  })

  test('page that has fallen silent is dropped', async (t) => {
    const node = await startCometNode(t, ['--ping-ms', '4000', '--idle-timeout-ms', '8000'])
    const line = await openComet(t, node.publicPort)
    const frames = await assertNoCloseFrame(line)
    for (const one of frames) assert.equal(opcodeOf(one), opcodes.ping, 'it was asked before')
  })

  test('page that says Close is answered by the library alone, with its own code', async (t) => {
    const node = await startCometNode(t)
    const line = await openComet(t, node.publicPort)
    line.write(masked(hex('03 e9'), 0x88))
    const { frames } = await line.dropped()
    assert.deepEqual(frames, [hex('88 02 03 e9')])
  })

  test('page that leaves without a word is no more trouble than one that says Close', async (t) => {
    const node = await startCometNode(t)
    const watcher = await openComet(t, node.publicPort, { uuid: 'watcher' })
    watcher.say('subscription\ntrack_room')
    await watcher.settled()
    for (const leave of ['hangUp', 'close'] as const) {
      const line = await openComet(t, node.publicPort, { uuid: leave })
      line.say('subscription\ntrack_room')
      await line.settled()
      if (leave === 'hangUp') await line.hangUp()
      else line.write(masked(hex('03 e8'), 0x88))
      const events = (await watcher.texts(2)).map((text) => JSON.parse(text))
      assert.deepEqual(
        events.map(({ event, data }) => [event, data.uuid]),
        [
          ['subscription', leave],
          ['unsubscription', leave],
        ],
      )
    }
  })

  test('page with the script of the original is sent its repair where that is wanted, and only there', async (t) => {
    const node = await startCometNode(t, ['--comet-restart-fix'])
    for (const version of ['4.08', '3.25']) {
      const line = await dialComet(t, node.publicPort, upgradeRequest(cometPath({ version })))
      const [greeting = '', repair = ''] = await line.texts(2)
      assert.equal(JSON.parse(greeting).event, 'serverInfo')
      assert.equal(typeof JSON.parse(repair).jscode, 'string')
      const own = await dialComet(
        t,
        node.publicPort,
        upgradeRequest(cometPath({ version }).replace('&api=js', '')),
      )
      assert.equal((await own.settled(1)).frames.length, 1)
    }
  })
})

/** Until the node has `count` polls, all with the same body. */
async function pollsCame(node: TestNode, count: number): Promise<void> {
  const received = () => counter(node.internalUrl, 'encke_received_bytes_total', { transport: 'comet-poll' })
  await until(async () => (await received()) === count * POLL_BODY.length, { what: `${count} polls to come` })
}

/** Whole frames that are no Close, then the end; resolves to those. */
async function assertNoCloseFrame(line: CometLine, hint?: string): Promise<readonly Buffer[]> {
  const { frames } = await line.dropped()
  for (const one of frames) {
    assert.notEqual(opcodeOf(one), opcodes.close, hint)
    if (opcodeOf(one) === opcodes.text) assert.doesNotThrow(() => JSON.parse(payloadOf(one).toString()))
  }
  return frames
}

async function read(t: TestContext, node: TestNode, pipe: string) {
  const reader = await openCometReader(node.publicPort, pipe)
  t.after(() => reader.close())
  return reader
}
