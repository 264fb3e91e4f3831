/**
 * The JSON Schema fragments that several operations share.
 *
 * Owns the words in which the API is documented; the checks themselves live in fields.ts, next to the schema of each
 * field, so that the two can not drift apart unseen. Pure data.
 */
import { codes } from '../codes.ts'

/** A JSON Schema (draft 2020-12) as it stands in the OpenAPI document. */
export type JsonSchema = { readonly [keyword: string]: unknown }

export const errorFaceSchema: JsonSchema = {
  type: 'object',
  required: ['code', 'name', 'message', 'retry'],
  properties: {
    code: { type: 'integer', description: 'Number of the failure; never changes its meaning' },
    name: {
      type: 'string',
      enum: Object.keys(codes),
      description: 'Name of the failure, see docs/errors.md',
    },
    message: { type: 'string', description: 'What went wrong, for people: field, value and bound' },
    retry: { type: 'boolean', description: 'Whether the same request may succeed later' },
  },
}

export const errorBodySchema: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: { error: { $ref: '#/components/schemas/ErrorFace' } },
}

export const epochSchema: JsonSchema = {
  type: 'string',
  description: 'Life of the channel within which offsets count; a new epoch starts again at 1',
}

export const offsetSchema: JsonSchema = {
  type: 'integer',
  minimum: 0,
  description: 'Place of a publication within its epoch, from 1; 0 = nothing published yet',
}

/** As publishing answers it. */
export const publishedOffsetSchema: JsonSchema = {
  type: 'integer',
  minimum: 0,
  description:
    'Place of the publication within its epoch, from 1; 0 = it waits in the inbox of a user who is away, and gets its place when they come',
}

export const channelSchema: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  description: 'Channel name: 1 to 255 bytes of UTF-8 without control characters',
}

export const userSchema: JsonSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  description: 'User id: 1 to 128 bytes of UTF-8 without control characters',
}

/** As clients get it. */
export const publicationSchema: JsonSchema = {
  type: 'object',
  required: ['channel', 'offset', 'data'],
  properties: {
    channel: channelSchema,
    offset: { type: 'integer', minimum: 1, description: 'Place in its epoch' },
    event: { type: 'string', description: 'Event name, where it has one' },
    user: { type: 'string', description: 'Who published it, where a user did' },
    data: { description: 'Any JSON value, byte for byte' },
  },
  additionalProperties: false,
}

export const gapSchema: JsonSchema = {
  type: 'object',
  required: ['from', 'to', 'reason'],
  properties: {
    from: { type: 'integer', minimum: 0, description: 'First offset that is not there' },
    to: {
      type: 'integer',
      minimum: 0,
      description: 'Last of them; below `from` when it is not known of any',
    },
    reason: {
      type: 'string',
      enum: ['trimmed', 'epoch', 'future'],
      description:
        'trimmed: no longer kept; epoch: the position is of another epoch; future: the position is ahead of the channel',
    },
  },
  additionalProperties: false,
}

/** What was set for a channel. */
export const channelSettingsSchema: JsonSchema = {
  type: 'object',
  required: ['channel', 'historySize'],
  properties: {
    channel: channelSchema,
    historySize: {
      type: ['integer', 'null'],
      minimum: 0,
      description: 'Latest publications kept; 0 = none; null = as the rule of the channel says',
    },
  },
  additionalProperties: false,
}

/** An answer that says nothing but that it is done. */
export const doneSchema: JsonSchema = { type: 'object', properties: {}, additionalProperties: false }

/** A non-negative number of things. */
export function countSchema(description: string): JsonSchema {
  return { type: 'integer', minimum: 0, description }
}

/** A number of things per second. */
export function rateSchema(description: string): JsonSchema {
  return { type: 'number', minimum: 0, description }
}

type Properties = Readonly<Record<string, JsonSchema>>

/** An object with exactly these members, those in `optional` perhaps. */
export function objectSchema(required: Properties, optional: Properties = {}): JsonSchema {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional },
    additionalProperties: false,
  }
}
