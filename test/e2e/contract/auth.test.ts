/**
 * Who a client is, over every transport: by its token, or by the capsule of a session it had.
 *
 * Owns good, missing, expired and forged tokens, damaged capsules and refresh. That capsules grow too old is shown by
 * the tests of src/protocol/capsule.ts: no node can be told to let them do so within a test.
 */
import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { test } from 'node:test'
import { channelFor, open, publish, SECRET, tokenOf } from '../../support/contract.ts'
import { errorOf, exchange } from '../../support/http-exchange.ts'
import { startNode } from '../../support/node.ts'
import { openSse } from '../../support/sse-client.ts'
import { secondsFromNow, signToken } from '../../support/tokens.ts'
import { type OpenOptions, transports } from '../../support/transports.ts'
import { RefusedConnect } from '../../support/wire-inbox.ts'

/** Two processes round the same clock. */
const CLOCK_MS = 2

const forged = signToken({ alg: 'HS256', secret: 'another secret of sixteen bytes' }, { sub: '17', exp: 9e9 })

test('a node that asks for tokens', async (t) => {
  const node = await startNode(t, ['--token-secret', SECRET])

  for (const transport of transports) {
    const refusal = (options: OpenOptions) =>
      transport.open(node, options).then(
        async (client) => {
          await client.close()
          return 'let in'
        },
        (error: unknown) => {
          if (error instanceof RefusedConnect) return error.error.name
          throw error
        },
      )

    await t.test(
      `${transport.name} client is the user of its token, and hears what is sent to that user`,
      async (t) => {
        const user = channelFor('läufer', transport)
        const client = await open(t, transport, node, { token: tokenOf(user) })
        const { ok } = client.replies[0] ?? {}
        assert.equal(ok?.user, user)
        assert.match(String(ok?.session), /^[\w-]{3,}$/)
        const { channel, epoch, offset } = ok?.own as { channel: string; epoch: string; offset: number }
        assert.deepEqual([channel, offset], [`@${user}`, 0])
        assert.deepEqual(await publish(node, `@${user}`, 'mail'), { epoch, offset: 1 })
        assert.deepEqual(await client.received(`@${user}`, 1), [{ channel, offset: 1, data: 'mail' }])
      },
    )

    await t.test(`${transport.name} client learns when its token runs out`, async (t) => {
      const exp = secondsFromNow(60)
      const token = tokenOf('17', { exp })
      const askedMs = Date.now()
      const client = await open(t, transport, node, { token })
      assertExpires(client.replies[0]?.ok?.expiresInMs, exp, askedMs)
    })

    await t.test(
      `${transport.name} client is refused without a token, with an old one and with a forged one`,
      async () => {
        const old = tokenOf('17', { exp: secondsFromNow(-10) })
        assert.equal(await refusal({}), 'TOKEN_MISSING')
        assert.equal(await refusal({ token: old }), 'TOKEN_EXPIRED')
        assert.equal(await refusal({ token: forged }), 'TOKEN_INVALID')
        assert.equal(await refusal({ token: 'none' }), 'TOKEN_INVALID')
      },
    )

    await t.test(`${transport.name} client with a capsule needs no token`, async (t) => {
      const first = await open(t, transport, node, { token: tokenOf('18'), resume: true })
      assert.notEqual(first.capsule(), '')
      await first.close()
      const second = await open(t, transport, node, { resume: first.capsule() })
      const { session, user } = first.replies[0]?.ok ?? {}
      assert.deepEqual([second.replies[0]?.ok?.session, second.replies[0]?.ok?.user], [session, user])
      await publish(node, '@18', 'found')
      assert.equal((await second.received('@18', 1))[0]?.data, 'found')
    })

    await t.test(
      `${transport.name} client with a damaged capsule is what its token says, in a new session`,
      async (t) => {
        const first = await open(t, transport, node, { token: tokenOf('19'), resume: true })
        const resume = damaged(first.capsule())
        assert.equal(await refusal({ resume }), 'TOKEN_MISSING')
        const second = await open(t, transport, node, { resume, token: tokenOf('20') })
        assert.equal(second.replies[0]?.ok?.user, '20')
        assert.notEqual(second.replies[0]?.ok?.session, first.replies[0]?.ok?.session)
      },
    )

    await t.test(
      `${transport.name} client can prolong its session with a token of the same user only`,
      async (t) => {
        const client = await open(t, transport, node, { token: tokenOf('21') })
        const exp = secondsFromNow(600)
        const longer = tokenOf('21', { exp })
        const askedMs = Date.now()
        const { expiresInMs } = await client.ok({ refresh: { token: longer } })
        assertExpires(expiresInMs, exp, askedMs)
        for (const token of [tokenOf('22'), forged, 'none']) {
          assert.match((await client.refused({ refresh: { token } })).name, /^(TOKEN_INVALID|ACCESS_DENIED)$/)
        }
        const old = tokenOf('21', { exp: secondsFromNow(-10) })
        assert.equal((await client.refused({ refresh: { token: old } })).name, 'TOKEN_EXPIRED')
      },
    )

    await t.test(
      `${transport.name} client can use the channels its token grants, also with its capsule`,
      async (t) => {
        const rules = JSON.stringify([{ match: 'team_*', subscribe: 'token', publish: 'token' }])
        const own = await startNode(t, ['--token-secret', SECRET, '--channels', rules])
        const token = tokenOf('23', { channels: ['team_red', 'team_b*'] })
        const first = await open(t, transport, own, { token, resume: true })
        const check = async (client: typeof first) => {
          for (const channel of ['team_red', 'team_blue']) await client.ok({ subscribe: { channel } })
          await client.ok({ publish: { channel: 'team_red', data: 1 } })
          for (const channel of ['team_green', 'team_reds']) {
            assert.equal((await client.refused({ subscribe: { channel } })).name, 'ACCESS_DENIED')
            assert.equal((await client.refused({ publish: { channel, data: 1 } })).name, 'ACCESS_DENIED')
          }
        }
        await check(first)
        await first.close()
        await check(await open(t, transport, own, { resume: first.capsule() }))
      },
    )
  }

  await t.test('requests with a damaged capsule are answered with 401', async (t) => {
    const client = await openSse(node, { connect: { token: tokenOf('24') } })
    const agent = new Agent()
    t.after(async () => {
      agent.destroy()
      await client.close()
    })
    const commands = [{ id: 5, ping: {} }]
    for (const path of ['/poll', '/sse', '/command']) {
      for (const capsule of [damaged(client.capsule()), 'none', 'x'.repeat(20_000)]) {
        const answer = await exchange(node, path, { capsule, positions: {}, commands }, { agent })
        assert.deepEqual([answer.status, errorOf(answer).name], [401, 'CAPSULE_INVALID'], path)
      }
    }
  })
})

/** The node told what was left of a token when it answered, which was asked at `askedMs` and is over. @param exp its end, s */
function assertExpires(expiresInMs: unknown, exp: number, askedMs: number): void {
  const [most, least] = [exp * 1_000 - askedMs, exp * 1_000 - Date.now()]
  const left = Number(expiresInMs)
  assert.ok(left >= least - CLOCK_MS && left <= most + CLOCK_MS, `${left} is not from ${least} to ${most}`)
}

/** The same with one character of its last third changed. */
function damaged(capsule: string): string {
  const at = Math.floor(capsule.length * 0.8)
  const other = capsule[at] === 'A' ? 'B' : 'A'
  return `${capsule.slice(0, at)}${other}${capsule.slice(at + 1)}`
}
