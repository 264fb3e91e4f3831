/**
 * What the application keeps with the node about its users: the keys they log in with, tokens that are no good any
 * more, and a text of their own.
 *
 * Owns the check of a login: a token signed for the tenant, or the user's key, compared in constant time. Taking a key back
 * ends the sessions of its user. Everything lies in the store; nothing is held here. Must not know how a login came.
 *
 * Bound: what is about very many users is written in parts of some hundred, one after the other with a rest between them;
 * each part is kept as a whole or not at all, and nothing is tried behind one that was not.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { codes } from '../codes.ts'
import { inBatches, storedRows } from './batches.ts'
import type { Broker } from './broker.ts'
import { userIdFault } from './names.ts'
import { revocation } from './revocations.ts'
import type { Change, Row, Store } from './store.ts'
import type { UserOfToken } from './user-tokens.ts'

/** Longest token that is looked at. */
export const MAX_TOKEN_BYTES = 600

/** Longest key of a user. */
export const MAX_USER_KEY_BYTES = 128

/** Rows that are written together: some five milliseconds of work. */
const PART = 500

/** Keys made here have so many bytes, as hexadecimal text. */
const MADE_KEY_BYTES = 16

export interface LoginAttempt {
  readonly tenant: number
  readonly user: string
  /** The user's key, or a token */
  readonly key: string
}

/** Who logged in, and the key that is stored for them. */
export interface LoggedIn {
  readonly user: string
  readonly key: string
}

export interface UserRecords {
  /** Null when user and key do not belong together. */
  login(attempt: LoginAttempt): LoggedIn | null
  /** '' = none */
  key(tenant: number, user: string): string
  /** Replaces the key; open sessions stay. */
  setKey(tenant: number, user: string, key: string): Promise<void>
  /** Replaces keys of several users, in parts. */
  setKeys(tenant: number, keys: ReadonlyMap<string, string>): Promise<void>
  /** Takes the key away and ends the sessions of the user. */
  removeKey(tenant: number, user: string): Promise<void>
  /** Likewise for several users, in parts. */
  removeKeys(tenant: number, users: Iterable<string>): Promise<void>
  /** '' = none */
  data(tenant: number, user: string): string
  setData(tenant: number, user: string, data: string): Promise<void>
  /** Replaces texts of several users, in parts. */
  setAllData(tenant: number, data: ReadonlyMap<string, string>): Promise<void>
  removeData(tenant: number, user: string): Promise<void>
  /** Likewise for several users, in parts. */
  removeAllData(tenant: number, users: Iterable<string>): Promise<void>
  /** From now on the token is refused; the user it is for is logged out, unless it has run out. */
  revokeToken(tenant: number, token: string): Promise<void>
  /** Likewise for several tokens, in parts. */
  revokeTokens(tenant: number, tokens: Iterable<string>): Promise<void>
  isRevoked(tenant: number, token: string): boolean
  /** Keys, texts and revoked tokens of all users of a tenant, in batches, in the order of ids and tokens. */
  keys(tenant: number): AsyncIterable<readonly Row[]>
  allData(tenant: number): AsyncIterable<readonly Row[]>
  revoked(tenant: number): AsyncIterable<readonly Row[]>
  /** The token is taken as any other again. */
  restoreToken(tenant: number, token: string): Promise<void>
  /** Likewise for several tokens, in parts. */
  restoreTokens(tenant: number, tokens: Iterable<string>): Promise<void>
}

export interface UserRecordsDeps {
  readonly store: Store
  readonly broker: Pick<Broker, 'disconnect'>
  readonly clock: Clock
  /** Null = no token is good */
  readonly userOfToken: UserOfToken | null
}

