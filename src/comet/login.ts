/**
 * From the address of a CppComet page to a session that is connected.
 *
 * Owns that step, for sockets and polls: a user and a key that belong together make the session that user's; anything else
 * leaves it anonymous, which the greeting tells. The session's id begins with the name of its browser, so that lists of
 * who is on a pipe tell browsers apart. Holds nothing.
 */
import type { Hub } from '../core/hub.ts'
import { UUID_MARK } from '../core/names.ts'
import type { Session } from '../core/session.ts'
import type { UserRecords } from '../core/user-records.ts'
import { version } from '../version.ts'
import type { Frames } from './frames.ts'
import { type AddressFault, type CometAddress, type Dialect, readCometUrl } from './url.ts'

/** What the greeting calls the node. */
const SERVER = `Encke ${version}`

export interface CometLoginDeps {
  readonly hub: Pick<Hub, 'markConnected' | 'sessions'>
  readonly users: Pick<UserRecords, 'login'>
  /** Those who are nobody may come in. */
  readonly isAnonymousAllowed: boolean
}

/** A page that may come in: what it says about itself, and whose session it gets. */
export interface Arrival {
  readonly address: CometAddress
  readonly dialect: Dialect
  /** '' = nobody's */
  readonly user: string
  /** Stored key of the user, '' = none */
  readonly key: string
}

export interface CometLogin {
  /** Reads an address and logs its user in; or says why the page may not come in. */
  arrive(url: string): Arrival | AddressFault
  /** Connects a session as that. */
  enter(session: Session, arrival: Arrival): void
  greeting(frames: Frames, arrival: Arrival): string
}

export function createCometLogin({ hub, users, isAnonymousAllowed }: CometLoginDeps): CometLogin {
  return {
    arrive(url) {
      const address = readCometUrl(url)
      if ('error' in address) return address
      const { tenant, user, key, dialect } = address
      const found = users.login({ tenant, user, key })
      if (found === null && !isAnonymousAllowed) {
        return { code: 401, error: 'Error code 401(This node asks for a user and a key that fits)', dialect }
      }
      return { address, dialect, user: found?.user ?? '', key: found?.key ?? '' }
    },
    enter(session, { address: { tenant, uuid }, user }) {
      session.identify({ tenant, user, grants: [], untilSecond: 0 })
      if (uuid !== '') session.id = `${uuid}${UUID_MARK}${hub.sessions.idOf(session)}`
      hub.markConnected(session)
    },
    greeting: (frames, { user, key }) => frames.greeting(user !== '', key, SERVER),
  }
}
