/**
 * Broker, hub and replay next to a model of what clients have to see.
 *
 * Owns the model, which is one number per channel: how many publications the broker has taken in its epoch. A client
 * that reads must end up there, by steps its `Reader` has checked. What a test does to clients and channels is done
 * here to both, and `check` compares: places, books and counts. The node is the real one but for time, sockets and the
 * disk; another one may take over from it, with what is on disk. Readers name channels as their tenant does, the model
 * as the node does.
 */
import assert from 'node:assert/strict'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { hasFailed } from '../../src/core/broker.ts'
import type { Session } from '../../src/core/session.ts'
import { bare, FIRST_TENANT, scoped, tenantOf } from '../../src/core/tenants.ts'
import type { StreamPosition, SubscribeResult } from '../../src/protocol/messages.ts'
import { FakeClock } from './fake-clock.ts'
import { type LocalCore, type LocalCoreOptions, localCore, request } from './local-core.ts'
import {
  createTally,
  type ModelFanOut,
  modelFanOut,
  Reader,
  type ReaderKind,
  type Tally,
} from './model-fan-out.ts'
import { recordingStore } from './recording-store.ts'

/** Turns without any activity after which nothing more comes without time. */
const IDLE_TURNS = 3

/** More than the time between two sweeps of the hub, and two latency budgets. */
const REST_MS = 300

/** No latency budget is longer. */
const BUDGET_MS = 50

/** More than a publish takes that has not to wait. */
const MICROTASKS = 10

/** With which position a client subscribes. */
export const sinces = ['none', 'former', 'latest', 'old', 'first', 'all', 'other epoch', 'future'] as const
export type Since = (typeof sinces)[number]

export class CoreModel {
  core: LocalCore
  readonly tally: Tally = createTally()
  readonly readers: Reader[] = []
  /** The position of each channel: of the latest publication that the broker took. */
  readonly latest = new Map<string, StreamPosition>()
  /** Told of every subscription that begins, and after which offset the client wants all there is. */
  begun: (channel: string, after: number) => void = () => {}
  readonly #options: LocalCoreOptions
  #fanOuts: Readonly<Record<ReaderKind, ModelFanOut>>
  #stops: (() => unknown)[] = []
  #starts = 0
  /** Subscribes that were not waited for. */
  readonly #pending = new Set<Promise<void>>()

  constructor(options: LocalCoreOptions) {
    const observer = { flushed: () => void this.tally.activity++ }
    this.#options = { store: recordingStore(), clock: new FakeClock(), ...options, observer }
    this.core = this.#start()
    this.#fanOuts = this.#fanOutsOf(this.core)
  }

