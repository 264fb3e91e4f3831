/**
 * Tests of src/transports/run-command.ts: from a decoded message to its reply, and each way it can go wrong.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Commands } from '../../../src/core/commands.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { Session } from '../../../src/core/session.ts'
import { UnavailableError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/log.ts'
import { createCommandRunner } from '../../../src/transports/run-command.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

type Run = Commands['run']
type Admit = Commands['admit']

function runner(run: Run, admit: Admit = () => null) {
  const failures: string[] = []
  const logged: unknown[] = []
  const observer = { ...silentObserver, commandFailed: (code: string) => void failures.push(code) }
  const log = { ...silentLogger, error: (...entry: unknown[]) => void logged.push(entry) }
  const commands: Commands = { run, admit, subscribe: () => assert.fail('no command does this') }
  const session = new Session(1, recordingFanOut(), '')
  const { run: runMessage } = createCommandRunner({ commands, observer, log })
  return { reply: (message: unknown) => runMessage(session, message, true), failures, logged }
}

const pong: Run = () => ({ sum: 3 })

describe('command runner', () => {
  test('command runner answers at once what needs no waiting', () => {
    const { reply, failures } = runner(pong)
    assert.deepEqual(reply({ id: 7, ping: {} }), { id: 7, ok: { sum: 3 } })
    assert.deepEqual(failures, [])
  })

  test('command runner answers later what takes its time', async () => {
    const { reply } = runner(async () => ({ epoch: 'k3', offset: 4 }))
    assert.deepEqual(await reply({ id: 7, publish: { channel: 'a', data: 1 } }), {
      id: 7,
      ok: { epoch: 'k3', offset: 4 },
    })
  })

  test('command runner hands on the command as it was parsed', () => {
    const seen: unknown[] = []
    const { reply } = runner((_, command) => {
      seen.push(command)
      return {}
    })
    reply({ id: 1, stats: { channel: 'news' } })
    assert.deepEqual(seen, [{ kind: 'stats', channel: 'news' }])
  })

  test('command runner gives a refusal the face of its code and counts it', async () => {
    const refusal = { failed: 'ACCESS_DENIED', message: 'No' } as const
    for (const run of [() => refusal, async () => refusal] as const) {
      const { reply, failures } = runner(run)
      assert.deepEqual(await reply({ id: 2, ping: {} }), {
        id: 2,
        error: { code: 144, name: 'ACCESS_DENIED', message: 'No', retry: false },
      })
      assert.deepEqual(failures, ['ACCESS_DENIED'])
    }
  })

  test('command runner asks for the turn of a command before it looks at its shape', async () => {
    const asked: number[] = []
    const run = () => assert.fail('it ran')
    const { reply, failures } = runner(run, (_, id) => {
      asked.push(id)
      return { failed: 'COMMAND_RATE', message: 'Too many' }
    })
    for (const message of [{ id: 3, ping: {} }, { id: 4, dance: {} }, 'none']) await reply(message)
    assert.deepEqual(asked, [3, 4, 0])
    assert.deepEqual(failures, ['COMMAND_RATE', 'COMMAND_RATE', 'COMMAND_RATE'])
  })

  test('command runner refuses what has no shape under its id, or 0', async () => {
    const { reply, failures } = runner(() => assert.fail('it ran'))
    const replies = [await reply({ id: 5, dance: {} }), await reply({ ping: {} }), await reply(null)]
    assert.deepEqual(
      replies.map((one) => [one.id, 'error' in one && one.error.name]),
      [
        [5, 'UNKNOWN_COMMAND'],
        [0, 'INVALID_ARGUMENT'],
        [0, 'INVALID_ARGUMENT'],
      ],
    )
    assert.equal(failures.length, 3)
  })

  // A full disk was answered INTERNAL, with a line in the log for every command.
  test('command runner answers what can not be done now with its own code, and logs nothing', async () => {
    const { reply, failures, logged } = runner(() =>
      Promise.reject(new UnavailableError('STORE_FAILED', 'Cannot keep it: the disk is full')),
    )
    const answer = await reply({ id: 6, ack: { epoch: 'k3', offset: 1 } })
    assert.ok('error' in answer)
    assert.deepEqual(
      [answer.id, answer.error.name, answer.error.message],
      [6, 'STORE_FAILED', 'Cannot keep it: the disk is full'],
    )
    assert.deepEqual([failures, logged], [['STORE_FAILED'], []])
  })

  test('command runner answers a fault of ours without its text, and logs that', async () => {
    const faults: readonly Run[] = [
      () => {
        throw new Error('the secret cause')
      },
      () => Promise.reject(new Error('the secret cause')),
    ]
    for (const run of faults) {
      const { reply, failures, logged } = runner(run)
      const answer = await reply({ id: 6, ping: {} })
      assert.ok('error' in answer)
      assert.deepEqual([answer.id, answer.error.name], [6, 'INTERNAL'])
      assert.doesNotMatch(answer.error.message, /secret/)
      assert.deepEqual(failures, ['INTERNAL'])
      assert.match(JSON.stringify(logged), /ping.*the secret cause/)
    }
  })
})
