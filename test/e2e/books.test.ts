/**
 * A million publications, and the books at a thousand moments between two turns.
 *
 * Some hundred clients on sockets and polls stall, break, come back, leave and join by chance while a million
 * publications go out. The test counts by itself what clients were owed, from who was subscribed when; what they got,
 * were told to be missing, and are owed still has to add up to that, and the hub's own books must balance. TEST_SEED
 * repeats a run; BOOKS_PUBLICATIONS asks for more or fewer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CoreModel, sinces } from '../support/core-model.ts'
import type { Reader } from '../support/model-fan-out.ts'
import { createRandom, type Random, seed } from '../support/seed.ts'

const PUBLICATIONS = Number(process.env.BOOKS_PUBLICATIONS ?? 1_000_000)

/** Moments at which the books are looked at. */
const MOMENTS = 1_000

/** Time between two moments: all of them together are less than anything is kept. */
const MOMENT_MS = 20

const SOCKETS = 320
const POLLS = 60
const CHANNELS = 120

/** Everybody is on this one, so that it has shards, and a publication there takes several topics. */
const HALL = 'hall'

/** Of a burst: more than leave in one turn. */
const MAX_BURST = 60

/** Things that clients do between two bursts. */
const DEEDS = 3

/** What the clients of a model were owed, by the test's own count. */
class Owed {
  readonly #model: CoreModel
  #settled = 0

  constructor(model: CoreModel) {
    this.#model = model
    model.begun = (channel, after) => this.#begins(channel, after)
  }

  /** Publications that went to those who are subscribed. */
  published(channel: string, count: number): void {
    const subscribed = this.#model.readers.filter((one) => one.session !== null && one.places.has(channel))
    this.#settled += subscribed.length * count
  }

  /** A client wants what follows an offset: what was published already is owed as well. */
  #begins(channel: string, after: number): void {
    this.#settled += (this.#model.latest.get(channel)?.offset ?? 0) - after
  }

  /** A place is given up: what was still owed is not any more. */
  ends(reader: Reader, channel: string): void {
    this.#settled -= this.#behind(reader, channel)
  }

  /** All that clients were owed in places they held until the end, or for as long as they held them. */
  get total(): number {
    return this.#settled
  }

  /** What they have still to get. */
  get open(): number {
    let open = 0
    for (const reader of this.#model.readers) {
      if (reader.session === null) continue
      for (const channel of reader.places.keys()) open += this.#behind(reader, channel)
    }
    return open
  }

  #behind(reader: Reader, channel: string): number {
    const place = reader.places.get(channel)
    if (place === undefined) return 0
    return this.#model.positionIn(channel, place.epoch).offset - place.offset
  }
}

/** Clients and channels that do what chance says. */
class Crowd {
  readonly model: CoreModel
  readonly owed: Owed
  readonly #random: Random
  published = 0

  constructor(model: CoreModel, random: Random) {
    this.model = model
    this.owed = new Owed(model)
    this.#random = random
  }

  async gather(): Promise<void> {
    for (let i = 0; i < SOCKETS + POLLS; i++) {
      const reader = this.model.open(i < SOCKETS ? 'socket' : 'poll')
      await this.#subscribe(reader, HALL)
      for (let more = this.#random.below(8); more >= 0; more--) await this.#subscribe(reader, this.#channel())
    }
  }

  async publish(): Promise<void> {
    const channel = this.#random.below(400) === 0 ? HALL : this.#channel()
    const count = Math.min(1 + this.#random.below(MAX_BURST), PUBLICATIONS - this.published)
    this.published += count
    const before = this.model.latest.get(channel)?.epoch
    this.owed.published(channel, count)
    await this.model.publish(channel, count)
    assert.ok(before === undefined || before === this.model.latest.get(channel)?.epoch, 'no epoch ends here')
  }

  /** Whether the loop turns before the clients do anything: then they do it in the middle of what the turn caused. */
  isTurn(): boolean {
    return this.#random.below(2) === 0
  }

  async deed(): Promise<void> {
    const { model } = this
    const reader = this.#reader()
    switch (this.#random.below(12)) {
      case 0:
        return this.#leave(reader)
      case 1:
        return this.#subscribe(reader, this.#channel())
      case 2:
        return this.#break(reader)
      case 3:
      case 4:
        return this.model.comeBack(reader)
      case 5:
        return model.stall(reader, this.#random.below(30))
      case 6:
      case 7:
        return model.resume(reader, this.#random.below(4) > 0)
      default:
        return model.poll(reader, this.#random.below(5) === 0)
    }
  }

  /** Those who are away come back, and all read. */
  async calmDown(): Promise<void> {
    for (const reader of this.model.readers) {
      this.model.resume(reader, true)
      await this.model.comeBack(reader)
    }
    await this.model.rest()
  }

  async #subscribe(reader: Reader, channel: string): Promise<void> {
    if (reader.session === null || reader.places.has(channel)) return
    const since = sinces[this.#random.below(sinces.length)] ?? 'none'
    await this.model.subscribe(
      reader,
      channel,
      since === 'future' || since === 'other epoch' ? 'none' : since,
    )
  }

  #leave(reader: Reader): Promise<void> | void {
    const [channel] = [...reader.places.keys()].slice(-1)
    if (reader.session === null || channel === undefined) return
    this.owed.ends(reader, channel)
    return this.model.unsubscribe(reader, channel)
  }

  #break(reader: Reader): void {
    if (reader.session === null) return
    for (const channel of reader.places.keys()) this.owed.ends(reader, channel)
    this.model.disconnect(reader)
  }

  #reader(): Reader {
    const { readers } = this.model
    const reader = readers[this.#random.below(readers.length)]
    if (reader === undefined) throw new Error('Nobody is there')
    return reader
  }

  #channel(): string {
    return `c${this.#random.below(CHANNELS)}`
  }
}

test('the books balance at every moment of a million publications, and say what clients were owed', async (t) => {
  t.diagnostic(`TEST_SEED=${seed}`)
  const model = new CoreModel({ ringSize: 200, maxLagMs: 3_600_000 })
  t.after(() => model.stop())
  const crowd = new Crowd(model, createRandom())
  await crowd.gather()
  for (let moment = 1; moment <= MOMENTS; moment++) {
    while (crowd.published < (PUBLICATIONS * moment) / MOMENTS) {
      await crowd.publish()
      if (crowd.isTurn()) await model.turn()
      for (let deeds = 0; deeds < DEEDS; deeds++) await crowd.deed()
    }
    await model.turn()
    model.core.clock.turn(MOMENT_MS)
    model.checkBalance()
    compare(crowd)
  }
  await crowd.calmDown()
  model.checkRested()
  compare(crowd)
  assert.equal(crowd.published, PUBLICATIONS)
  const { received, missed } = model.tally
  t.diagnostic(`${received} deliveries, ${missed} told to be missing`)
})

/** What was owed is what was received, missed, or is owed still; counted by the test alone. */
function compare({ model, owed }: Crowd): void {
  const { received, missed } = model.tally
  assert.equal(received + missed + owed.open, owed.total, 'received, missed and still owed')
}
