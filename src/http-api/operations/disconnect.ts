/**
 * POST /api/disconnect: ends the sessions of a user, or one session.
 *
 * Owns the operation, its documentation and what is said to the client when the application names no code.
 */
import { codes } from '../../codes.ts'
import type { DisconnectTarget } from '../../core/broker.ts'
import { GOODBYE_CODES, MAX_REASON_BYTES } from '../../core/goodbye.ts'
import { bodyShape } from '../body-shape.ts'
import { integerField, optional, textField, userField } from '../fields.ts'
import { countSchema, objectSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

const MAX_SESSION_BYTES = 128

const DEFAULT_CODE = codes.DISCONNECTED.close
const DEFAULT_REASON = 'disconnected by the application'

export const disconnect = postRoute({
  path: '/api/disconnect',
  name: 'disconnect',
  summary: 'End the sessions of a user, or one session',
  description:
    'The close code tells the client what to do: 3000–3499 and 4000–4499 mean reconnect, 3500–3999 and 4500–4999 mean stay away.',
  body: bodyShape(
    {
      user: optional(userField, null),
      session: optional(
        textField({ min: 1, max: MAX_SESSION_BYTES }, 'Session id, as the connect answer gave it'),
        null,
      ),
      code: optional(
        integerField(GOODBYE_CODES.min, GOODBYE_CODES.max, `Close code; ${DEFAULT_CODE} when missing`),
        DEFAULT_CODE,
      ),
      reason: optional(
        textField(
          { min: 1, max: MAX_REASON_BYTES },
          `Reason told to the client, at most ${MAX_REASON_BYTES} bytes of UTF-8`,
        ),
        DEFAULT_REASON,
      ),
    },
    ['user', 'session'],
  ),
  examples: { user: { user: '17', code: 4501, reason: 'account closed' } },
  ok: {
    description: 'How many sessions were ended',
    contentType: 'application/json',
    schema: objectSchema({ disconnected: countSchema('Sessions that were ended; 0 when there was none') }),
  },
  async run({ broker, tenant }, { user, session, code, reason }) {
    const target: DisconnectTarget = user === null ? { tenant, session: session ?? '' } : { tenant, user }
    return { json: { disconnected: await broker.disconnect(target, { code, reason }) } }
  },
})
