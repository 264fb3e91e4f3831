/**
 * Tests of src/core/commands.ts, its part about what is kept: subscribing with a position, history, keys of
 * publications, presence and counts, and who may ask for them.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Session } from '../../../src/core/session.ts'
import type { Command, HistoryCommand, StreamPosition } from '../../../src/protocol/messages.ts'
import { codeOf, type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const RULES: LocalCoreOptions = {
  rules: [
    { match: 'kept', historySize: 10 },
    { match: 'closed', historySize: 10, subscribe: 'nobody' },
    { match: 'quiet', presence: 'off' },
    { match: 'room', presence: 'list', publish: 'anyone' },
  ],
}

const at = (offset: number, epoch = 'k3'): StreamPosition => ({ epoch, offset })

const history = (channel: string, fields: Partial<HistoryCommand> = {}): Command => ({
  kind: 'history',
  channel,
  since: null,
  limit: 0,
  isReverse: false,
  ...fields,
})

async function run(core: LocalCore, session: Session, command: Command) {
  return codeOf(await core.commands.run(session, command))
}

async function publish(core: LocalCore, count: number, channel = 'kept'): Promise<void> {
  for (let i = 0; i < count; i++) await core.publish(channel, i)
}

describe('subscribe with a position', () => {
  test('subscribe answers whether all that was missed will come', async (t) => {
    const core = localCore(t, RULES)
    await publish(core, 15)
    const session = core.connected()
    const subscribe = (channel: string, since: StreamPosition): Command => ({
      kind: 'subscribe',
      channels: [{ channel, since }],
      isList: false,
    })
    assert.deepEqual(await run(core, session, subscribe('kept', at(8))), { ...at(15), recovered: true })
    assert.deepEqual(await run(core, core.connected(), subscribe('kept', at(3))), {
      ...at(15),
      recovered: false,
      gap: { from: 4, to: 5, reason: 'trimmed' },
    })
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'kept'), [9, 10, 11, 12, 13, 14, 15])
  })

  test('subscribe with a list takes a position for each', async (t) => {
    const core = localCore(t, RULES)
    await publish(core, 3)
    const session = core.connected()
    const outcome = await core.commands.run(session, {
      kind: 'subscribe',
      channels: [
        { channel: 'kept', since: at(1) },
        { channel: 'a', since: null },
        { channel: 'closed', since: at(1) },
      ],
      isList: true,
    })
    assert.ok('channels' in outcome)
    assert.deepEqual(
      outcome.channels.map((row) => ('error' in row ? row.error.name : row.recovered)),
      [true, undefined, 'ACCESS_DENIED'],
    )
  })
})

describe('history', () => {
  test('history gives what is kept, oldest first, as subscribers got it', async (t) => {
    const core = localCore(t, RULES)
    await publish(core, 12)
    const outcome = await core.commands.run(core.connected(), history('kept'))
    assert.ok('publications' in outcome)
    assert.deepEqual([outcome.epoch, outcome.offset, outcome.gap], ['k3', 12, undefined])
    assert.equal(outcome.publications.length, 10)
    const time = core.clock.wallMs()
    assert.deepEqual(outcome.publications[0], { channel: 'kept', offset: 3, data: 2, time })
  })

  test('history gives a part: after a position, so many, from the end', async (t) => {
    const core = localCore(t, RULES)
    await publish(core, 12)
    const offsets = async (fields: Partial<HistoryCommand>) => {
      const outcome = await core.commands.run(core.connected(), history('kept', fields))
      assert.ok('publications' in outcome)
      return [outcome.publications.map(({ offset }) => offset), outcome.gap]
    }
    assert.deepEqual(await offsets({ since: at(9) }), [[10, 11, 12], undefined])
    assert.deepEqual(await offsets({ limit: 2 }), [[3, 4], undefined])
    assert.deepEqual(await offsets({ limit: 2, isReverse: true }), [[12, 11], undefined])
    assert.deepEqual(await offsets({ since: at(0), limit: 1 }), [[3], { from: 1, to: 2, reason: 'trimmed' }])
  })

  test('history gives no more than the node does at once', async (t) => {
    const core = localCore(t, { ...RULES, maxHistoryPerCommand: 4 })
    await publish(core, 12)
    for (const limit of [0, 9]) {
      const outcome = await core.commands.run(core.connected(), history('kept', { limit }))
      assert.ok('publications' in outcome)
      assert.equal(outcome.publications.length, 4)
    }
  })

  test('history is refused by name, rule, and where there is none', async (t) => {
    const core = localCore(t, RULES)
    const session = core.connected()
    assert.equal(await run(core, session, history('')), 'INVALID_CHANNEL')
    assert.equal(await run(core, session, history('closed')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, history('@17')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, history('a')), 'HISTORY_OFF')
    assert.deepEqual(await run(core, session, history('kept')), { ...at(0), publications: [] })
  })
})

describe('publish with a key', () => {
  const keyed = (key: string, data: unknown = 1): Command => ({
    kind: 'publish',
    channel: 'room',
    data,
    event: '',
    key,
    echo: true,
  })

  test('publish with a key that was used gives the first result and publishes nothing', async (t) => {
    const core = localCore(t, RULES)
    const [session, other] = [core.connected(), core.connected()]
    await core.subscribe(other, 'room')
    assert.deepEqual(await run(core, session, keyed('k1', 'one')), at(1))
    assert.deepEqual(await run(core, session, keyed('k1', 'two')), at(1))
    assert.deepEqual(await run(core, session, keyed('k2', 'three')), at(2))
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(other).map(({ data }) => data),
      ['one', 'three'],
    )
  })
})

describe('presence', () => {
  const presence = (channel: string): Command => ({ kind: 'presence', channel })

  test('presence counts, and names who is there where the rule says list', async (t) => {
    const core = localCore(t, { ...RULES, maxPresenceListed: 1 })
    const [one, other] = [core.connected(), core.connected()]
    for (const session of [one, other]) for (const name of ['room', 'a']) await core.subscribe(session, name)
    assert.deepEqual(await run(core, one, presence('a')), { channel: 'a', count: 2 })
    assert.deepEqual(await run(core, one, presence('room')), {
      channel: 'room',
      count: 2,
      clients: [{ session: core.hub.sessions.idOf(one), user: '' }],
    })
    assert.deepEqual(await run(core, one, presence('nobody here')), { channel: 'nobody here', count: 0 })
  })

  test('presence is refused by name and rule', async (t) => {
    const core = localCore(t, RULES)
    const session = core.connected()
    assert.equal(await run(core, session, presence('')), 'INVALID_CHANNEL')
    for (const channel of ['quiet', 'closed', '@17']) {
      assert.equal(await run(core, session, presence(channel)), 'ACCESS_DENIED', channel)
    }
  })

  test('count channels are for those who may know the count', async (t) => {
    const core = localCore(t, RULES)
    const session = core.connected()
    const subscribe = (channel: string) =>
      run(core, session, { kind: 'subscribe', channels: [{ channel, since: null }], isList: false })
    assert.deepEqual(await subscribe('$count:a'), at(0))
    for (const channel of ['$count:quiet', '$count:closed', '$count:@17']) {
      assert.equal(await subscribe(channel), 'ACCESS_DENIED', channel)
    }
  })

  // Who could not subscribe to the count of a channel could read it from the history of the count.
  test('count channels tell nobody else anything, whichever way they are asked', async (t) => {
    const core = localCore(t, { rules: [...(RULES.rules ?? []), { match: '*', historySize: 10 }] })
    const session = core.connected()
    const asked = (channel: string) =>
      Promise.all([
        run(core, session, history(channel)),
        run(core, session, presence(channel)),
        run(core, session, { kind: 'stats', channel }),
      ])
    for (const channel of ['$count:quiet', '$count:closed', '$count:@17']) {
      assert.deepEqual(await asked(channel), Array(3).fill('ACCESS_DENIED'), channel)
    }
    for (const outcome of await asked('$count:a')) assert.equal(typeof outcome, 'object')
  })
})
