/**
 * POST /api/users/inbox/clear: forgets what waits for a user.
 *
 * Owns the operation and its documentation. The user is not told of a gap: the application wanted it gone.
 */
import { ownChannel } from '../../core/tenants.ts'
import { bodyShape } from '../body-shape.ts'
import { userField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const clearInbox = postRoute({
  path: '/api/users/inbox/clear',
  name: 'clearInbox',
  summary: 'Forget what waits for a user',
  body: bodyShape({ user: userField }),
  examples: { user: { user: '17' } },
  ok: { description: 'Nothing waits any more', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ broker, tenant }, { user }) {
    await broker.clearInbox(ownChannel(tenant, user))
    return { json: {} }
  },
})
