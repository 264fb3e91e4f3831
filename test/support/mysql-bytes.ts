/**
 * Packets of the MySQL protocol as bytes, for the tests of its codec.
 *
 * Owns `packet`, which frames a payload with no writer of ours, `written`, what a writer made, and a login as MySQL's
 * documentation draws it, each part of which a test may replace.
 */
import { PacketWriter } from '../../src/cometql/wire/packet-writer.ts'
import { hex } from './hex.ts'

/** One packet below 0xffffff bytes: length, sequence number, payload. */
export function packet(sequence: number, payload: Buffer | string): Buffer {
  const body = typeof payload === 'string' ? hex(payload) : payload
  const header = Buffer.from([body.length & 0xff, (body.length >> 8) & 0xff, body.length >> 16, sequence])
  return Buffer.concat([header, body])
}

/** All packets that `write` made, the first one with this sequence number. */
export function written(write: (writer: PacketWriter) => void, sequence = 1): Buffer {
  const writer = new PacketWriter()
  writer.sequence = sequence
  write(writer)
  return writer.take()
}

/** Parts of a login behind its fixed 32 bytes, in hex; and the capabilities it claims. */
export interface LoginParts {
  readonly capabilities: string
  readonly user?: string
  readonly response?: string
  readonly tail?: string
}

/** A login's payload: capabilities, 16 MB, utf8, 23 zeros, user, response, and what follows. */
export function login(parts: LoginParts): Buffer {
  const { capabilities, user = "'root' 00", response = '00', tail = '' } = parts
  return hex(capabilities, '00000001 21', '00'.repeat(23), user, response, tail)
}
