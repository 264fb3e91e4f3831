/**
 * A file that is not what was written: every damage is refused or told, and none ends the process.
 *
 * Owns one store with rows, short and long messages and free pages, and copies of it that are cut off, zeroed or filled with
 * chance. A process of its own opens each copy, reads all of it and writes; that it ends well after the last one is the
 * point. `STORE_DAMAGE_ROUNDS` sets how many copies are damaged by chance.
 */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Change } from '../../../src/core/store.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { createRandom, seed } from '../../support/seed.ts'
import { startChild } from './support/child.ts'
import { folderFor, recordingLog } from './support/stores.ts'

const ROUNDS = Number(process.env.STORE_DAMAGE_ROUNDS ?? 60)
const PAGE_BYTES = 4_096
const OWNERS = 60
const ROWS = 150

interface Outcome {
  readonly dataDir: string
  readonly refused?: readonly string[]
  readonly threw?: string
  readonly rows?: number
  readonly entries?: number
  readonly warnings?: readonly string[]
  /** Less was read than is in a whole one */
  readonly isLess?: boolean
}

test('store that is cut off anywhere is refused', async (t) => {
  const whole = await wholeStore(t)
  const pages = whole.bytes.length / PAGE_BYTES
  const lengths = [
    0,
    1,
    100,
    PAGE_BYTES,
    2 * PAGE_BYTES - 1,
    2 * PAGE_BYTES,
    3 * PAGE_BYTES,
    (pages >> 1) * PAGE_BYTES,
    whole.bytes.length - 1,
  ]
  const outcomes = await readAll(
    t,
    whole,
    lengths.map((length) => (path) => truncateSync(path, length)),
  )
  // The very last page may be one that nothing is in.
  const [last, ...others] = outcomes.toReversed()
  for (const outcome of others)
    assert.match(outcome.refused?.join() ?? '', /data\.mdb is (empty|cut off|damaged|cut off or damaged): /)
  assert.ok(last !== undefined && (last.refused !== undefined || !last.isLess))
})

test('store whose first pages are zeroed or overwritten is refused', async (t) => {
  const whole = await wholeStore(t)
  const random = createRandom()
  const outcomes = await readAll(
    t,
    whole,
    [0, 1].flatMap((page) =>
      [Buffer.alloc(PAGE_BYTES), random.bytes(PAGE_BYTES)].map(
        (bytes) => (path: string) => overwrite(path, page * PAGE_BYTES, bytes),
      ),
    ),
  )
  for (const outcome of outcomes) assert.match(outcome.refused?.join() ?? '', /data\.mdb (does not begin|is)/)
})

for (const { name, damage } of [
  {
    name: 'a page of chance',
    damage: (random: Random, page: number) => ({ at: page, bytes: random.bytes(PAGE_BYTES) }),
  },
  {
    name: 'a page of zeros',
    damage: (_: Random, page: number) => ({ at: page, bytes: Buffer.alloc(PAGE_BYTES) }),
  },
  {
    name: 'a few bytes of chance',
    damage: (random: Random, page: number) => ({
      // Most of what a page is about stands in its first bytes.
      at: page + random.below(random.pick([30, 200, PAGE_BYTES - 4])),
      bytes: random.bytes(1 + random.below(4)),
    }),
  },
]) {
  test(`store with ${name} somewhere is refused, or tells what it has lost (TEST_SEED=${seed})`, async (t) => {
    const whole = await wholeStore(t)
    const random = createRandom()
    const pages = whole.bytes.length / PAGE_BYTES
    const outcomes = await readAll(
      t,
      whole,
      Array.from({ length: ROUNDS }, () => (path) => {
        const { at, bytes } = damage(random, random.below(pages) * PAGE_BYTES)
        overwrite(path, at, bytes)
      }),
    )
    for (const outcome of outcomes) assertToldOrWhole(outcome)
    const refused = outcomes.filter((outcome) => outcome.refused !== undefined).length
    const told = outcomes.filter(({ warnings }) => (warnings?.length ?? 0) > 0).length
    t.diagnostic(`${refused} refused, ${told} told of losses, of ${ROUNDS}`)
    assert.ok(refused + told > 0)
  })
}

