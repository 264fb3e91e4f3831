/**
 * Tests of src/sockets/go-on.ts: a position brings a session to its place in a channel, or it is told why not.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { goOn } from '../../../src/sockets/go-on.ts'
import { localCore } from '../../support/local-core.ts'

describe('going on', () => {
  test('going on subscribes a session to a channel it does not hold, from the position on', async (t) => {
    const core = localCore(t)
    await core.subscribe(core.connected(), 'news')
    const since = await core.publish('news')
    await core.publish('news')
    const session = core.connected()
    await goOn(core, session, 'news', since)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'news'), [2])
    assert.deepEqual(core.fanOut.told(session), [])
  })

  test('going on gives a session anew what it holds already but did not get', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.subscribe(session, 'news')
    const since = await core.publish('news')
    await core.publish('news')
    await core.settle()
    await goOn(core, session, 'news', since)
    core.hub.feed(session)
    await core.settle()
    assert.deepEqual(core.fanOut.offsets(session, 'news'), [1, 2, 2])
  })

  test('going on tells a session of a channel that it may not have', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await goOn(core, session, '', { epoch: 'e', offset: 0 })
    const [notice] = core.fanOut.told(session)
    assert.ok(notice !== undefined && 'error' in notice)
    assert.deepEqual([notice.channel, notice.error.name], ['', 'INVALID_CHANNEL'])
  })

  test('going on tells a session of the gap before its new place', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await goOn(core, session, 'news', { epoch: 'another', offset: 4 })
    assert.deepEqual(
      core.fanOut.gaps(session, 'news').map(({ reason }) => reason),
      ['epoch'],
    )
  })

  test('going on says nothing to a session that ended while the channel was asked for', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    const going = goOn(core, session, 'news', { epoch: 'another', offset: 4 })
    core.lose(session)
    await going
    assert.deepEqual(core.fanOut.told(session), [])
  })
})
