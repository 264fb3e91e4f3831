/**
 * The publish port's protocol: bytes in, bytes out, with a real broker behind it and no socket. Hello, acks, lists and
 * streams cut anywhere; publish-port-bounds.test.ts has what is refused, flow and the end.
 *
 * Requests are hex literals written from the protocol's description. Answers are compared byte by byte where their
 * layout is the point, else decoded.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codes } from '../../src/codes.ts'
import { type Talk, talk } from '../support/conversation-of-bytes.ts'
import {
  answersOf,
  errorFace,
  frame,
  HELLO,
  HELLO_CUMULATIVE,
  hello,
  publish,
  welcome,
  withoutText,
} from '../support/publish-bytes.ts'

describe('hello', () => {
  test('hello is answered with version, window and largest frame', async (t) => {
    const one = talk(t, { window: 16, maxFrameBytes: 1_024 })
    assert.equal(one.conversation.isWelcome, false)
    await one.say(HELLO)
    assert.equal(
      one.written().toString('hex'),
      frame("93 40 00 83 a7 'version' 01 a6 'window' 10 ad 'maxFrameBytes' cd 0400").toString('hex'),
    )
    assert.equal(one.conversation.isWelcome, true)
    assert.equal(one.isEnded(), false)
  })

  test('hello may bring any key where none is asked for', async (t) => {
    await welcome(t, {}, hello('whatever'))
  })

  test('hello with the key is welcome, JSON is checked', async (t) => {
    const one = await welcome(t, { key: 's3cret', trustedKey: 'tru5ted' }, hello('s3cret'))
    await one.say(frame("94 02 07 a1 'c' c4 04 'oops'"))
    assert.deepEqual(withoutText(answersOf(one)[0]), [68, 7, ...errorFace('INVALID_DATA')])
  })

  test('hello with the trusted key is welcome, JSON is taken as it is', async (t) => {
    const one = await welcome(
      t,
      { key: 's3cret', trustedKey: 'tru5ted', subscribers: { c: 1 } },
      hello('tru5ted'),
    )
    await one.say(frame("94 02 07 a1 'c' c4 04 'oops'"))
    assert.deepEqual(answersOf(one), [[65, 7, 'k3', 1]])
    assert.equal(one.edge.delivered[0]?.data.json().toString(), 'oops')
  })

  const refused: readonly [what: string, bytes: Buffer, name: keyof typeof codes][] = [
    ['without the key', HELLO, 'KEY_INVALID'],
    ['with an empty key', hello(''), 'KEY_INVALID'],
    ['with another key', hello('s3crex'), 'KEY_INVALID'],
    ['with the start of the key', hello('s3cre'), 'KEY_INVALID'],
    ['with more than the key', hello('s3cret2'), 'KEY_INVALID'],
    ['with a key that is no string', frame("93 01 00 82 a7 'version' 01 a3 'key' 01"), 'INVALID_ARGUMENT'],
    ['of another version', frame("93 01 00 81 a7 'version' 02"), 'INVALID_ARGUMENT'],
    ['without a version', frame('93 01 00 80'), 'INVALID_ARGUMENT'],
    ['with acks unknown', frame("93 01 00 82 a7 'version' 01 a4 'acks' a4 'none'"), 'INVALID_ARGUMENT'],
    ['that is no map', frame('93 01 00 91 01'), 'INVALID_ARGUMENT'],
    ['that is nil', frame('93 01 00 c0'), 'INVALID_ARGUMENT'],
  ]
  for (const [what, bytes, name] of refused) {
    test(`hello ${what} is refused and ends the conversation`, async (t) => {
      const one = talk(t, { key: 's3cret', trustedKey: 'tru5ted' })
      await one.say(bytes, publish(1))
      assert.deepEqual(one.answers().map(withoutText), [[68, 0, ...errorFace(name), { at: 0 }]])
      assert.equal(one.isEnded(), true)
      assert.equal(one.broker.channelCount(), 0, 'what followed was not read')
      assert.equal(one.written().includes('s3cret'), false)
    })
  }

  test('hello comes once', async (t) => {
    const one = await welcome(t)
    await one.say(frame("93 01 07 81 a7 'version' 01"), publish(8))
    assert.deepEqual(answersOf(one).map(withoutText), [
      [68, 7, ...errorFace('ALREADY_CONNECTED')],
      [65, 8, 'k3', 1],
    ])
    assert.equal(one.isEnded(), false)
  })
})

describe('before the hello', () => {
  for (const [what, bytes] of [
    ['a publish', publish(0)],
    ['an unknown operation', frame('92 7f 00')],
  ] as const) {
    test(`${what} is refused and ends the conversation`, async (t) => {
      const one = talk(t)
      await one.say(bytes)
      assert.deepEqual(one.answers().map(withoutText), [[68, 0, ...errorFace('NOT_CONNECTED'), { at: 0 }]])
      assert.equal(one.isEnded(), true)
    })
  }

  test('an HTTP request is refused by its first four bytes', async (t) => {
    const one = talk(t)
    await one.say(Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n'))
    assert.deepEqual(one.answers().map(withoutText), [
      [68, null, ...errorFace('MESSAGE_TOO_LARGE'), { at: 0 }],
    ])
    assert.equal(one.isEnded(), true)
  })

  test('a frame above 4 KB is refused, afterwards not', async (t) => {
    const large = frame(`94 02 01 a1 'c' da 1388 '${'x'.repeat(5_000)}'`)
    const stranger = talk(t)
    await stranger.say(large)
    assert.deepEqual(stranger.answers().map(withoutText), [
      [68, null, ...errorFace('MESSAGE_TOO_LARGE'), { at: 0 }],
    ])
    const one = await welcome(t, {}, Buffer.concat([HELLO, large]))
    assert.deepEqual(answersOf(one), [[65, 1, 'k3', 1]])
  })

  test('garbage is refused at the byte that is to blame', async (t) => {
    const one = talk(t)
    await one.say(frame('93 c1 00 00'))
    assert.deepEqual(one.answers().map(withoutText), [[68, null, ...errorFace('BAD_MESSAGE'), { at: 5 }]])
    assert.equal(one.isEnded(), true)
  })
})

describe('acks', () => {
  test('each publish is acknowledged with its position, in just these bytes', async (t) => {
    const one = await welcome(t)
    const before = one.written().length
    await one.say(Buffer.concat([publish(1), publish(300)]))
    assert.equal(
      one.written().subarray(before).toString('hex'),
      Buffer.concat([frame("94 41 01 a2 'k3' 01"), frame("94 41 cd 012c a2 'k3' 02")]).toString('hex'),
    )
  })

  test('cumulative acks are one answer for all frames of one read', async (t) => {
    const one = await welcome(t, {}, HELLO_CUMULATIVE)
    const before = one.written().length
    await one.say(Buffer.concat([publish(1), publish(2), publish(9)]))
    assert.equal(one.written().subarray(before).toString('hex'), frame('92 42 09').toString('hex'))
    await one.say(publish(10), publish(11))
    assert.deepEqual(answersOf(one), [
      [66, 9],
      [66, 10],
      [66, 11],
    ])
  })

  for (const first of [HELLO, HELLO_CUMULATIVE]) {
    const mode = first === HELLO ? 'each' : 'cumulative'
    test(`an error in the middle of a batch concerns its frame alone (acks ${mode})`, async (t) => {
      const one = await welcome(t, {}, first)
      await one.say(
        Buffer.concat([publish(1), frame("94 02 02 a1 'c' c4 01 '{'"), frame('94 02 03 a0 05'), publish(4)]),
      )
      const errors = [
        [68, 2, ...errorFace('INVALID_DATA')],
        [68, 3, ...errorFace('INVALID_CHANNEL')],
      ]
      const expected =
        mode === 'each' ? [[65, 1, 'k3', 1], ...errors, [65, 4, 'k3', 2]] : [...errors, [66, 4]]
      assert.deepEqual(
        answersOf(one).map((answer) => (answer[0] === 68 ? withoutText(answer) : answer)),
        expected,
      )
      assert.deepEqual(one.failures, ['INVALID_DATA', 'INVALID_CHANNEL'])
      assert.equal(one.isEnded(), false)
    })
  }

  test('answers come in the order of requests, whatever they are', async (t) => {
    const one = await welcome(t)
    const requests = [
      publish(1),
      frame("93 07 02 a1 'c'"),
      publish(3),
      frame('92 7f 04'),
      frame("93 06 05 91 a1 '1'"),
      frame("93 05 06 91 92 a1 'c' 01"),
      publish(7),
    ]
    await one.say(Buffer.concat(requests))
    assert.deepEqual(
      answersOf(one).map(([op, seq]) => [op, seq]),
      [
        [65, 1],
        [67, 2],
        [65, 3],
        [68, 4],
        [67, 5],
        [67, 6],
        [65, 7],
      ],
    )
  })

  test('a call sees what was published before it and not what comes after', async (t) => {
    const one = await welcome(t)
    await one.say(Buffer.concat([publish(1), frame("93 07 02 a1 'c'"), publish(3)]))
    assert.deepEqual(answersOf(one)[1], [67, 2, { channel: 'c', subscribers: 0, epoch: 'k3', offset: 1 }])
  })
})

describe('the same stream', () => {
  /** Every kind of frame, and a refused one in the middle. */
  const stream = Buffer.concat([
    hello('s3cret'),
    publish(1),
    frame("96 02 02 a1 'c' 82 a1 'a' 01 a1 'b' 90 a1 'e' a2 '17'"),
    frame("94 03 03 92 a1 'c' a1 'd' c4 03 '[1]'"),
    frame("94 04 04 a2 '17' a2 'hi'"),
    frame("93 05 05 92 92 a1 'c' 01 92 a0 02"),
    frame("93 06 06 92 a2 '17' a2 '18'"),
    frame("93 07 07 a1 'c'"),
    frame("93 08 08 81 a4 'user' a2 '17'"),
    frame('92 7f 09'),
  ])
  const options = { key: 's3cret', subscribers: { c: 2, d: 1, '@17': 1 } }
  const summary = (one: Talk) => ({
    answers: one.answers(),
    delivered: one.edge.delivered.map(({ channel, offset, data, event, user }) => ({
      channel,
      offset,
      json: data.json().toString(),
      event,
      user,
    })),
    goodbyes: one.edge.goodbyes,
    isEnded: one.isEnded(),
  })

  test('the same stream in one piece is answered and delivered as asked', async (t) => {
    const one = talk(t, options)
    await one.say(stream)
    const { answers, delivered, goodbyes } = summary(one)
    assert.deepEqual(answers.slice(1, 9), [
      [65, 1, 'k3', 1],
      [65, 2, 'k3', 2],
      [
        67,
        3,
        {
          positions: [
            { epoch: 'k3', offset: 3 },
            { epoch: 'k3', offset: 1 },
          ],
        },
      ],
      [65, 4, 'k3', 1],
      answers[5],
      [67, 6, { online: ['17'], lastSeen: {} }],
      [67, 7, { channel: 'c', subscribers: 2, epoch: 'k3', offset: 4 }],
      [67, 8, { disconnected: 1 }],
    ])
    assert.deepEqual(withoutText(answers[9]), [68, 9, ...errorFace('UNKNOWN_COMMAND')])
    assert.deepEqual(
      delivered.map((one) => `${one.channel} ${one.offset} ${one.json} ${one.event} ${one.user}`),
      ['c 1 5  ', 'c 2 {"a":1,"b":[]} e 17', 'c 3 [1]  ', 'd 1 [1]  ', '@17 1 "hi"  ', 'c 4 1  '],
    )
    assert.deepEqual(goodbyes, [
      {
        target: { tenant: 1, user: '17' },
        goodbye: { code: codes.DISCONNECTED.close, reason: 'disconnected' },
      },
    ])
  })

  test('the same stream cut at any byte is answered and delivered alike', async (t) => {
    const whole = talk(t, options)
    await whole.say(stream)
    for (let cut = 1; cut < stream.length; cut++) {
      const one = talk(t, options)
      await one.say(stream.subarray(0, cut), stream.subarray(cut))
      assert.deepEqual(summary(one), summary(whole), `cut at ${cut}`)
    }
  })

  test('the same stream byte by byte is answered and delivered alike', async (t) => {
    const whole = talk(t, options)
    await whole.say(stream)
    const one = talk(t, options)
    await one.say(...[...stream].map((byte) => Buffer.from([byte])))
    assert.deepEqual(summary(one), summary(whole))
  })

  test('the same stream that ends in the middle of a frame says where that began', async (t) => {
    const { length } = publish(1)
    for (let cut = 1; cut < length; cut++) {
      const one = await welcome(t, { subscribers: { c: 1 } })
      await one.say(Buffer.concat([publish(1), publish(2).subarray(0, cut)]))
      one.conversation.finishReading()
      await one.settle()
      assert.deepEqual(answersOf(one).map(withoutText), [
        [65, 1, 'k3', 1],
        [68, null, ...errorFace('BAD_MESSAGE'), { at: HELLO.length + length }],
      ])
      assert.equal(one.isEnded(), true)
      assert.equal(one.edge.delivered.length, 1)
    }
  })
})

