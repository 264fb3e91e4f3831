/**
 * POST /api/users/data: the text that is kept for a user.
 *
 * Owns the operation, its documentation and the bound of the text. The node never looks into it; clients may ask for it.
 */
import { bodyShape } from '../body-shape.ts'
import { textField, userField } from '../fields.ts'
import { doneSchema } from '../json-schema.ts'
import { postRoute } from '../route.ts'

const MAX_DATA_BYTES = 65_536

export const setUserData = postRoute({
  path: '/api/users/data',
  name: 'setUserData',
  summary: 'Keep a text for a user',
  description: 'Replaces the text before. The empty text takes it away.',
  body: bodyShape({
    user: userField,
    data: textField({ min: 0, max: MAX_DATA_BYTES }, `Any text of at most ${MAX_DATA_BYTES} bytes of UTF-8`),
  }),
  examples: { data: { user: '17', data: '{"name":"Halley"}' } },
  ok: { description: 'The text is stored', contentType: 'application/json', schema: doneSchema },
  errors: ['STORE_FAILED'],
  async run({ users, tenant }, { user, data }) {
    await (data === '' ? users.removeData(tenant, user) : users.setData(tenant, user, data))
    return { json: {} }
  },
})
