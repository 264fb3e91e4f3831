/**
 * Random histories of a node, as data.
 *
 * Owns the steps of which a history is made, how they are drawn, and `run`, which takes them on a `CoreModel` and
 * checks it on the way. Steps name readers and channels by number and name and are all possible at any time (one that
 * makes no sense does nothing), so any part of a history is a history, and a failing one can be shrunk.
 */
import fc from 'fast-check'
import { FIRST_TENANT, scoped } from '../../src/core/tenants.ts'
import { CoreModel, type Since, sinces } from './core-model.ts'
import type { LocalCoreOptions } from './local-core.ts'

/** Readers before the crowds; steps that name a reader mostly mean these. */
const FIRST_READERS = 4

/** A tenant besides the first, with the same names. */
const OTHER_TENANT = 7

export type Step =
  | {
      readonly do: 'publish'
      readonly channels: readonly string[]
      readonly count: number
      readonly turns: number
    }
  | { readonly do: 'open'; readonly kind: 'socket' | 'poll'; readonly tenant?: number }
  | { readonly do: 'crowd'; readonly channel: string; readonly count: number }
  | {
      readonly do: 'subscribe'
      readonly who: number
      readonly channel: string
      readonly since: Since
      readonly isHasty: boolean
    }
  | {
      readonly do: 'publish without echo'
      readonly who: number
      readonly channel: string
      readonly count: number
    }
  | { readonly do: 'restart' }
  | { readonly do: 'unsubscribe'; readonly who: number; readonly channel: string }
  | { readonly do: 'stall'; readonly who: number; readonly messages: number }
  | { readonly do: 'resume'; readonly who: number; readonly isTold: boolean }
  | { readonly do: 'poll'; readonly who: number; readonly isAnswerLost: boolean }
  | { readonly do: 'break'; readonly who: number }
  | { readonly do: 'come back'; readonly who: number }
  | { readonly do: 'stall all'; readonly messages: number }
  | { readonly do: 'resume all' }
  | { readonly do: 'turn' }
  | { readonly do: 'settle' }
  | { readonly do: 'rest' }
  | { readonly do: 'pass'; readonly ms: number }

const channel = fc.constantFrom('a', 'a', 'b', 'b', 'hall', 'hall', 'room', 'slow', 'kept', 'disk', 'disk')
const channels = fc.oneof(
  channel.map((one) => [one]),
  fc.constantFrom('a', 'hall', 'disk').map((one) => [scoped(OTHER_TENANT, one)]),
  fc.shuffledSubarray(['a', 'b', 'hall', 'room', 'slow', 'kept', 'disk', scoped(OTHER_TENANT, 'a')], {
    minLength: 2,
  }),
)
const crowded = fc.constantFrom('hall', 'room')
const who = fc.oneof({ weight: 5, arbitrary: fc.nat(FIRST_READERS) }, { weight: 1, arbitrary: fc.nat(1500) })
const since = fc.oneof(fc.constant('none' as const), fc.constantFrom(...sinces))
const burst = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }))
const messages = fc.oneof(fc.nat(4), fc.nat(40))
const ms = fc.constantFrom(20, 120, 1_000, 6_000, 40_000)

/** A step of one kind, drawn so often among the others. */
function drawn<Kind extends Step['do'], Members>(
  weight: number,
  kind: Kind,
  members: { [Name in keyof Members]: fc.Arbitrary<Members[Name]> },
): fc.WeightedArbitrary<{ do: Kind } & Members> {
  const arbitrary = fc
    .record(members)
    .map((drawnMembers) => ({ do: kind, ...drawnMembers }) as { do: Kind } & Members)
  return { weight, arbitrary }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  drawn(14, 'publish', { channels, count: burst, turns: fc.nat(2) }),
  drawn(5, 'publish without echo', { who, channel, count: fc.integer({ min: 1, max: 4 }) }),
  drawn(1, 'restart', {}),
  drawn(2, 'open', {
    kind: fc.constantFrom('socket' as const, 'poll' as const),
    tenant: fc.constantFrom(FIRST_TENANT, OTHER_TENANT),
  }),
  drawn(1, 'crowd', { channel: crowded, count: fc.constantFrom(2, 255, 300, 1100) }),
  drawn(10, 'subscribe', { who, channel, since, isHasty: fc.boolean() }),
  drawn(3, 'unsubscribe', { who, channel }),
  drawn(7, 'stall', { who, messages }),
  drawn(4, 'resume', { who, isTold: fc.boolean() }),
  drawn(4, 'poll', { who, isAnswerLost: fc.boolean() }),
  drawn(2, 'break', { who }),
  drawn(3, 'come back', { who }),
  drawn(1, 'stall all', { messages }),
  drawn(1, 'resume all', {}),
  drawn(6, 'turn', {}),
  drawn(3, 'settle', {}),
  drawn(2, 'rest', {}),
  drawn(2, 'pass', { ms }),
)

