/**
 * GET /api/users/:id/inbox: what waits for a user who is away.
 *
 * Owns the operation, its documentation and the body, in which data stands byte for byte as it was published. Reading
 * takes nothing out. Bound: `maxHistoryPerCommand` messages, and MAX_PAGE_BYTES where there is more than one.
 */
import type { InboxState } from '../../core/broker.ts'
import { ownChannel } from '../../core/tenants.ts'
import { historyLimit, MAX_HISTORY_LIMIT, MAX_PAGE_BYTES } from '../../protocol/history-bounds.ts'
import { objectSchema, userSchema } from '../json-schema.ts'
import { integerQuery, queryShape } from '../query-shape.ts'
import { getRoute } from '../route.ts'
import { userFailure } from '../user-failure.ts'

const limitBounds = { min: 1, max: MAX_HISTORY_LIMIT }

const messageSchema = objectSchema(
  {
    id: { type: 'string', description: 'Id of the message, for as long as it waits' },
    time: { type: 'integer', minimum: 0, description: 'When it was published, ms since 1970' },
    data: { description: 'Any JSON value, byte for byte' },
  },
  {
    event: { type: 'string', description: 'Event name, where it has one' },
    user: { type: 'string', description: 'Who published it, where a user did' },
  },
)

export const userInbox = getRoute({
  path: '/api/users/:id/inbox',
  name: 'userInbox',
  summary: 'What waits for a user who is away',
  description:
    'Gives the oldest messages first and takes nothing out. One answer holds at most `maxHistoryPerCommand` of them and about 1 MiB; `more` says whether others wait behind them.',
  params: { id: { schema: userSchema, example: '17' } },
  query: queryShape({
    limit: integerQuery(limitBounds, 0, 'Messages at the most; without it as many as the node gives'),
  }),
  ok: {
    description: 'Messages that were not acknowledged yet',
    contentType: 'application/json',
    schema: objectSchema({
      user: userSchema,
      messages: { type: 'array', items: messageSchema },
      more: { type: 'boolean', description: 'Whether others wait behind these' },
    }),
  },
  async run({ broker, config, tenant }, { id = '' }, { limit }) {
    const failure = userFailure(id)
    if (failure !== null) return failure
    const most = historyLimit(limit, config.maxHistoryPerCommand)
    const waiting = await broker.inbox(ownChannel(tenant, id), most + 1) // one more, to know whether there is more
    return { text: pageText(id, waiting, most), contentType: 'application/json' }
  },
})

/** The JSON of the answer around data that is JSON already. */
function pageText(user: string, waiting: readonly InboxState[], most: number): Buffer {
  const messages: Buffer[] = []
  let bytes = 0
  for (const one of waiting.slice(0, most)) {
    const message = messageText(one)
    bytes += message.length
    if (messages.length > 0 && bytes > MAX_PAGE_BYTES) break
    messages.push(message)
  }
  const head = Buffer.from(`{"user":${JSON.stringify(user)},"messages":[`)
  const parts = messages.flatMap((message, at) => (at === 0 ? [message] : [Buffer.from(','), message]))
  return Buffer.concat([head, ...parts, Buffer.from(`],"more":${messages.length < waiting.length}}`)])
}

function messageText({ id, event, user, timeMs, data }: InboxState): Buffer {
  const names = { ...(event === '' ? {} : { event }), ...(user === '' ? {} : { user }) }
  const head = JSON.stringify({ id, time: timeMs, ...names })
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"data":`), data.json(), Buffer.from('}')])
}
