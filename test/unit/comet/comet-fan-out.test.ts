/**
 * Tests of src/comet/comet-fan-out.ts: which notices make a page one that missed messages to its user.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCometFanOut } from '../../../src/comet/comet-fan-out.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { Session } from '../../../src/core/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'

// The dialect forgot a gap as soon as the page was told it, so what came behind it was acknowledged, and the gap with that.
test('gap on the channel of its user makes a page one that missed messages, others do not', () => {
  const missed: Session[] = []
  const fanOut = createCometFanOut(
    'v4',
    {
      app: { publish: () => false, subscribers: () => 0 },
      observer: silentObserver,
      clock: new FakeClock(),
      fromInbox() {},
      missed: (session) => missed.push(session),
    },
    { maxBackpressureBytes: 1_000, maxReplyBytes: 1_000 },
  )
  const session = new Session(1, fanOut, '')
  fanOut.tell(session, { channel: 'web_x', gap: { from: 1, to: 2, reason: 'trimmed' } })
  fanOut.tell(session, { channel: '@7', gap: { from: 3, to: 2, reason: 'expired', count: 4 } })
  assert.deepEqual(missed, [])
  fanOut.tell(session, { channel: '@7', gap: { from: 1, to: 2, reason: 'trimmed' } })
  assert.deepEqual(missed, [session])
})
