/**
 * Tests of src/comet/requests.ts: how much of what a page asks for may wait, and what an answer tells. Over a core without
 * sockets; what pages get on a real node is in the tests of the protocol.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createFrames } from '../../../src/comet/frames.ts'
import { createCometRequests, type PageFanOut } from '../../../src/comet/requests.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { silentLogger } from '../../../src/log.ts'
import { type LocalCoreOptions, localCore } from '../../support/local-core.ts'
import type { Fields } from '../../support/wire.ts'

const limits = { maxMessageBytes: 65_536, maxChannelsPerSession: 128, maxPresenceListed: 100 }

/** A page, and the data of what it is answered. */
function openPage(t: TestContext, options: LocalCoreOptions = {}) {
  const core = localCore(t, options)
  const requests = createCometRequests(
    { ...core, users: core.users, observer: silentObserver, log: silentLogger },
    limits,
  )
  const answers: Fields[] = []
  const fanOut: PageFanOut = {
    ...core.fanOut,
    frames: createFrames('v4', () => 0),
    say: (_, message) => void answers.push(JSON.parse(message).data as Fields),
  }
  const session = core.hub.open(fanOut, '')
  session.connection = {}
  core.hub.markConnected(session)
  return { ...core, answers, ask: (text: string) => requests.take(session, Buffer.from(text)) }
}

describe('requests of a page', () => {
  // Commands wait for those before them, and nothing bounded how many: on a node without a rate a page could fill the
  // memory faster than a slow disk took what it published.
  test('commands that wait are bounded; those beyond are refused and the others done in order', async (t) => {
    const page = openPage(t)
    for (let n = 0; n < 300; n++) page.ask(`web_pipe2\nweb_x\ne\n*\n${n}`)
    assert.equal(page.answers.length, 300 - 257, 'one is done, 256 wait')
    assert.match(String(page.answers[0]?.error), /^Too many commands wait/)
    await page.settle()
    const done = page.answers.slice(300 - 257).map(({ message }) => Number(message))
    assert.deepEqual(
      done,
      Array.from({ length: 257 }, (_, n) => n),
    )
    page.ask('web_pipe2\nweb_x\ne\n*\nlast')
    await page.settle()
    assert.equal(page.answers.at(-1)?.message, 'last')
  })

  // The count of a pipe was refused where its rule has presence off, and told all the same to anyone who published there.
  test('answer to who publishes counts nobody where the rule says that counts are nobodys business', async (t) => {
    const page = openPage(t, { rules: [{ match: 'web_quiet', publish: 'anyone', presence: 'off' }] })
    const other = page.connected()
    for (const pipe of ['web_quiet', 'web_x']) {
      await page.subscribe(other, pipe)
      page.ask(`web_pipe2\n${pipe}\ne\n*\n1`)
      await page.settle()
    }
    assert.deepEqual(
      page.answers.map(({ number_messages }) => number_messages),
      [0, 1],
    )
  })
})
