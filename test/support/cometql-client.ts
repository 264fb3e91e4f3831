/**
 * A MySQL client that is logged in to a conversation without a socket.
 *
 * Owns the short ways to ask it something and to read what it answers, and the packets of prepared statements whose values
 * are texts. Each has a core of its own, where pipes `log_*` keep 100 messages.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { command, query } from './cometql-line.ts'
import { noted, refusalOf, rowsOf } from './cometql-packets.ts'
import { cometqlTalk, type Talk, type TalkOptions } from './cometql-talk.ts'
import { hex } from './hex.ts'
import { type LocalCore, localCore } from './local-core.ts'

/** Pipes that keep what was said on them. */
const LOG = { match: 'log_*', historySize: 100 }

export interface Client extends Talk {
  readonly core: LocalCore
  /** The packets of the answer to a query. */
  run(text: string): Promise<Buffer[]>
  rows(text: string): Promise<string[][]>
}

/** A client that is logged in, over a core of its own. */
export async function inside(
  t: TestContext,
  options: TalkOptions = {},
  login: { readonly user?: string; readonly database?: string; readonly capabilities?: string } = {},
): Promise<Client> {
  const core = localCore(t, { rules: [LOG] })
  const talk = cometqlTalk(core, options)
  await talk.login(login)
  const run = (text: string) => talk.ask(query(text))
  return Object.assign(talk, { core, run, rows: async (text: string) => rowsOf(await run(text)) })
}

/** The one packet of an answer, or what it refuses: `3: Syntax error…`. */
export function textOf(packets: readonly Buffer[]): string {
  assert.equal(packets.length, 1, `${packets.length} packets`)
  const refusal = refusalOf(packets[0])
  return refusal === null ? noted(packets[0] ?? hex('00')) : `${refusal.code}: ${refusal.text}`
}

/** Prepares a statement, which gets this number. */
export function prepare(text: string): Buffer {
  return command(0x16, Buffer.from(text))
}

/** Executes it with texts. */
export function execute(id: number, ...values: readonly string[]): Buffer {
  const head = hex(`${id.toString(16).padStart(2, '0')} 00 00 00`, '00', '01 00 00 00')
  if (values.length === 0) return command(0x17, head)
  const nulls = Buffer.alloc((values.length + 7) >> 3)
  const types = Buffer.concat(values.map(() => hex('fd 00')))
  const texts = values.map((text) =>
    Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]),
  )
  return command(0x17, Buffer.concat([head, nulls, hex('01'), types, ...texts]))
}
