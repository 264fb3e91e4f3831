/**
 * The round protocol between a generator and a ceiling, seen from the ceiling.
 *
 * Owns the parser: u32 count, then count times (u32 length, message), big-endian, however a stream cuts them. Pure.
 */
const U32 = 4

/**
 * Calls `take` for every whole round in `bytes`.
 *
 * @param take gets the messages of one round and the four bytes that answer it; views into `bytes`
 * @returns what is left: the beginning of a round that is not all there
 */
export function takeRounds(
  bytes: Buffer,
  take: (messages: readonly Buffer[], answer: Buffer) => void,
): Buffer {
  let at = 0
  for (;;) {
    const end = roundEnd(bytes, at)
    if (end === -1) return bytes.subarray(at)
    take(messagesOf(bytes, at + U32, end), bytes.subarray(at, at + U32))
    at = end
  }
}

function roundEnd(bytes: Buffer, start: number): number {
  if (bytes.length - start < U32) return -1
  let at = start + U32
  for (let left = bytes.readUInt32BE(start); left > 0; left--) {
    if (bytes.length - at < U32) return -1
    at += U32 + bytes.readUInt32BE(at)
    if (at > bytes.length) return -1
  }
  return at
}

function messagesOf(bytes: Buffer, start: number, end: number): Buffer[] {
  const messages: Buffer[] = []
  for (let at = start; at < end; ) {
    const length = bytes.readUInt32BE(at)
    messages.push(bytes.subarray(at + U32, at + U32 + length))
    at += U32 + length
  }
  return messages
}
