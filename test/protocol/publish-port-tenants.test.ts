/**
 * The publish port's protocol where it is about tenants, and the settings of channels: bytes in, bytes out, with a real
 * broker behind it and no socket.
 *
 * Requests are hex literals written from the protocol's description. What the broker is asked for shows under the names
 * that the node has for channels.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Broker } from '../../src/core/broker.ts'
import { ownChannel, scoped } from '../../src/core/tenants.ts'
import { UnavailableError } from '../../src/errors.ts'
import { type Talk, type TalkOptions, talk } from '../support/conversation-of-bytes.ts'
import {
  answersOf,
  errorFace,
  frame,
  HELLO,
  publish,
  welcome,
  withoutText,
} from '../support/publish-bytes.ts'
import { until } from '../support/until.ts'

/** A hello that names a tenant, given as the bytes of the value, and perhaps one thing more. */
const helloOf = (tenant: string, more = '') =>
  frame(`93 01 00 8${more === '' ? 2 : 3} a7 'version' 01 a6 'tenant' ${tenant} ${more}`)

const SEVEN = helloOf('07')
const MARK = '01'

describe('the tenant of a hello', () => {
  const taken: readonly [what: string, bytes: string, tenant: number][] = [
    ['a fixint', '07', 7],
    ['0', '00', 0],
    ['1, which is the first', '01', 1],
    ['a wide form of a small one', 'ce 00000007', 7],
    ['the largest', 'ce 7fffffff', 2_147_483_647],
  ]
  for (const [what, bytes, tenant] of taken) {
    test(`the tenant of a hello may be ${what}`, async (t) => {
      const one = await welcome(t, { subscribers: { [scoped(tenant, 'c')]: 1 } }, helloOf(bytes))
      await one.say(publish(1))
      assert.deepEqual(
        one.edge.delivered.map((publication) => [publication.scoped, publication.channel]),
        [[scoped(tenant, 'c'), 'c']],
      )
    })
  }

  test('the tenant of a hello that names none is the one of the node', async (t) => {
    const one = await welcome(t, { tenant: 5, subscribers: { [scoped(5, 'c')]: 1 } }, HELLO)
    await one.say(publish(1))
    assert.equal(one.edge.delivered[0]?.scoped, scoped(5, 'c'))
  })

  const wrong: readonly [what: string, bytes: string][] = [
    ['below 0', 'ff'],
    ['above 2^31 - 1', 'ce 80000000'],
    ['text', "a1 '7'"],
    ['nil', 'c0'],
    ['a fraction', 'cb 3ff8000000000000'],
  ]
  for (const [what, bytes] of wrong) {
    test(`the tenant of a hello can not be ${what}: the conversation ends`, async (t) => {
      const one = talk(t)
      await one.say(helloOf(bytes), publish(1))
      assert.deepEqual(one.answers().map(withoutText), [[68, 0, ...errorFace('INVALID_ARGUMENT'), { at: 0 }]])
      assert.match(String(one.answers()[0]?.[4]), /^Field "tenant" must be an integer from 0 to 2147483647$/)
      assert.equal(one.isEnded(), true)
    })
  }

  test('the tenant of a hello that shows the trusted key counts as well', async (t) => {
    const key = "a3 'key' a7 'tru5ted'"
    const options = { key: 's3cret', trustedKey: 'tru5ted', subscribers: { [scoped(7, 'c')]: 1 } }
    const one = await welcome(t, options, helloOf('07', key))
    await one.say(frame("94 02 07 a1 'c' c4 04 'oops'"))
    assert.equal(one.edge.delivered[0]?.scoped, scoped(7, 'c'))
  })
})

