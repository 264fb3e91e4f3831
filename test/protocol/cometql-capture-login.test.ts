/**
 * CppComet's MySQL protocol, byte for byte: greeting and login.
 *
 * Owns the logins recorded with CppComet 4.09: what a client answered to the greeting is sent to a node, with its proof
 * made for the node's salt, and what comes back is compared with the original's bytes. Connection ids and salts are
 * nobody's choice and left out of it. Each deviation is named where it shows, and said with its reason in
 * test/support/cometql-deviations.ts.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { responseFor } from '../../src/cometql/wire/passwords.ts'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import type { DeviationName } from '../support/cometql-deviations.ts'
import { dialCometql, type Said, saltOf } from '../support/cometql-line.ts'
import { comparisonOf, lastRecorded, recorded } from '../support/cometql-same.ts'
import type { Exchange } from '../support/cometql-stage.ts'
import { hex } from '../support/hex.ts'
import type { TestNode } from '../support/node.ts'

interface RecordedLogin {
  /** Connection id, first and second part of the salt, as recorded */
  readonly chance: readonly [id: string, first: string, second: string]
  /** Before, between and behind the proof */
  readonly head: string
  readonly proof: string
  readonly tail: string
  readonly password: string
  readonly answered: Said
  readonly deviations?: readonly DeviationName[]
  readonly next?: readonly Exchange[]
}

const comparison = comparisonOf('login')

const OK = recorded('07 00 00 02 00 00 00 02 00 00 00')
const FIXED = `0d a2 08 00 00 00 00 01 21 ${'00 '.repeat(23)}`
const FIXED_WITHOUT_DATABASE = `05 a2 08 00 00 00 00 01 21 ${'00 '.repeat(23)}`
const TAIL = "'CometQL_v1' 00 'mysql_native_password' 00"

const logins: Readonly<Record<string, RecordedLogin>> = {
  'number of a tenant with the right password is let in': {
    chance: ['2b 00 00 00', 'bc 72 5f 35 c4 80 56 13', '08 e3 d4 e6 88 e1 07 97 dc 24 45 de'],
    head: `58 00 00 01 ${FIXED} '1' 00 14`,
    proof: '76 95 fe 07 c4 57 d6 bb 61 f3 30 dd 3d 51 25 4c e3 41 49 b2',
    tail: TAIL,
    password: PASSWORD,
    answered: OK,
  },
  'wrong password is refused': {
    chance: ['2c 00 00 00', '43 a8 ad 57 51 26 bb a0', 'a5 3a cc 5b ac 25 88 6a 9d de 7d a5'],
    head: `58 00 00 01 ${FIXED} '1' 00 14`,
    proof: 'de 3b b4 1e 82 06 73 0e 59 dc ab e3 a5 dd 12 ce 3b 07 83 a3',
    tail: TAIL,
    password: 'wrong',
    answered: lastRecorded("1f 00 00 02 ff 10 00 '#HY000Authentication failure'"),
    deviations: ['saysMore'],
  },
  'empty password is refused': {
    chance: ['2c 00 00 00', 'bb 4c 86 45 2f 8d dc 0d', 'a9 1b eb ed c3 92 3e 0e b0 f9 ae 4f'],
    head: `44 00 00 01 ${FIXED} '1' 00 00`,
    proof: '',
    tail: TAIL,
    password: '',
    answered: lastRecorded("30 00 00 02 ff 10 00 '#HY000Authentication failure, authDataLen!=20'"),
    deviations: ['saysMore'],
  },
  'check of a load balancer is let in without a password, and may do nothing': {
    chance: ['2c 00 00 00', '2d 7c aa d1 a1 35 3d 40', '0d b3 de c9 01 66 08 28 eb dd 35 97'],
    head: `45 00 00 01 ${FIXED_WITHOUT_DATABASE} 'haproxy_check' 00 00`,
    proof: '',
    tail: "'mysql_native_password' 00",
    password: '',
    answered: OK,
    next: [
      {
        asked: "0c 00 00 00 03 'SHOW TABLES'",
        answered: ["16 00 00 01 ff 93 01 '#HY000Access denied'"],
      },
    ],
  },
  'root is let in': {
    chance: ['2c 00 00 00', 'f8 1a 7e b6 a4 bc c4 56', 'b0 75 a6 dd e9 4a a9 85 77 e6 c5 85'],
    head: `5b 00 00 01 ${FIXED} 'root' 00 14`,
    proof: '2a 25 ac c1 fb af 62 35 29 ac 66 00 e5 d0 e6 32 4b 45 30 b9',
    tail: TAIL,
    password: PASSWORD,
    answered: OK,
  },
  'unknown database is refused': {
    chance: ['2d 00 00 00', '9b 9d 48 94 fb 50 bc e9', '2f e9 7a 22 fb f8 d8 a1 ae 9e f8 58'],
    head: `52 00 00 01 ${FIXED} '1' 00 14`,
    proof: 'af ad a8 c6 43 3d 5c 46 b7 1f 44 05 d7 56 50 e9 06 e5 ab bb',
    tail: "'nodb' 00 'mysql_native_password' 00",
    password: PASSWORD,
    answered: lastRecorded("20 00 00 02 ff 0f 00 '#HY000Select database failure'"),
    deviations: ['saysMore'],
  },
  'login without a database is let in, and chooses one': {
    chance: ['2c 00 00 00', '0d 98 30 f7 e2 d9 7e 5c', 'b9 3d d9 4f d3 1b e3 d0 6b 9a bb 93'],
    head: `4d 00 00 01 ${FIXED_WITHOUT_DATABASE} '1' 00 14`,
    proof: '82 7c 2e 30 ac 5f aa 5f 70 7f c6 93 c6 3a 1d a6 20 13 24 6e',
    tail: "'mysql_native_password' 00",
    password: PASSWORD,
    answered: OK,
    next: [
      {
        asked: "0c 00 00 00 03 'SHOW TABLES'",
        answered: [
          '01 00 00 01 01',
          "1c 00 00 02 03 'def' 00 00 00 06 'Tables' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
          '05 00 00 03 fe 00 00 02 00',
          "0b 00 00 04 0a 'users_auth'",
          "0b 00 00 05 0a 'users_time'",
          "0f 00 00 06 0e 'users_messages'",
          "0f 00 00 07 0e 'pipes_messages'",
          "0f 00 00 08 0e 'users_in_pipes'",
          "06 00 00 09 05 'pipes'",
          "0f 00 00 0a 0e 'pipes_settings'",
          '05 00 00 0b fe 00 00 02 00',
        ],
        deviations: ['moreTables'],
      },
      {
        asked: "0b 00 00 00 02 'CometQL_v1'",
        answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
        deviations: ['rightStatus'],
      },
      {
        asked: "05 00 00 00 02 'db_2'",
        answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
        deviations: ['rightStatus'],
      },
      {
        asked: "05 00 00 00 02 'nodb'",
        answered: ["20 00 00 01 ff 0f 00 '#HY000Select database failure'"],
        deviations: ['saysMore'],
      },
    ],
  },
}

