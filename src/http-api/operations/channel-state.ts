/**
 * GET /api/channels/:name: subscribers and position of one channel.
 *
 * Owns the operation and its documentation. A channel nobody knows is no error: it has no subscribers and offset 0.
 */
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { channelSchema, countSchema, epochSchema, objectSchema, offsetSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

export const channelState: GetRoute = {
  method: 'GET',
  path: '/api/channels/:name',
  name: 'channelState',
  summary: 'Subscribers and position of one channel',
  description: 'Percent-encode the name. A channel nobody uses has no subscribers and offset 0.',
  params: { name: { schema: channelSchema, example: 'news' } },
  ok: {
    description: 'The state of the channel',
    contentType: 'application/json',
    schema: objectSchema({
      channel: channelSchema,
      subscribers: countSchema('Sessions subscribed to the channel'),
      epoch: epochSchema,
      offset: offsetSchema,
    }),
  },
  errors: ['INVALID_CHANNEL'],
  async run({ broker, tenant }, { name = '' }) {
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    const { channel, subscribers, position } = await broker.channel(scoped(tenant, name))
    return { json: { channel, subscribers, epoch: position.epoch, offset: position.offset } }
  },
}
