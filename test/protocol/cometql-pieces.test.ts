/**
 * The byte stream of a MySQL client means the same however it is cut: MySQL's packets know nothing of segments.
 *
 * Every cut is tried on a conversation without a socket, where a piece arrives exactly as the test gives it; over TCP the
 * extremes are: byte by byte, and everything in one segment.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { command, dialCometql, loginPacket, PING, query } from '../support/cometql-line.ts'
import { noted } from '../support/cometql-packets.ts'
import { cometqlTalk } from '../support/cometql-talk.ts'
import { hex } from '../support/hex.ts'
import { localCore } from '../support/local-core.ts'

/** What follows the login: each answer is the same whenever it is asked for. */
const COMMANDS = Buffer.concat([
  query(`INSERT INTO users_data (id, data) VALUES (7, '{"name":"Änn"}')`),
  query('SELECT * FROM users_data WHERE id IN (7, 8)'),
  command(0x16, Buffer.from('SELECT data, id FROM users_data WHERE id = ?')),
  command(0x17, hex("01 00 00 00 00 01 00 00 00 00 01 fd 00 01 '7'")),
  command(0x18, hex("01 00 00 00 00 00 '7'")),
  command(0x19, hex('01 00 00 00')),
  PING,
])

/** Login 1; INSERT 1; columns of two and a row 6; prepared 1, parameter and columns 5; its rows 6; ping 1. */
const PACKETS = 21

describe('packets in pieces', () => {
  test('are answered as whole ones at every cut', async (t) => {
    const core = localCore(t)
    const whole = await answersTo(core, [])
    assert.equal(whole.length, PACKETS)
    const bytes = loginPacket(Buffer.alloc(20, 1), { password: PASSWORD }).length + COMMANDS.length
    for (let cut = 1; cut < bytes; cut++) {
      assert.deepEqual(await answersTo(core, [cut]), whole, `cut at ${cut}`)
    }
  })

  test('are answered as whole ones in pieces of every length', async (t) => {
    const core = localCore(t)
    const whole = await answersTo(core, [])
    for (const length of [1, 2, 3, 5, 7, 11, 64]) {
      const cuts = Array.from({ length: Math.ceil(2_000 / length) }, (_, n) => (n + 1) * length)
      assert.deepEqual(await answersTo(core, cuts), whole, `pieces of ${length}`)
    }
  })

  test('are answered over TCP byte by byte, and all in one segment', async (t) => {
    const node = await startCometNode(t)
    const whole = await overTcp(t, node.cometqlPort, (bytes, write) => Promise.resolve(write(bytes)))
    const bytewise = await overTcp(t, node.cometqlPort, async (bytes, write) => {
      for (const byte of bytes) {
        write(Buffer.from([byte]))
        await turn()
      }
    })
    assert.equal(whole.length, PACKETS)
    assert.deepEqual(bytewise, whole)
  })
})

/** A new conversation: login and commands as one stream, cut at these offsets. */
async function answersTo(core: ReturnType<typeof localCore>, cuts: readonly number[]): Promise<string[]> {
  const talk = cometqlTalk(core, { password: PASSWORD })
  talk.take()
  const stream = Buffer.concat([loginPacket(talk.salt(), { password: PASSWORD }), COMMANDS])
  let from = 0
  for (const cut of [...cuts.filter((one) => one < stream.length), stream.length]) {
    talk.conversation.receive(Buffer.from(stream.subarray(from, cut)))
    if (cuts.length === 1) await turn()
    from = cut
  }
  return (await talk.said()).map(noted)
}

type Send = (bytes: Buffer, write: (bytes: Buffer) => void) => Promise<void>

async function overTcp(t: TestContext, port: number, send: Send): Promise<string[]> {
  const line = await dialCometql(t, port)
  const stream = Buffer.concat([loginPacket(line.salt, { password: PASSWORD }), COMMANDS])
  await send(stream, (bytes) => line.write(bytes))
  return (await line.settled()).packets.map(noted)
}
