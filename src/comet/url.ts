/**
 * What a CppComet page says about itself in the address of its connection.
 *
 * Owns the reading of `sesion=KEY&myid=USER&devid=TENANT&v=4.08&uuid=…&api=js`: the last part of the path, nothing
 * encoded, members found by name, or else by their place as the original finds them. What is missing is refused with the
 * original's own words. Pure; looks at most at `MAX_URL_LENGTH` characters.
 */
import { MAX_TENANT } from '../core/tenants.ts'
import { MAX_TOKEN_BYTES } from '../core/user-records.ts'

/** What is behind it is not looked at; the library refuses heads of more than 4 KB anyway. */
const MAX_URL_LENGTH = 4096

/** Longest name of a browser. */
const MAX_UUID_LENGTH = 32

/** Members in the order in which every known page sends them. */
const PLACES = ['sesion', 'myid', 'devid', 'v', 'uuid', 'api'] as const
type MemberName = (typeof PLACES)[number]

/** Which generation of pages a connection is from: they expect different messages. */
export type Dialect = 'v3' | 'v4'

/** Who a page says it is. */
export interface CometAddress {
  readonly tenant: number
  /** '' = anonymous */
  readonly user: string
  /** The user's key or a token; '' = none */
  readonly key: string
  /** Names the browser; '' = nothing does */
  readonly uuid: string
  readonly dialect: Dialect
  /** It brings the original's own script along, or says so. */
  readonly isScript: boolean
}

/** Why an address is no good. */
export interface AddressFault {
  readonly code: 401 | 406 | 418
  /** The original's words */
  readonly error: string
  /** As far as the version could be told */
  readonly dialect: Dialect
}

/** @param url path and query as they were sent */
export function readCometUrl(url: string): CometAddress | AddressFault {
  const member = membersOf(url.slice(0, MAX_URL_LENGTH))
  const version = member('v') ?? ''
  const dialect = dialectOf(version)
  const myid = member('myid')
  if (member('sesion') === null || myid === null) {
    return { code: 401, error: 'Error code 401(Invalid request, the user ID can not be found)', dialect }
  }
  const devid = member('devid')
  if (devid === null) {
    return { code: 406, error: 'Error code 406(Invalid request, no public key found [1])', dialect }
  }
  if (!/^\d+\.\d+$/.test(version)) {
    return {
      code: 418,
      error: 'Error code 418(Invalid request Not assigned client api version)\n',
      dialect,
    }
  }
  const tenant = numberOf(devid)
  const user = numberOf(myid)
  return {
    tenant: tenant <= MAX_TENANT ? tenant : 0,
    user: user === 0 ? '' : String(user),
    key: said(member('sesion')).slice(0, MAX_TOKEN_BYTES),
    uuid: uuidOf(said(member('uuid'))),
    dialect,
    isScript: member('api') === 'js',
  }
}

/** Finds members: by name, else the one without a known name at the place of the one that is asked for. */
function membersOf(url: string): (name: MemberName) => string | null {
  const first = url.indexOf('=')
  if (first === -1) return () => null
  const start = Math.max(url.lastIndexOf('/', first), url.lastIndexOf('?', first)) + 1
  const pieces = url.slice(start).split('&')
  const isKnown = (piece: string) => PLACES.some((name) => piece.startsWith(`${name}=`))
  return (name) => {
    const named = pieces.find((piece) => piece.startsWith(`${name}=`))
    const piece = named ?? pieces[PLACES.indexOf(name)]
    if (piece === undefined || (named === undefined && isKnown(piece))) return null
    if (named === undefined && name === 'uuid') return null
    // The original takes what follows the first `=` for the key, and skips as many letters as the name has for others.
    return name === 'sesion' ? piece.slice(piece.indexOf('=') + 1) : piece.slice(name.length + 1)
  }
}

/** Pages send what they were not given as the word `undefined`. */
function said(value: string | null): string {
  return value === null || value === 'undefined' ? '' : value
}

/** Anything but digits is 0, and so is what no number holds. */
function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** What can't be part of the name of a browser ends it. */
function uuidOf(text: string): string {
  return /^[\w.-]*/.exec(text.slice(0, MAX_UUID_LENGTH))?.[0] ?? ''
}

function dialectOf(version: string): Dialect {
  const major = /^(\d+)\./.exec(version)?.[1]
  return major !== undefined && Number(major) >= 4 ? 'v4' : 'v3'
}
