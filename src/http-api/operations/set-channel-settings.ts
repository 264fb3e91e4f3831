/**
 * POST /api/channels/settings: what the application wants of one channel, over what its rule says.
 *
 * Owns the operation and its documentation. They are stored: the node remembers them, whoever uses the channel.
 */
import { ruleFields } from '../../config/rules.ts'
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { bodyShape } from '../body-shape.ts'
import { channelField, integerField, nullable } from '../fields.ts'
import { channelSettingsSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

const { min, max } = ruleFields.historySize

export const setChannelSettings = postRoute({
  path: '/api/channels/settings',
  name: 'setChannelSettings',
  summary: 'Say how much history a channel keeps',
  description:
    'Goes over the rule of the channel, and stays over restarts where the node has a durable store. null takes it away: the rule decides again, and what it does not keep is forgotten.',
  body: bodyShape({
    channel: channelField,
    historySize: nullable(
      integerField(min, max, 'Latest publications kept; 0 = none'),
      'Latest publications kept; 0 = none; null = as the rule of the channel says',
    ),
  }),
  examples: { keep: { channel: 'news', historySize: 100 }, rule: { channel: 'news', historySize: null } },
  ok: {
    description: 'The settings are stored',
    contentType: 'application/json',
    schema: channelSettingsSchema,
  },
  errors: ['INVALID_CHANNEL', 'NODE_CHANNEL_LIMIT', 'STORE_FAILED'],
  async run({ broker, tenant }, { channel, historySize }) {
    const failure =
      channelNameFailure(channel) ??
      (await broker.configure(scoped(tenant, channel), historySize === null ? null : { historySize }))
    return failure ?? { json: { channel, historySize } }
  },
})