test('clients are greeted and let in as by CppComet', async (t) => {
  const node = await startCometNode(t)
  for (const [name, login] of Object.entries(logins)) {
    await t.test(name, (inner) => playLogin(inner, node, login))
  }
  await t.test('every deviation said to belong here is shown', () =>
    assert.deepEqual(comparison.unused(), []),
  )
})

test('proofs of the recorded clients are the ones that our arithmetic makes', () => {
  for (const { chance, proof, password } of Object.values(logins)) {
    const [, first, second] = chance
    if (password === 'wrong') continue // it was another wrong one
    const salt = hex(first, second)
    assert.deepEqual(responseFor('mysql_native_password', password, salt), hex(proof))
  }
})

async function playLogin(t: TestContext, node: TestNode, login: RecordedLogin): Promise<void> {
  const line = await dialCometql(t, node.cometqlPort)
  const greeting = { packets: [withoutChance(line.greeting)], end: 'open' } as const
  const original = { packets: [withoutChance(recordedGreeting(login))], end: 'open' } as const
  comparison.sameAs(original, greeting, ['ownVersion', 'onlyWhatWorks', 'utf8'])
  const proof = responseFor('mysql_native_password', login.password, line.salt)
  line.write(Buffer.concat([hex(login.head), proof, hex(login.tail)]))
  const isRefused = login.answered.end === 'dropped'
  comparison.sameAs(login.answered, isRefused ? await line.dropped() : await line.seen(1), login.deviations)
  for (const { asked, answered, deviations } of login.next ?? []) {
    line.write(hex(asked))
    // Who may do nothing may not ask either whether that was all.
    const came = deviations === undefined ? await line.seen(answered.length) : await line.settled()
    comparison.sameAs(recorded(...answered), came, deviations)
  }
}

function recordedGreeting({ chance: [id, first, second] }: RecordedLogin): Buffer {
  return hex(
    "6a 00 00 00 0a 'CppComet community 4.09 (AGPL license)' 00",
    id,
    first,
    '00 ff ff 08 02 00 0f c0 15 00 00 00 00 00 00 00 00 00 00',
    second,
    "00 'mysql_native_password' 00",
  )
}

/** The greeting with zeros in the place of connection id and salt. */
function withoutChance(greeting: Buffer): Buffer {
  const salt = saltOf(greeting)
  const even = Buffer.from(greeting)
  for (const part of [salt.subarray(0, 8), salt.subarray(8)]) {
    const at = greeting.indexOf(part)
    even.fill(0, at, at + part.length)
  }
  const id = greeting.indexOf(0, 5) + 1
  return even.fill(0, id, id + 4)
}
