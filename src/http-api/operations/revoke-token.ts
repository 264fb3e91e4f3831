/**
 * POST /api/tokens/revoke: a token is no good any more.
 *
 * Owns the operation and its documentation. Any text may be revoked: whether it is a token that would let anybody in is
 * not told.
 */
import { bodyShape } from '../body-shape.ts'
import { tokenField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const revokeToken = postRoute({
  path: '/api/tokens/revoke',
  name: 'revokeToken',
  summary: 'Refuse a token from now on',
  description:
    'Where the token lets a user log in, the key of that user is taken away and the sessions of that user end, as with `/api/users/key/remove`.',
  body: bodyShape({ token: tokenField }),
  examples: { token: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxN30.c2lnbmF0dXJl' } },
  ok: { description: 'The token is refused', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ users, tenant }, { token }) {
    await users.revokeToken(tenant, token)
    return { json: {} }
  },
})
