/**
 * Tests of src/core/access.ts: every audience against every kind of identity.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AudienceName } from '../../../src/config/rules.ts'
import { accessFailure, type Identity } from '../../../src/core/access.ts'

const identities: Readonly<Record<string, Identity>> = {
  'an anonymous session': { tenant: 1, user: '', grants: [], untilSecond: 0 },
  'a user': { tenant: 1, user: '17', grants: [], untilSecond: 0 },
  'a user whose token lists the channel': {
    tenant: 1,
    user: '17',
    grants: ['other', 'room-*'],
    untilSecond: 0,
  },
  'a token without a user that lists the channel': {
    tenant: 1,
    user: '',
    grants: ['room-1'],
    untilSecond: 0,
  },
  'a user whose token lists other channels': {
    tenant: 1,
    user: '17',
    grants: ['room-2', 'roo'],
    untilSecond: 0,
  },
}

const allowed: Readonly<Record<AudienceName, readonly string[]>> = {
  anyone: Object.keys(identities),
  user: ['a user', 'a user whose token lists the channel', 'a user whose token lists other channels'],
  token: ['a user whose token lists the channel', 'a token without a user that lists the channel'],
  nobody: [],
}

for (const audience of Object.keys(allowed) as AudienceName[]) {
  for (const [who, identity] of Object.entries(identities)) {
    const may = allowed[audience].includes(who)
    test(`audience ${audience} ${may ? 'takes' : 'refuses'} ${who}`, () => {
      const failure = accessFailure(identity, audience, 'room-1', 'subscribe to')
      assert.equal(failure?.failed, may ? undefined : 'ACCESS_DENIED')
    })
  }
}

test('a refusal names what was asked, the channel and the reason, and no one else’s grants', () => {
  const failure = accessFailure(
    { tenant: 1, user: '', grants: ['secret-*'], untilSecond: 0 },
    'token',
    'room-1',
    'publish to',
  )
  assert.equal(
    failure?.message,
    'Cannot publish to "room-1": its rule asks for a token that lists the channel',
  )
})
