/**
 * POST /api/channels/history/clear: forgets what was published to a channel.
 *
 * Owns the operation and its documentation. The position of the channel stays, so that nobody takes what comes for
 * something they had.
 */
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { bodyShape } from '../body-shape.ts'
import { channelField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const clearHistory = postRoute({
  path: '/api/channels/history/clear',
  name: 'clearHistory',
  summary: 'Forget the history of a channel',
  description:
    'The position of the channel stays. Clients that come back with an older one are told of a gap. A channel without a history is no error.',
  body: bodyShape({ channel: channelField }),
  examples: { channel: { channel: 'news' } },
  ok: { description: 'The history is empty', contentType: 'application/json', schema: doneSchema },
  errors: ['INVALID_CHANNEL', 'NODE_CHANNEL_LIMIT', 'STORE_FAILED'],
  async run({ broker, tenant }, { channel }) {
    const failure = channelNameFailure(channel)
    if (failure !== null) return failure
    await broker.clearHistory(scoped(tenant, channel))
    return { json: {} }
  },
})
