/**
 * The browser client whose node is killed and started again: the page is told what it can not know, then goes on.
 *
 * Owns SIGKILL and a successor on the same port with the same secret, over every transport. Channels are in memory, so the new
 * node begins new epochs; the capsule is good for both, so the session is the same.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TransportName } from '../../src/client/client.ts'
import { startJournal } from '../support/client-journal.ts'
import { publish, publishMany, startContractNode, tokenOf } from '../support/contract.ts'
import { until } from '../support/until.ts'

const transports: readonly TransportName[] = ['websocket', 'long-poll', 'sse']

describe('clients of a killed node', { concurrency: transports.length }, () => {
  for (const transport of transports) {
    test(`${transport} client of a killed node is told of each new epoch once and then gets everything again`, async (t) => {
      const first = await startContractNode(t)
      const user = `survivor-${transport}`
      const journal = await startJournal(t, first.wsUrl, ['kept_news', 'open_own'], {
        transports: [transport],
        token: tokenOf(user),
        timeoutMs: 60_000,
      })
      await publishMany(first, 'kept_news', 5)
      await publishMany(first, `@${user}`, 2)
      await journal.reached('kept_news', 5)
      await journal.reached(`@${user}`, 2)
      await first.stop('SIGKILL')
      await until(() => journal.client.state === 'waiting', { what: 'the client to notice' })
      const published = journal.client.publish('open_own', 'said while there was no node')

      const second = await startContractNode(t, ['--port', `${first.publicPort}`])
      const { offset } = await published
      assert.equal(offset, 1)
      await until(() => journal.gaps.length >= 3, { what: 'the gaps of three channels' })
      assert.deepEqual(
        journal.gaps.map(({ channel, from, to, reason }) => ({ channel, from, to, reason })).sort(byChannel),
        [`@${user}`, 'kept_news', 'open_own'].map((channel) => ({
          channel,
          from: 1,
          to: 0,
          reason: 'epoch',
        })),
      )
      await publishMany(second, 'kept_news', 5)
      await publish(second, `@${user}`, 'mail')
      await journal.reached('open_own', 1)
      await until(() => journal.heard('kept_news').length === 10, { what: 'five more publications' })
      await until(() => journal.heard(`@${user}`).length === 3, { what: 'one more message' })
      const offsets = journal.heard('kept_news').map(({ publication }) => publication.offset)
      assert.deepEqual(offsets, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
      assert.equal(journal.gaps.length, 3)

      const connected = journal.states.filter((state) => state.state === 'connected')
      assert.equal(connected.length, 2)
      assert.deepEqual(connected[1], connected[0])
      assert.equal((await journal.client.history('kept_news')).publications.length, 5)
      assert.deepEqual(journal.errors, [])
      journal.client.disconnect() // before the second node stops
    })
  }
})

function byChannel(a: { readonly channel: string }, b: { readonly channel: string }): number {
  return a.channel < b.channel ? -1 : 1
}