describe('a list', () => {
  test('a list is answered with a position or an error for each item', async (t) => {
    const one = await welcome(t, { maxPublicationBytes: 16 })
    const long = `b3 '${'x'.repeat(19)}'`
    await one.say(frame(`93 05 01 94 92 a1 'a' 01 92 a1 'b' ${long} 92 a2 61 0a 05 92 a1 'a' 02`))
    const [[op, seq, result] = []] = answersOf(one) as [number, number, { positions: object[] }][]
    assert.deepEqual([op, seq], [67, 1])
    assert.deepEqual(
      result?.positions.map((row) => ('error' in row ? (row.error as { name: string }).name : row)),
      [{ epoch: 'k3', offset: 1 }, 'PUBLICATION_TOO_LARGE', 'INVALID_CHANNEL', { epoch: 'k3', offset: 2 }],
    )
    const [, tooLarge] = result?.positions ?? []
    assert.deepEqual(Object.keys((tooLarge as { error: object }).error), ['code', 'name', 'message', 'retry'])
    assert.deepEqual(one.failures, ['PUBLICATION_TOO_LARGE', 'INVALID_CHANNEL'])
  })

  test('a list with cumulative acks tells how many were refused, and why the first', async (t) => {
    const one = await welcome(t, {}, HELLO_CUMULATIVE)
    await one.say(Buffer.concat([frame("94 03 01 93 a1 'a' a0 a1 'b' 05"), frame("94 03 02 91 a1 'a' 05")]))
    const [error, ack] = answersOf(one)
    assert.deepEqual(withoutText(error), [68, 1, ...errorFace('INVALID_CHANNEL')])
    assert.match(String(error?.[4]), /^1 of 3 were refused, the first: Channel name "" is not allowed/)
    assert.deepEqual(ack, [66, 2])
    assert.equal((await one.broker.channel('b')).position.offset, 1, 'the others were published')
  })

  test('a list with an item that can not be carried is refused as a whole', async (t) => {
    const one = await welcome(t)
    await one.say(frame("93 05 01 92 92 a1 'a' 01 92 a1 'b' c4 01 '{'"))
    assert.deepEqual(answersOf(one).map(withoutText), [[68, 1, ...errorFace('INVALID_DATA')]])
    assert.equal(one.broker.channelCount(), 0)
  })

  test('a list above the bound on channels is told which ones', async (t) => {
    const one = await welcome(t, { maxChannels: 1 })
    await one.say(frame("94 03 01 92 a1 'a' a1 'b' 05"))
    const [[, , result] = []] = answersOf(one) as [number, number, { positions: object[] }][]
    assert.deepEqual(
      result?.positions.map((row) => 'error' in row),
      [false, true],
    )
  })
})
