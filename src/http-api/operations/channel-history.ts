/**
 * GET /api/channels/:name/history: what the node keeps of a channel.
 *
 * Owns the operation, its documentation and the body, in which publications stand byte for byte as subscribers got
 * them. Bound: `maxHistoryPerCommand` publications, and MAX_PAGE_BYTES where there is more than one.
 */
import { type Failure, type HistoryPage, hasFailed } from '../../core/broker.ts'
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import { historyLimit, MAX_EPOCH_LENGTH, MAX_HISTORY_LIMIT } from '../../protocol/history-bounds.ts'
import type { StreamPosition } from '../../protocol/messages.ts'
import {
  channelSchema,
  epochSchema,
  gapSchema,
  objectSchema,
  offsetSchema,
  publicationSchema,
} from '../json-schema.ts'
import { choiceQuery, integerQuery, queryShape, textQuery } from '../query-shape.ts'
import { getRoute } from '../route.ts'

const limitBounds = { min: 1, max: MAX_HISTORY_LIMIT }
const offsetBounds = { min: 0, max: Number.MAX_SAFE_INTEGER }

export const channelHistory = getRoute({
  path: '/api/channels/:name/history',
  name: 'channelHistory',
  summary: 'What the node keeps of a channel',
  description:
    'Gives the publications that follow the position `epoch` and `offset`, or all that are kept. One answer holds at most `maxHistoryPerCommand` of them and about 1 MiB: go on from the last offset that came until it is the one of the channel.',
  params: { name: { schema: channelSchema, example: 'news' } },
  query: queryShape({
    limit: integerQuery(limitBounds, 0, 'Publications at the most; without it as many as the node gives'),
    epoch: textQuery(MAX_EPOCH_LENGTH, null, 'Epoch of the position to go on from; together with `offset`'),
    offset: integerQuery(offsetBounds, null, 'Only publications after this one; together with `epoch`'),
    order: choiceQuery(['asc', 'desc'], 'asc', 'asc: the oldest first; desc: the newest first'),
  }),
  ok: {
    description: 'The position of the channel, and publications before it',
    contentType: 'application/json',
    schema: objectSchema(
      { epoch: epochSchema, offset: offsetSchema, publications: { type: 'array', items: publicationSchema } },
      { gap: gapSchema },
    ),
  },
  errors: ['INVALID_CHANNEL', 'HISTORY_OFF'],
  async run({ broker, config, tenant }, { name = '' }, { limit, epoch, offset, order }) {
    const since = positionOf(epoch, offset)
    if (since !== null && hasFailed(since)) return since
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    const page = await broker.history(scoped(tenant, name), {
      since,
      limit: historyLimit(limit, config.maxHistoryPerCommand),
      isReverse: order === 'desc',
    })
    return hasFailed(page) ? page : { text: pageText(page), contentType: 'application/json' }
  },
})

/** Null when neither is given. */
function positionOf(epoch: string | null, offset: number | null): StreamPosition | null | Failure {
  if (epoch === null && offset === null) return null
  if (epoch !== null && offset !== null) return { epoch, offset }
  const [given, lacks] = epoch === null ? ['offset', 'epoch'] : ['epoch', 'offset']
  const message = `Query has "${given}" and lacks "${lacks}": a position is both`
  return { failed: 'INVALID_ARGUMENT', message }
}

/** The JSON of the answer around messages that are JSON already. */
function pageText({ position, messages, gap }: HistoryPage): Buffer {
  const { epoch, offset } = position
  const comma = Buffer.from(',')
  const parts: Buffer[] = [
    Buffer.from(`{"epoch":${JSON.stringify(epoch)},"offset":${offset},"publications":[`),
  ]
  for (const [at, message] of messages.entries()) {
    if (at > 0) parts.push(comma)
    parts.push(message)
  }
  parts.push(Buffer.from(gap === null ? ']}' : `],"gap":${JSON.stringify(gap)}}`))
  return Buffer.concat(parts)
}
