/**
 * What a publisher may rely on at the publish port, spoken byte by byte to a real node.
 *
 * Owns acknowledgement, order, the two kinds of acks, the Unix socket and backpressure. The Node client is in
 * publisher.test.ts, broken frames are in bad-input-publish-port.test.ts.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { startNode, type TestNode } from '../support/node.ts'
import { signToken } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { answers, counter, frame, openClient, openPublisher, ops, type WireClient } from '../support/wire.ts'

const SECRET = 'a secret of more than sixteen bytes'
const MEBIBYTE = 1024 * 1024

test('acks', async (t) => {
  const node = await startNode(t, ['--token-secret', SECRET, '--anonymous'])

  await t.test(
    'each: every publication is answered with its place, lists with a place for each item',
    async (t) => {
      const line = await openPublisher({ port: node.publishPort }, { acks: 'each', name: 'test' })
      t.after(() => line.close())
      line.send(ops.publish, 2, 'each', 1)
      line.send(ops.many, 5, ['each', 'each-b'], { n: 2 }, 'event')
      line.send(ops.batch, 6, [
        ['each', 3],
        ['each-b', 4, 'event'],
        ['each', 5, null],
      ])
      line.send(ops.toUser, 7, '17', 6)
      const [, first] = [await line.answer(4), line.answers[1]]
      const epoch = first?.[2]
      const place = (offset: number) => ({ epoch, offset })
      assert.deepEqual(line.answers.slice(1), [
        [answers.ack, 2, epoch, 1],
        [answers.result, 5, { positions: [place(2), place(1)] }],
        [answers.result, 6, { positions: [place(3), place(2), place(4)] }],
        [answers.ack, 7, epoch, 0], // user 17 is away: it waits
      ])
    },
  )

  await t.test(
    'cumulative: one answer stands for everything up to its number, errors come by themselves',
    async (t) => {
      const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
      t.after(() => line.close())
      const frames = Array.from({ length: 1000 }, (_, n) => frame([ops.publish, n + 2, 'cumulative', n]))
      frames[500] = frame([ops.publish, 502, '', 'no channel'])
      line.write(Buffer.concat(frames))
      await until(() => line.answers.at(-1)?.[1] === 1001, { what: 'the last ack' })
      const errors = line.answers.filter(([op]) => op === answers.error)
      assert.deepEqual(
        errors.map(([, seq, , name]) => [seq, name]),
        [[502, 'INVALID_CHANNEL']],
      )
      const acks = line.answers.filter(([op]) => op === answers.ackUpTo)
      assert.ok(acks.length < 500, `${acks.length} acks for 1000 publications`)
      const seqs = acks.map(([, seq]) => Number(seq))
      assert.deepEqual(
        seqs,
        [...seqs].sort((a, b) => a - b),
      )
      line.send(ops.stats, 2000, 'cumulative')
      await until(() => line.answers.at(-1)?.[1] === 2000, { what: 'the stats' })
      assert.equal((line.answers.at(-1)?.[2] as { offset: number }).offset, 999)
    },
  )

  await t.test('questions are answered in order with what was published before them', async (t) => {
    const client = await openClient(node.wsUrl, {
      token: signToken({ alg: 'HS256', secret: SECRET }, { sub: '17' }),
    })
    t.after(() => client.close())
    await client.ok({ subscribe: { channel: 'asked' } })
    const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
    t.after(() => line.close())
    const questions = [
      frame([ops.publish, 2, 'asked', 1]),
      frame([ops.stats, 3, 'asked']),
      frame([ops.publish, 4, 'asked', 2]),
      frame([ops.stats, 5, 'asked']),
      frame([ops.users, 6, ['16', '17', '18']]),
      frame([ops.stats, 7, null]),
      frame([ops.disconnect, 8, { user: 'nobody' }]),
    ]
    line.write(Buffer.concat(questions))
    await until(() => line.answers.at(-1)?.[1] === 8, { what: 'all answers' })
    const told = line.answers.slice(1)
    assert.deepEqual(
      told.map(([, seq]) => seq),
      [2, 3, 4, 5, 6, 7, 8],
    )
    const result = (seq: number) => told.find((one) => one[1] === seq)?.[2] as Record<string, unknown>
    assert.deepEqual([result(3).offset, result(5).offset], [1, 2])
    assert.deepEqual([result(3).channel, result(3).subscribers], ['asked', 1])
    assert.deepEqual(result(6), { online: ['17'], lastSeen: {} })
    assert.deepEqual(Object.keys(result(7)).sort(), ['channels', 'connections', 'sessions', 'subscriptions'])
    assert.deepEqual(result(8), { disconnected: 0 })
  })

  await t.test(
    'a publisher may say as whom it publishes, and pass JSON bytes through untouched',
    async (t) => {
      const client = await openClient(node.wsUrl)
      t.after(() => client.close())
      await client.ok({ subscribe: { channel: 'said' } })
      const texts: string[] = []
      client.socket.on('message', (data: Buffer) => texts.push(data.toString()))
      const line = await openPublisher({ port: node.publishPort })
      t.after(() => line.close())
      line.send(ops.publish, 2, 'said', Buffer.from('{ "spaces" : 1.0 }'), 'event', '17')
      await client.received('said', 1)
      assert.equal(
        texts.at(-1),
        '{"channel":"said","offset":1,"event":"event","user":"17","data":{ "spaces" : 1.0 }}',
      )
    },
  )
})

for (const acks of ['each', 'cumulative'] as const) {
  test(`publications with ${acks} acks that were acknowledged survive an abrupt disconnect`, async (t) => {
    const node = await startNode(t)
    const client = await subscriber(t, node, 'crash')
    for (let round = 0; round < 5; round++) {
      const before = client.publications.length
      const line = await openPublisher({ port: node.publishPort }, { acks })
      const sent = 2000
      for (let n = 1; n <= sent; n++) line.send(ops.publish, n + 1, 'crash', { round, n })
      const acknowledged = () => Math.max(0, ...line.answers.slice(1).map(([, seq]) => Number(seq) - 1))
      await until(() => acknowledged() > 0, { what: 'some acks' })
      line.socket.resetAndDestroy()
      await line.closed()
      const promised = acknowledged()

      // What comes last on a connection of its own comes after all the node took from the broken one.
      const last = await openPublisher({ port: node.publishPort })
      last.send(ops.publish, 2, 'crash', { round, n: 'end' })
      await last.answer(1)
      await until(() => (client.publications.at(-1)?.data as { n: unknown }).n === 'end', { what: 'the end' })
      await last.close()
      const got = client.publications.slice(before, -1).map(({ data }) => (data as { n: number }).n)
      assert.ok(got.length >= promised && got.length <= sent, `${promised} promised, ${got.length} came`)
      assert.deepEqual(
        got,
        got.map((_, n) => n + 1),
        'what came is the first of them, in order',
      )
    }
    const offsets = client.publications.map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      offsets.map((_, n) => n + 1),
    )
  })
}

test('publications of many publishers on one channel get one order, the same for all subscribers', async (t) => {
  const node = await startNode(t)
  const clients = [await subscriber(t, node, 'shared'), await subscriber(t, node, 'shared')]
  const lines = await Promise.all(Array.from({ length: 8 }, () => openPublisher({ port: node.publishPort })))
  t.after(() => Promise.all(lines.map((line) => line.close())))
  for (let n = 1; n <= 200; n++) {
    for (const [by, line] of lines.entries()) line.send(ops.publish, n + 1, 'shared', [by, n])
    if (n % 20 === 0) await turn()
  }
  const [first, second] = await Promise.all(clients.map((client) => client.received('shared', 1600)))
  assert.deepEqual(first, second)
  for (const [by, line] of lines.entries()) {
    await until(() => line.answers.length === 201, { what: 'all acks' })
    const own = (first ?? []).filter(({ data }) => (data as number[])[0] === by)
    assert.deepEqual(
      own.map(({ data }) => (data as number[])[1]),
      own.map((_, n) => n + 1),
    )
    assert.deepEqual(
      own.map(({ offset }) => offset),
      line.answers.slice(1).map((answer) => answer[3]),
    )
  }
})

test('a Unix socket speaks the same protocol and is gone when the node is', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'encke-socket-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'publish.sock')
  const node = await startNode(t, ['--publish-socket', path])
  const client = await subscriber(t, node, 'unix')
  const [unix, tcp] = [await openPublisher({ path }), await openPublisher({ port: node.publishPort })]
  unix.send(ops.publish, 2, 'unix', 'by socket')
  assert.equal((await unix.answer(1))[3], 1)
  tcp.send(ops.publish, 2, 'unix', 'by TCP')
  assert.equal((await tcp.answer(1))[3], 2)
  const publications = await client.received('unix', 2)
  assert.deepEqual(
    publications.map(({ data }) => data),
    ['by socket', 'by TCP'],
  )
  assert.equal(await node.stop(), 0)
  assert.equal(existsSync(path), false)
})

test('a Unix socket that a killed node left behind is taken over, one in use is not', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'encke-socket-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'publish.sock')
  const killed = await startNode(t, ['--publish-socket', path])
  await killed.stop('SIGKILL')
  assert.equal(existsSync(path), true)
  await startNode(t, ['--publish-socket', path])
  const line = await openPublisher({ path })
  t.after(() => line.close())
  await assert.rejects(startNode(t, ['--publish-socket', path]), /another process listens there/)
  line.send(ops.publish, 2, 'a', 1)
  assert.equal((await line.answer(1))[0], answers.ack)
})

test('a file that is no socket is not taken away to make room for one', async (t) => {
  // It refuses connections as a dead socket does, and was removed as one.
  const folder = await mkdtemp(join(tmpdir(), 'encke-socket-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'notes.txt')
  await writeFile(path, 'dear')
  await assert.rejects(startNode(t, ['--publish-socket', path]), /Cannot listen on .*notes\.txt/)
  assert.equal(await readFile(path, 'utf8'), 'dear')
})

// Publications used to be counted as frames alone: 16,384 of them, however large, were taken in before the node stopped
// reading.
test('a publisher far ahead of the fan-out is slowed, and the node stays small', async (t) => {
  // A channel that holds its publications back for 20 ms passes on 1 MiB in that time, whoever reads it; 16 MiB of it stay in its ring.
  const rules = JSON.stringify([{ match: 'flood', flushMs: 20 }])
  const node = await startNode(t, ['--max-pending-bytes', `${MEBIBYTE}`, '--channels', rules])
  const client = await subscriber(t, node, 'flood')
  const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
  t.after(() => line.close())
  const resident = () => counter(node.internalUrl, 'process_resident_memory_bytes')
  const before = await resident()
  const total = 2400
  const bytes = Buffer.from(JSON.stringify('x'.repeat(64 * 1024 - 2)))
  for (let n = 1; n <= total; n++) line.send(ops.publish, n + 1, 'flood', bytes)
  let [most, isSlowed] = [0, false]
  await until(
    async () => {
      most = Math.max(most, (await resident()) - before)
      isSlowed ||= line.socket.writableLength > 20 * MEBIBYTE
      return line.answers.at(-1)?.[1] === total + 1
    },
    { withinMs: 60_000, what: 'the last ack' },
  )
  t.diagnostic(`150 MiB published, the node grew by ${Math.round(most / MEBIBYTE)} MiB`)
  assert.ok(isSlowed, 'most of it waited at the publisher')
  assert.ok(most < 90 * MEBIBYTE, `the node grew by ${Math.round(most / MEBIBYTE)} MiB`)
  await until(() => client.publications.length === total || client.ended() !== null, {
    what: 'the reader to have all or to be ended',
  })
  const offsets = client.publications.map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    offsets.map((_, n) => n + 1),
    'no gap, even if the reader was too slow in the end',
  )
})

async function subscriber(t: TestContext, node: TestNode, channel: string): Promise<WireClient> {
  const client = await openClient(node.wsUrl)
  t.after(() => client.close())
  await client.ok({ subscribe: { channel } })
  return client
}
