/**
 * What every store does, whatever it is made of.
 *
 * Owns one suite for both kinds: random changes against a model, and by hand what a random change rarely hits.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Change,
  logNames,
  MAX_KEY_BYTES,
  type StoredEntry,
  tableNames,
} from '../../../src/core/store.ts'
import { MAX_TENANT } from '../../../src/core/tenants.ts'
import { Model } from './support/model.ts'
import { stores } from './support/stores.ts'

const RUNS = 25

/** Texts whose bytes sort otherwise than their letters, hold zeros, or are as long as may be. */
const TEXTS = [
  'a',
  'a\0',
  'a\0b',
  'a\u00ff',
  'b',
  '~',
  'é',
  '\uffff',
  '😀',
  'z'.repeat(MAX_KEY_BYTES),
  '\0'.repeat(MAX_KEY_BYTES),
]
const TENANTS = [0, 1, 7, MAX_TENANT]

type Plan =
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'append'; readonly change: Extract<Change, { append: unknown }>; readonly step: number }

const place = { tenant: fc.constantFrom(...TENANTS), key: fc.constantFrom(...TEXTS) }
const owner = { tenant: fc.constantFrom(...TENANTS), owner: fc.constantFrom(...TEXTS) }
const plan: fc.Arbitrary<Plan> = fc.oneof(
  fc
    .record({ put: fc.constantFrom(...tableNames), ...place, value: fc.string({ unit: 'grapheme' }) })
    .map((change): Plan => ({ kind: 'change', change })),
  fc
    .record({ remove: fc.constantFrom(...tableNames), ...place })
    .map((change): Plan => ({ kind: 'change', change })),
  fc
    .record({ cut: fc.constantFrom(...logNames), ...owner, from: fc.nat(40), to: fc.nat(60) })
    .map((change): Plan => ({ kind: 'change', change })),
  fc
    .record({
      append: fc.constantFrom(...logNames),
      ...owner,
      step: fc.integer({ min: 1, max: 9 }),
      bytes: fc.nat(6000),
    })
    .map(({ step, bytes, ...rest }): Plan => {
      return { kind: 'append', step, change: { ...rest, entry: entryOf(0, bytes) } }
    }),
)

