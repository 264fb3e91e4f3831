/**
 * Tests of inbox.ts, user-arrivals.ts and the broker together: users who are here while messages to them are being
 * written, a store that can't be read, and the end of the broker.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Store } from '../../../src/core/store.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { come, dataOn } from '../../support/core-users.ts'
import { codeOf, localCore, request } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

/** Keeps one write at a time, when the test says so, until it is opened. */
function steppedStore() {
  const memory = createMemoryStore()
  const waiting: (() => void)[] = []
  let isOpen = false
  const store: Store = {
    ...memory,
    isDurable: true,
    write: (changes) =>
      isOpen
        ? memory.write(changes)
        : new Promise((resolve) => waiting.push(() => void memory.write(changes).then(resolve))),
  }
  return {
    store,
    keepOne: () => waiting.shift()?.(),
    open() {
      isOpen = true
      for (const keep of waiting.splice(0)) keep()
    },
  }
}

describe('a user who is here', () => {
  test('a user who is here gets what is kept, though there is always another message under way', async (t) => {
    // What was kept was given only when nothing was under way; with messages coming all the time that was never, and in
    // the end they were dropped because there were too many.
    const { store, keepOne, open } = steppedStore()
    const core = localCore(t, { store, inboxSize: 5 })
    const sends = [core.publish('@7', 0), core.publish('@7', 1)]
    const session = await come(core, '7')
    for (let sent = 2; sent < 30; sent++) {
      sends.push(core.publish('@7', sent))
      keepOne()
      await core.settle()
      assert.equal(dataOn(core, session, '@7').length, sent - 1)
    }
    open()
    await Promise.all(sends)
    await core.settle()
    assert.deepEqual(
      dataOn(core, session, '@7'),
      Array.from({ length: 30 }, (_, at) => at),
    )
    assert.deepEqual(core.fanOut.gaps(session, '@7'), [])
    await core.publish('@7', 30)
    await core.settle()
    assert.equal(dataOn(core, session, '@7').at(-1), 30)
  })

  test('a user who comes while messages are on their way out gets them, and is not told that they went', async (t) => {
    const store = recordingStore()
    const core = localCore(t, { store, inboxSize: 2 })
    for (const value of [1, 2]) await core.publish('@7', value)
    const letGo = store.hold()
    const third = core.publish('@7', 3)
    const session = await come(core, '7')
    assert.deepEqual(dataOn(core, session, '@7'), [1, 2])
    store.fail()
    letGo()
    await assert.rejects(third)
    await core.publish('@7', 4)
    await core.settle()
    assert.deepEqual(dataOn(core, session, '@7'), [1, 2, 4])
    assert.deepEqual(core.fanOut.gaps(session, '@7'), [])
  })

  test('a user who got all is not told that it went when it has grown old', async (t) => {
    const core = localCore(t, { inboxSize: 10, inboxTtlMs: 60_000 })
    for (const value of [1, 2, 3]) await core.publish('@7', value)
    const session = await come(core, '7')
    core.clock.turn(70_000)
    await core.settle()
    core.lose(session)
    const back = await come(core, '7', { epoch: 'k3', offset: 3 })
    assert.deepEqual(core.fanOut.gaps(back, '@7'), [])
  })
})

describe('a store that can not be read', () => {
  const brokenStore = () => {
    const memory = createMemoryStore()
    const state = { isBroken: false }
    const guarded = <T>(value: () => T): T => {
      if (state.isBroken) throw new Error('The disk is gone')
      return value()
    }
    const store: Store = {
      ...memory,
      isDurable: true,
      get: (...at) => guarded(() => memory.get(...at)),
      range: (...at) => guarded(() => memory.range(...at)),
      owners: (...at) => guarded(() => memory.owners(...at)),
      rows: (...at) => guarded(() => memory.rows(...at)),
      entries: (...at) => guarded(() => memory.entries(...at)),
    }
    return { store, state }
  }

  test('fails one publication of a call and leaves the others alone', async (t) => {
    // What one of them threw was the answer for all, though the others had been published.
    const { store, state } = brokenStore()
    const core = localCore(t, { store, inboxSize: 10 })
    await core.publish('news', 0)
    await core.publish('@8', 0)
    state.isBroken = true
    const outcomes = await core.broker.publish([request('news', 1), request('@7', 1)], 'http')
    assert.deepEqual(outcomes.map(codeOf), [{ epoch: 'k3', offset: 2 }, 'INTERNAL'])
  })

  test('keeps nobody from coming, and what waits comes with the next return', async (t) => {
    // Sweeps threw out of their timer, which ends a process; coming and leaving threw out of whoever told of it.
    const { store, state } = brokenStore()
    let failures = 0
    const core = localCore(t, {
      store,
      inboxSize: 10,
      inboxTtlMs: 60_000,
      observer: { storeFailed: () => void failures++ },
    })
    await core.publish('@7', 1)
    const first = await come(core, '8')
    state.isBroken = true
    core.clock.turn(5_000)
    assert.equal(await core.broker.userCame('@8', null), 0)
    core.broker.userLeft('@7')
    core.lose(first)
    assert.ok(failures > 2)
    state.isBroken = false
    assert.deepEqual(dataOn(core, await come(core, '7'), '@7'), [1])
  })
})

describe('the end of the broker', () => {
  test('waits for messages that are being kept, and nothing is read or written after it', async (t) => {
    // The store was closed under a message on its way into an inbox; what was looked up behind it ended the process.
    const recording = recordingStore()
    let reads = 0
    const counted = <T>(value: T): T => {
      reads++
      return value
    }
    const store: Store = {
      ...recording,
      range: (...at) => counted(recording.range(...at)),
      entries: (...at) => counted(recording.entries(...at)),
      get: (...at) => counted(recording.get(...at)),
    }
    const core = localCore(t, { store, inboxSize: 10 })
    const sent = core.publish('@7', 1)
    await core.broker.stop()
    assert.deepEqual(await sent, { epoch: 'k3', offset: 0 })
    const before = [reads, recording.writes.length]
    const late = await core.broker.publish([request('@7', 2), request('@8', 2)], 'http')
    assert.deepEqual(late.map(codeOf), ['STORE_FAILED', 'STORE_FAILED'])
    await core.settle()
    assert.deepEqual([reads, recording.writes.length], before)
  })
})
