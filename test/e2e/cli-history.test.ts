/**
 * `encke history` and `encke presence` against real nodes: what they print where, and the codes they end with.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runCli, type ServeProcess, startCli, startServe } from '../support/cli-process.ts'
import { withTree } from '../support/tree.ts'
import { until } from '../support/until.ts'

/** Nothing to wait for at the end of a test. */
const QUICK = ['--drain-ms=0']

const internalUrl = ({ ready }: ServeProcess) => `http://127.0.0.1:${ready.internal.port}`
const publishPort = ({ ready }: ServeProcess) => `--port=${ready.publish.port}`

describe('encke history and encke presence', () => {
  const rules = (...list: readonly object[]) => `--channels=${JSON.stringify(list)}`
  const historyOf = (node: ServeProcess, channel: string, ...args: readonly string[]) => [
    'history',
    channel,
    `--url=${internalUrl(node)}`,
    ...args,
  ]

  test('history prints what the channel keeps, oldest or newest first, and its position on stderr', async (t) => {
    const node = await startServe(t, await withTree(t, {}), [
      ...QUICK,
      rules({ match: 'n/ws', historySize: 9 }),
    ])
    const input = '{"a":12345678901234567890}\nplain\n3\n'
    await runCli(t, ['publish', 'n/ws', '-', publishPort(node), '--event=e'], { input })
    const all = await runCli(t, historyOf(node, 'n/ws'))
    assert.equal(all.code, 0, all.stderr)
    assert.match(all.stdout, /^1 {2}event=e {2}\{"a":.*\}\n2 {2}event=e {2}"plain"\n3 {2}event=e {2}3\n$/)
    assert.match(all.stderr, /^3 publications; the latest offset is 3 of epoch \S+\n$/)
    const latest = await runCli(t, historyOf(node, 'n/ws', '--reverse', '--limit=1'))
    assert.equal(latest.stdout, '3  event=e  3\n')
    const json = await runCli(t, historyOf(node, 'n/ws', '--json'))
    assert.match(json.stdout, /"data":\{"a":12345678901234567890\}/, 'byte for byte')
    assert.equal(json.stderr, '')
  })

  test('history of a channel that keeps none is refused with 70, a limit of 0 with 64', async (t) => {
    const node = await startServe(t, await withTree(t, {}), QUICK)
    const off = await runCli(t, historyOf(node, 'news'))
    assert.equal(off.code, 70)
    assert.match(off.stderr, /^The node refuses it: .*"news"/)
    const zero = await runCli(t, historyOf(node, 'news', '--limit=0'))
    assert.equal(zero.code, 64)
    assert.match(zero.stderr, /^Flag --limit is at least 1: got 0\n/)
  })

  test('presence prints the sessions of a channel that lists them, else how many', async (t) => {
    const listed = rules({ match: 'room', presence: 'list' })
    const node = await startServe(t, await withTree(t, {}), [...QUICK, listed])
    startCli(t, ['subscribe', 'room', 'news', `--url=ws://127.0.0.1:${node.ready.public.port}/ws`])
    await until(
      async () => {
        const response = await fetch(`${internalUrl(node)}/api/stats`)
        const { counts } = (await response.json()) as { counts: { subscriptions: number } }
        return counts.subscriptions === 2
      },
      { withinMs: 20_000, what: 'two subscriptions' },
    )
    const room = await runCli(t, ['presence', 'room', `--url=${internalUrl(node)}`])
    assert.deepEqual([room.code, room.stderr], [0, '1 session\n'])
    assert.match(room.stdout, /^\S+\n$/)
    const news = await runCli(t, ['presence', 'news', `--url=${internalUrl(node)}`])
    assert.equal(news.stdout, '')
    assert.match(news.stderr, /^1 session; the rule of the channel/)
    const json = await runCli(t, ['presence', 'room', '--json', `--url=${internalUrl(node)}`])
    assert.deepEqual(JSON.parse(json.stdout), {
      channel: 'room',
      count: 1,
      clients: [{ session: room.stdout.trim(), user: '' }],
    })
  })
})
