/**
 * What a publisher can say wrong, and what it is told.
 *
 * Owns broken frames, wrong keys and refused requests on the publish port. After each of them there was a named error
 * with, where bytes were to blame, their offset in the stream; a counter rose, and a witness on the same node noticed
 * nothing.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import {
  answers,
  frame,
  openClient,
  openLine,
  openPublisher,
  ops,
  type WireAnswer,
  type WireLine,
} from '../support/wire.ts'
import { startWitness } from '../support/witness.ts'

const ERRORS = 'encke_command_errors_total'
const HELLO = frame([ops.hello, 1, { version: 1 }])
const HISTORY = 9
const PRESENCE = 10

/** Bytes after a good hello, the error they earn and the offset it names, counted from the end of the hello. */
const brokenFrames: Readonly<Record<string, readonly [hex: string, name: string, at: number]>> = {
  'no array': ['00000001 2a', 'BAD_MESSAGE', 4],
  'an empty frame': ['00000000', 'BAD_MESSAGE', 4],
  'an empty array': ['00000001 90', 'BAD_MESSAGE', 5],
  'an array of one': ['00000002 9102', 'BAD_MESSAGE', 5],
  'an operation that is text': ['00000004 92a17802', 'BAD_MESSAGE', 5],
  'a negative sequence number': ['00000003 9202ff', 'BAD_MESSAGE', 6],
  'a sequence number above 2^53': ['0000000b 9202cfffffffffffffffff', 'BAD_MESSAGE', 6],
  'a fractional sequence number': ['00000007 9202ca3f800000', 'BAD_MESSAGE', 6],
  'a channel that is a number': ['00000005 9402020501', 'BAD_MESSAGE', 7],
  'a channel that is bytes': ['00000007 940202c4016101', 'BAD_MESSAGE', 7],
  'a channel of 4 GB': ['0000000a 940202dbffffffff6101', 'BAD_MESSAGE', 12],
  'data of 4 GB': ['0000000b 940202a161c6ffffffff61', 'BAD_MESSAGE', 14],
  'data that is an array of 4 billion': ['0000000a 940202a161ddffffffff', 'BAD_MESSAGE', 9],
  'data that is a map of 4 billion': ['0000000a 940202a161dfffffffff', 'BAD_MESSAGE', 9],
  'data that is a date': ['0000000b 940202a161d6ff00000000', 'BAD_MESSAGE', 9],
  'a batch of 4 billion': ['00000008 930502ddffffffff', 'BAD_MESSAGE', 12],
  'a list of no channels': ['00000005 9403029001', 'BAD_MESSAGE', 8],
  'too few fields': ['00000003 920202', 'BAD_MESSAGE', 7],
  'too many fields': ['0000000a 980202a16101c0c0c0c0', 'BAD_MESSAGE', 7],
  'a byte after the request': ['00000007 940202a16101c0', 'BAD_MESSAGE', 10],
  'a length of 4 GB': ['ffffffff', 'MESSAGE_TOO_LARGE', 0],
  'a length of 8 MB and a byte': ['00800001', 'MESSAGE_TOO_LARGE', 0],
}