const FIRST_CHANNELS = ['a', 'b', 'hall', 'room'] as const

/** A few clients of both kinds that are on some channels already: a history that begins with nothing is mostly idle. */
const beginnings: readonly Step[] = [
  ...(['socket', 'socket', 'socket', 'poll'] as const).map((kind) => ({ do: 'open', kind }) as const),
  ...[0, 1, 2, 3].flatMap((first) =>
    FIRST_CHANNELS.map(
      (one) => ({ do: 'subscribe', who: first, channel: one, since: 'none', isHasty: false }) as const,
    ),
  ),
]

/** Histories of at most so many steps after the beginning. */
export function histories(maxSteps: number): fc.Arbitrary<readonly Step[]> {
  const begin = fc.subarray([...beginnings], { minLength: 0 })
  return fc
    .tuple(begin, fc.array(step, { maxLength: maxSteps, size: 'max' }))
    .map(([some, more]) => [...some, ...more])
}

const rules = [
  { match: 'room', presence: 'list' as const },
  { match: 'slow', flushMs: 20 },
  { match: 'kept', historySize: 60 },
  { match: 'disk', historySize: 60, durable: true },
]

async function take(model: CoreModel, step: Step): Promise<void> {
  switch (step.do) {
    case 'publish':
      for (const one of step.channels) await model.publish(one, step.count)
      for (let turns = 0; turns < step.turns; turns++) await model.turn()
      return
    case 'open':
      return void model.open(step.kind, step.tenant)
    case 'restart':
      return model.restart()
    case 'crowd':
      for (let i = 0; i < step.count; i++) await model.subscribe(model.open('socket'), step.channel, 'none')
      return
    case 'turn':
      return model.turn()
    case 'settle':
      await model.settle()
      return model.checkSettled()
    case 'rest':
      await model.rest()
      return model.checkRested()
    case 'pass':
      return model.pass(step.ms)
    case 'stall all':
      for (const reader of model.readers) model.stall(reader, step.messages)
      return
    case 'resume all':
      for (const reader of model.readers) model.resume(reader, true)
      return
    default:
      return takeReader(model, step)
  }
}

async function takeReader(model: CoreModel, step: Extract<Step, { who: number }>): Promise<void> {
  const reader = model.reader(step.who)
  if (reader === undefined) return
  switch (step.do) {
    case 'subscribe':
      if (step.isHasty) return model.subscribeHastily(reader, step.channel, step.since)
      return model.subscribe(reader, step.channel, step.since)
    case 'publish without echo':
      return model.publishWithoutEcho(reader, step.channel, step.count)
    case 'unsubscribe':
      return model.unsubscribe(reader, step.channel)
    case 'stall':
      return model.stall(reader, step.messages)
    case 'resume':
      return model.resume(reader, step.isTold)
    case 'poll':
      return model.poll(reader, step.isAnswerLost)
    case 'break':
      return model.disconnect(reader)
    case 'come back':
      return model.comeBack(reader)
  }
}

/** Takes the steps, then lets everybody come back and read all there is. */
export async function run(steps: readonly Step[], options: LocalCoreOptions): Promise<void> {
  const model = new CoreModel({ rules, ...options })
  try {
    for (const step of steps) {
      await take(model, step)
      model.checkBalance()
    }
    await model.settle()
    for (const reader of model.readers) model.resume(reader, false)
    for (const reader of model.readers) await model.comeBack(reader)
    await model.rest()
    model.checkRested()
  } finally {
    await model.stop()
  }
}