test('store gives what is whole of a log whose one message is damaged', async (t) => {
  const whole = await wholeStore(t)
  const path = join(copyOf(t, whole), 'data.mdb')
  const text = Buffer.from('message 3 of user 7,')
  const at = whole.bytes.indexOf(text)
  assert.ok(at > 0)
  for (let found = at; found !== -1; found = whole.bytes.indexOf(text, found + 1))
    overwrite(path, found, Buffer.from('M'))
  const { log, lines } = recordingLog()
  const store = await openStore({ dataDir: join(path, '..'), log })
  const seqs = [...store.entries('inbox', 1, 'user 7', 0)].map(({ seq }) => seq)
  assert.ok(!seqs.includes(3) && seqs.includes(2) && seqs.includes(4), seqs.join())
  assert.equal(store.entry('inbox', 1, 'user 7', 3), null)
  assert.deepEqual(
    lines.map(({ message, fields }) => [message, fields.damaged]),
    [['A value of the store is damaged', 1]],
  )
  await store.close()
})

type Random = ReturnType<typeof createRandom>

interface Whole {
  readonly bytes: Buffer
  readonly path: string
  readonly rows: number
  readonly entries: number
}

/** A store that has seen some life: every kind of page is in it. */
async function wholeStore(t: TestContext): Promise<Whole> {
  const dataDir = folderFor(t)
  const store = await openStore({ dataDir })
  const owners = Array.from({ length: OWNERS }, (_, n) => `user ${n}`)
  for (let seq = 1; seq <= 6; seq++) {
    const message = (owner: string) =>
      Buffer.from(`message ${seq} of ${owner}, `.repeat(seq === 5 ? 300 : 12))
    await store.write(
      owners.map((owner) => ({
        append: 'inbox',
        tenant: 1,
        owner,
        entry: { seq, timeMs: seq, value: message(owner) },
      })),
    )
  }
  await store.write(owners.map((owner): Change => ({ cut: 'inbox', tenant: 1, owner, from: 0, to: 1 })))
  await store.write(
    Array.from({ length: ROWS }, (_, n) => ({
      put: 'userData',
      tenant: 1,
      key: `user ${n}`,
      value: `data of ${n}`,
    })),
  )
  await store.close()
  const path = join(dataDir, 'data.mdb')
  return { bytes: readFileSync(path), path, rows: ROWS, entries: OWNERS * 5 }
}

function copyOf(t: TestContext, whole: Whole): string {
  const folder = folderFor(t)
  copyFileSync(whole.path, join(folder, 'data.mdb'))
  return folder
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = readFileSync(path)
  bytes.copy(file, at)
  writeFileSync(path, file)
}

/** Damages a copy for each of `damages`, and lets another process read them one after the other. */
async function readAll(
  t: TestContext,
  whole: Whole,
  damages: readonly ((path: string) => void)[],
): Promise<Outcome[]> {
  const parent = folderFor(t)
  const folders = damages.map((damage, index) => {
    const folder = join(parent, `${index}`)
    mkdirSync(folder)
    copyFileSync(whole.path, join(folder, 'data.mdb'))
    damage(join(folder, 'data.mdb'))
    return folder
  })
  const child = startChild(t, ['read', ...folders])
  const end = await child.ended
  const outcomes = child.lines as Outcome[]
  assert.equal(end, 0, `after ${JSON.stringify(outcomes.at(-1))} of ${folders.length}: ${child.stderr}`)
  assert.deepEqual(
    outcomes.map(({ dataDir }) => dataDir),
    folders,
  )
  return outcomes.map((outcome) => ({ ...outcome, isLess: isLess(outcome, whole) }))
}

function isLess({ rows, entries }: Outcome, whole: Whole): boolean {
  return rows !== undefined && entries !== undefined && rows + entries < whole.rows + whole.entries
}

/** A refusal is one line that says what and where; what is missing otherwise was told to the log. */
function assertToldOrWhole(outcome: Outcome): void {
  assert.equal(outcome.threw, undefined)
  if (outcome.refused !== undefined)
    assert.match(outcome.refused.join('\n'), /^"dataDir": cannot use .*: data\.mdb (is|does not)[^\n]*$/)
  else if (outcome.isLess) assert.deepEqual(outcome.warnings, ['A value of the store is damaged'])
}
