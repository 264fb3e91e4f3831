/**
 * POST /api/tokens/restore: a token that was revoked is looked at like any other again.
 *
 * Owns the operation and its documentation. A token that was never revoked is no error; one that has run out stays so.
 */
import { bodyShape } from '../body-shape.ts'
import { tokenField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const restoreToken = postRoute({
  path: '/api/tokens/restore',
  name: 'restoreToken',
  summary: 'Take a token back that was revoked',
  description:
    'It is as good as it would be had nobody revoked it. Sessions that ended do not come back by it.',
  body: bodyShape({ token: tokenField }),
  examples: { token: { token: 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxN30.c2lnbmF0dXJl' } },
  ok: { description: 'The token is not revoked', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ users, tenant }, { token }) {
    await users.restoreToken(tenant, token)
    return { json: {} }
  },
})
