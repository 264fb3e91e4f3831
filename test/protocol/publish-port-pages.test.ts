/**
 * History, presence and keys on the publish port: bytes in, bytes out, as in publish-port.test.ts.
 *
 * Where the point is how the port asks and how it tells the answer, the answers of the broker are the test's own.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answersOf, errorFace, frame, publish, welcome, withoutText } from '../support/publish-bytes.ts'
import { newsMessage, scriptedBroker } from '../support/scripted-broker.ts'

const NEWS = "a4 'news'"

describe('history', () => {
  const asked: readonly [fields: string, count: number, query: object][] = [
    [NEWS, 1, { since: null, limit: 1_000, isReverse: false }],
    [`${NEWS} c0 c0 c0`, 4, { since: null, limit: 1_000, isReverse: false }],
    [`${NEWS} 0a`, 2, { since: null, limit: 10, isReverse: false }],
    [`${NEWS} ce 000f4240`, 2, { since: null, limit: 1_000, isReverse: false }],
    [`${NEWS} c0 92 a2 'k3' 29`, 3, { since: { epoch: 'k3', offset: 41 }, limit: 1_000, isReverse: false }],
    [`${NEWS} 01 92 a0 00 c2`, 4, { since: { epoch: '', offset: 0 }, limit: 1, isReverse: false }],
    [`${NEWS} 01 c0 c3`, 4, { since: null, limit: 1, isReverse: true }],
  ]
  for (const [fields, count, query] of asked) {
    test(`history ${fields} asks the broker as it should`, async (t) => {
      const script = scriptedBroker()
      const one = await welcome(t, { wrap: script.wrap })
      await one.say(frame(`9${2 + count} 09 07 ${fields}`))
      assert.deepEqual(answersOf(one), [[67, 7, { epoch: 'k3', offset: 0, publications: [] }]])
      assert.deepEqual(script.queries, [['news', query]])
    })
  }

  test('history is answered with position, publications and gap, in just these bytes', async (t) => {
    const script = scriptedBroker({
      history: {
        position: { epoch: 'k3', offset: 44 },
        messages: [newsMessage(43, '{"a":1}'), newsMessage(44, '[]', 'e', '17')],
        timesMs: [1, 2],
        gap: { from: 42, to: 42, reason: 'trimmed' },
      },
    })
    const one = await welcome(t, { wrap: script.wrap })
    const before = one.written().length
    await one.say(frame(`93 09 07 ${NEWS}`))
    const first = "83 a7 'channel' a4 'news' a6 'offset' 2b a4 'data' 81 a1 'a' 01"
    const second = "85 a7 'channel' a4 'news' a6 'offset' 2c a5 'event' a1 'e' a4 'user' a2 '17' a4 'data' 90"
    const gap = "a3 'gap' 83 a4 'from' 2a a2 'to' 2a a6 'reason' a7 'trimmed'"
    const result = `84 a5 'epoch' a2 'k3' a6 'offset' 2c ac 'publications' 92 ${first} ${second} ${gap}`
    assert.equal(one.written().subarray(before).toString('hex'), frame(`93 43 07 ${result}`).toString('hex'))
  })

  test('history that the broker refuses is an error of that request alone', async (t) => {
    const one = await welcome(t)
    await one.say(Buffer.concat([publish(1), frame("93 09 02 a1 'c'"), publish(3)]))
    assert.deepEqual(answersOf(one).map(withoutText), [
      [65, 1, 'k3', 1],
      [68, 2, ...errorFace('HISTORY_OFF')],
      [65, 3, 'k3', 2],
    ])
  })

  test('history carries null for trusted bytes that are no JSON', async (t) => {
    const messages = [newsMessage(1, 'oops'), newsMessage(2, '2')]
    const page = { position: { epoch: 'k3', offset: 2 }, messages, timesMs: [1, 2], gap: null }
    const one = await welcome(t, { wrap: scriptedBroker({ history: page }).wrap })
    await one.say(frame(`93 09 07 ${NEWS}`))
    const publications = [
      { channel: 'news', offset: 1, data: null },
      { channel: 'news', offset: 2, data: 2 },
    ]
    assert.deepEqual(answersOf(one), [[67, 7, { epoch: 'k3', offset: 2, publications }]])
  })

  const wrong: readonly [what: string, fields: string, count: number, text: RegExp][] = [
    ['a limit of 0', '00', 1, /^Limit must be an integer from 1 to 1000000: it is 0$/],
    ['a limit above a million', 'ce 000f4241', 1, /it is 1000001$/],
    ['a limit that is text', "a1 '9'", 1, /^Limit .* it is "9"$/],
    [
      'a limit that is a map',
      "82 a8 'toString' 01 a7 'valueOf' 01",
      1,
      /it is \{"toString":1,"valueOf":1\}$/,
    ],
    ['a limit that is long', `d9 ff '${'9'.repeat(255)}'`, 1, /it is "9{36}\.\.\.$/],
    ['a position that is a number', 'c0 29', 2, /^Position must be \[epoch, offset\].*: it is 41$/],
    ['a position of one', "c0 91 a2 'k3'", 2, /^Position .* it is \["k3"\]$/],
    ['a position of three', "c0 93 a2 'k3' 01 02", 2, /^Position /],
    ['a position without an epoch', 'c0 92 c0 01', 2, /^Position .* it is \[null,1\]$/],
    ['a position with an epoch of 65', `c0 92 d9 41 '${'e'.repeat(65)}' 01`, 2, /^Position .*at most 64/],
    [
      'a position below 0',
      "c0 92 a2 'k3' ff",
      2,
      /^Position .*from 0 to 9007199254740991: it is \["k3",-1\]$/,
    ],
    ['a position beyond 2^53', "c0 92 a2 'k3' cb 4340000000000000", 2, /^Position /],
    ['a reverse that is a number', 'c0 c0 01', 3, /^Reverse must be true or false: it is 1$/],
  ]
  for (const [what, fields, count, text] of wrong) {
    test(`history with ${what} is refused and the conversation goes on`, async (t) => {
      const script = scriptedBroker()
      const one = await welcome(t, { wrap: script.wrap })
      await one.say(frame(`9${3 + count} 09 01 ${NEWS} ${fields}`), publish(2))
      const [error, ack] = answersOf(one)
      assert.deepEqual(withoutText(error), [68, 1, ...errorFace('INVALID_ARGUMENT')])
      assert.match(String(error?.[4]), text)
      assert.deepEqual(ack, [65, 2, 'k3', 1])
      assert.deepEqual(script.queries, [])
    })
  }

  // One read may hold thousands of these requests, and each answer may take a mebibyte.
  test('history and presence may wait 32 at a time, more are told to come again', async (t) => {
    const script = scriptedBroker()
    const one = await welcome(t, { wrap: script.wrap })
    const ask = (seq: number) => frame(`93 ${seq % 2 === 0 ? '09' : '0a'} ${byte(seq)} ${NEWS}`)
    await one.say(Buffer.concat(Array.from({ length: 34 }, (_, n) => ask(n + 1))))
    const told = answersOf(one)
    assert.deepEqual(
      told.map(([op]) => op),
      [...Array(32).fill(67), 68, 68],
    )
    assert.deepEqual(told.slice(32).map(withoutText), [
      [68, 33, ...errorFace('BUSY')],
      [68, 34, ...errorFace('BUSY')],
    ])
    assert.equal(script.queries.length + script.presences.length, 32)
    await one.say(ask(35))
    assert.equal(answersOf(one).at(-1)?.[0], 67, 'room again once the others are answered')
  })
})

describe('presence', () => {
  test('presence is answered with the count, and with sessions where they are listed', async (t) => {
    const clients = [
      { session: 'n1-1', user: '17' },
      { session: 'n1-2', user: '' },
    ]
    const listed = scriptedBroker({ presence: { count: 3, clients } })
    const one = await welcome(t, { wrap: listed.wrap, maxPresenceListed: 2 })
    await one.say(frame(`93 0a 07 ${NEWS}`))
    assert.deepEqual(answersOf(one), [[67, 7, { channel: 'news', count: 3, clients }]])
    assert.deepEqual(listed.presences, [['news', 2]])

    const counted = await welcome(t, { wrap: scriptedBroker({ presence: { count: 3, clients: null } }).wrap })
    await counted.say(frame(`93 0a 07 ${NEWS}`))
    assert.deepEqual(answersOf(counted), [[67, 7, { channel: 'news', count: 3 }]])
  })
})

describe('users', () => {
  test('users are told with the time when others were last seen', async (t) => {
    const users = { online: ['17'], lastSeen: { 18: 1_769_000_000_000 } }
    const one = await welcome(t, { wrap: scriptedBroker({ users }).wrap })
    await one.say(frame("93 06 07 92 a2 '17' a2 '18'"))
    assert.deepEqual(answersOf(one), [[67, 7, users]])
  })
})

describe('a key', () => {
  test('a key reaches the broker from every kind of publish', async (t) => {
    const script = scriptedBroker()
    const one = await welcome(t, { wrap: script.wrap })
    const most = 'k'.repeat(128)
    await one.say(
      frame(`97 02 01 a1 'c' 05 c0 c0 d9 80 '${most}'`),
      frame("96 03 02 92 a1 'a' a1 'b' 05 c0 a2 'k2'"),
      frame("96 04 03 a2 '17' 05 c0 a2 'k3'"),
      frame("93 05 04 92 95 a1 'c' 05 c0 c0 a2 'k4' 92 a1 'c' 05"),
      publish(5),
    )
    assert.deepEqual(
      script.requests.map(({ channel, key }) => [channel, key]),
      [
        ['c', most],
        ['a', 'k2'],
        ['b', 'k2'],
        ['@17', 'k3'],
        ['c', 'k4'],
        ['c', ''],
        ['c', ''],
      ],
    )
  })

  test('a key that comes again gets the first place, on its channel, and publishes nothing', async (t) => {
    const one = await welcome(t, { subscribers: { c: 1, d: 1 } })
    const keyed = (seq: number, channel: string) =>
      frame(`97 02 ${byte(seq)} a1 '${channel}' 05 c0 c0 a1 'k'`)
    await one.say(Buffer.concat([keyed(1, 'c'), publish(2), keyed(3, 'c'), keyed(4, 'd')]))
    assert.deepEqual(answersOf(one), [
      [65, 1, 'k3', 1],
      [65, 2, 'k3', 2],
      [65, 3, 'k3', 1],
      [65, 4, 'k3', 1],
    ])
    assert.deepEqual(
      one.edge.delivered.map(({ channel, offset }) => [channel, offset]),
      [
        ['c', 1],
        ['c', 2],
        ['d', 1],
      ],
    )
  })

  test('a key that is no key refuses the whole frame', async (t) => {
    const one = await welcome(t)
    await one.say(frame("93 05 01 92 92 a1 'c' 05 95 a1 'c' 05 c0 c0 a1 0a"))
    assert.deepEqual(answersOf(one).map(withoutText), [[68, 1, ...errorFace('INVALID_ARGUMENT')]])
    assert.equal(one.broker.channelCount(), 0)
  })
})

/** A sequence number below 128 as one byte. */
function byte(seq: number): string {
  return seq.toString(16).padStart(2, '0')
}
