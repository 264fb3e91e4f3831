/**
 * The order of commands: what begins when, what is answered when, and when reading has to stop.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { createCommandQueue, type Work } from '../../../src/cometql/command-queue.ts'
import { createPace, type Pace } from '../../../src/cometql/pace.ts'
import { holdsAsync } from '../../support/holds.ts'

/** Never has to rest. */
const restless: Pace = { rest: () => null }

/** A queue whose work writes down what becomes of it, and ends when the test says so. */
function queued(pace: Pace = restless) {
  const log: string[] = []
  const ends = new Map<string, () => void>()
  let settled = 0
  const broken: unknown[] = []
  const queue = createCommandQueue({
    pace,
    settled: () => void settled++,
    broken: (thrown) => void broken.push(thrown),
  })
  const ending = (name: string) => new Promise<void>((resolve) => void ends.set(name, resolve))

  function alone(name: string, bytes = 10): Work {
    return {
      bytes,
      publish: null,
      async run() {
        log.push(`${name} begins`)
        await ending(name)
        log.push(`${name} is answered`)
      },
    }
  }

  function publish(name: string, bytes = 10): Work {
    return {
      ...alone(name, bytes),
      publish() {
        log.push(`${name} begins`)
        const ended = ending(name)
        return async () => {
          await ended
          log.push(`${name} is answered`)
        }
      },
    }
  }

  async function end(...names: readonly string[]): Promise<void> {
    for (const name of names) ends.get(name)?.()
    await turn()
  }

  const taken = () => log.splice(0)
  return { queue, alone, publish, end, taken, broken, settled: () => settled }
}

