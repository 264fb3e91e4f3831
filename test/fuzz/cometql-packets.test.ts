/**
 * Nearly right packets and conversations for the MySQL port, against a real broker without sockets.
 *
 * Whatever comes, nothing is thrown, every packet is answered or ends the conversation, a client that leaves is let go, and
 * a statement that was refused has changed nothing: neither what is in the store nor what the broker published or keeps.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createTables } from '../../src/cometql/tables/all-tables.ts'
import { eachCase } from '../support/cases.ts'
import { loginPacket } from '../support/cometql-line.ts'
import { isEof, isOk, noted } from '../support/cometql-packets.ts'
import { cometqlTalk, type Talk } from '../support/cometql-talk.ts'
import { hex } from '../support/hex.ts'
import { localCore } from '../support/local-core.ts'
import { mutate } from '../support/mutate.ts'
import { packet } from '../support/mysql-bytes.ts'
import { recordingStore } from '../support/recording-store.ts'
import type { Random } from '../support/seed.ts'

const PACKETS = 30_000
const CONVERSATIONS = 10_000
/** Turns of the loop in which anything that is not held up ends. */
const MOST_TURNS = 300
/** Enough for an answer that has begun: nothing here is slow. */
const QUIET_TURNS = 1
/** Of the codes of these commands the protocol wants no answer. */
const UNANSWERED: ReadonlySet<number> = new Set([0x18, 0x19])
const LOG = { match: 'log_*', historySize: 20 }

const queries = [
  "INSERT INTO users_auth (id, hash) VALUES (7, 'seven'), (8, 'eight')",
  `INSERT INTO users_data (id, data) VALUES (7, '{"name":"Ann"}')`,
  "INSERT INTO users_messages (id, event, message) VALUES ('8', 'e', 'it''s')",
  `INSERT INTO pipes_messages (name, event, message)VALUES("log_a", 'e', '{\\"a\\":1}');'`,
  "INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)",
  "INSERT INTO revoked_tokens (token) VALUES ('a.b.c')",
  "UPDATE users_auth SET hash = 'new' WHERE id IN (7, 8)",
  "UPDATE pipes_settings SET length = 3 WHERE name = 'web_log'",
  'DELETE FROM users_auth WHERE id = 7',
  'DELETE FROM users_messages WHERE id = 8',
  "DELETE FROM pipes_messages WHERE name = 'log_a' AND message LIKE '%1%'",
  'SELECT * FROM users_auth WHERE id IN (7, 8) OR NOT hash = "x" ORDER BY id DESC LIMIT 1, 5',
  "SELECT DISTINCT event, COUNT(*) FROM pipes_messages WHERE name = 'log_a'",
  'SELECT * FROM channels WHERE name BETWEEN "a" AND "z"',
  'SELECT @@version_comment, NOW(), CONCAT("a", IFNULL(NULL, 1)) LIMIT 1',
  'SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
  'SHOW FULL COLUMNS FROM `pipes`',
  'SHOW VARIABLES LIKE "max%"',
  'SET NAMES utf8mb4; SELECT 1; SELECT 2',
  'cometqlcluster_v1 set dev_id=2; SELECT * FROM users_auth',
  'USE db_1',
  'BEGIN',
  'SELECT ?',
].map((text) => Buffer.concat([hex('03'), Buffer.from(text)]))

const prepared = [
  'SELECT id, hash FROM users_auth WHERE id = ? AND hash <> ?',
  "INSERT INTO pipes_messages (name, event, message) VALUES ('log_a', ?, ?)",
  'INSERT INTO users_data (id, data) VALUES (?, ?)',
].map((text) => Buffer.concat([hex('16'), Buffer.from(text)]))

const others = [
  "17 01 00 00 00 00 01 00 00 00 00 01 03 00 fd 00 07 00 00 00 01 'x'",
  "17 02 00 00 00 00 01 00 00 00 00 01 fd 00 fc 00 01 'e' 05 'texts'",
  '17 03 00 00 00 00 01 00 00 00 02 01 08 80 06 00 09 00 00 00 00 00 00 00',
  '17 01 00 00 00 00 01 00 00 00 00 01 0c 00 0b 00 07 e8 07 02 1d 0c 00 00 0c 80 01 00 00 00 00 00 00 00 00 00 00',
  "18 02 00 00 00 01 00 'piece'",
  '19 01 00 00 00',
  '1a 02 00 00 00',
  '1b 00 00',
  '1b 01 00',
  '1c 01 00 00 00 01 00 00 00',
  "02 'db_2'",
  "04 'users_auth' 00 '%'",
  "11 '1' 00 00 'CometQL_v1' 00 21 00 'mysql_native_password' 00",
  "11 '2' 00 14 0102030405060708090a0b0c0d0e0f1011121314 00 2d 00 'caching_sha2_password' 00 06 02 'os' 02 'x1'",
  '09',
  '0a',
  '0e',
  '1f',
  '05',
].map((payload) => hex(payload))

