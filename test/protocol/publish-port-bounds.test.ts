/**
 * The publish port's protocol at its bounds: names and fields that are refused, frames that can not be read, the window,
 * and how a conversation ends. Bytes in, bytes out, as in publish-port.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hex } from '../support/hex.ts'
import {
  answersOf,
  errorFace,
  frame,
  HELLO,
  publish,
  welcome,
  withoutText,
} from '../support/publish-bytes.ts'

describe('names', () => {
  for (const [what, bytes, name] of [
    ['an event with a line break', "95 02 01 a1 'c' 05 a1 0a", 'INVALID_ARGUMENT'],
    ['a user with a line break', "96 02 01 a1 'c' 05 c0 a1 0a", 'INVALID_ARGUMENT'],
    ['a key with a line break', "97 02 01 a1 'c' 05 c0 c0 a1 0a", 'INVALID_ARGUMENT'],
    ['a key of 129 bytes', `97 02 01 a1 'c' 05 c0 c0 d9 81 '${'k'.repeat(129)}'`, 'INVALID_ARGUMENT'],
    ['a key that is broken UTF-8', "97 02 01 a1 'c' 05 c0 c0 a1 ff", 'INVALID_ARGUMENT'],
    ['a history of a channel with a line break', '93 09 01 a1 0a', 'INVALID_CHANNEL'],
    ['a presence of no channel', '93 0a 01 a0', 'INVALID_CHANNEL'],
    ['a channel that is broken UTF-8', '94 02 01 a1 ff 05', 'INVALID_CHANNEL'],
    ['a publish to the empty user', '94 04 01 a0 05', 'INVALID_ARGUMENT'],
    ['a publish to a user with a line break', '94 04 01 a1 0a 05', 'INVALID_ARGUMENT'],
    ['stats of a channel with a line break', '93 07 01 a1 0a', 'INVALID_CHANNEL'],
  ] as const) {
    test(`${what} is refused and the conversation goes on`, async (t) => {
      const one = await welcome(t)
      await one.say(frame(bytes), publish(2))
      assert.deepEqual(withoutText(answersOf(one)[0]), [68, 1, ...errorFace(name)])
      assert.deepEqual(answersOf(one)[1], [65, 2, 'k3', 1])
    })
  }
})

describe('disconnect', () => {
  const disconnect = (fields: string, count: number) => frame(`9${2 + count} 08 01 ${fields}`)
  const user = "81 a4 'user' a2 '17'"

  test('disconnect passes on target, code and reason', async (t) => {
    const one = await welcome(t)
    await one.say(disconnect("81 a7 'session' a4 'n1-7' cd 0fa0 a3 'bye'", 3))
    assert.deepEqual(answersOf(one), [[67, 1, { disconnected: 1 }]])
    assert.deepEqual(one.edge.goodbyes, [
      { target: { tenant: 1, session: 'n1-7' }, goodbye: { code: 4000, reason: 'bye' } },
    ])
  })

  const wrong: readonly [what: string, fields: string, count: number][] = [
    ['nobody', '80', 1],
    ['nil', 'c0', 1],
    ['a user and a session', "82 a4 'user' a1 '1' a7 'session' a1 's'", 1],
    ['a user that is a number', "81 a4 'user' 11", 1],
    ['the empty user, which is everyone anonymous', "81 a4 'user' a0", 1],
    ['with code 1000', `${user} cd 03e8`, 2],
    ['with code 5000', `${user} cd 1388`, 2],
    ['with a code that is no number', `${user} a4 '4000'`, 2],
    ['with code NaN', `${user} cb 7ff8000000000000`, 2],
    ['with a code that is a map', `${user} 82 a8 'toString' 01 a7 'valueOf' 01`, 2],
    ['with code 3000.5', `${user} cb 40a7710000000000`, 2],
    ['with a reason of 124 bytes', `${user} cd 0fa0 d9 7c '${'x'.repeat(124)}'`, 3],
  ]
  for (const [what, fields, count] of wrong) {
    test(`disconnect of ${what} is refused`, async (t) => {
      const one = await welcome(t)
      await one.say(disconnect(fields, count))
      assert.deepEqual(answersOf(one).map(withoutText), [[68, 1, ...errorFace('INVALID_ARGUMENT')]])
      assert.deepEqual(one.edge.goodbyes, [])
    })
  }

  test('disconnect takes a reason of 123 bytes', async (t) => {
    const one = await welcome(t)
    await one.say(disconnect(`${user} cd 0fa0 d9 7b '${'x'.repeat(123)}'`, 3))
    assert.equal(one.edge.goodbyes[0]?.goodbye.reason.length, 123)
  })
})

describe('what can not be read', () => {
  test('a broken frame ends the conversation after everything before it was answered', async (t) => {
    const one = await welcome(t, { subscribers: { c: 1 } })
    const { length } = publish(1)
    await one.say(Buffer.concat([publish(1), frame("94 02 02 a1 'c' c1"), publish(3)]))
    assert.deepEqual(answersOf(one).map(withoutText), [
      [65, 1, 'k3', 1],
      [68, null, ...errorFace('BAD_MESSAGE'), { at: HELLO.length + length + 4 + 5 }],
    ])
    assert.equal(one.isEnded(), true)
    assert.equal(one.edge.delivered.length, 1)
    await one.say(publish(4))
    assert.equal(one.edge.delivered.length, 1, 'nothing is read afterwards')
  })

  test('an empty frame is none', async (t) => {
    const one = await welcome(t)
    await one.say(hex('00000000'))
    assert.deepEqual(answersOf(one).map(withoutText), [
      [68, null, ...errorFace('BAD_MESSAGE'), { at: HELLO.length + 4 }],
    ])
  })

  test('a frame above the largest is refused by its length', async (t) => {
    const one = await welcome(t, { maxFrameBytes: 1_024 })
    await one.say(Buffer.concat([publish(1), hex('00000401')]))
    assert.deepEqual(answersOf(one).map(withoutText), [
      [65, 1, 'k3', 1],
      [68, null, ...errorFace('MESSAGE_TOO_LARGE'), { at: HELLO.length + publish(1).length }],
    ])
    assert.equal(one.isEnded(), true)
  })

  for (const seq of [1, 2]) {
    test(`sequence number ${seq} after 2 is refused and ends the conversation`, async (t) => {
      const one = await welcome(t, { subscribers: { c: 1 } })
      await one.say(Buffer.concat([publish(2), publish(seq), publish(3)]))
      assert.deepEqual(answersOf(one).map(withoutText), [
        [65, 2, 'k3', 1],
        [68, seq, ...errorFace('DUPLICATE_ID'), { at: HELLO.length + publish(2).length }],
      ])
      assert.equal(one.isEnded(), true)
      assert.equal(one.edge.delivered.length, 1)
    })
  }
})

describe('flow', () => {
  test('flow: reading pauses above the window and goes on at half of it', async (t) => {
    const one = await welcome(t, { window: 4 })
    const makeRoom = one.fillEdge()
    for (let seq = 1; seq <= 4; seq++) one.conversation.receive(publish(seq))
    assert.deepEqual(one.pauses, [], 'just the window')
    one.conversation.receive(publish(5))
    assert.deepEqual(one.pauses, [true])
    one.conversation.receive(publish(6))
    await one.settle()
    assert.deepEqual([one.pauses, answersOf(one)], [[true], []])
    makeRoom()
    await one.settle()
    assert.deepEqual(one.pauses, [true, false])
    assert.deepEqual(
      answersOf(one).map((answer) => answer[1]),
      [1, 2, 3, 4, 5, 6],
    )
  })

  test('flow: reading does not go on before half of the window is answered', async (t) => {
    const gates: (() => void)[] = []
    const one = await welcome(t, {
      window: 4,
      wrap: (broker) => ({
        ...broker,
        async publish(requests, source) {
          await new Promise<void>((resolve) => gates.push(resolve))
          return broker.publish(requests, source)
        },
      }),
    })
    for (let seq = 1; seq <= 6; seq++) one.conversation.receive(publish(seq))
    const told: boolean[][] = []
    for (const open of gates) {
      open()
      await one.settle()
      told.push([...one.pauses])
    }
    assert.deepEqual(told, [[true], [true], [true], [true, false], [true, false], [true, false]])
  })

  test('flow: frames of one read that overrun the window are all answered', async (t) => {
    const one = await welcome(t, { window: 2 })
    await one.say(Buffer.concat(Array.from({ length: 10 }, (_, i) => publish(i + 1))))
    assert.deepEqual(one.pauses, [true, false])
    assert.equal(answersOf(one).length, 10)
  })
})

describe('the end', () => {
  test('the end of the publisher’s side comes after the answers it is owed', async (t) => {
    const one = await welcome(t)
    const makeRoom = one.fillEdge()
    one.conversation.receive(publish(1))
    one.conversation.finishReading()
    await one.settle()
    assert.equal(one.isEnded(), false)
    makeRoom()
    await one.settle()
    assert.deepEqual(answersOf(one), [[65, 1, 'k3', 1]])
    assert.equal(one.isEnded(), true)
  })

  test('the end from our side is an error frame behind the answers, and comes once', async (t) => {
    const one = await welcome(t)
    const makeRoom = one.fillEdge()
    one.conversation.receive(publish(1))
    one.conversation.fail('DRAINING', 'The node is shutting down')
    one.conversation.fail('DRAINING', 'The node is shutting down')
    one.conversation.receive(publish(2))
    one.conversation.finishReading()
    makeRoom()
    await one.settle()
    assert.deepEqual(answersOf(one), [
      [65, 1, 'k3', 1],
      [68, null, ...errorFace('DRAINING'), 'The node is shutting down'],
    ])
    assert.equal(one.isEnded(), true)
    assert.equal(one.conversation.isWelcome, false)
  })

  test('the end comes as an error when the broker breaks', async (t) => {
    const one = await welcome(t, {
      wrap: (broker) => ({ ...broker, publish: () => Promise.reject(new Error('Lost the broker')) }),
    })
    await one.say(publish(1))
    assert.deepEqual(answersOf(one).map(withoutText), [[68, null, ...errorFace('INTERNAL')]])
    assert.equal(one.isEnded(), true)
  })
})