describe('command queue', () => {
  test('begins the first command at once', () => {
    const { queue, alone, taken } = queued()
    assert.ok(queue.isIdle)
    queue.add(alone('a'))
    assert.deepEqual(taken(), ['a begins'])
    assert.ok(!queue.isIdle)
  })

  test('does one after the other what has to be alone', async () => {
    const { queue, alone, end, taken } = queued()
    for (const name of ['a', 'b', 'c']) queue.add(alone(name))
    assert.deepEqual(taken(), ['a begins'])
    await end('a')
    assert.deepEqual(taken(), ['a is answered', 'b begins'])
    await end('b')
    assert.deepEqual(taken(), ['b is answered', 'c begins'])
    await end('c')
    assert.ok(queue.isIdle)
  })

  test('begins publishes behind publishes, and answers them in their order', async () => {
    const { queue, publish, end, taken } = queued()
    for (const name of ['a', 'b', 'c']) queue.add(publish(name))
    assert.deepEqual(taken(), ['a begins', 'b begins', 'c begins'])
    await end('c', 'b')
    assert.deepEqual(taken(), [])
    await end('a')
    assert.deepEqual(taken(), ['a is answered', 'b is answered', 'c is answered'])
    assert.ok(queue.isIdle)
  })

  test('lets a command that has to be alone wait for the answers of all publishes before it', async () => {
    const { queue, alone, publish, end, taken } = queued()
    queue.add(publish('a'))
    queue.add(publish('b'))
    queue.add(alone('select'))
    queue.add(publish('c'))
    assert.deepEqual(taken(), ['a begins', 'b begins'])
    await end('b')
    assert.deepEqual(taken(), [])
    await end('a')
    assert.deepEqual(taken(), ['a is answered', 'b is answered', 'select begins'])
    await end('select')
    assert.deepEqual(taken(), ['select is answered', 'c begins'])
  })

  test('tells of every command that was answered', async () => {
    const { queue, alone, publish, end, settled } = queued()
    queue.add(publish('a'))
    queue.add(publish('b'))
    queue.add(alone('c'))
    await end('a')
    assert.equal(settled(), 1)
    await end('b')
    await end('c')
    assert.equal(settled(), 3)
  })

  test('is full above 256 commands, those under way included', async () => {
    const { queue, publish, end } = queued()
    for (let n = 0; n < 256; n++) queue.add(publish(`p${n}`))
    assert.ok(!queue.isFull)
    queue.add(publish('last'))
    assert.ok(queue.isFull)
    await end('p0')
    assert.ok(!queue.isFull)
  })

  test('is full above 1 MB of commands until they are answered', async () => {
    const { queue, alone, end } = queued()
    queue.add(alone('large', 1024 * 1024))
    assert.ok(!queue.isFull)
    queue.add(alone('small', 1))
    assert.ok(queue.isFull)
    await end('large')
    assert.ok(!queue.isFull)
  })

  test('forgets what has not begun, and its bytes, when it is cleared', async () => {
    const { queue, alone, end, taken } = queued()
    queue.add(alone('a', 1))
    queue.add(alone('b', 2 * 1024 * 1024))
    assert.ok(queue.isFull)
    queue.clear()
    assert.ok(!queue.isFull)
    assert.ok(!queue.isIdle)
    await end('a')
    assert.deepEqual(taken(), ['a begins', 'a is answered'])
    assert.ok(queue.isIdle)
  })

  test('takes commands again after it was cleared', async () => {
    const { queue, alone, end, taken } = queued()
    queue.add(alone('a'))
    queue.clear()
    queue.add(alone('b'))
    await end('a')
    assert.deepEqual(taken(), ['a begins', 'a is answered', 'b begins'])
  })

  test('rests when its slice is over, and goes on with the next command in order', async () => {
    let wake = () => {}
    const resting = new Promise<void>((resolve) => {
      wake = resolve
    })
    const rests: (Promise<void> | null)[] = [null, resting]
    const { queue, alone, publish, end, taken } = queued({ rest: () => rests.shift() ?? null })
    queue.add(publish('a'))
    queue.add(publish('b'))
    queue.add(alone('c'))
    assert.deepEqual(taken(), ['a begins'])
    await end('a')
    assert.deepEqual(taken(), ['a is answered'])
    assert.ok(!queue.isIdle)
    wake()
    await turn()
    assert.deepEqual(taken(), ['b begins'])
    await end('b')
    assert.deepEqual(taken(), ['b is answered', 'c begins'])
    await end('c')
    assert.ok(queue.isIdle)
  })

  test('tells of work that fails, and goes on', async () => {
    const { queue, alone, end, taken, broken, settled } = queued()
    const fault = new Error('a fault of ours')
    queue.add({ bytes: 1, publish: null, run: () => Promise.reject(fault) })
    queue.add({ ...alone('x'), publish: () => () => Promise.reject(fault) })
    queue.add(alone('b'))
    await turn()
    assert.deepEqual(broken, [fault, fault])
    assert.deepEqual(taken(), ['b begins'])
    await end('b')
    assert.ok(queue.isIdle)
    assert.equal(settled(), 3)
  })

  test('answers in the order of commands whatever they are and however long they take', async () => {
    const kind = fc.constantFrom('alone' as const, 'publish' as const)
    const order = fc.array(fc.record({ kind, turns: fc.nat(3) }), { minLength: 1, maxLength: 30 })
    await holdsAsync(
      fc.asyncProperty(order, async (all) => {
        const answered: number[] = []
        let underWay = 0
        let isAlone = false
        const queue = createCommandQueue({
          pace: createPace(),
          settled() {},
          broken: (thrown) => assert.fail(String(thrown)),
        })
        const begin = (isOnly: boolean) => {
          assert.ok(!isAlone && (!isOnly || underWay === 0), 'begun beside one that has to be alone')
          underWay++
          isAlone = isOnly
        }
        const end = (at: number) => {
          underWay--
          isAlone = false
          answered.push(at)
        }
        const after = async (turns: number) => {
          for (let left = turns; left > 0; left--) await turn()
        }
        for (const [at, { kind, turns }] of all.entries()) {
          const run = async () => {
            begin(true)
            await after(turns)
            end(at)
          }
          const publish = () => {
            begin(false)
            const ended = after(turns)
            return async () => {
              await ended
              end(at)
            }
          }
          queue.add({ bytes: 1, run, publish: kind === 'alone' ? null : publish })
        }
        while (!queue.isIdle) await turn()
        assert.deepEqual(
          answered,
          all.map((_, at) => at),
        )
      }),
      100,
    )
  })
})
