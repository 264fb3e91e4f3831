/**
 * Tokens that are forged, broken or out of date.
 *
 * Owns what a client can show instead of a good token, on a node that takes HS256 and RS256. Each is refused by name
 * and counted, opens nothing, and a witness on the same node notices nothing. Must not print a secret.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startNode, type TestNode } from '../support/node.ts'
import { keyPair, type Signer, secondsFromNow, signToken } from '../support/tokens.ts'
import { openSocket } from '../support/wire.ts'
import { startWitness } from '../support/witness.ts'

const ERRORS = 'encke_command_errors_total'

test('bad tokens', async (t) => {
  const secret = 'a secret of more than sixteen bytes'
  const folder = await mkdtemp(join(tmpdir(), 'encke-key-'))
  t.after(() => rm(folder, { recursive: true }))
  const own = keyPair('RS256')
  const file = join(folder, 'key.pem')
  writeFileSync(file, own.publicPem)
  const node = await startNode(t, ['--token-secret', secret, '--token-public-key-file', file])
  const hs256: Signer = { alg: 'HS256', secret }
  const claims = { sub: '17', exp: secondsFromNow(600) } // longer than the witness lives
  const good = signToken(hs256, claims)
  const witness = await startWitness(t, node, { token: good })
  const [head = '', body = '', signature = ''] = good.split('.')
  const otherBody = Buffer.from('{"sub":"1"}').toString('base64url')

  const forged: Readonly<Record<string, string>> = {
    'without a signature, alg none': signToken({ alg: 'none' }, claims),
    'signed with another secret': signToken({ alg: 'HS256', secret: `${secret}!` }, claims),
    'signed with an empty secret': signToken({ alg: 'HS256', secret: '' }, claims),
    'signed with HS256 and the public key as secret': signToken(
      { alg: 'HS256', secret: own.publicPem },
      claims,
    ),
    'signed with another RSA key': signToken(keyPair('RS256').signer, claims),
    'signed with an algorithm that is not configured': signToken(keyPair('ES256').signer, claims),
    'with a body from elsewhere': `${head}.${otherBody}.${signature}`,
    'with its signature cut off': `${head}.${body}.`,
    'of two parts': `${head}.${body}`,
    'of no part': 'token',
    'of dots': '..',
    'of 10,000 letters': 'x'.repeat(10_000),
    'for a user that is a list': signToken(hs256, { ...claims, sub: ['17'] }),
    'for a user with a control character': signToken(hs256, { ...claims, sub: 'a\u0000b' }),
    'for a user of 200 bytes': signToken(hs256, { ...claims, sub: 'x'.repeat(200) }),
    'with grants that are no list': signToken(hs256, { ...claims, channels: '*' }),
    'with an expiry that is text': signToken(hs256, { sub: '17', exp: 'tomorrow' }),
  }
  for (const [what, token] of Object.entries(forged)) {
    await t.test(`a token ${what} is not trusted`, async (t) => {
      const error = await witness.sees(ERRORS, 'TOKEN_INVALID', () => refusedToken(t, node, token))
      assert.equal(error.name, 'TOKEN_INVALID')
      assert.ok(!error.message.includes(secret) && error.message.length < 300, error.message)
    })
  }

  const late: Readonly<Record<string, string>> = {
    'that has expired': signToken(hs256, { sub: '17', exp: secondsFromNow(-60) }),
    'that has expired, signed with RS256': signToken(own.signer, { sub: '17', exp: secondsFromNow(-60) }),
    'that is not valid yet': signToken(hs256, { sub: '17', nbf: secondsFromNow(600) }),
  }
  for (const [what, token] of Object.entries(late)) {
    await t.test(`a token ${what} is refused as such`, async (t) => {
      const error = await witness.sees(ERRORS, 'TOKEN_EXPIRED', () => refusedToken(t, node, token))
      assert.equal(error.name, 'TOKEN_EXPIRED')
    })
  }
})

async function refusedToken(t: TestContext, node: TestNode, token: string) {
  const client = await openSocket(node.wsUrl)
  t.after(() => client.close())
  const error = await client.refused({ connect: { token } })
  assert.equal((await client.refused({ subscribe: { channel: 'a' } })).name, 'NOT_CONNECTED')
  return error
}
