/**
 * What is kept of the clients behind sessions, for those who ask who is here.
 *
 * Owns which parts of an upgrade request that is, cut to a length, and that sessions of like browsers share one object:
 * there are far fewer kinds of browsers than sessions. Bounds: each text is at most `MAX_DETAIL_LENGTH` characters, and
 * holds no longer one in memory; a session has the address that a proxy told, and three such texts of its own at worst, when no two browsers
 * are alike. `MAX_SHARED` objects are found again, with some 3 KB each at worst.
 */
import type { ClientAgent, Session } from '../core/session.ts'
import type { UpgradeRequest } from '../uws.ts'
import { clientAddress } from './connection-gate.ts'

const MAX_DETAIL_LENGTH = 256

const MAX_SHARED = 4096

export interface ClientDetailsLimits {
  readonly clientDetails: boolean
  /** Header a trusted proxy sets to the client's address; '' = the address of the socket */
  readonly clientIpHeader: string
}

export interface ClientDetails {
  /** '' = not kept, or the socket's own */
  addressOf(request: Pick<UpgradeRequest, 'lastHeader' | 'address'>): string
  /** Gives a session what its browser says about itself. */
  describe(session: Session, request: Pick<UpgradeRequest, 'header'>): void
}

export function createClientDetails(limits: ClientDetailsLimits): ClientDetails {
  const header = limits.clientIpHeader.toLowerCase()
  const agents = new Map<string, ClientAgent>()
  /** Those who come after each other are often alike. */
  let latest: ClientAgent = { userAgent: '', origin: '', language: '' }

  function agentOf(request: Pick<UpgradeRequest, 'header'>): ClientAgent {
    const text = (name: string) => cut(request.header(name))
    const userAgent = text('user-agent')
    const origin = text('origin')
    const language = text('accept-language')
    const isLatest =
      latest.userAgent === userAgent && latest.origin === origin && latest.language === language
    if (!isLatest) latest = shared(userAgent, origin, language)
    return latest
  }

  function shared(userAgent: string, origin: string, language: string): ClientAgent {
    const key = `${userAgent}\n${origin}\n${language}` // a header holds no line break
    const known = agents.get(key)
    if (known !== undefined) return known
    const agent = { userAgent, origin, language }
    if (agents.size === MAX_SHARED) agents.clear() // sessions keep theirs; new ones share anew
    agents.set(key, agent)
    return agent
  }

  return {
    addressOf(request) {
      if (!limits.clientDetails) return ''
      // That of the socket is asked for when somebody wants to know it. Of a list in a header it is a part.
      return header === '' ? '' : copied(clientAddress(request, header))
    },
    describe(session, request) {
      if (limits.clientDetails) session.agent = agentOf(request)
    },
  }
}

function cut(text: string): string {
  return text.length <= MAX_DETAIL_LENGTH ? text : copied(text)
}

/** Its beginning, in memory of its own: in V8 a part of a text keeps the whole of it. */
function copied(text: string): string {
  return Buffer.from(text.slice(0, MAX_DETAIL_LENGTH)).toString()
}
