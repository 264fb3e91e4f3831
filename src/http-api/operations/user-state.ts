/**
 * GET /api/users/:id: whether a user is there.
 *
 * Owns the operation and its documentation. A user is online while any session of theirs is open.
 */
import { shown, userIdFault } from '../../core/names.ts'
import { objectSchema, userSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

export const userState: GetRoute = {
  method: 'GET',
  path: '/api/users/:id',
  name: 'userState',
  summary: 'Whether a user is online',
  description: 'Percent-encode the id. Online means: at least one session of the user is open.',
  params: { id: { schema: userSchema, example: '17' } },
  ok: {
    description: 'The state of the user',
    contentType: 'application/json',
    schema: objectSchema({ user: userSchema, online: { type: 'boolean' } }),
  },
  async run({ broker }, { id = '' }) {
    const fault = userIdFault(id)
    if (fault !== null) {
      return { failed: 'INVALID_ARGUMENT', message: `User id ${shown(id)} is not allowed: ${fault}` }
    }
    const online = await broker.usersOnline([id])
    return { json: { user: id, online: online.includes(id) } }
  },
}
