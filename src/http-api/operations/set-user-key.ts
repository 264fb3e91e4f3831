/**
 * POST /api/users/key: the key a user logs in with.
 *
 * Owns the operation and its documentation. A new key replaces the one before; sessions that are open stay.
 */
import { bodyShape } from '../body-shape.ts'
import { userField, userKeyField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const setUserKey = postRoute({
  path: '/api/users/key',
  name: 'setUserKey',
  summary: 'Set the key a user logs in with',
  description: 'Replaces the key before, if there was one. Sessions that are open stay.',
  body: bodyShape({ user: userField, key: userKeyField }),
  examples: { key: { user: '17', key: '9e107d9d372bb6826bd81d3542a419d6' } },
  ok: { description: 'The key is stored', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ users, tenant }, { user, key }) {
    await users.setKey(tenant, user, key)
    return { json: {} }
  },
})
