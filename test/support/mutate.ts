/**
 * Bytes that are nearly right, which find more than bytes that are wholly random.
 *
 * Owns `mutate`: a few random changes of the kinds that parsers trip over — flipped bits, lengths at their extremes,
 * pieces cut out, doubled or put elsewhere.
 */
import type { Random } from './seed.ts'

/** Bytes at the edges of types and lengths. */
const EDGES: readonly [number, ...number[]] = [
  0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcf,
  0xd3, 0xd4, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff,
]

/** A changed copy; the bytes given stay as they are. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let changed: Buffer = Buffer.from(bytes)
  for (let left = 1 + random.below(4); left > 0; left--) changed = changeOnce(changed, random)
  return changed
}

function changeOnce(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + random.below(9))
  switch (random.below(6)) {
    case 0: // flip a bit
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      return bytes
    case 1: // an edge in the place of a byte
      if (at < bytes.length) bytes[at] = random.pick(EDGES)
      return bytes
    case 2: // cut out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
    case 3: // double
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)])
    case 4: // put in
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(5)), bytes.subarray(at)])
    default: // end early
      return bytes.subarray(0, at)
  }
}