test('broken frames', async (t) => {
  const node = await startNode(t)
  const witness = await startWitness(t, node)
  for (const [what, [hex, name, at]] of Object.entries(brokenFrames)) {
    await t.test(`${what} is answered with ${name} and its place`, async (t) => {
      const line = await openPublisher({ port: node.publishPort })
      t.after(() => line.close())
      await witness.sees(ERRORS, name, async () => {
        line.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
        await line.closed()
      })
      const [op, seq, , told, message, place] = line.answers[1] ?? []
      assert.deepEqual([op, seq, told], [answers.error, null, name], String(message))
      assert.deepEqual(place, { at: HELLO.length + at }, String(message))
    })
  }

  await t.test('data nested deeper than anyone can decode is refused', async (t) => {
    const line = await openPublisher({ port: node.publishPort })
    t.after(() => line.close())
    const subscriber = await openClient(node.wsUrl, { format: 'msgpack' })
    t.after(() => subscriber.close())
    await subscriber.ok({ subscribe: { channel: 'deep' } })
    const nested = '['.repeat(500_000) + ']'.repeat(500_000)
    await witness.sees(ERRORS, 'INVALID_DATA', async () => {
      line.send(ops.publish, 2, 'deep', Buffer.from(nested))
      assert.equal((await line.answer(1))[3], 'INVALID_DATA')
    })
    await witness.sees(ERRORS, 'BAD_MESSAGE', async () => {
      const body = Buffer.from(`940203a464656570${'91'.repeat(500_000)}c0`, 'hex')
      const length = Buffer.alloc(4)
      length.writeUInt32BE(body.length)
      line.write(Buffer.concat([length, body]))
      await line.closed()
    })
  })

  await t.test('what came before a broken frame is published and acknowledged', async (t) => {
    const subscriber = await openClient(node.wsUrl)
    t.after(() => subscriber.close())
    await subscriber.ok({ subscribe: { channel: 'before' } })
    const line = await openLine({ port: node.publishPort })
    t.after(() => line.close())
    const good = [2, 3, 4].map((seq) => frame([ops.publish, seq, 'before', seq]))
    line.write(Buffer.concat([HELLO, ...good, Buffer.from('00000001c1', 'hex'), ...good]))
    await line.closed()
    const told = line.answers.map(([op, seq]) => [op, seq])
    assert.deepEqual(told, [
      [64, 1],
      [65, 2],
      [65, 3],
      [65, 4],
      [68, null],
    ])
    assert.deepEqual(
      (await subscriber.received('before', 3)).map(({ data }) => data),
      [2, 3, 4],
    )
    await witness.unharmed()
    assert.equal(subscriber.publications.length, 3)
  })
})

test('a conversation cut at every byte', async (t) => {
  const node = await startNode(t)
  const witness = await startWitness(t, node)
  const frames = [
    HELLO,
    frame([ops.publish, 2, 'cut', Buffer.from('{"a":[1,"ü"]}'), 'event', 'user']),
    frame([
      ops.batch,
      3,
      [
        ['cut', 1],
        ['cut', { b: null }, 'event'],
      ],
    ]),
    frame([ops.users, 4, ['17', '18']]),
    frame([ops.publish, 5, 'cut', 1, '', '', 'a key']),
    frame([HISTORY, 6, 'cut', 10, ['k3', 1], true]),
    frame([PRESENCE, 7, 'cut']),
  ]
  const bytes = Buffer.concat(frames)
  const ends = frames.map((_, n) => Buffer.concat(frames.slice(0, n + 1)).length)

  await t.test('and continued is understood', async (t) => {
    const whole = await answersTo(t, node, [bytes])
    for (let at = 1; at < bytes.length; at++) {
      const told = await answersTo(t, node, [bytes.subarray(0, at), bytes.subarray(at)])
      assert.deepEqual(told.map(kind), whole.map(kind), `cut at ${at}`)
    }
    const single = await answersTo(
      t,
      node,
      [...bytes].map((byte) => Buffer.of(byte)),
    )
    assert.deepEqual(single.map(kind), whole.map(kind), 'byte by byte')
    await witness.unharmed()
  })

  await t.test('and broken off is told where, with an answer to all before', async (t) => {
    await witness.sees(ERRORS, 'BAD_MESSAGE', async () => {
      for (let at = 1; at < bytes.length; at++) {
        const line = await openLine({ port: node.publishPort })
        t.after(() => line.close())
        line.socket.end(bytes.subarray(0, at))
        await line.closed()
        const wholeFrames = ends.filter((end) => end <= at).length
        const lastEnd = ends[wholeFrames - 1] ?? 0
        const isBetween = at === lastEnd
        assert.equal(line.answers.length, wholeFrames + (isBetween ? 0 : 1), `cut at ${at}`)
        if (isBetween) continue
        const [op, seq, , name, , place] = line.answers.at(-1) ?? []
        assert.deepEqual([op, seq, name, place], [answers.error, null, 'BAD_MESSAGE', { at: lastEnd }])
      }
    })
  })

  await t.test('with a length that fits the cut is told as broken', async (t) => {
    const [, publish] = frames
    assert.ok(publish)
    await witness.sees(ERRORS, 'BAD_MESSAGE', async () => {
      for (let end = 4; end < publish.length; end++) {
        const line = await openPublisher({ port: node.publishPort })
        t.after(() => line.close())
        const short = Buffer.from(publish.subarray(0, end))
        short.writeUInt32BE(end - 4)
        line.write(short)
        await line.closed()
        assert.equal(line.answers[1]?.[3], 'BAD_MESSAGE', `${end} bytes`)
        const at = (line.answers[1]?.[5] as { at: number }).at
        assert.ok(at >= HELLO.length + 4 && at <= HELLO.length + end, `${at}`)
      }
    })
  })
})