for (const kind of stores) {
  test(`${kind.name} store tells what a model does after any changes`, async (t) => {
    const walks = fc.array(
      fc.record({
        writes: fc.array(fc.array(plan, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        reopens: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    )
    await fc.assert(
      fc.asyncProperty(walks, async (steps) => {
        const held = await kind.open(t)
        const model = new Model()
        for (const { writes, reopens } of steps) {
          await Promise.all(writes.map((plans) => held.store.write(changesOf(model, plans))))
          model.compare(held.store)
          if (reopens) await held.reopen()
        }
        model.compare(held.store)
        await held.close()
      }),
      { numRuns: RUNS },
    )
  })

  test(`${kind.name} store shows a row as soon as it is written, and what replaces it`, async (t) => {
    const held = await kind.open(t)
    const { store } = held
    const writes = [
      store.write([{ put: 'userData', tenant: 1, key: '7', value: 'first' }]),
      store.write([
        { put: 'userData', tenant: 1, key: '7', value: 'second' },
        { remove: 'lastSeen', tenant: 1, key: '7' },
      ]),
    ]
    assert.equal(store.get('userData', 1, '7'), 'second')
    assert.equal(store.get('userData', 2, '7'), null)
    await Promise.all(writes)
    assert.equal(store.get('userData', 1, '7'), 'second')
    const removal = store.write([{ remove: 'userData', tenant: 1, key: '7' }])
    assert.equal(store.get('userData', 1, '7'), null)
    await removal
    assert.equal(store.get('userData', 1, '7'), null)
    await held.close()
  })

  test(`${kind.name} store refuses what is out of bounds and does nothing of that call`, async (t) => {
    const held = await kind.open(t)
    const { store } = held
    const good: Change = { put: 'userData', tenant: 1, key: '7', value: 'kept?' }
    const bad: Change[] = [
      { put: 'userData', tenant: 1, key: '', value: '' },
      { put: 'userData', tenant: 1, key: 'é'.repeat(301), value: '' },
      { remove: 'userData', tenant: -1, key: 'a' },
      { remove: 'userData', tenant: MAX_TENANT + 2, key: 'a' },
      { append: 'inbox', tenant: 1.5, owner: 'a', entry: entryOf(1, 1) },
      { append: 'inbox', tenant: 1, owner: 'a', entry: entryOf(-1, 1) },
      { cut: 'inbox', tenant: 1, owner: '', from: 0, to: 1 },
    ]
    for (const change of bad) await assert.rejects(store.write([good, change]), RangeError)
    assert.equal(store.get('userData', 1, '7'), null)
    await held.close()
  })

  test(`${kind.name} store cuts entries that were written just before, in the same call and in another`, async (t) => {
    const held = await kind.open(t)
    const { store } = held
    const log = { tenant: 1, owner: '7' }
    await Promise.all([
      store.write([1, 2, 3].map((seq) => ({ append: 'inbox', ...log, entry: entryOf(seq, 10) }) as const)),
      store.write([
        { append: 'inbox', ...log, entry: entryOf(4, 10) },
        { cut: 'inbox', ...log, from: 2, to: 4 },
        { append: 'inbox', ...log, entry: entryOf(5, 10) },
      ]),
    ])
    assert.deepEqual(
      [...store.entries('inbox', 1, '7', 0)].map(({ seq }) => seq),
      [1, 5],
    )
    await store.write([{ cut: 'inbox', ...log, from: 0, to: Number.MAX_SAFE_INTEGER }])
    assert.equal(store.range('inbox', 1, '7'), null)
    assert.deepEqual([...store.owners('inbox', null)], [])
    await held.close()
  })

  test(`${kind.name} store gives messages whose memory is their own`, async (t) => {
    const held = await kind.open(t)
    const { store } = held
    const sizes = [0, 1, 100, 4_000, 40_000, 1_000_000]
    const message = Buffer.alloc(1_000_000, 'm')
    const written = store.write(
      sizes.map((size, seq) => ({
        append: 'history',
        tenant: 1,
        owner: 'c',
        entry: { seq, timeMs: seq + 0.5, value: message.subarray(0, size) },
      })),
    )
    // What was handed over may be used again at once.
    message.fill('x')
    await written
    const read = sizes.map((_, seq) => store.entry('history', 1, 'c', seq))
    const walked = [...store.entries('history', 1, 'c', 0)]
    await store.write([{ cut: 'history', tenant: 1, owner: 'c', from: 0, to: 9 }])
    for (let round = 0; round < 20; round++)
      await store.write([{ append: 'history', tenant: 1, owner: 'd', entry: entryOf(round, 100_000) }])
    for (const entries of [read, walked])
      assert.deepEqual(
        entries.map((entry) => [entry?.timeMs, entry?.value.equals(Buffer.alloc(entry.value.length, 'm'))]),
        sizes.map((_, seq) => [seq + 0.5, true]),
      )
    assert.deepEqual(
      walked.map(({ value }) => value.length),
      sizes,
    )
    await held.close()
  })

  test(`${kind.name} store walks more entries and owners than it reads at once, while others write`, async (t) => {
    const held = await kind.open(t)
    const { store } = held
    const owners = Array.from({ length: 300 }, (_, n) => `user ${String(n).padStart(4, '0')}`)
    await store.write(
      owners.map((name) => ({ append: 'inbox', tenant: 1, owner: name, entry: entryOf(1, 10) })),
    )
    await store.write(
      owners.map((_, n) => ({ append: 'history', tenant: 1, owner: 'c', entry: entryOf(n + 1, 10) })),
    )
    const seen: number[] = []
    for (const { seq } of store.entries('history', 1, 'c', 0)) {
      seen.push(seq)
      if (seq === 150) await store.write([{ cut: 'history', tenant: 1, owner: 'c', from: 290, to: 300 }])
    }
    assert.deepEqual(
      seen.slice(0, 289),
      owners.slice(0, 289).map((_, n) => n + 1),
    )
    assert.deepEqual(
      [...store.owners('inbox', null)].map(({ owner: name }) => name),
      owners,
    )
    assert.deepEqual([...store.owners('inbox', { tenant: 1, owner: 'user 0297' })].length, 2)
    await held.close()
  })
}

/** Changes that follow the rule that a log rises; the model has them after it. */
function changesOf(model: Model, plans: readonly Plan[]): Change[] {
  return plans.map((planned) => {
    const change = planned.kind === 'append' ? raised(model, planned) : planned.change
    model.apply([change])
    return change
  })
}

function raised(model: Model, { change, step }: Extract<Plan, { kind: 'append' }>): Change {
  const seq = model.last(change.append, change.tenant, change.owner) + step
  return { ...change, entry: { ...change.entry, seq } }
}

function entryOf(seq: number, bytes: number): StoredEntry {
  return { seq, timeMs: 1_700_000_000_000 + seq, value: Buffer.alloc(bytes, `${seq} `) }
}
