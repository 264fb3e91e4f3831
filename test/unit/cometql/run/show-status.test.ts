/**
 * Tests of src/cometql/run/show-status.ts: the names that CppComet's scripts scrape, each with the number it stands for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunContext } from '../../../../src/cometql/run/context.ts'
import { statusRows } from '../../../../src/cometql/run/show-status.ts'
import type { StatusScope } from '../../../../src/cometql/sql/statement.ts'
import { scoped } from '../../../../src/core/tenants.ts'
import { metricTable } from '../../../../src/metrics/table.ts'
import { come } from '../../../support/core-users.ts'
import { type LocalCore, localCore } from '../../../support/local-core.ts'
import { nodeFacts, nodeStats, queryContext } from '../../../support/query-context.ts'

test('session status begins as CppComet’s', async (t) => {
  const rows = await statusRows('session', queryContext(localCore(t)))
  assert.deepEqual(rows.slice(0, 5), [
    ['flag', 'session'],
    ['id', 1],
    ['user_online', 0],
    ['server_online', 3],
    ['messages', 355],
  ])
})

test('session status ends with what tools of MySQL look for', async (t) => {
  const rows = await statusRows('session', queryContext(localCore(t)))
  assert.deepEqual(rows.slice(5), [
    ['Connections', 17],
    ['Questions', 0],
    ['Ssl_cipher', ''],
    ['Threads_connected', 3],
    ['Threads_running', 1],
    ['Uptime', 90_001],
  ])
})

test('global status has the names of CppComet in its order, and each number is the right one', async (t) => {
  const rows = await statusRows('global', queryContext(localCore(t)))
  assert.deepEqual(rows.slice(0, 23), [
    ['flag', 'global'],
    ['uptime', 90_001],
    ['uptime_in_hours', 25],
    ['uptime_in_days', 1],
    ['frontend_name', 'ws'],
    ['backend_name', 'cometql'],
    ['frontend_stat_interval', 5],
    ['backend_stat_interval', 5],
    ['frontend_online', 41],
    ['backend_online', 3],
    ['frontend_messages', 7001],
    ['backend_messages', 355],
    ['frontend_add_client', 100],
    ['backend_add_client', 17],
    ['frontend_delete_client', 59],
    ['backend_delete_client', 14],
    ['frontend_messages_ps', 50.1],
    ['backend_messages_ps', 2.5],
    ['frontend_add_client_ps', 0],
    ['backend_add_client_ps', 0],
    ['frontend_delete_client_ps', 0],
    ['backend_delete_client_ps', 0],
    ['network_events', 0],
  ])
})

test('questions are the statements that were counted', async (t) => {
  const name = 'encke_cometql_statements_total'
  assert.ok(name in metricTable, 'the metric is called so')
  const lines = [
    { name: 'encke_sessions', labels: '', value: 5 },
    { name, labels: '', value: 1234 },
  ]
  const context = queryContext(localCore(t), { facts: nodeFacts(lines) })
  for (const scope of ['session', 'global'] as const) {
    assert.equal((await statusOf(scope, context)).Questions, 1234, scope)
  }
})

test('global status ends with the same as that of the session', async (t) => {
  const context = queryContext(localCore(t))
  const session = await statusRows('session', context)
  assert.deepEqual((await statusRows('global', context)).slice(23), session.slice(5))
})

test('clients that went are never fewer than none, though open ones are counted later', async (t) => {
  const stats = { ...nodeStats, totals: { ...nodeStats.totals, connections: 40 } }
  const facts = { ...nodeFacts(), stats: async () => stats, connections: () => 18 }
  const status = await statusOf('global', queryContext(localCore(t), { facts }))
  assert.equal(status.frontend_delete_client, 0)
  assert.equal(status.backend_delete_client, 0)
})

test('online are users, however many sessions each has', async (t) => {
  const core = localCore(t)
  await come(core, '7')
  await come(core, '7')
  await come(core, '8')
  assert.equal(await online(core), 2)
})

test('online are no anonymous sessions and no other channels', async (t) => {
  const core = localCore(t)
  await core.subscribe(core.connected(), 'web_chat')
  await core.subscribe(core.connected(), 'track_@7')
  assert.equal(await online(core), 0)
  await come(core, '7')
  assert.equal(await online(core), 1)
})

test('online are only users of the tenant', async (t) => {
  const core = localCore(t)
  await come(core, '7')
  await come(core, '7', null, 15)
  await come(core, '8', null, 15)
  assert.deepEqual([await online(core, 1), await online(core, 15), await online(core, 2)], [1, 2, 0])
})

test('online is a user no more whose last session has gone, though their channel is still known', async (t) => {
  const core = localCore(t)
  const [first, second] = [await come(core, '7'), await come(core, '7')]
  core.lose(first)
  await core.settle()
  assert.equal(await online(core), 1)
  core.lose(second)
  await core.settle()
  assert.equal(await online(core), 0)
  await core.publish(scoped(1, '@7'), 'while away')
  assert.equal(await online(core), 0)
})

test('session status of two tenants differs in who they are and who is online, the rest is of the node', async (t) => {
  const core = localCore(t)
  await come(core, '7', null, 15)
  const of = (tenant: number) => statusRows('session', queryContext(core, { tenant }))
  const [one, other] = [await of(1), await of(15)]
  const unlike = one.filter(([, value], at) => value !== other[at]?.[1]).map(([name]) => name)
  assert.deepEqual(unlike, ['id', 'user_online'])
})

test('session status names the tenant as its id', async (t) => {
  const status = await statusOf('session', queryContext(localCore(t), { tenant: 15 }))
  assert.equal(status.id, 15)
})

const scopes: readonly [scope: StatusScope, first: string][] = [
  ['uptime', 'os_uptime'],
  ['avg', 'load_avg_1'],
  ['filesystem', 'filesystem'],
]

for (const [scope, first] of scopes) {
  test(`status of ${scope} is that of the machine`, async (t) => {
    const rows = await statusRows(scope, queryContext(localCore(t)))
    assert.equal(rows[0]?.[0], first)
    assert.ok(rows.every((row) => row.length === 2))
  })
}

test('status of ram is the memory of the machine', async (t) => {
  const rows = await statusRows('ram', queryContext(localCore(t)))
  const hasIt = rows.some(([name]) => name === 'MemTotal')
  assert.equal(hasIt, process.platform === 'linux')
})

async function statusOf(scope: StatusScope, context: RunContext): Promise<Record<string, string | number>> {
  const rows = await statusRows(scope, context)
  return Object.fromEntries(rows.map(([name = '', value = '']) => [String(name), value]))
}

async function online(core: LocalCore, tenant = 1): Promise<unknown> {
  return (await statusOf('session', queryContext(core, { tenant }))).user_online
}
