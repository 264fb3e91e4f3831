/**
 * Our bytes beside the recorded ones.
 *
 * Owns the comparison: what must differ by its nature (times, keys made by chance) is evened out on both sides, the named
 * deviations are applied to the original, and then everything is equal to the byte. A deviation that changes nothing, or
 * that is not said to belong to a file, fails; what a file never used can be asked for at its end.
 */
import assert from 'node:assert/strict'
import { type DeviationName, deviations, type Part } from './comet-deviations.ts'
import { payloadOf, recorded } from './comet-frames.ts'
import type { Seen } from './comet-line.ts'

/** A moment in the place of each: only how far apart those of one frame are is compared. */
const MOMENT = 1_700_000_000
/** Moments of one frame that are no further apart than this are taken for the same event, seconds. */
const NEAR_SECONDS = 60

/** What a server said: over a socket `body` is '', over plain HTTP there are no frames. */
export interface Said extends Seen {
  readonly body: string
}

export interface Comparison {
  /** `ours` equals `original` but for the deviations, which are applied in the order given. */
  sameAs(original: Said, ours: Seen | Said, names?: readonly DeviationName[]): void
  /** Those said to belong here that were not used. */
  unused(): DeviationName[]
}

/** For one file of tests. */
export function comparisonOf(part: Part): Comparison {
  const used = new Set<DeviationName>()
  return {
    sameAs(original, ours, names = []) {
      let expected = evened(original)
      for (const name of names) {
        assert.ok(deviations[name].parts.includes(part), `"${name}" is not said to belong to "${part}"`)
        const changed = deviations[name].change(expected)
        assert.notDeepEqual(changed, expected, `"${name}" changes nothing here`)
        expected = changed
        used.add(name)
      }
      const came = evened({ body: '', ...ours })
      assert.deepEqual(readable(came), readable(expected))
      assert.deepEqual(came.frames, expected.frames)
    },
    unused: () =>
      (Object.keys(deviations) as DeviationName[]).filter(
        (name) => deviations[name].parts.includes(part) && !used.has(name),
      ),
  }
}

/** Frames that came without anything else, over a connection that stays open. Rows: head, payload. */
export function frames(...rows: readonly (readonly [head: string, payload: string])[]): Said {
  return { head: '', frames: rows.map((row) => recorded(...row)), body: '', end: 'open' }
}

/** Frames, and then the connection is over. */
export function lastFrames(...rows: readonly (readonly [head: string, payload: string])[]): Said {
  return { ...frames(...rows), end: 'dropped' }
}

/** Nothing came. */
export const nothing: Said = { head: '', frames: [], body: '', end: 'open' }

/** Header names mean the same in any case and order (RFC 9110 §5.1): one form for both sides. */
export function evenedHead(head: string): string {
  if (head === '') return ''
  const [first = '', ...lines] = head.split('\r\n')
  const fields = lines.map((line) => {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    return `${name}: ${name === 'date' ? 'now' : line.slice(colon + 1).trim()}`
  })
  return [first, ...fields.toSorted()].join('\r\n')
}

function evened(said: Said): Said {
  return {
    head: evenedHead(said.head),
    frames: said.frames.map(evenedFrame),
    body: evenedText(said.body),
    end: said.end,
  }
}

/** Its head stays as it is: what is evened out is as long as before. */
function evenedFrame(frame: Buffer): Buffer {
  const payload = payloadOf(frame)
  const even = Buffer.from(evenedText(payload.toString('latin1')), 'latin1')
  return Buffer.concat([frame.subarray(0, frame.length - payload.length), even])
}

/** One letter per byte, so that damaged frames survive. */
function evenedText(text: string): string {
  const sent = Number(/"message_send_time":(\d{10})\b/.exec(text)?.[1] ?? 0)
  return text
    .replace(/\b\d{10}\b/g, (moment) => {
      const apart = Number(moment) - sent
      return Math.abs(apart) <= NEAR_SECONDS ? String(MOMENT + apart) : moment
    })
    .replace(/("authorized":\S{0,6},"data":)"[0-9a-f]{32}"/, '$1"00000000000000000000000000000000"')
}

/** For a failure that can be read. */
function readable({ head, frames, body, end }: Said): unknown {
  return {
    head: head.split('\r\n'),
    texts: frames.map((one) => payloadOf(one).toString('latin1')),
    body,
    end,
  }
}
