/**
 * Our packets beside the recorded ones.
 *
 * Owns the comparison: moments are evened out on both sides, as are the ids of messages where they are said to be ours, the
 * named deviations are applied to the original, and then everything is equal to the byte, sequence numbers included. A
 * deviation that changes nothing, or that is not said to belong to a file, fails; what a file never used can be asked for.
 */
import assert from 'node:assert/strict'
import { type DeviationName, deviations, type Part } from './cometql-deviations.ts'
import type { Said } from './cometql-line.ts'
import { cellsOf, changeRows, noted, payloadOf } from './cometql-packets.ts'
import { hex } from './hex.ts'
import { packet } from './mysql-bytes.ts'

/** A moment in the place of each. */
const MOMENT = '1700000000'

export interface Comparison {
  /** `ours` equals `original` but for the deviations, which are applied in the order given. */
  sameAs(original: Said, ours: Said, names?: readonly DeviationName[]): void
  /** Those said to belong here that were not used. */
  unused(): DeviationName[]
}

/** For one file of tests. */
export function comparisonOf(part: Part): Comparison {
  const used = new Set<DeviationName>()
  return {
    sameAs(original, ours, names = []) {
      const came = evened(ours)
      let expected = evened(original)
      for (const name of names) {
        assert.ok(deviations[name].parts.includes(part), `"${name}" is not said to belong to "${part}"`)
        const changed = deviations[name].change(expected, came)
        assert.notDeepEqual(changed, expected, `"${name}" changes nothing here`)
        expected = changed
        used.add(name)
      }
      assert.deepEqual(readable(came), readable(expected))
      assert.deepEqual(came, expected)
    },
    unused: () =>
      (Object.keys(deviations) as DeviationName[]).filter(
        (name) => deviations[name].parts.includes(part) && !used.has(name),
      ),
  }
}

/**
 * Packets as they were recorded, each with its header; the connection stays open.
 *
 * @throws {assert.AssertionError} when a header is not that of its payload: one of the two was copied wrongly
 */
export function recorded(...packets: readonly string[]): Said {
  const bytes = packets.map((one) => hex(one))
  for (const [at, one] of bytes.entries()) {
    assert.deepEqual(one, packet(one[3] ?? 0, payloadOf(one)), `the header of ${packets[at]}`)
  }
  return { packets: bytes, end: 'open' }
}

/** Packets, and then the connection is over. */
export function lastRecorded(...packets: readonly string[]): Said {
  return { ...recorded(...packets), end: 'dropped' }
}

function evened(said: Said): Said {
  return changeRows(said, (row) =>
    cellsOf(row).map((cell) =>
      /^1\d{9}$/.test(cell) ? MOMENT : cell.replace(/^[\w.]{1,64}-\d+(-web_log)?$/, 'ID'),
    ),
  )
}

/** For a failure that can be read. */
function readable({ packets, end }: Said): unknown {
  return { packets: packets.map(noted), end }
}
