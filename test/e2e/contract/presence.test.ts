/**
 * Presence, over every transport: who is on a channel, who comes and who leaves, as far as its rule tells.
 *
 * A session that changes its transport with its capsule stays where it is: nobody is told. Polls and streams that vanish
 * leave after the node's linger, sockets without a capsule at once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFor, open, startContractNode, tokenOf } from '../../support/contract.ts'
import { transportChanges, transports } from '../../support/transports.ts'
import { until } from '../../support/until.ts'
import type { TransportClient } from '../../support/wire-inbox.ts'

/** To be told everything without having missed any of it. */
const ATTEMPTS = 5

const [webSocket = assert.fail('no transport')] = transports

test('presence', async (t) => {
  const node = await startContractNode(t)

  for (const transport of transports) {
    await t.test(`${transport.name} client is told who comes and who leaves`, async (t) => {
      const channel = channelFor('list_watch', transport)
      const watcher = await open(t, transport, node)
      await watcher.ok({ subscribe: { channel } })
      const guest = await open(t, webSocket, node, { token: tokenOf('guest') })
      await guest.ok({ subscribe: { channel } })
      const person = { session: sessionOf(guest), user: 'guest' }
      await until(() => joined(watcher).some(({ session }) => session === person.session), {
        what: 'the join',
      })
      assert.deepEqual(
        joined(watcher).filter(({ session }) => session !== sessionOf(watcher)),
        [person],
      )
      assert.equal(watcher.presences.at(-1)?.count, 2)
      await guest.ok({ unsubscribe: { channel } })
      await until(() => left(watcher).length === 1, { what: 'the leave' })
      assert.deepEqual(left(watcher), [person])
      assert.equal(watcher.presences.at(-1)?.count, 1)
    })

    await t.test(`${transport.name} client that goes away without a word has left`, async (t) => {
      const channel = channelFor('list_vanish', transport)
      const watcher = await open(t, webSocket, node)
      await watcher.ok({ subscribe: { channel } })
      const guest = await open(t, transport, node, { token: tokenOf('guest') })
      await guest.ok({ subscribe: { channel } })
      const person = { session: sessionOf(guest), user: 'guest' }
      await until(() => joined(watcher).some(({ session }) => session === person.session), {
        what: 'the join',
      })
      await guest.close()
      await until(() => left(watcher).length > 0, { what: 'the leave' })
      assert.deepEqual(left(watcher), [person])
      assert.equal(watcher.presences.at(-1)?.count, 1)
    })

    await t.test(`${transport.name} client may ask who is there where the rule lists them`, async (t) => {
      const channel = channelFor('list_ask', transport)
      const client = await open(t, transport, node, { token: tokenOf('asker') })
      const other = await open(t, webSocket, node)
      for (const one of [client, other]) await one.ok({ subscribe: { channel } })
      const { clients, ...counted } = await client.ok({ presence: { channel } })
      assert.deepEqual(counted, { channel, count: 2 })
      assert.deepEqual(
        new Set((clients as object[]).map((one) => JSON.stringify(one))),
        new Set([
          JSON.stringify({ session: sessionOf(client), user: 'asker' }),
          JSON.stringify({ session: sessionOf(other), user: '' }),
        ]),
      )
    })

    await t.test(
      `${transport.name} client is told only how many where the rule counts, and nothing comes`,
      async (t) => {
        const channel = channelFor('count_ask', transport)
        const client = await open(t, transport, node)
        const other = await open(t, webSocket, node)
        for (const one of [client, other]) await one.ok({ subscribe: { channel } })
        assert.deepEqual(await client.ok({ presence: { channel } }), { channel, count: 2 })
        await other.ok({ publish: { channel, data: 'after the join' } })
        await client.received(channel, 1)
        assert.deepEqual(client.presences, [])
      },
    )

    await t.test(
      `${transport.name} client is refused where the rule tells nothing, and nothing comes`,
      async (t) => {
        const channel = channelFor('off_ask', transport)
        const client = await open(t, transport, node)
        const other = await open(t, webSocket, node)
        for (const one of [client, other]) await one.ok({ subscribe: { channel } })
        assert.equal((await client.refused({ presence: { channel } })).name, 'ACCESS_DENIED')
        await other.ok({ publish: { channel, data: 'after the join' } })
        await client.received(channel, 1)
        assert.deepEqual(client.presences, [])
      },
    )

    await t.test(`${transport.name} client can add up what it is told to who is there`, async (t) => {
      for (let attempt = 1; ; attempt++) {
        const channel = channelFor(`list_sum${attempt}`, transport)
        const watcher = await open(t, transport, node)
        await watcher.ok({ subscribe: { channel } })
        const guests = await Promise.all(Array.from({ length: 20 }, () => open(t, webSocket, node)))
        await Promise.all(guests.map((guest) => guest.ok({ subscribe: { channel } })))
        const isStale = () => watcher.presences.some(({ stale }) => stale === true)
        const toldOf = (count: number) => isStale() || watcher.presences.at(-1)?.count === count
        await until(() => toldOf(21), { what: 'the last join' })
        await Promise.all(guests.slice(0, 15).map((guest) => guest.close()))
        await until(() => toldOf(6), { what: 'the last leave' })
        // Who stands still between two polls may be told to ask instead.
        if (isStale() && attempt < ATTEMPTS) continue
        const here = new Set(joined(watcher).map(({ session }) => session))
        for (const { session } of left(watcher)) here.delete(session)
        here.add(sessionOf(watcher))
        const { clients } = await watcher.ok({ presence: { channel } })
        assert.deepEqual(here, new Set((clients as { session: string }[]).map(({ session }) => session)))
        return
      }
    })
  }

  // At once, as each waits until the time is over in which a session may come back.
  await t.test('changes of the transport', { concurrency: transportChanges.length }, async (t) => {
    await Promise.all(
      transportChanges.map(([from, to]) =>
        t.test(
          `a session that goes on from ${from.name} to ${to.name} neither leaves nor joins`,
          async (t) => {
            const channel = channelFor('list_change', from, to)
            const watcher = await open(t, webSocket, node)
            await watcher.ok({ subscribe: { channel } })
            const first = await open(t, from, node, { token: tokenOf('mover'), resume: true })
            await first.ok({ subscribe: { channel } })
            await until(() => joined(watcher).some(({ user }) => user === 'mover'), { what: 'the join' })
            await first.close()
            const second = await open(t, to, node, { resume: first.capsule() })
            assert.equal(sessionOf(second), sessionOf(first))
            await second.ok({ subscribe: { channel, since: first.position(channel) } })
            // A guest that comes and leaves by polls outlives the linger of the first connection.
            const guest = await open(t, transports.at(-1) ?? webSocket, node, { token: tokenOf('guest') })
            await guest.ok({ subscribe: { channel } })
            await guest.close()
            await until(() => left(watcher).some(({ user }) => user === 'guest'), {
              what: 'the guest to leave',
            })
            assert.deepEqual(
              joined(watcher)
                .filter(({ session }) => session !== sessionOf(watcher))
                .map(({ user }) => user),
              ['mover', 'guest'],
            )
            assert.deepEqual(
              left(watcher).map(({ user }) => user),
              ['guest'],
            )
          },
        ),
      ),
    )
  })
})

function sessionOf(client: TransportClient): string {
  return String(client.replies[0]?.ok?.session)
}

function joined(client: TransportClient) {
  return client.presences.flatMap(({ join = [] }) => join)
}

function left(client: TransportClient) {
  return client.presences.flatMap(({ leave = [] }) => leave)
}
