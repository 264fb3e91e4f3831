/**
 * Users, what waits for them, and a model of what they have to get in the end.
 *
 * Owns random histories of sending, coming, leaving, acknowledging, a disk that is slow or full, time and restarts; and
 * the claim that holds for each: every message that was taken reaches its user at least once or is counted as unread,
 * first times in the order of sending, whatever comes again under its own id. Messages are numbers, by user.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { hasFailed } from '../../src/core/broker.ts'
import type { Session } from '../../src/core/session.ts'
import { bare, ownChannel } from '../../src/core/tenants.ts'
import type { PublicationMessage, StreamPosition } from '../../src/protocol/messages.ts'
import { FakeClock } from './fake-clock.ts'
import { type LocalCore, type LocalCoreOptions, localCore, request } from './local-core.ts'
import { recordingStore } from './recording-store.ts'

/** Users of a history: one name with two tenants, another name. */
const users = [
  { tenant: 1, user: '7' },
  { tenant: 5, user: '7' },
  { tenant: 1, user: '8' },
] as const

/** More than any age at which a message goes. */
const LONG_MS = 100_000

export type InboxStep =
  | { readonly do: 'send'; readonly who: number; readonly count: number }
  | { readonly do: 'come'; readonly who: number; readonly withPosition: boolean }
  | { readonly do: 'leave'; readonly who: number }
  | { readonly do: 'acknowledge'; readonly who: number; readonly share: number }
  | { readonly do: 'hold' | 'let go' | 'fail' | 'restart' | 'settle' }
  | { readonly do: 'pass'; readonly ms: number }

const who = fc.nat(users.length - 1)

/** @param maxSteps of one history */
export function inboxHistories(maxSteps: number): fc.Arbitrary<readonly InboxStep[]> {
  const step: fc.Arbitrary<InboxStep> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('send'), who, count: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('come'), who, withPosition: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('leave'), who }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('acknowledge'), who, share: fc.integer({ min: 0, max: 4 }) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constantFrom('hold', 'let go', 'fail', 'settle', 'settle') }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(10, 3_000, 20_000) }) },
  ) as fc.Arbitrary<InboxStep>
  return fc.array(step, { maxLength: maxSteps, size: 'max' })
}

/** One user, and the client of theirs. */
class Person {
  readonly tenant: number
  readonly channel: string
  /** Numbers sent so far. */
  sent = 0
  /** Those that the node took. */
  readonly taken = new Set<number>()
  /** Those that came, by the order of their first time. */
  readonly seen = new Set<number>()
  /** Number of each message that came with an id. */
  readonly byId = new Map<string, number>()
  /** How many the node said went unread. */
  unread = 0
  session: Session | null = null
  position: StreamPosition | null = null
  #read = 0

  constructor({ tenant, user }: (typeof users)[number]) {
    this.tenant = tenant
    this.channel = ownChannel(tenant, user)
  }

  came(session: Session, position: StreamPosition): void {
    this.session = session
    this.position = position
    this.#read = 0
  }

  /** Reads what arrived at the session since the last time. */
  read(core: LocalCore): void {
    if (this.session === null) return
    const messages = core.fanOut.messages(this.session)
    for (const message of messages.slice(this.#read)) this.#take(message as Arrived)
    this.#read = messages.length
  }

  #take(message: Arrived): void {
    if ('gap' in message) {
      if (message.gap.reason === 'expired') this.unread += message.gap.count ?? 0
      return
    }
    assert.equal(message.channel, bare(this.channel))
    const number = Number(message.data)
    assert.equal(Math.floor(number / 1_000_000), this.tenant, 'it is one of this tenant')
    if (message.id !== undefined) {
      assert.equal(this.byId.get(message.id) ?? number, number, `id ${message.id} is one message`)
      this.byId.set(message.id, number)
    }
    if (!this.seen.has(number)) {
      const last = [...this.seen].at(-1) ?? 0
      assert.ok(number > last, `${this.channel} got ${number} for the first time behind ${last}`)
    }
    this.seen.add(number)
    const had = this.position?.offset ?? 0
    assert.ok(message.offset > had, `${this.channel} got ${message.offset} at ${had}`)
    if (this.position !== null) this.position = { ...this.position, offset: message.offset }
  }
}

type Arrived = PublicationMessage | { readonly gap: { readonly reason: string; readonly count?: number } }

class InboxModel {
  readonly people = users.map((one) => new Person(one))
  readonly store = recordingStore()
  readonly #clock = new FakeClock()
  readonly #options: LocalCoreOptions
  #core: LocalCore
  #stops: (() => unknown)[] = []
  #starts = 0
  #letGo: (() => void) | null = null
  /** Sends that the store has not answered. */
  readonly #sends = new Set<Promise<void>>()

