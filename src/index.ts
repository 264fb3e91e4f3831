/**
 * The public list of names of the package `encke`.
 *
 * Owns nothing but the list; nothing inside imports it. `encke/publisher` and `encke/client` can be imported alone.
 */
export { type CodeName, codes, type ErrorFace } from './codes.ts'
export { AccessError, EnckeError, LimitError, ProtocolError, UnavailableError } from './errors.ts'
export type { StreamPosition } from './protocol/messages.ts'
export {
  createPublisher,
  type Publisher,
  type PublisherOptions,
  type PublishOptions,
} from './publish-port/publisher.ts'
export { version } from './version.ts'
