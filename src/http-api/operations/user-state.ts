/**
 * GET /api/users/:id: whether a user is there.
 *
 * Owns the operation and its documentation. A user is online while any session of theirs is open; of others the node
 * may know when they were last seen.
 */
import { objectSchema, userSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'
import { userFailure } from '../user-failure.ts'

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
    schema: objectSchema(
      { user: userSchema, online: { type: 'boolean' } },
      {
        lastSeen: {
          type: 'integer',
          minimum: 0,
          description:
            'When the last session of a user who is not online ended, ms since 1970; where it is known',
        },
      },
    ),
  },
  async run({ broker, tenant }, { id = '' }) {
    const failure = userFailure(id)
    if (failure !== null) return failure
    const { online, lastSeen } = await broker.usersOnline(tenant, [id])
    const seen = Object.hasOwn(lastSeen, id) ? { lastSeen: lastSeen[id] } : {}
    return { json: { user: id, online: online.includes(id), ...seen } }
  },
}