test('a stranger on the publish port', async (t) => {
  const node = await startNode(t, ['--key', 'the right key'], {})
  const headers = { authorization: 'Bearer the right key' }
  const count = async (code: string) => {
    const text = await (await fetch(`${node.internalUrl}/metrics`, { headers })).text()
    return Number(new RegExp(`^encke_command_errors_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  }
  const cases: Readonly<Record<string, readonly [Buffer, string]>> = {
    'with a wrong key': [frame([1, 1, { version: 1, key: 'a wrong key!!' }]), 'KEY_INVALID'],
    'with part of the key': [frame([1, 1, { version: 1, key: 'the right' }]), 'KEY_INVALID'],
    'without a key': [HELLO, 'KEY_INVALID'],
    'with an empty key': [frame([1, 1, { version: 1, key: '' }]), 'KEY_INVALID'],
    'with a key that is a number': [frame([1, 1, { version: 1, key: 7 }]), 'INVALID_ARGUMENT'],
    'of version 2': [frame([1, 1, { version: 2, key: 'the right key' }]), 'INVALID_ARGUMENT'],
    'of no version': [frame([1, 1, {}]), 'INVALID_ARGUMENT'],
    'whose hello is no map': [frame([1, 1, [1]]), 'INVALID_ARGUMENT'],
    'with acks nobody knows': [
      frame([1, 1, { version: 1, key: 'the right key', acks: 'all' }]),
      'INVALID_ARGUMENT',
    ],
    'that publishes first': [frame([2, 1, 'news', 1]), 'NOT_CONNECTED'],
    'that asks first': [frame([6, 1, ['17']]), 'NOT_CONNECTED'],
    'with a hello of 5,000 bytes': [
      frame([1, 1, { version: 1, name: 'x'.repeat(5000) }]),
      'MESSAGE_TOO_LARGE',
    ],
    'that speaks HTTP': [Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 'MESSAGE_TOO_LARGE'],
    'that speaks TLS': [Buffer.from('16030100ba010000b6', 'hex'), 'MESSAGE_TOO_LARGE'],
    'that speaks MessagePack without lengths': [Buffer.from('9301018100', 'hex'), 'MESSAGE_TOO_LARGE'],
    'that sends zeros': [Buffer.alloc(4096), 'BAD_MESSAGE'],
    'that sends ones': [Buffer.alloc(4096, 0xff), 'MESSAGE_TOO_LARGE'],
  }
  for (const [what, [bytes, name]] of Object.entries(cases)) {
    await t.test(`${what} is told ${name} and sent away`, async (t) => {
      const before = await count(name)
      const line = await openLine({ port: node.publishPort })
      t.after(() => line.close())
      line.write(Buffer.concat([bytes, frame([ops.publish, 9, 'stranger', 1])]))
      await line.closed()
      assert.equal(line.answers.length, 1)
      assert.equal(line.answers[0]?.[0], answers.error)
      assert.equal(line.answers[0]?.[3], name)
      assert.equal(await count(name), before + 1)
    })
  }

  await t.test('has published nothing', async (t) => {
    const line = await openPublisher({ port: node.publishPort }, { key: 'the right key' })
    t.after(() => line.close())
    line.send(ops.stats, 2, 'stranger')
    const [, , result] = await line.answer(1)
    assert.equal((result as { offset: number }).offset, 0)
  })
})

test('refused requests', async (t) => {
  const node = await startNode(t)
  const witness = await startWitness(t, node)
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => line.close())
  let seq = 1
  const cases: Readonly<Record<string, readonly [fields: readonly unknown[], name: string]>> = {
    'an operation nobody knows': [[99, 'what', { ever: [1] }], 'UNKNOWN_COMMAND'],
    'a second hello': [[ops.hello, { version: 1 }], 'ALREADY_CONNECTED'],
    'an empty channel': [[ops.publish, '', 1], 'INVALID_CHANNEL'],
    'a channel of 300 bytes': [[ops.publish, 'x'.repeat(300), 1], 'INVALID_CHANNEL'],
    'a channel with a control character': [[ops.publish, 'a\u0007', 1], 'INVALID_CHANNEL'],
    'a user without a name': [[ops.toUser, '', 1], 'INVALID_ARGUMENT'],
    'a user of 200 bytes': [[ops.toUser, 'x'.repeat(200), 1], 'INVALID_ARGUMENT'],
    'an event with a control character': [[ops.publish, 'a', 1, '\n'], 'INVALID_ARGUMENT'],
    'a publisher of 200 bytes': [[ops.publish, 'a', 1, '', 'x'.repeat(200)], 'INVALID_ARGUMENT'],
    'a key of 129 bytes': [[ops.publish, 'a', 1, '', '', 'x'.repeat(129)], 'INVALID_ARGUMENT'],
    'a key with a control character': [[ops.many, ['a'], 1, '', '\n'], 'INVALID_ARGUMENT'],
    'a history that is not kept': [[HISTORY, 'a'], 'HISTORY_OFF'],
    'a history of no channel': [[HISTORY, ''], 'INVALID_CHANNEL'],
    'a history with a limit of 0': [[HISTORY, 'a', 0], 'INVALID_ARGUMENT'],
    'a history with a limit that is a map': [[HISTORY, 'a', { toString: 1 }], 'INVALID_ARGUMENT'],
    'a history from half a position': [[HISTORY, 'a', null, ['k3']], 'INVALID_ARGUMENT'],
    'a history from an offset below 0': [[HISTORY, 'a', null, ['k3', -1]], 'INVALID_ARGUMENT'],
    'a history in a strange direction': [[HISTORY, 'a', null, null, 'back'], 'INVALID_ARGUMENT'],
    'a presence of a channel with a control character': [[PRESENCE, 'a\n'], 'INVALID_CHANNEL'],
    'bytes that are not JSON': [[ops.publish, 'a', Buffer.from('{"a":')], 'INVALID_DATA'],
    'no bytes at all': [[ops.publish, 'a', Buffer.alloc(0)], 'INVALID_DATA'],
    'bytes that are two JSON values': [[ops.publish, 'a', Buffer.from('1 2')], 'INVALID_DATA'],
    'bytes of broken UTF-8': [[ops.publish, 'a', Buffer.from('22ff22', 'hex')], 'INVALID_DATA'],
    'a megabyte and a byte': [
      [ops.publish, 'a', Buffer.from(`"${'x'.repeat(1_048_575)}"`)],
      'PUBLICATION_TOO_LARGE',
    ],
    'to disconnect nobody': [[ops.disconnect, {}], 'INVALID_ARGUMENT'],
    'to disconnect a user and a session': [[ops.disconnect, { user: '1', session: 'a' }], 'INVALID_ARGUMENT'],
    'to disconnect a user that is a number': [[ops.disconnect, { user: 17 }], 'INVALID_ARGUMENT'],
    'to disconnect with code 1000': [[ops.disconnect, { user: '1' }, 1000], 'INVALID_ARGUMENT'],
    'to disconnect with code 3000.5': [[ops.disconnect, { user: '1' }, 3000.5], 'INVALID_ARGUMENT'],
    'to disconnect with a code that is text': [[ops.disconnect, { user: '1' }, '3500'], 'INVALID_ARGUMENT'],
    'to disconnect with a reason of 124 bytes': [
      [ops.disconnect, { user: '1' }, 3500, 'x'.repeat(124)],
      'INVALID_ARGUMENT',
    ],
  }
  for (const [what, [[op, ...fields], name]] of Object.entries(cases)) {
    await t.test(`${what}: the publisher is told ${name} and goes on`, async () => {
      seq++
      await witness.sees(ERRORS, name, async () => {
        line.send(op, seq, ...fields)
        assert.deepEqual((await line.answer(seq - 1)).slice(0, 2), [answers.error, seq])
      })
      assert.equal(line.answers[seq - 1]?.[3], name)
    })
  }

  await t.test('a list with a bad item: each item is answered for itself', async () => {
    seq++
    line.send(ops.batch, seq, [
      ['ok-1', 1],
      ['', 2],
      ['ok-2', 3],
    ])
    const [op, , result] = await line.answer(seq - 1)
    assert.equal(op, answers.result)
    const { positions } = result as { positions: { offset?: number; error?: { name: string } }[] }
    assert.deepEqual(
      positions.map((one) => one.offset ?? one.error?.name),
      [1, 'INVALID_CHANNEL', 1],
    )
  })

  await t.test('a sequence number that does not rise ends the conversation', async () => {
    await witness.sees(ERRORS, 'DUPLICATE_ID', async () => {
      line.send(ops.publish, seq, 'a', 1)
      await line.closed()
    })
    assert.deepEqual(line.answers.at(-1)?.slice(0, 4), [answers.error, seq, 125, 'DUPLICATE_ID'])
  })
})

test('a publisher that reads no answers is not read any further, and the node stays small', async (t) => {
  const node = await startNode(t)
  const witness = await startWitness(t, node)
  const line = await openPublisher({ port: node.publishPort })
  t.after(() => line.close())
  line.socket.pause()
  const batch = Buffer.concat(
    Array.from({ length: 1000 }, (_, n) => frame([ops.stats, n + 2, 'x'.repeat(255)])),
  )
  let sent = 0
  for (; sent < 100 && line.socket.writableLength < 1_000_000; sent++) {
    const shift = sent * 1000
    line.write(shift === 0 ? batch : renumbered(shift))
    await turn()
  }
  assert.ok(line.socket.writableLength >= 1_000_000, 'the node stopped reading')
  await witness.unharmed()

  function renumbered(shift: number): Buffer {
    return Buffer.concat(
      Array.from({ length: 1000 }, (_, n) => frame([ops.stats, n + 2 + shift, 'x'.repeat(255)])),
    )
  }
})

/** Sends `pieces` one after the other, each in a segment of its own, and resolves to the seven answers. */
async function answersTo(
  t: TestContext,
  node: TestNode,
  pieces: readonly Uint8Array[],
): Promise<WireAnswer[]> {
  const line: WireLine = await openLine({ port: node.publishPort })
  t.after(() => line.close())
  for (const piece of pieces) {
    line.write(piece)
    await turn()
  }
  await until(() => line.answers.length === 7, {
    what: () => `seven answers: ${JSON.stringify(line.answers)}`,
  })
  await line.close()
  return [...line.answers]
}

/** An answer without what differs between two runs. */
function kind(answer: WireAnswer): unknown {
  const [op, seq] = answer
  return [op, seq]
}
