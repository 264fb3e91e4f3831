/**
 * Messages that wait for absent users, over every transport: they come on return, again until they are acknowledged,
 * across restarts of the node; and logins, with which users come.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { channelFor, open, publish, startContractNode, tokenOf } from '../support/contract.ts'
import { dataFolder } from '../support/data-folder.ts'
import type { TestNode } from '../support/node.ts'
import { secondsFromNow } from '../support/tokens.ts'
import { type Transport, transports } from '../support/transports.ts'
import { until } from '../support/until.ts'
import { post, type WirePublication } from '../support/wire.ts'
import type { TransportClient } from '../support/wire-inbox.ts'

const KEY = 's3cret-key'
const UUID = '0123456789abcdef0123456789abcdef'

type Waited = WirePublication & { readonly id?: string; readonly time?: number }

/** What waits for a user, as the application sees it. */
async function waiting(node: TestNode, user: string): Promise<number> {
  const answer = await fetch(`${node.internalUrl}/api/users/${user}/inbox`)
  const { messages } = (await answer.json()) as { messages: readonly unknown[] }
  return messages.length
}

async function arrive(t: TestContext, transport: Transport, node: TestNode, user: string, more: object = {}) {
  return open(t, transport, node, { token: tokenOf(user), resume: true, ...more })
}

/** Waits until nobody is there as the user. */
async function gone(node: TestNode, user: string): Promise<void> {
  const isOnline = async () => {
    const answer = await fetch(`${node.internalUrl}/api/users/${user}`)
    return ((await answer.json()) as { online: boolean }).online
  }
  await until(async () => !(await isOnline()), { what: `${user} to be gone` })
}

const received = async (client: TransportClient, user: string, count: number) =>
  (await client.received(`@${user}`, count)) as readonly Waited[]

