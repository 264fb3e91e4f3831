/**
 * POST /api/users/key/remove: takes a user's key away, and ends the sessions of the user.
 *
 * Owns the operation and its documentation. A user without a key is no error.
 */
import { bodyShape } from '../body-shape.ts'
import { userField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const removeUserKey = postRoute({
  path: '/api/users/key/remove',
  name: 'removeUserKey',
  summary: "Take a user's key away and end the user's sessions",
  description:
    'Sessions are told LOGIN_REVOKED; their clients come back and are anonymous. A user without a key is no error.',
  body: bodyShape({ user: userField }),
  examples: { user: { user: '17' } },
  ok: { description: 'The key is gone', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ users, tenant }, { user }) {
    await users.removeKey(tenant, user)
    return { json: {} }
  },
})
