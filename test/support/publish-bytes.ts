/**
 * Requests of the publish port as bytes, and short ways to read its answers, for the protocol tests.
 *
 * Owns frames written from the protocol's description, with no encoder of ours, and a conversation that has been
 * welcomed.
 */
import assert from 'node:assert/strict'
import { codes } from '../../src/codes.ts'
import { type Talk, type TalkOptions, talk } from './conversation-of-bytes.ts'
import { hex } from './hex.ts'

/** A frame of the bytes that `text` writes down, with its length in front. */
export const frame = (text: string) => {
  const body = hex(text)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** A sequence number as uint 16. */
const seqBytes = (seq: number) => `cd ${seq.toString(16).padStart(4, '0')}`

/** Acks for each frame, no key. */
export const HELLO = frame("93 01 00 81 a7 'version' 01")
export const HELLO_CUMULATIVE = frame("93 01 00 82 a7 'version' 01 a4 'acks' aa 'cumulative'")
/** Acks for each frame, with a key of at most 255 bytes. */
export const hello = (key: string) =>
  frame(`93 01 00 82 a7 'version' 01 a3 'key' d9 ${Buffer.from([key.length]).toString('hex')} '${key}'`)

/** Publishes the number 5 to the channel of one letter. */
export const publish = (seq: number, channel = 'c') => frame(`94 02 ${seqBytes(seq)} a1 '${channel}' 05`)

/** Number and name of a code, as an error answer holds them. */
export const errorFace = (name: keyof typeof codes) => [codes[name].reply, name]

/** An error answer without its text: [op, seq, code, name, details?] */
export const withoutText = (answer: readonly unknown[] | undefined) => answer?.filter((_, i) => i !== 4)

/** A conversation behind its hello. */
export async function welcome(
  t: Parameters<typeof talk>[0],
  options: TalkOptions = {},
  first = HELLO,
): Promise<Talk> {
  const one = talk(t, options)
  await one.say(first)
  assert.equal(one.conversation.isWelcome, true)
  return one
}

/** The answers after the welcome. */
export const answersOf = (one: Talk) => one.answers().slice(1)
