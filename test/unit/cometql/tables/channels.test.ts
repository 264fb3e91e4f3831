/**
 * Tests of src/cometql/tables/channels.ts: every channel in memory, with its subscribers and its position.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

test('channels of all kinds are told, those of users too', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await come(core, '7')
  await core.subscribe(core.connected(), 'not.a.pipe')
  await core.publish('not.a.pipe')
  await core.publish('news')
  await core.publish('news')
  assert.deepEqual(await rows('SELECT * FROM channels ORDER BY name'), [
    ['@7', 1, 'k3', 0],
    ['news', 0, 'k3', 2],
    ['not.a.pipe', 1, 'k3', 1],
  ])
})

test('numbers compare and order as numbers', async (t) => {
  const core = localCore(t)
  const { list } = sqlOn(core)
  for (const [name, count] of [
    ['one', 9],
    ['two', 10],
    ['three', 2],
  ] as const) {
    for (let at = 0; at < count; at++) await core.publish(name)
  }
  assert.deepEqual(
    await list('SELECT name FROM channels WHERE `offset` > 2 ORDER BY `offset` DESC LIMIT 20'),
    ['two', 'one'],
  )
  assert.deepEqual(await list("SELECT name FROM channels WHERE `offset` IN ('10', '02') ORDER BY 1"), [
    'three',
    'two',
  ])
})

test('offset and other words of SQL are columns without quotes as well', async (t) => {
  const core = localCore(t)
  await core.publish('news')
  assert.deepEqual(await sqlOn(core).rows('SELECT name, offset AS publications FROM channels'), [['news', 1]])
})

test('a channel that is asked for by name has a row, whoever is on it', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await core.publish('news')
  assert.deepEqual(
    await rows("SELECT name, subscribers, offset FROM channels WHERE name IN ('news', '@9', 'none')"),
    [
      ['news', 0, 1],
      ['@9', 0, 0],
      ['none', 0, 0],
    ],
  )
})

test('asking opens no channel', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await rows("SELECT * FROM channels WHERE name IN ('one', 'two')")
  await rows("SELECT * FROM pipes WHERE name IN ('one', 'two')")
  await rows("SELECT * FROM pipes_messages WHERE name IN ('one', 'two')")
  assert.deepEqual(await rows('SELECT * FROM channels'), [])
  assert.equal(core.broker.channelCount(), 0)
})

test('names that can not be channels have no rows', async (t) => {
  const { rows } = sqlOn(localCore(t))
  for (const name of ['', '@', 'a\u0001b', '2\u0001news', 'x'.repeat(256)]) {
    assert.deepEqual(await rows('SELECT * FROM channels WHERE name = ?', name), [], JSON.stringify(name))
  }
})

test('many channels are told whole', async (t) => {
  const core = localCore(t)
  const names = Array.from({ length: 700 }, (_, at) => `channel${at}`)
  for (const name of names) await core.publish(name)
  assert.deepEqual(new Set(await sqlOn(core).list('SELECT name FROM channels')), new Set(names))
})

test('it is read only', async (t) => {
  const { refused } = sqlOn(localCore(t))
  await refused("DELETE FROM channels WHERE name = 'news'", 'readOnly', 'Table `channels` is read only')
})

test('tenants see their own channels, by their own names', async (t) => {
  const core = localCore(t)
  await core.publish('news')
  await core.publish('2\u0001news')
  await core.publish('2\u0001news')
  const two = sqlOn(core, { context: { tenant: 2 } })
  assert.deepEqual(await sqlOn(core).rows('SELECT name, offset FROM channels'), [['news', 1]])
  assert.deepEqual(await two.rows('SELECT name, offset FROM channels'), [['news', 2]])
  assert.deepEqual(await two.rows("SELECT name, offset FROM channels WHERE name = 'news'"), [['news', 2]])
})

// A walk over very many channels of another tenant found nothing, and held the loop until its end.
test('a walk that passes over channels of others rests all the same', async (t) => {
  const core = localCore(t)
  for (let at = 0; at < 1_000; at++) await core.publish(`2\u0001channel${at}`)
  let turns = 0
  let isOver = false
  const others = (async () => {
    for (; !isOver; turns++) await turnOfTheLoop()
  })()
  assert.deepEqual(await sqlOn(core).rows('SELECT * FROM channels'), [])
  isOver = true
  await others
  assert.ok(turns >= 3, `${turns} turns`)
})
