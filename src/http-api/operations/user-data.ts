/**
 * GET /api/users/:id/data: the text that is kept for a user.
 *
 * Owns the operation and its documentation. A user nobody knows has the empty text.
 */
import { objectSchema, userSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'
import { userFailure } from '../user-failure.ts'

export const userData: GetRoute = {
  method: 'GET',
  path: '/api/users/:id/data',
  name: 'userData',
  summary: 'The text that is kept for a user',
  description: 'Percent-encode the id. Without a text it is empty.',
  params: { id: { schema: userSchema, example: '17' } },
  ok: {
    description: 'The text of the user',
    contentType: 'application/json',
    schema: objectSchema({
      user: userSchema,
      data: { type: 'string', description: 'The text; empty = none' },
    }),
  },
  async run({ users, tenant }, { id = '' }) {
    return userFailure(id) ?? { json: { user: id, data: users.data(tenant, id) } }
  },
}