  constructor(options: LocalCoreOptions) {
    this.#options = options
    this.#core = this.#start()
  }

  async take(step: InboxStep): Promise<void> {
    switch (step.do) {
      case 'hold':
        this.#letGo ??= this.store.hold()
        return
      case 'let go':
        return this.#release()
      case 'fail':
        return this.store.fail()
      case 'settle':
        return this.#settle()
      case 'pass':
        await this.#settle()
        this.#clock.turn(step.ms)
        return this.#settle()
      case 'restart':
        await this.#release()
        await this.stop()
        this.#core = this.#start()
        return
      default:
        return this.#takePerson(step)
    }
  }

  /** Everybody comes and reads; then all that was taken has come or was counted. */
  async checkEnd(): Promise<void> {
    await this.#release()
    for (const person of this.people) {
      await this.#leave(person)
      await this.#come(person, null)
      await this.#settle()
      const missing = [...person.taken].filter((number) => !person.seen.has(number))
      const what = `${person.channel}: ${missing.join()} never came, ${person.unread} were said to be unread`
      assert.ok(missing.length <= person.unread, what)
      for (const number of person.seen) assert.ok(person.taken.has(number), `${number} was refused and came`)
    }
  }

  async stop(): Promise<void> {
    for (const person of this.people) await this.#leave(person)
    for (const stop of this.#stops) await stop()
    this.#stops = []
  }

  #start(): LocalCore {
    this.#starts++
    const epoch = `k${this.#starts}`
    const { store } = this
    return localCore(
      { after: (stop) => void this.#stops.push(stop as () => unknown) },
      { ...this.#options, store, epoch, clock: this.#clock },
    )
  }

  async #takePerson(step: Extract<InboxStep, { who: number }>): Promise<void> {
    const person = this.people[step.who]
    if (person === undefined) return
    if (step.do === 'send') this.#send(person, step.count)
    else if (step.do === 'come') await this.#come(person, step.withPosition ? person.position : null)
    else if (step.do === 'leave') await this.#leave(person)
    else await this.#acknowledge(person, step.share)
  }

  #send(person: Person, count: number): void {
    for (let n = 0; n < count; n++) {
      person.sent++
      const number = person.tenant * 1_000_000 + person.sent
      const send = this.#core.broker
        .publish([request(person.channel, number)], 'http')
        .then(([outcome]) => {
          if (outcome !== undefined && !hasFailed(outcome)) person.taken.add(number)
        })
        .finally(() => this.#sends.delete(send))
      this.#sends.add(send)
    }
  }

  async #come(person: Person, since: StreamPosition | null): Promise<void> {
    if (person.session !== null) return
    const session = this.#core.connected()
    session.identify({
      tenant: person.tenant,
      user: bare(person.channel).slice(1),
      grants: [],
      untilSecond: 0,
    })
    const { epoch, offset, gap } = await this.#core.subscribe(session, person.channel, since)
    const isSame = since !== null && since.epoch === epoch && gap === undefined
    person.came(session, { epoch, offset: isSame ? since.offset : (gap?.to ?? offset) })
  }

  /** Only after all that was under way has come: a client without positions may miss what was not. */
  async #leave(person: Person): Promise<void> {
    const { session } = person
    if (session === null) return
    await this.#settle()
    this.#core.lose(session)
    person.session = null
  }

  async #acknowledge(person: Person, share: number): Promise<void> {
    const { session, position } = person
    if (session === null || position === null) return
    await this.#settle()
    person.read(this.#core)
    const { offset } = person.position ?? position
    const upTo = { ...position, offset: Math.floor((offset * share) / 4) }
    this.#core.hub.acknowledge(session, upTo).catch(() => {}) // comes again then
  }

  async #release(): Promise<void> {
    this.#letGo?.()
    this.#letGo = null
    await this.#settle()
  }

  async #settle(): Promise<void> {
    if (this.#letGo === null) while (this.#sends.size > 0) await Promise.all(this.#sends)
    await this.#core.settle()
    for (const person of this.people) person.read(this.#core)
  }
}

/** Takes the steps, then checks the claim. */
export async function runInboxHistory(steps: readonly InboxStep[], options: LocalCoreOptions): Promise<void> {
  const model = new InboxModel({ inboxSize: 1_000, inboxTtlMs: LONG_MS, ...options })
  try {
    for (const step of steps) await model.take(step)
    await model.checkEnd()
  } finally {
    await model.stop()
  }
}