describe('a tenant', () => {
  /** Every name twice: as that of tenant 7, and as that of tenant 1. */
  const subscribers = {
    [scoped(7, 'c')]: 2,
    [scoped(7, 'd')]: 1,
    [ownChannel(7, '17')]: 1,
    c: 9,
    d: 9,
    '@17': 9,
    '@18': 9,
  }
  const seven = (t: Parameters<typeof talk>[0], options: TalkOptions = {}) =>
    welcome(t, { subscribers, ...options }, SEVEN)
  const deliveredTo = (one: Talk) => one.edge.delivered.map((publication) => publication.scoped)

  test('a tenant publishes to its own channels and users with every operation', async (t) => {
    const one = await seven(t)
    await one.say(
      publish(1),
      frame("94 03 02 92 a1 'c' a1 'd' 01"),
      frame("94 04 03 a2 '17' 01"),
      frame("93 05 04 92 92 a1 'd' 01 92 a3 '@17' 02"),
    )
    const [c, d, user] = [scoped(7, 'c'), scoped(7, 'd'), ownChannel(7, '17')]
    assert.deepEqual(deliveredTo(one), [c, c, d, user, d, user])
    assert.equal(one.failures.length, 0)
  })

  test('a tenant asks about its own channels and users, and reads bare names', async (t) => {
    const one = await seven(t)
    await one.say(publish(1), frame("93 06 02 92 a2 '17' a2 '18'"), frame("93 07 03 a1 'c'"))
    await one.say(frame("93 0a 04 a1 'c'"))
    assert.deepEqual(answersOf(one).slice(1), [
      [67, 2, { online: ['17'], lastSeen: {} }],
      [67, 3, { channel: 'c', subscribers: 2, epoch: 'k3', offset: 1 }],
      [67, 4, { channel: 'c', count: 2 }],
    ])
  })

  test('a tenant reads the history of its own channel', async (t) => {
    const asked: string[] = []
    const wrap = (broker: Broker): Broker => ({
      ...broker,
      async history(channel) {
        asked.push(channel)
        return { position: { epoch: 'k3', offset: 0 }, messages: [], timesMs: [], gap: null }
      },
    })
    const one = await seven(t, { wrap })
    await one.say(frame("93 09 01 a1 'c'"))
    assert.deepEqual(asked, [scoped(7, 'c')])
  })

  // A session was ended by its id, whoever's it was.
  test('a tenant disconnects its own users and sessions', async (t) => {
    const one = await seven(t)
    await one.say(frame("93 08 01 81 a4 'user' a2 '17'"), frame("93 08 02 81 a7 'session' a4 'n1-7'"))
    assert.deepEqual(
      one.edge.goodbyes.map(({ target }) => target),
      [
        { tenant: 7, user: '17' },
        { tenant: 7, session: 'n1-7' },
      ],
    )
  })

  for (const [tenant, first] of [
    ['1', HELLO],
    ['7', SEVEN],
  ] as const) {
    test(`a name with the mark of tenants in it is no way out of tenant ${tenant}`, async (t) => {
      const one = await welcome(t, { subscribers: { ...subscribers, [scoped(8, 'c')]: 1 } }, first)
      await one.say(
        frame(`94 02 01 a3 '8' ${MARK} 'c' 05`),
        frame(`94 03 02 92 a3 '8' ${MARK} 'c' a1 'd' 05`),
        frame(`94 04 03 a3 '8' ${MARK} 'c' 05`),
        frame(`93 07 04 a3 '8' ${MARK} 'c'`),
        frame(`93 0a 05 a3 '8' ${MARK} 'c'`),
        frame(`94 0b 06 a3 '8' ${MARK} 'c' 05`),
      )
      assert.deepEqual(one.failures, [
        'INVALID_CHANNEL',
        'INVALID_CHANNEL',
        'INVALID_ARGUMENT',
        'INVALID_CHANNEL',
        'INVALID_CHANNEL',
        'INVALID_CHANNEL',
      ])
      assert.deepEqual(deliveredTo(one), [scoped(Number(tenant), 'd')])
      assert.match(String(answersOf(one)[0]?.[4]), /^Channel name "8\\u0001c" is not allowed/)
    })
  }
})

