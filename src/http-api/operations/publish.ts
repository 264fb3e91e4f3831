/**
 * POST /api/publish: one publication, to a channel or to a user.
 *
 * Owns the operation and its documentation. The publication is acknowledged once it has its offset.
 */
import { hasFailed } from '../../core/broker.ts'
import { channelNameFailure } from '../../core/names.ts'
import { ownChannel, scoped } from '../../core/tenants.ts'
import { bodyShape } from '../body-shape.ts'
import { channelField, dataField, eventField, keyField, optional, userField } from '../fields.ts'
import { epochSchema, objectSchema, publishedOffsetSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

export const publish = postRoute({
  path: '/api/publish',
  name: 'publish',
  summary: 'Publish to a channel or to a user',
  description:
    'Give `channel`, or give `user` to reach every session of that user. Answers once the publication has its place in the channel and is as safe as the rule of the channel asks. Offset 0: it waits in the inbox of a user who is away.',
  body: bodyShape(
    {
      channel: optional(channelField, null),
      user: optional(userField, null),
      data: dataField,
      event: optional(eventField, ''),
      key: optional(keyField, ''),
    },
    ['channel', 'user'],
  ),
  examples: {
    channel: { channel: 'news', data: { title: 'Comet sighted' }, event: 'headline' },
    user: { user: '17', data: { text: 'Your order has shipped' }, key: 'order-4711-shipped' },
  },
  ok: {
    description: 'The place of the publication in its channel',
    contentType: 'application/json',
    schema: objectSchema({ epoch: epochSchema, offset: publishedOffsetSchema }),
  },
  errors: ['INVALID_CHANNEL', 'INVALID_DATA', 'PUBLICATION_TOO_LARGE', 'NODE_CHANNEL_LIMIT', 'STORE_FAILED'],
  async run({ broker, tenant }, { channel, user, data, event, key }) {
    const failure = channel === null ? null : channelNameFailure(channel)
    if (failure !== null) return failure
    const target = channel === null ? ownChannel(tenant, user ?? '') : scoped(tenant, channel)
    const [outcome] = await broker.publish([{ channel: target, data, event, user: '', key }], 'http')
    if (outcome === undefined) throw new TypeError('The broker gave no outcome for a publication')
    return hasFailed(outcome) ? outcome : { json: { epoch: outcome.epoch, offset: outcome.offset } }
  },
})
