/**
 * What a token gives to who shows it: a user, and channels that a rule leaves to tokens.
 *
 * Owns tokens signed with a private key, whose public half the node reads from a file, and grants against channel rules,
 * each on a real node. Tokens that are no good: bad-input-tokens.test.ts.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startNode } from '../support/node.ts'
import { keyPair, type Signer, secondsFromNow, signToken } from '../support/tokens.ts'
import { openClient, openSocket } from '../support/wire.ts'

const SECRET = 'a secret of more than sixteen bytes'
const hs256: Signer = { alg: 'HS256', secret: SECRET }

const tokenOf = (user: string, more: object = {}) =>
  signToken(hs256, { sub: user, exp: secondsFromNow(60), ...more })

for (const alg of ['RS256', 'ES256'] as const) {
  test(`a token signed with ${alg} tells the user`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'encke-key-'))
    t.after(() => rm(folder, { recursive: true }))
    const { signer, publicPem } = keyPair(alg)
    const file = join(folder, 'key.pem')
    writeFileSync(file, publicPem)
    const node = await startNode(t, ['--token-public-key-file', file])
    const client = await openSocket(node.wsUrl)
    t.after(() => client.close())
    const token = signToken(signer, { sub: '17', exp: secondsFromNow(60) })
    assert.equal((await client.ok({ connect: { token } })).user, '17')
  })
}

test('rules decide who may publish and subscribe, by grants of the token', async (t) => {
  const rules = [
    { match: 'team_*', subscribe: 'token', publish: 'token' },
    { match: 'secret', subscribe: 'nobody' },
  ]
  const flags = ['--token-secret', SECRET, '--anonymous', '--channels', JSON.stringify(rules)]
  const node = await startNode(t, flags)
  const open = async (token = '') => {
    const client = await openClient(node.wsUrl, { token })
    t.after(() => client.close())
    return client
  }
  const member = await open(tokenOf('1', { channels: ['team_red', 'team_b*'] }))
  const stranger = await open(tokenOf('2'))
  const nobody = await open()
  for (const channel of ['team_red', 'team_blue']) {
    await member.ok({ subscribe: { channel } })
    await member.ok({ publish: { channel, data: 1 } })
  }
  for (const [client, channel] of [
    [member, 'team_green'],
    [stranger, 'team_red'],
    [nobody, 'team_red'],
    [member, 'secret'],
  ] as const) {
    assert.equal((await client.refused({ subscribe: { channel } })).name, 'ACCESS_DENIED')
    assert.equal((await client.refused({ publish: { channel, data: 1 } })).name, 'ACCESS_DENIED')
  }
})
