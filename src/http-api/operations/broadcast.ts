/**
 * POST /api/broadcast: the same data to many channels.
 *
 * Owns the operation and its documentation. Each channel has its own outcome; one that fails does not stop the others,
 * so the answer is 200 with a row per channel, in the order asked.
 */
import { errorFace } from '../../codes.ts'
import { type Failure, hasFailed, type PublishOutcome } from '../../core/broker.ts'
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { bodyShape } from '../body-shape.ts'
import { channelListField, dataField, eventField, keyField, optional } from '../fields.ts'
import { channelSchema, epochSchema, objectSchema, publishedOffsetSchema } from '../json-schema.ts'
import type { OperationDeps } from '../operation-deps.ts'
import { postRoute } from '../route.ts'

export const broadcast = postRoute({
  path: '/api/broadcast',
  name: 'broadcast',
  summary: 'Publish the same data to many channels',
  description:
    'One row per channel, in the order asked: its place, or why it was refused. Refused channels do not stop the others.',
  body: bodyShape({
    channels: channelListField,
    data: dataField,
    event: optional(eventField, ''),
    key: optional(keyField, ''),
  }),
  examples: { channels: { channels: ['news', 'sport'], data: { title: 'Comet sighted' } } },
  ok: {
    description: 'One row per channel',
    contentType: 'application/json',
    schema: objectSchema({
      results: {
        type: 'array',
        items: {
          oneOf: [
            objectSchema({ channel: channelSchema, epoch: epochSchema, offset: publishedOffsetSchema }),
            objectSchema({ channel: { type: 'string' }, error: { $ref: '#/components/schemas/ErrorFace' } }),
          ],
        },
      },
    }),
  },
  errors: ['INVALID_DATA', 'CHANNEL_LIMIT'],
  async run(deps, { channels, data, event, key }) {
    const limit = deps.config.maxChannelsPerCommand
    if (channels.length > limit) {
      const message = `Field "channels" names ${channels.length} channels: at most ${limit} may be named at once`
      return { failed: 'CHANNEL_LIMIT', message }
    }
    const failures = channels.map(channelNameFailure)
    const requests = channels
      .filter((_, at) => failures[at] === null)
      .map((channel) => ({ channel: scoped(deps.tenant, channel), data, event, user: '', key }))
    const published = (await deps.broker.publish(requests, 'http')).values()
    const outcomes = failures.map((failure) => failure ?? published.next().value ?? noOutcome)
    return { json: { results: outcomes.map((outcome, at) => row(deps, channels[at] ?? '', outcome)) } }
  },
})

const noOutcome: Failure = { failed: 'INTERNAL', message: 'The broker gave no outcome' }

function row({ observer }: OperationDeps, channel: string, outcome: PublishOutcome) {
  if (!hasFailed(outcome)) return { channel, epoch: outcome.epoch, offset: outcome.offset }
  observer.commandFailed(outcome.failed)
  return { channel, error: errorFace(outcome.failed, outcome.message) }
}
