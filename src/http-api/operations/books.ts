/**
 * GET /api/books: what subscribers were owed, and what became of it.
 *
 * Owns the operation and its documentation. The figures are the ledger's; `balance` is 0 at every moment, and a node
 * that says otherwise has lost track of a delivery.
 */
import type { LossReason } from '../../core/ledger.ts'
import { countSchema, type JsonSchema, objectSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

const lossReasons: Readonly<Record<LossReason, JsonSchema>> = {
  gap: countSchema('The history did not reach back: the client was told by a gap'),
  ended: countSchema('The session ended while it was behind'),
  unsubscribed: countSchema('The session left the channel while it was behind'),
}

export const books: GetRoute = {
  method: 'GET',
  path: '/api/books',
  name: 'books',
  summary: 'What subscribers were owed, and what became of it',
  description:
    'Counts deliveries, which are publications times subscribers, since the start. What was owed is `due` + `asked`; everything else is what became of it.',
  ok: {
    description: 'The books of the node',
    contentType: 'application/json',
    schema: objectSchema({
      due: countSchema('Sent to channels: publications times their subscribers'),
      asked: countSchema('Missed by sessions that came back with a position, and asked for'),
      delivered: countSchema('Handed to connections'),
      deferred: countSchema('Not handed over, as the session fetches it by itself or has had it'),
      lagging: countSchema('Owed to sessions that are being caught up now'),
      lost: objectSchema(lossReasons),
      balance: {
        type: 'integer',
        description: '`due` + `asked` − `delivered` − `deferred` − `lagging` − all that is lost: always 0',
      },
    }),
  },
  async run(deps) {
    const { due, asked, delivered, deferred, lagging, lost, balance } = deps.books()
    return { json: { due, asked, delivered, deferred, lagging, lost, balance } }
  },
}
