/**
 * GET /api/channels/:name/presence: who is on a channel.
 *
 * Owns the operation and its documentation. The count is always whole; sessions are named, up to
 * `maxPresenceListed`, where the rule of the channel says `list`.
 */
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { channelSchema, countSchema, objectSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

export const channelPresence: GetRoute = {
  method: 'GET',
  path: '/api/channels/:name/presence',
  name: 'channelPresence',
  summary: 'Who is on a channel',
  description:
    'Percent-encode the name. `clients` is there where the rule of the channel has presence `list`, at most `maxPresenceListed` of them.',
  params: { name: { schema: channelSchema, example: 'news' } },
  ok: {
    description: 'How many sessions are on the channel, and which',
    contentType: 'application/json',
    schema: objectSchema(
      { channel: channelSchema, count: countSchema('Sessions subscribed to the channel') },
      {
        clients: {
          type: 'array',
          items: objectSchema({
            session: { type: 'string', description: 'Id of the session, as disconnect takes it' },
            user: { type: 'string', description: 'User id; empty = anonymous' },
          }),
        },
      },
    ),
  },
  errors: ['INVALID_CHANNEL'],
  async run({ broker, config, tenant }, { name = '' }) {
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    const { count, clients } = await broker.presence(scoped(tenant, name), config.maxPresenceListed)
    return { json: { channel: name, count, ...(clients === null ? {} : { clients }) } }
  },
}