export function createUserRecords({ store, broker, clock, userOfToken }: UserRecordsDeps): UserRecords {
  function key(tenant: number, user: string): string {
    return store.get('credentials', tenant, user) ?? ''
  }

  function setKey(tenant: number, user: string, value: string): Promise<void> {
    return store.write([{ put: 'credentials', tenant, key: user, value }])
  }

  async function putAll(
    put: 'credentials' | 'userData',
    tenant: number,
    rows: ReadonlyMap<string, string>,
  ): Promise<void> {
    for await (const part of inBatches(rows, PART)) {
      await store.write(part.map(([key, value]) => ({ put, tenant, key, value })))
    }
  }

  async function removeAll(
    remove: 'userData' | 'revokedTokens',
    tenant: number,
    keys: Iterable<string>,
  ): Promise<void> {
    for await (const part of inBatches(keys, PART)) {
      await store.write(part.map((key) => ({ remove, tenant, key })))
    }
  }

  /** The user a token is for, revoked or not; null when it is none of this tenant or has run out. */
  function userOf(tenant: number, token: string): string | null {
    if (userOfToken === null || Buffer.byteLength(token) > MAX_TOKEN_BYTES) return null
    return userOfToken(tenant, token)
  }

  function isRevoked(tenant: number, token: string): boolean {
    return store.get('revokedTokens', tenant, token) !== null
  }

  /** Takes back what users could come with, and `also`, all or nothing; then ends the sessions of all of them at once. */
  async function logOut(
    tenant: number,
    users: ReadonlySet<string>,
    also: readonly Change[] = [],
  ): Promise<void> {
    const nowMs = clock.wallMs()
    const taken = Array.from(users, (user): Change[] => [
      { remove: 'credentials', tenant, key: user },
      revocation({ tenant, user }, nowMs),
    ])
    await store.write([...also, ...taken.flat()])
    if (users.size === 0) return
    const goodbye = { code: codes.LOGIN_REVOKED.close, reason: 'The login was taken back', isRevoking: true }
    await broker.disconnect({ users, tenant }, goodbye)
  }

  async function removeKeys(tenant: number, users: Iterable<string>): Promise<void> {
    for await (const part of inBatches(users)) await logOut(tenant, new Set(part))
  }

  /** One that was revoked before logs out as well: whoever asks again may not know what became of the first time. */
  async function revokeTokens(tenant: number, tokens: Iterable<string>): Promise<void> {
    for await (const part of inBatches(tokens)) {
      const value = String(clock.wallMs())
      const refusals = part.map((key): Change => ({ put: 'revokedTokens', tenant, key, value }))
      const users = part.map((token) => userOf(tenant, token)).filter((user) => user !== null)
      await logOut(tenant, new Set(users), refusals)
    }
  }

  return {
    login({ tenant, user, key: given }) {
      if (user === '' || given === '' || userIdFault(user) !== null) return null
      if (userOf(tenant, given) === user && !isRevoked(tenant, given)) {
        const stored = key(tenant, user)
        if (stored !== '') return { user, key: stored }
        const made = randomBytes(MADE_KEY_BYTES).toString('hex')
        setKey(tenant, user, made).catch(() => {}) // the token is as good without; another is made the next time
        return { user, key: made }
      }
      const stored = key(tenant, user)
      return stored !== '' && isSame(given, stored) ? { user, key: stored } : null
    },
    key,
    setKey,
    setKeys: (tenant, keys) => putAll('credentials', tenant, keys),
    removeKey: (tenant, user) => removeKeys(tenant, [user]),
    removeKeys,
    data: (tenant, user) => store.get('userData', tenant, user) ?? '',
    setData: (tenant, user, value) => store.write([{ put: 'userData', tenant, key: user, value }]),
    setAllData: (tenant, data) => putAll('userData', tenant, data),
    removeData: (tenant, user) => removeAll('userData', tenant, [user]),
    removeAllData: (tenant, users) => removeAll('userData', tenant, users),
    revokeToken: (tenant, token) => revokeTokens(tenant, [token]),
    revokeTokens,
    isRevoked,
    keys: (tenant) => storedRows(store, 'credentials', tenant),
    allData: (tenant) => storedRows(store, 'userData', tenant),
    revoked: (tenant) => storedRows(store, 'revokedTokens', tenant),
    restoreToken: (tenant, token) => removeAll('revokedTokens', tenant, [token]),
    restoreTokens: (tenant, tokens) => removeAll('revokedTokens', tenant, tokens),
  }
}

/** Takes the same time for any two texts of one length. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