const payloads = [...queries, ...prepared, ...others]

test('mutated packets are answered or end the conversation, and refused ones change nothing', async (t) => {
  const world = createWorld(t)
  let talk = await inside(world)
  const seen = { refused: 0, done: 0, ended: 0 }
  await eachCase(PACKETS, async (random) => {
    if (talk.line.hasEnded) talk = await inside(world)
    const payload = payloads[random.below(payloads.length)] ?? hex('0e')
    const changed = random.below(8) === 0 ? payload : mutate(payload, random)
    const before = world.fingerprint()
    const bytes = packet(random.below(256), changed)
    talk.conversation.receive(bytes)
    const answer = await answered(talk, changed[0] ?? 0)
    const isDone = answer.some((one) => isOk(one) || isEof(one))
    if (talk.line.hasEnded) seen.ended++
    else if (isDone) seen.done++
    else seen.refused++
    if (!isDone) assert.deepEqual(world.fingerprint(), before, `changed by ${noted(changed)}`)
  })
  for (const [name, count] of Object.entries(seen)) {
    assert.ok(count > PACKETS / 100, `only ${count} were ${name}: ${JSON.stringify(seen)}`)
  }
})

test('mutated conversations end when their client leaves, whatever they were', async (t) => {
  const world = createWorld(t)
  let loggedIn = 0
  await eachCase(CONVERSATIONS, async (random) => {
    const talk = world.greeted(random.below(2) === 0)
    talk.take()
    const stream = streamOf(talk, random)
    const cut = random.below(stream.length + 1)
    talk.conversation.receive(stream.subarray(0, cut))
    if (random.below(2) === 0) await turn()
    talk.conversation.receive(stream.subarray(cut))
    if (talk.conversation.isLoggedIn) loggedIn++
    const way = random.below(3)
    if (way === 0) talk.conversation.fail('DRAINING', 'The node is shutting down')
    talk.conversation.finishReading()
    await within(() => talk.line.hasEnded, 'the end')
    if (way === 1) talk.conversation.closed()
    checkPackets(talk)
  })
  assert.ok(loggedIn > CONVERSATIONS / 10, `only ${loggedIn} came in: they test nothing`)
})

interface World {
  /** A client that was greeted */
  greeted(hasTls?: boolean): Talk
  /** Of everything that a statement may change. */
  fingerprint(): readonly number[]
}

function createWorld(t: Parameters<typeof localCore>[0]): World {
  const store = recordingStore()
  let published = 0
  const observer = {
    published(_source: string, count: number) {
      published += count
    },
  }
  const core = localCore(t, {
    store,
    observer,
    rules: [LOG],
    inboxSize: 10,
    inboxBytes: 10_000,
    inboxTtlMs: 60_000,
  })
  const tables = createTables({ metrics: () => [] })
  return {
    greeted: (hasTls = false) => cometqlTalk(core, { tables, hasTls }),
    fingerprint: () => [store.writes.length, published, core.broker.historyBytes()],
  }
}

/** A client that is in, some of whom may send several statements at once, with statements prepared. */
async function inside(world: World): Promise<Talk> {
  const talk = world.greeted()
  await talk.login()
  for (const payload of prepared) await talk.ask(packet(0, payload))
  return talk
}

/** Login and commands, changed here and there, headers included. */
function streamOf(talk: Talk, random: Random): Buffer {
  const login = loginPacket(talk.salt(), {
    plugin: random.pick(['mysql_native_password', 'caching_sha2_password']),
  })
  const commands = Array.from({ length: random.below(6) }, () =>
    packet(0, payloads[random.below(payloads.length)] ?? hex('0e')),
  )
  const later = Buffer.concat(commands)
  switch (random.below(4)) {
    case 0:
      return mutate(Buffer.concat([login, later]), random)
    case 1:
      return Buffer.concat([mutate(login, random), later])
    default:
      return Buffer.concat([login, mutate(later, random)])
  }
}

/** The answer to a command; where there is none, what is said within a few turns. */
async function answered(talk: Talk, code: number): Promise<readonly Buffer[]> {
  const packets = await talk.said(QUIET_TURNS)
  if (packets.length > 0 || talk.line.hasEnded || UNANSWERED.has(code)) return packets
  await within(() => {
    packets.push(...talk.take())
    return packets.length > 0 || talk.line.hasEnded
  }, 'an answer')
  return [...packets, ...(await talk.said(QUIET_TURNS))]
}

async function within(isTrue: () => boolean, what: string): Promise<void> {
  for (let left = MOST_TURNS; left > 0; left--) {
    if (isTrue()) return
    await turn()
  }
  assert.fail(`Waited ${MOST_TURNS} turns for ${what}`)
}

/** What was said is whole packets. */
function checkPackets({ line: { writes } }: Talk): void {
  let at = 0
  const all = Buffer.concat(writes)
  while (at < all.length) at += 4 + all.readUIntLE(at, 3)
  assert.equal(at, all.length, 'the last packet is not whole')
}
