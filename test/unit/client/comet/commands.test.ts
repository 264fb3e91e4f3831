/**
 * Tests of src/client/comet/commands.ts: order, pace and patience, by a client that does as the test says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Client } from '../../../../src/client/api.ts'
import { ClientError, localError } from '../../../../src/client/client-error.ts'
import { Commands } from '../../../../src/client/comet/commands.ts'
import { HandTimers } from '../../../support/hand-timers.ts'

/** Never looked into: commands of these tests need none. */
const client = {} as Client

function setUp() {
  const timers = new HandTimers()
  const commands = new Commands(timers)
  const ran: string[] = []
  const failed: string[] = []
  /** A command that fails with each of `errors`, in turn, and then succeeds. */
  const send = (name: string, ...errors: Error[]) =>
    commands.send({
      async run() {
        ran.push(name)
        const error = errors.shift()
        if (error !== undefined) throw error
      },
      failed: (error) => failed.push(`${name}: ${error.name}`),
    })
  return { timers, commands, ran, failed, send }
}

const busy = () => new ClientError({ code: 104, name: 'COMMAND_RATE', message: 'Slower', retry: true })
const denied = () => new ClientError({ code: 144, name: 'ACCESS_DENIED', message: 'No', retry: false })

test('command is sent at once while there is a connection, and waits else', () => {
  const { timers, commands, ran, send } = setUp()
  assert.equal(send('early'), false)
  commands.attach(client)
  timers.turn(0)
  assert.equal(send('now'), true)
  commands.detach()
  assert.equal(send('late'), false)
  assert.deepEqual(ran, ['early', 'now'])
  assert.equal(timers.count, 0)
})

test('commands that waited leave in order, fifty a second, and later ones after them', () => {
  const { timers, commands, ran, send } = setUp()
  for (let n = 0; n < 3; n++) send(`${n}`)
  commands.attach(client)
  timers.turn(0)
  assert.equal(send('new'), false)
  assert.deepEqual(ran, ['0'])
  timers.turn(20)
  assert.deepEqual(ran, ['0', '1'])
  timers.turn(40)
  assert.deepEqual(ran, ['0', '1', '2', 'new'])
  assert.equal(timers.count, 0)
})

test('command the node has no room for is sent again, one it refuses is not', async () => {
  const { timers, commands, ran, failed, send } = setUp()
  commands.attach(client)
  timers.turn(0)
  send('busy', busy(), localError('TIMEOUT', 'Late'))
  send('denied', denied())
  await turn()
  assert.deepEqual([ran, failed], [['busy', 'denied'], ['denied: ACCESS_DENIED']])
  timers.turn(1_000)
  await turn()
  timers.turn(20)
  await turn()
  assert.deepEqual(ran, ['busy', 'denied', 'busy', 'busy'])
  assert.equal(timers.count, 0)
})

test('commands that were too many in a second leave in their order once it is over', async () => {
  // They were put behind those that waited and sent again at once: others saw them in another order than they were sent.
  const { timers, commands, ran, send } = setUp()
  commands.attach(client)
  timers.turn(0)
  send('0')
  send('1', busy())
  send('2', busy(), busy())
  await turn()
  send('3')
  timers.turn(999)
  await turn()
  assert.deepEqual(ran, ['0', '1', '2'])
  timers.turn(1)
  timers.turn(20)
  await turn() // 2 is refused again
  timers.turn(999)
  assert.deepEqual(ran.slice(3), ['1', '2'])
  timers.turn(1)
  timers.turn(20)
  assert.deepEqual(ran.slice(3), ['1', '2', '2', '3'])
  assert.equal(timers.count, 0)
})

test('command of a client that is closed waits for the next one', async () => {
  const { timers, commands, ran, failed, send } = setUp()
  commands.attach(client)
  timers.turn(0)
  send('closed', localError('CLOSED', 'Closed'))
  commands.detach()
  await turn()
  assert.equal(timers.count, 0)
  commands.attach(client)
  timers.turn(0)
  assert.deepEqual([ran, failed], [['closed', 'closed'], []])
})

test('command fails when it was sent again for four minutes', async () => {
  const { timers, commands, ran, failed, send } = setUp()
  commands.attach(client)
  timers.turn(0)
  send('old', busy(), busy())
  await turn()
  commands.detach()
  timers.turn(240_001)
  commands.attach(client)
  timers.turn(0)
  await turn()
  assert.deepEqual([ran, failed], [['old', 'old'], ['old: COMMAND_RATE']])
})

test('command that is one too many to wait fails', () => {
  const { failed, send } = setUp()
  for (let n = 0; n < 1_000; n++) send(`${n}`)
  assert.deepEqual(failed, [])
  send('last')
  assert.deepEqual(failed, ['last: QUEUE_FULL'])
})
