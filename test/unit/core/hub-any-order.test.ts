/**
 * Tests of src/core/hub.ts, its promise for any order of things: a subscriber gets every publication that follows its
 * position, or is told of exactly those it does not get, each once and in order; and the books balance after every turn.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import type { Session } from '../../../src/core/session.ts'
import type { Gap, SubscribeResult } from '../../../src/protocol/messages.ts'
import { holdsAsync } from '../../support/holds.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'
import { type RecordingFanOut, recordingFanOut } from '../../support/recording-fan-out.ts'
import { createRandom, seed } from '../../support/seed.ts'

/** What a client knows: where it is in each channel. It checks what it is sent, and is where it began when that is wrong. */
class Reader {
  readonly #core: LocalCore
  readonly #fanOut: RecordingFanOut
  readonly #places = new Map<string, number>()
  session: Session
  #seen = 0

  constructor(core: LocalCore, fanOut: RecordingFanOut) {
    this.#core = core
    this.#fanOut = fanOut
    this.session = core.connected(fanOut)
  }

  get channels(): string[] {
    return [...this.#places.keys()]
  }

  placeOf(channel: string): number | undefined {
    return this.#places.get(channel)
  }

  async subscribe(channel: string, since: number | null = null): Promise<void> {
    const position = since === null ? null : { epoch: 'k3', offset: since }
    this.begin(channel, since, await this.#core.subscribe(this.session, channel, position))
  }

  begin(channel: string, since: number | null, { offset, gap }: SubscribeResult): void {
    if (gap !== undefined && since !== null) assert.equal(gap.from, since + 1)
    this.#places.set(channel, gap?.to ?? since ?? offset)
  }

  unsubscribe(channel: string): void {
    this.read()
    this.#core.hub.unsubscribe(this.session, channel)
    this.#places.delete(channel)
  }

  /** Reads what has arrived: it must go on where the last of each channel was. */
  read(): void {
    const messages = this.#fanOut.messages(this.session)
    for (const message of messages.slice(this.#seen)) {
      const { channel, offset, gap } = message as { channel: string; offset?: number; gap?: Gap }
      if (offset === undefined && gap === undefined) continue // who came and left
      const place = this.#places.get(channel)
      if (place === undefined) assert.fail(`got ${channel} ${offset} without a subscription`)
      assert.equal(offset ?? gap?.from, place + 1, `on ${channel}`)
      this.#places.set(channel, offset ?? gap?.to ?? 0)
    }
    this.#seen = messages.length
  }

  /** The connection breaks; what was on its way is lost, and asked for again over the next. */
  async comeBack(): Promise<void> {
    this.read()
    this.#core.lose(this.session)
    this.session = this.#core.connected(this.#fanOut)
    this.#seen = 0
    for (const [channel, place] of this.#places) await this.subscribe(channel, place)
  }

  /** From now on it takes only so many messages. */
  stall(messages: number): void {
    this.#fanOut.stall(this.session, messages)
  }

  resume(): void {
    this.#fanOut.resume(this.session)
  }

  /** A poll: it says where it is, which may be behind what it was sent. */
  reposition(back: number): void {
    this.read()
    for (const [channel, place] of this.#places) {
      const offset = Math.max(0, place - back)
      this.#places.set(channel, offset)
      this.#core.hub.reposition(this.session, channel, { epoch: 'k3', offset })
    }
  }
}

/** So many readers, every other one on a fan-out of its own. */
function readersOf(core: LocalCore, count: number): Reader[] {
  const other = recordingFanOut(core.hub)
  return Array.from({ length: count }, (_, at) => new Reader(core, at % 2 === 0 ? core.fanOut : other))
}

const CHANNELS = ['a', 'b', 'c'] as const
const READERS = 4

const who = fc.nat(READERS - 1)
const which = fc.constantFrom(...CHANNELS)
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ publish: which, count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ toggle: which, who }) },
  { weight: 3, arbitrary: fc.record({ stall: who, taken: fc.nat(12) }) },
  { weight: 3, arbitrary: fc.record({ resume: who }) },
  { weight: 2, arbitrary: fc.record({ comeBack: who }) },
  { weight: 1, arbitrary: fc.record({ reposition: who, back: fc.nat(3) }) },
  { weight: 6, arbitrary: fc.constant({ turn: true as const }) },
  { weight: 2, arbitrary: fc.record({ waitMs: fc.integer({ min: 1, max: 400 }) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function take(core: LocalCore, readers: readonly Reader[], one: Step): Promise<void> {
  const reader = (at: number) => readers[at] ?? assert.fail(`no reader ${at}`)
  if ('publish' in one) {
    for (let i = 0; i < one.count; i++) await core.publish(one.publish)
  } else if ('toggle' in one) {
    const { channels } = reader(one.who)
    if (channels.includes(one.toggle)) reader(one.who).unsubscribe(one.toggle)
    else await reader(one.who).subscribe(one.toggle)
  } else if ('stall' in one) {
    reader(one.stall).stall(one.taken)
  } else if ('resume' in one) {
    reader(one.resume).resume()
  } else if ('comeBack' in one) {
    await reader(one.comeBack).comeBack()
  } else if ('reposition' in one) {
    reader(one.reposition).reposition(one.back)
  } else if ('waitMs' in one) {
    core.clock.turn(one.waitMs)
  } else {
    await nextTurn()
  }
}

async function finish(core: LocalCore, readers: readonly Reader[]): Promise<void> {
  for (const reader of readers) reader.resume()
  for (let round = 0; round < 3; round++) {
    core.clock.turn(300)
    await core.settle()
  }
  for (const reader of readers) {
    reader.read()
    for (const channel of reader.channels) {
      const { position } = await core.broker.channel(channel)
      assert.equal(reader.placeOf(channel), position.offset, `at the end of ${channel}`)
    }
  }
  assert.equal(core.hub.books().lagging, 0)
}

/** A core whose end is called by hand, for properties that need many. */
function shortLived(options: LocalCoreOptions): { core: LocalCore; stop: () => unknown } {
  const after: (() => void)[] = []
  const core = localCore({ after: (run) => void after.push(run as () => void) }, options)
  return { core, stop: () => after.splice(0).map((run) => run()) }
}

describe('hub, for any order of things', () => {
  for (const ringSize of [1_000, 3]) {
    test(`every subscriber gets or is told everything with ${ringSize} publications kept`, async () => {
      const options = fc.record({
        channelLingerMs: fc.constantFrom(0, 500),
        flushMs: fc.constantFrom(0, 10),
      })
      await holdsAsync(
        fc.asyncProperty(
          fc.array(step, { maxLength: 50 }),
          options,
          async (steps, { channelLingerMs, flushMs }) => {
            const { core, stop } = shortLived({
              ringSize,
              channelLingerMs,
              rules: [
                { match: 'c', presence: 'list' },
                { match: '*', flushMs },
              ],
            })
            const readers = readersOf(core, READERS)
            for (const one of steps) {
              await take(core, readers, one)
              for (const reader of readers) reader.read()
              const books = core.hub.books()
              assert.equal(books.balance, 0, JSON.stringify({ one, books }))
            }
            await finish(core, readers)
            stop()
          },
        ),
        300,
      )
    })
  }
})

test('hub keeps its promise on a channel of very many while readers stall, break, come back and go', async (t) => {
  const random = createRandom()
  const core = localCore(t, { ringSize: 200 })
  for (let i = 0; i < SHARD_SUBSCRIBERS * 5; i++) await core.subscribe(core.connected(), 'a')
  const readers = readersOf(core, 60)
  for (const reader of readers) {
    await reader.subscribe('a')
    if (random.below(2) === 0) await reader.subscribe('b')
  }
  for (let turn = 0; turn < 300; turn++) {
    for (let n = random.below(4); n > 0; n--) await core.publish(random.pick(['a', 'a', 'b']))
    for (let n = random.below(8); n > 0; n--) {
      const at = random.below(readers.length)
      const action = random.pick(['stall', 'stall', 'resume', 'resume', 'comeBack', 'leave'])
      if (action === 'stall') await take(core, readers, { stall: at, taken: random.below(6) })
      else if (action === 'resume') await take(core, readers, { resume: at })
      else if (action === 'comeBack') await take(core, readers, { comeBack: at })
      else await take(core, readers, { toggle: 'a', who: at })
    }
    if (turn % 20 === 0) core.clock.turn(250)
    await nextTurn()
    const books = core.hub.books()
    assert.equal(books.balance, 0, `${JSON.stringify(books)} in turn ${turn}, seed ${seed}`)
    for (const reader of readers) reader.read()
  }
  await finish(core, readers)
})
