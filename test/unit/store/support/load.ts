/**
 * Writes without end, of a kind from which a reader can tell what is whole.
 *
 * Owns the load and the check. Each write is one number, n: it appends entry n to the log of its lane, with a message that holds
 * n, puts n into the lane's row, and cuts entry n − KEPT. So after any crash a lane's log is a run without holes that ends with
 * the number in its row, and that number is at least the last one that was acknowledged.
 *
 * Bound: `LANES` writes at a time, `KEPT` entries a lane.
 */
import assert from 'node:assert/strict'
import type { Change, Store } from '../../../../src/core/store.ts'
import { openStore } from '../../../../src/store/open-store.ts'

export const LANES = 8
const KEPT = 50

/** Opens the store, says so, and writes until the process is killed: `{opened}`, then `[lane, n]` for each acknowledged write. */
export async function runLoad(dataDir: string, tell: (value: unknown) => void): Promise<void> {
  const store = await openStore({ dataDir })
  tell({ opened: true })
  await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(store, lane, tell)))
}

async function runLane(store: Store, lane: number, tell: (value: unknown) => void): Promise<never> {
  for (let n = Number(store.get('channels', lane, 'lane') ?? '0') + 1; ; n++) {
    await store.write(changesOf(lane, n))
    tell([lane, n])
  }
}

function changesOf(lane: number, n: number): Change[] {
  return [
    {
      append: 'history',
      tenant: lane,
      owner: 'lane',
      entry: { seq: n, timeMs: n, value: messageOf(lane, n) },
    },
    { put: 'channels', tenant: lane, key: 'lane', value: `${n}` },
    { cut: 'history', tenant: lane, owner: 'lane', from: 0, to: n - KEPT },
  ]
}

/** Short and long ones, some on pages of their own. */
function messageOf(lane: number, n: number): Buffer {
  return Buffer.alloc(20 + ((n * 131 + lane * 17) % 7) ** 5, `${lane}/${n} `)
}

/**
 * Asserts that a store holds all that was acknowledged, and nothing by halves.
 *
 * @param acknowledged by lane, the last number; 0 = none
 * @returns by lane, the last number that is there
 */
export function checkLoad(store: Store, acknowledged: readonly number[]): number[] {
  return acknowledged.map((least, lane) => {
    const last = Number(store.get('channels', lane, 'lane') ?? '0')
    assert.ok(last >= least, `lane ${lane} ends with ${last}, but ${least} was acknowledged`)
    const entries = [...store.entries('history', lane, 'lane', 0)]
    const expected = Array.from(
      { length: Math.min(last, KEPT) },
      (_, index) => last - Math.min(last, KEPT) + 1 + index,
    )
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      expected,
    )
    for (const { seq, timeMs, value } of entries)
      assert.ok(
        timeMs === seq && value.equals(messageOf(lane, seq)),
        `lane ${lane} has another message ${seq}`,
      )
    return last
  })
}
