/**
 * Tests of src/comet/inbox-receipts.ts: what waited is acknowledged once it has left, and not before.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { createInboxReceipts } from '../../../src/comet/inbox-receipts.ts'
import type { Session } from '../../../src/core/session.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { localCore } from '../../support/local-core.ts'
import { type RecordingFanOut, recordingFanOut } from '../../support/recording-fan-out.ts'

const OWN = '@7'

/** A node that keeps messages, and receipts for what sessions of user 7 are sent. */
function openCore(t: TestContext) {
  const core = localCore(t, { inboxSize: 100 })
  const full = new Set<Session>()
  const receipts = createInboxReceipts({
    hub: core.hub,
    clock: core.clock,
    hasLeft: (session) => !full.has(session),
  })
  t.after(receipts.stop)
  const recording = recordingFanOut(core.hub)
  const fanOut: RecordingFanOut = {
    ...recording,
    encode(publication) {
      if (publication.inbox !== null) receipts.sent(publication)
      return recording.encode(publication)
    },
  }

  async function enter(session: Session): Promise<Session> {
    session.identify({ tenant: 1, user: '7', grants: [], untilSecond: 0 })
    receipts.add(session)
    await core.subscribe(session, OWN)
    await core.settle()
    return session
  }

  return {
    ...core,
    full,
    receipts,
    came: (session: Session) => recording.offsets(session, OWN).length,
    /** Takes only so many messages. */
    async arriveStalled(messages: number): Promise<Session> {
      const session = core.connected(fanOut)
      recording.stall(session, messages)
      return await enter(session)
    },
    async takeMore(session: Session, messages: number): Promise<void> {
      recording.stall(session, messages)
      core.hub.ready(session)
      await core.settle()
    },
    async arrive(isFull = false): Promise<Session> {
      const session = core.connected(fanOut)
      if (isFull) full.add(session)
      return await enter(session)
    },
    leave(session: Session): void {
      receipts.remove(session)
      recording.lose(session)
      core.hub.close(session)
    },
    async waiting(): Promise<number> {
      await turnOfTheLoop()
      return (await core.broker.inbox(OWN, 100)).length
    },
  }
}

async function keep({ broker }: ReturnType<typeof openCore>): Promise<void> {
  const data = Payload.fromText('while away')
  await broker.publish([{ channel: OWN, data, event: 'pm', user: '', key: '' }], 'http')
}

describe('receipts of what waited', () => {
  test('messages that left are acknowledged a moment later', async (t) => {
    const core = openCore(t)
    await keep(core)
    await keep(core)
    await core.arrive()
    assert.equal(await core.waiting(), 2)
    core.clock.turn(1)
    assert.equal(await core.waiting(), 0)
  })

  test('messages that lie in the buffer of their connection stay until they have left', async (t) => {
    const core = openCore(t)
    await keep(core)
    const session = await core.arrive(true)
    core.clock.turn(1_000)
    assert.equal(await core.waiting(), 1)
    core.full.delete(session)
    core.clock.turn(100)
    assert.equal(await core.waiting(), 0)
  })

  test('messages whose connection went before they left come again', async (t) => {
    const core = openCore(t)
    await keep(core)
    core.leave(await core.arrive(true))
    core.clock.turn(1_000)
    assert.equal(await core.waiting(), 1)
    const session = await core.arrive()
    assert.equal(core.fanOut.got(session).length, 0)
    core.clock.turn(1)
    assert.equal(await core.waiting(), 0)
  })

  test('one of several connections of a user is enough', async (t) => {
    const core = openCore(t)
    await keep(core)
    await core.arrive(true)
    await core.arrive()
    core.clock.turn(1)
    assert.equal(await core.waiting(), 1, 'the second came behind the message')
    core.full.clear()
    core.clock.turn(100)
    assert.equal(await core.waiting(), 0)
  })

  // A page was told a gap in its user's messages, went on, and said that the ones behind the gap had come. That word counts
  // for all before: what the gap stood for was taken out of the inbox, and nobody had ever seen it.
  test('connection that missed something says nothing any more, nor does one that came later', async (t) => {
    const core = openCore(t)
    await keep(core)
    const session = await core.arrive(true)
    core.receipts.missed(session)
    core.full.clear()
    await core.arrive()
    core.clock.turn(1_000)
    assert.equal(await core.waiting(), 1)
    await keep(core)
    await core.settle()
    core.clock.turn(1_000)
    assert.equal(await core.waiting(), 1, 'still there for the next visit')
  })

  // A page that read slowly was sent the first turn of what waited live and the rest from the log. Only the first was looked
  // for, and once it had come the rest was never spoken of: on the next visit it came again.
  test('connection that is behind says that messages came once it has caught up', async (t) => {
    const core = openCore(t)
    const count = 40
    for (let n = 0; n < count; n++) await keep(core)
    const session = await core.arriveStalled(2)
    await core.takeMore(session, 32)
    core.clock.turn(1_000)
    assert.deepEqual([core.came(session), await core.waiting()], [34, count])
    await core.takeMore(session, count)
    core.clock.turn(100)
    assert.deepEqual([core.came(session), await core.waiting()], [count, 0])
  })
})