for (const transport of transports) {
  describe(`inbox over ${transport.name}`, () => {
    test('messages that waited come first, in order, again until they are acknowledged', async (t) => {
      const node = await startContractNode(t)
      const user = channelFor('u', transport)
      for (const n of [1, 2, 3]) assert.equal((await publish(node, `@${user}`, n)).offset, 0)
      const first = await arrive(t, transport, node, user)
      await until(() => first.publications.length === 3, { what: 'what waited' })
      await publish(node, `@${user}`, 'now')
      const got = await received(first, user, 4)
      assert.deepEqual(
        got.map(({ data, offset }) => [data, offset]),
        [
          [1, 1],
          [2, 2],
          [3, 3],
          ['now', 4],
        ],
      )
      assert.equal(new Set(got.slice(0, 3).map(({ id }) => id)).size, 3)
      assert.deepEqual([got[3]?.id, got[3]?.time], [undefined, undefined])
      const position = first.position(`@${user}`)
      assert.ok(position !== null)
      await first.ok({ ack: { ...position, offset: 2 } })
      assert.equal(await waiting(node, user), 1)
      await first.close()
      await gone(node, user)

      const again = await arrive(t, transport, node, user)
      const [third] = await received(again, user, 1)
      assert.deepEqual([third?.id, third?.data], [got[2]?.id, 3])
      await again.ok({ ack: { epoch: position.epoch, offset: third?.offset ?? 0 } })
      assert.equal(await waiting(node, user), 0)
    })

    test('messages come over with a position, which says what arrived before', async (t) => {
      const node = await startContractNode(t)
      const user = channelFor('u', transport)
      for (const n of [1, 2]) await publish(node, `@${user}`, n)
      const first = await arrive(t, transport, node, user)
      await received(first, user, 2)
      const since = first.position(`@${user}`) ?? undefined
      await first.close()
      await gone(node, user)
      await publish(node, `@${user}`, 3)
      const back = await arrive(t, transport, node, user, { since })
      assert.deepEqual(
        (await received(back, user, 1)).map(({ data, offset }) => [data, offset]),
        [[3, 3]],
      )
      assert.equal(await waiting(node, user), 1)
      assert.deepEqual(back.gaps, [])
    })

    test('messages that were too many are told, behind the answer to connect', async (t) => {
      const node = await startContractNode(t, ['--inbox-size', '2'])
      const user = channelFor('u', transport)
      for (const n of [1, 2, 3, 4, 5]) await publish(node, `@${user}`, n)
      const client = await arrive(t, transport, node, user)
      assert.deepEqual(
        (await received(client, user, 2)).map(({ data }) => data),
        [4, 5],
      )
      await until(() => client.gaps.length === 1, { what: 'the gap' })
      const [gap] = client.gaps as unknown as { reason: string; count: number }[]
      assert.deepEqual([gap?.reason, gap?.count], ['expired', 3])
      const ofConnect = client.messages.findIndex((one) => 'ok' in (one as object))
      const ofGap = client.messages.findIndex((one) => 'gap' in (one as object))
      assert.ok(ofConnect < ofGap, `the gap is message ${ofGap}, the answer ${ofConnect}`)
    })

    test('messages outlive the node, with their ids', async (t) => {
      const folder = dataFolder(t)
      const start = () => startContractNode(t, ['--data-dir', folder])
      const user = channelFor('u', transport)
      const first = await start()
      for (const n of [1, 2]) await publish(first, `@${user}`, n)
      await first.stop('SIGKILL')

      const second = await start()
      await publish(second, `@${user}`, 3)
      const client = await arrive(t, transport, second, user)
      const got = await received(client, user, 3)
      const { epoch } = client.position(`@${user}`) ?? { epoch: '' }
      await client.ok({ ack: { epoch, offset: 1 } })
      await second.stop('SIGKILL')
      await client.close()

      const third = await start()
      const since = { epoch, offset: 3 }
      const back = await arrive(t, transport, third, user, { since })
      const again = await received(back, user, 2)
      assert.deepEqual(
        again.map(({ id, data }) => [id, data]),
        got.slice(1).map(({ id, data }) => [id, data]),
      )
      await until(() => back.gaps.length > 0, { what: 'the gap of another epoch' })
      await third.stop('SIGKILL')
    })
  })

  describe(`login over ${transport.name}`, () => {
    const login = (tenant: number, user: string, key: string) => ({ tenant, user, key, uuid: UUID })

    test('token of a CppComet application lets its user in, under the name of the browser', async (t) => {
      const node = await startContractNode(t, ['--key', KEY])
      const client = await open(t, transport, node, { login: login(15, '7', cometToken(15, 7)) })
      const { session, user, own, login: answer } = client.replies[0]?.ok ?? {}
      assert.deepEqual([user, (own as { channel: string }).channel], ['7', '@7'])
      const { authorized, key } = answer as { authorized: boolean; key: string }
      assert.equal(authorized, true)
      assert.equal(String(session).split('~')[0], UUID)

      const again = await open(t, transport, node, { login: login(15, '7', key) })
      assert.deepEqual(again.replies[0]?.ok?.login, { authorized: true, key })
      const { clients } = (await again
        .ok({ subscribe: { channel: 'track_1' } })
        .then(() => again.ok({ presence: { channel: 'track_1' } }))) as {
        clients: { session: string; user: string }[]
      }
      assert.deepEqual(
        clients.map((one) => [one.session.split('~')[0], one.user]),
        [[UUID, '7']],
      )
    })

    test('wrong key, or one of another tenant, is an anonymous session of the tenant', async (t) => {
      const node = await startContractNode(t, ['--key', KEY])
      for (const key of ['wrong', cometToken(14, 7), cometToken(15, 8)]) {
        const client = await open(t, transport, node, { login: login(15, '7', key) })
        const { user, own, login: answer } = client.replies[0]?.ok ?? {}
        assert.deepEqual([user, own, answer], ['', undefined, { authorized: false, key: '' }])
      }
    })

    test('key that is taken back ends its sessions, and their capsules', async (t) => {
      const node = await startContractNode(t)
      await post(`${node.internalUrl}/api/users/key`, { user: '7', key: 'secret' })
      const client = await open(t, transport, node, { login: login(1, '7', 'secret'), resume: true })
      await post(`${node.internalUrl}/api/users/key/remove`, { user: '7' })
      await client.closed()
      const back = await open(t, transport, node, { resume: client.capsule() }).catch(() => null)
      assert.equal(back?.replies[0]?.ok?.user ?? '', '')
    })
  })
}

/** RFC 7515 §7.1, signed as a CppComet application does it: with the password and the number of the tenant. */
function cometToken(tenant: number, userId: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ user_id: userId, exp: secondsFromNow(60) })}`
  return `${text}.${createHmac('sha256', `${KEY}${tenant}`).update(text).digest('base64url')}`
}
