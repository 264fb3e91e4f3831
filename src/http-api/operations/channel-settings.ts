/**
 * GET /api/channels/:name/settings: what the application set for a channel.
 *
 * Owns the operation and its documentation. A channel nothing was set for goes by its rule: null.
 */
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { channelSchema, channelSettingsSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

export const channelSettings: GetRoute = {
  method: 'GET',
  path: '/api/channels/:name/settings',
  name: 'channelSettings',
  summary: 'What was set for a channel',
  description: 'Percent-encode the name. What was never set is null: the rule of the channel decides.',
  params: { name: { schema: channelSchema, example: 'news' } },
  ok: {
    description: 'The settings of the channel',
    contentType: 'application/json',
    schema: channelSettingsSchema,
  },
  errors: ['INVALID_CHANNEL'],
  async run({ broker, tenant }, { name = '' }) {
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    const settings = await broker.settings(scoped(tenant, name))
    return { json: { channel: name, historySize: settings?.historySize ?? null } }
  },
}