  async stop(): Promise<void> {
    for (const reader of this.readers) this.disconnect(reader)
    for (const stop of this.#stops) await stop()
    this.#stops = []
  }

  /** The node ends and another one takes over, of which clients know nothing yet. */
  async restart(): Promise<void> {
    await this.settle()
    await this.stop()
    this.tally.taken = 0
    this.tally.told = 0
    this.core = this.#start()
    this.#fanOuts = this.#fanOutsOf(this.core)
  }

  #start(): LocalCore {
    const epoch = `k${3 + 10 * this.#starts++}`
    return localCore(
      { after: (stop) => void this.#stops.push(stop as () => unknown) },
      { ...this.#options, epoch },
    )
  }

  #fanOutsOf({ hub }: LocalCore): Readonly<Record<ReaderKind, ModelFanOut>> {
    return {
      socket: modelFanOut('socket', hub, this.tally),
      poll: modelFanOut('poll', hub, this.tally, 400),
    }
  }

  /** @param index taken modulo the number of readers; undefined when there is none */
  reader(index: number): Reader | undefined {
    return this.readers[index % this.readers.length]
  }

  async publish(channel: string, count: number, except: Session | null = null): Promise<void> {
    await this.#answered()
    const one = except === null ? request(channel) : { ...request(channel), except }
    const requests = Array.from({ length: count }, () => one)
    for (const outcome of await this.#withTime(this.core.broker.publish(requests, 'http'))) {
      assert.ok(!hasFailed(outcome))
      const before = this.positionIn(channel, outcome.epoch)
      assert.equal(outcome.offset, before.offset + 1, `offset of a publication to ${channel}`)
      this.latest.set(channel, outcome)
    }
  }

  /** A client publishes and is not to be sent it. */
  async publishWithoutEcho(reader: Reader, channel: string, count: number): Promise<void> {
    await this.#answered()
    const { session } = reader
    const place = reader.places.get(channel)
    if (session === null || place === undefined) return
    const name = scoped(reader.tenant, channel)
    const { offset } = this.positionIn(name, place.epoch)
    for (let next = 1; next <= count; next++) reader.published(channel, offset + next)
    await this.publish(name, count, session)
  }

  open(kind: ReaderKind, tenant = FIRST_TENANT): Reader {
    const reader = new Reader(kind, `${kind} ${this.readers.length}`, this.tally, tenant)
    this.readers.push(reader)
    this.#connect(reader)
    return reader
  }

  disconnect(reader: Reader): void {
    this.#fanOuts[reader.kind].lose(reader)
  }

  /** A client whose connection broke comes back with its positions. */
  async comeBack(reader: Reader): Promise<void> {
    await this.#answered()
    if (reader.session !== null) return
    this.#connect(reader)
    const places = [...reader.places].map(([channel, place]) => [channel, { ...place }] as const)
    reader.places.clear()
    for (const [channel, since] of places) await this.#subscribe(reader, channel, since)
    if (reader.kind === 'poll') this.poll(reader, false)
  }

  async subscribe(reader: Reader, channel: string, since: Since): Promise<void> {
    if (reader.session === null || reader.places.has(channel)) return
    await this.#subscribe(reader, channel, this.#positionOf(reader, channel, since))
  }

  /** Subscribes and goes on: the answer comes when it comes. */
  subscribeHastily(reader: Reader, channel: string, since: Since): void {
    const pending = this.subscribe(reader, channel, since)
      .catch((error: unknown) => void this.tally.faults.push(String(error)))
      .finally(() => this.#pending.delete(pending))
    this.#pending.add(pending)
  }

  async unsubscribe(reader: Reader, channel: string): Promise<void> {
    await this.#answered()
    if (reader.session === null) return
    if (reader.own.has(channel)) await this.pass(BUDGET_MS) // a subscription anew may be sent what had not left
    if (reader.session === null) return
    const isSubscribed = this.core.hub.unsubscribe(reader.session, scoped(reader.tenant, channel))
    assert.equal(isSubscribed, reader.places.has(channel), `${reader.name} was on ${channel}`)
    reader.leave(channel)
  }

  /** The client's connection takes `messages` more, and then nothing. */
  stall(reader: Reader, messages: number): void {
    if (reader.session !== null && reader.kind === 'socket') reader.budget = messages
  }

  /** @param isTold false: the transport forgets to say so */
  resume(reader: Reader, isTold: boolean): void {
    if (!reader.isStalled || reader.session === null) return
    reader.budget = Number.POSITIVE_INFINITY
    if (isTold) this.core.hub.ready(reader.session)
  }

  /** A new poll with all positions, which takes over from one that waits. */
  poll(reader: Reader, isAnswerLost: boolean): void {
    const { session } = reader
    if (session === null || reader.kind !== 'poll') return
    reader.isWaiting = true
    reader.isAnswerLost = isAnswerLost
    const { hub } = this.core
    // Of copies: a place moves as soon as something is given.
    const places = [...reader.places].map(([channel, place]) => [channel, { ...place }] as const)
    const nameOf = (channel: string) => scoped(reader.tenant, channel)
    const isInStep = places.every(([channel, at]) => hub.isInStep(session, nameOf(channel), at))
    if (session.lags !== null || !isInStep) {
      for (const [channel, since] of places) hub.reposition(session, nameOf(channel), since)
      hub.feed(session)
    }
    if (reader.hasMissedNotice) this.#tellStale(reader)
    if (reader.answer.length > 0) this.#fanOuts.poll.respond(reader)
  }

  async turn(): Promise<void> {
    await turnOfTheLoop()
  }

  /** Turns the loop until nothing more comes without time. */
  async settle(): Promise<void> {
    await this.#answered()
    for (let idle = 0, before = -1; idle < IDLE_TURNS; ) {
      await turnOfTheLoop()
      idle = this.tally.activity === before ? idle + 1 : 0
      before = this.tally.activity
    }
  }

  /** Lets time pass when nothing else is to be done, so that who is ended for being slow was slow. */
  async pass(ms: number): Promise<void> {
    await this.settle()
    this.core.clock.turn(ms)
    await this.settle()
  }

  /** Lets everything be caught up: polls go on as long as there is news. */
  async rest(): Promise<void> {
    await this.pass(REST_MS) // what was held back leaves
    await this.pass(REST_MS) // who was ahead of it goes on
    for (const reader of this.readers) {
      for (let before = -1; reader.kind === 'poll' && before !== this.tally.received; ) {
        before = this.tally.received
        this.poll(reader, false)
        await this.settle()
      }
    }
  }

  /** True at any moment between two turns, whatever is under way. */
  checkBalance(): void {
    assert.deepEqual(this.tally.faults, [])
    const books = this.core.hub.books()
    assert.equal(books.balance, 0, `balance of ${JSON.stringify(books)}`)
  }

  /** True when the node has settled. */
  checkSettled(): void {
    this.checkBalance()
    const { hub } = this.core
    const books = hub.books()
    assert.equal(books.delivered, this.tally.taken, 'delivered is what connections took')
    assert.equal(books.lost.gap, this.tally.told, 'lost is what was told to be missing')
    const open = this.readers.filter(({ session }) => session !== null)
    const names = ({ places, tenant }: Reader) => [...places.keys()].map((channel) => scoped(tenant, channel))
    let subscriptions = 0
    for (const name of new Set(this.readers.flatMap(names))) {
      const count = open.filter((one) => one.tenant === tenantOf(name) && one.places.has(bare(name))).length
      assert.equal(hub.subscribers(name), count, `subscribers of ${name}`)
      subscriptions += count
    }
    const counts = hub.counts()
    assert.equal(counts.subscriptions, subscriptions, 'subscriptions')
    assert.equal(counts.sessions, open.length, 'sessions')
    for (const reader of open) this.#checkPlaces(reader, (place, latest) => place <= latest)
  }

  /** True after a rest: who reads has got or missed all there is. */
  checkRested(): void {
    this.checkSettled()
    for (const reader of this.readers) {
      if (!reader.isReading || reader.isStalled) continue
      this.#checkPlaces(reader, (place, latest) => place === latest)
      for (const [channel, count] of reader.counts) {
        if (reader.places.has(channel)) {
          assert.equal(
            count,
            this.core.hub.memberCount(scoped(reader.tenant, channel)),
            `members of ${channel} told to ${reader.name}`,
          )
        }
      }
    }
  }

  /** The model's position of a channel, in an epoch that somebody has seen. */
  positionIn(channel: string, epoch: string): StreamPosition {
    const latest = this.latest.get(channel)
    return latest?.epoch === epoch ? latest : { epoch, offset: 0 }
  }

  async #answered(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  /** A publisher may have to wait for a latency budget to pass. */
  async #withTime<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    void promise.finally(() => {
      isDone = true
    })
    for (let tries = 0; !isDone; tries++) {
      await (tries < MICROTASKS ? null : turnOfTheLoop())
      if (tries > MICROTASKS + IDLE_TURNS) this.core.clock.turn(BUDGET_MS)
    }
    return promise
  }

  /** What a transport of polls does: the client asks who is there. */
  #tellStale(reader: Reader): void {
    reader.hasMissedNotice = false
    for (const { name, members } of reader.session?.channels ?? []) {
      if (members !== null) reader.answer.push({ channel: bare(name), count: members.count })
    }
  }

  #connect(reader: Reader): void {
    const fanOut = this.#fanOuts[reader.kind]
    const session = this.core.hub.open(fanOut, '')
    fanOut.connect(reader, session)
    session.tenant = reader.tenant
    this.core.hub.markConnected(session)
  }

  async #subscribe(reader: Reader, channel: string, since: StreamPosition | null): Promise<void> {
    const { session } = reader
    if (session === null) return
    const name = scoped(reader.tenant, channel)
    const outcome = await this.core.hub.subscribe(session, name, { since })
    if (hasFailed(outcome)) {
      assert.notEqual(reader.session, session, `${reader.name} was refused ${channel}: ${outcome.message}`)
      if (since !== null) reader.places.set(channel, { ...since })
      return
    }
    if (reader.places.has(channel)) return // two hasty ones
    this.#checkAnswer(name, since, outcome)
    this.tally.told += missing(outcome)
    reader.begin(channel, since, outcome)
    this.begun(name, since?.offset ?? outcome.offset)
  }

  #checkAnswer(channel: string, since: StreamPosition | null, answer: SubscribeResult): void {
    const latest = this.positionIn(channel, answer.epoch)
    const what = `${channel} since ${JSON.stringify(since)} answered ${JSON.stringify(answer)} at ${latest.offset}`
    if (latest.offset === 0) this.latest.set(channel, latest)
    assert.ok(answer.offset <= latest.offset, what)
    const { gap } = answer
    assert.equal(answer.recovered, since === null ? undefined : gap === undefined, what)
    if (gap === undefined || since === null) return
    const isNew = since.epoch === '' && since.offset === 0
    if (since.epoch !== answer.epoch && !isNew) {
      assert.deepEqual([gap.reason, gap.from], ['epoch', 1], what)
    } else if (since.offset > latest.offset) {
      assert.deepEqual(gap, { reason: 'future', from: answer.offset + 1, to: since.offset }, what)
      return
    } else {
      assert.deepEqual([gap.reason, gap.from], ['trimmed', since.offset + 1], what)
      assert.ok(gap.to >= gap.from, what)
    }
    assert.ok(gap.to <= answer.offset, what)
  }

  #checkPlaces(reader: Reader, holds: (place: number, latest: number) => boolean): void {
    for (const [channel, { epoch, offset }] of reader.places) {
      const name = scoped(reader.tenant, channel)
      const latest = this.positionIn(name, epoch)
      const what = `${reader.name} is at ${channel}:${offset} in ${epoch}, the channel at ${latest.offset}`
      assert.ok(this.latest.get(name)?.epoch === epoch && holds(offset, latest.offset), what)
    }
  }

  #positionOf(reader: Reader, channel: string, since: Since): StreamPosition | null {
    const latest = this.latest.get(scoped(reader.tenant, channel)) ?? { epoch: 'k3', offset: 0 }
    switch (since) {
      case 'none':
        return null
      case 'former':
        return reader.former.get(channel) ?? null
      case 'latest':
        return latest
      case 'old':
        return { epoch: latest.epoch, offset: Math.max(0, latest.offset - 7) }
      case 'first':
        return { epoch: latest.epoch, offset: 0 }
      case 'all':
        return { epoch: '', offset: 0 }
      case 'other epoch':
        return { epoch: 'k2', offset: 3 }
      case 'future':
        return { epoch: latest.epoch, offset: latest.offset + 4 }
    }
  }
}

function missing({ gap }: SubscribeResult): number {
  return gap === undefined || gap.reason === 'future' ? 0 : gap.to - gap.from + 1
}