describe('settings', () => {
  /** The first `count` answers after the welcome, once they are there: settings wait for the store. */
  const answered = (one: Talk, count: number) =>
    until(() => (answersOf(one).length >= count ? answersOf(one) : null), { what: `${count} answers` })

  test('settings are stored for the channel of the tenant, and answered in just these bytes', async (t) => {
    const one = await welcome(t, {}, SEVEN)
    const before = one.written().length
    await one.say(frame("94 0b 07 a4 'news' 64"))
    await answered(one, 1)
    const result = "82 a7 'channel' a4 'news' ab 'historySize' 64"
    assert.equal(one.written().subarray(before).toString('hex'), frame(`93 43 07 ${result}`).toString('hex'))
    assert.deepEqual(await one.broker.settings(scoped(7, 'news')), { historySize: 100 })
    assert.equal(await one.broker.settings('news'), null)
  })

  test('settings that are nil leave the channel to its rule again', async (t) => {
    const one = await welcome(t)
    await one.say(frame("94 0b 01 a1 'c' 64"), frame("94 0b 02 a1 'c' c0"))
    assert.deepEqual((await answered(one, 2))[1], [67, 2, { channel: 'c', historySize: null }])
    assert.equal(await one.broker.settings('c'), null)
  })

  test('settings decide what history keeps from then on', async (t) => {
    const one = await welcome(t)
    await one.say(frame("94 0b 01 a1 'c' 02"))
    await answered(one, 1)
    await one.say(publish(2), publish(3), publish(4), frame("93 09 05 a1 'c'"))
    const [, , result] = (await answered(one, 5)).at(-1) as [
      number,
      number,
      { publications: { offset: number }[] },
    ]
    assert.deepEqual(
      result.publications.map(({ offset }) => offset),
      [2, 3],
    )
  })

  const wrong: readonly [what: string, fields: string, name: 'INVALID_ARGUMENT' | 'INVALID_CHANNEL'][] = [
    ['a size below 0', "a1 'c' ff", 'INVALID_ARGUMENT'],
    ['a size above a million', "a1 'c' ce 000f4241", 'INVALID_ARGUMENT'],
    ['a size that is text', "a1 'c' a1 '1'", 'INVALID_ARGUMENT'],
    ['a channel without a name', 'a0 05', 'INVALID_CHANNEL'],
  ]
  for (const [what, fields, name] of wrong) {
    test(`settings with ${what} are refused and the conversation goes on`, async (t) => {
      const one = await welcome(t)
      await one.say(frame(`94 0b 01 ${fields}`), publish(2))
      const [error, ack] = answersOf(one)
      assert.deepEqual(withoutText(error), [68, 1, ...errorFace(name)])
      assert.deepEqual(ack, [65, 2, 'k3', 1])
    })
  }

  for (const [what, bytes] of [
    ['without a size', frame("93 0b 01 a1 'c'")],
    ['with a field too many', frame("95 0b 01 a1 'c' 05 05")],
  ] as const) {
    test(`settings ${what} are no frame of this protocol`, async (t) => {
      const one = await welcome(t)
      await one.say(bytes)
      const [error] = answersOf(one)
      assert.deepEqual(error?.slice(0, 4), [68, null, ...errorFace('BAD_MESSAGE')])
      assert.match(String(error?.[4]), /^A settings has 2 fields after its sequence number/)
      assert.equal(one.isEnded(), true)
    })
  }

  test('settings that can not be stored are refused, and the conversation goes on', async (t) => {
    const wrap = (broker: Broker): Broker => ({
      ...broker,
      configure: () => Promise.reject(new UnavailableError('STORE_FAILED', 'Cannot write: the disk is full')),
    })
    const one = await welcome(t, { wrap })
    await one.say(frame("94 0b 01 a1 'c' 05"), publish(2))
    const [error, ack] = answersOf(one)
    assert.deepEqual(error, [68, 1, ...errorFace('STORE_FAILED'), 'Cannot write: the disk is full'])
    assert.deepEqual(ack, [65, 2, 'k3', 1])
    assert.deepEqual(one.failures, ['STORE_FAILED'])
  })
})
