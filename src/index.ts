/**
 * The public list of names of the package `encke`.
 *
 * Owns nothing but the list; nothing inside imports it. `encke/publisher` and `encke/client` can be imported alone.
 */
export { type CodeName, codes, type ErrorFace } from './codes.ts'
export { AccessError, EnckeError, LimitError, ProtocolError, UnavailableError } from './errors.ts'
export type {
  Gap,
  HistoryResult,
  PresenceResult,
  Present,
  StreamPosition,
  UsersResult,
} from './protocol/messages.ts'
export {
  createPublisher,
  type HistoryOptions,
  type Publisher,
  type PublisherOptions,
  type PublishOptions,
} from './publish-port/publisher.ts'
export { version } from './version.ts'
