/**
 * Capsules: a session in a signed text that its client carries, so that any poll, on any transport and after any
 * restart, can go on with it and no node has to remember it.
 *
 * Owns sealing and opening. A capsule is signed, not secret: its client may read in it what it was told anyway. Opening
 * never throws and looks at nothing in a capsule before its signature was found good.
 *
 * ```
 * 1 . <key id: 8> . <base64url of JSON [session, user, grants, untilMs, sealedMs, tenant?]> . <mac: 22>
 * └──────── the mac is of these bytes: HMAC-SHA256 in base64url, cut ──────────┘
 * ```
 * Its first 22 letters are 132 bits, and half of a SHA-256 is enough (RFC 2104 §5): a guess is right once in 2^132, and
 * every poll carries 21 bytes less.
 *
 * Bound: a capsule has at most MAX_CAPSULE_LENGTH letters; kept are the keys alone.
 */
import { createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

/** Letters of a capsule; longer texts are refused unseen and longer capsules are not sealed. */
export const MAX_CAPSULE_LENGTH = 16_384

const VERSION = '1'
/** Letters of the signature, of the 43 that an HMAC-SHA256 has. */
const MAC_LENGTH = 22
const SIGNING_KEY_BYTES = 32
const KEY_ID_BYTES = 6

/** Labels of HKDF (RFC 5869 §3.2): what is derived under one says nothing of what is derived under another. */
const SIGNING_LABEL = 'encke capsule signing key 1'
const KEY_ID_LABEL = 'encke capsule key id 1'
const DERIVED_LABEL = 'encke capsule key from a secret 1'

/** What a capsule holds of a session. */
export interface CapsuleState {
  readonly session: string
  /** Whose user it is; 1 is left out of the text */
  readonly tenant: number
  /** '' = anonymous */
  readonly user: string
  /** Globs of channels, from the token */
  readonly grants: readonly string[]
  /** When the token runs out, ms since 1970; 0 = never */
  readonly untilMs: number
}

/** A capsule that was found good. */
export interface OpenedCapsule extends CapsuleState {
  /** When it was sealed, ms since 1970, by the clock of the node that did */
  readonly sealedMs: number
}

export interface CapsuleFailure {
  readonly failed: 'CAPSULE_INVALID' | 'CAPSULE_EXPIRED'
  readonly message: string
}

export interface Capsules {
  /** Signs a state with the first key; null when it is too long for a capsule (very many grants). */
  seal(state: CapsuleState): string | null
  /** Takes any text; a capsule that some key signed, that is young enough and whose token is not over, is good. */
  open(text: string): OpenedCapsule | CapsuleFailure
  /** Whether half the time of a capsule is over, so that its client should be given a new one. */
  needsRefresh(opened: Pick<OpenedCapsule, 'sealedMs'>): boolean
}

interface SigningKey {
  readonly id: string
  readonly key: KeyObject
}

/**
 * @param keys secrets of any length, not ''; the first signs, all are accepted
 * @param ttlMs age at which a capsule is no longer accepted
 * @param wallMs milliseconds since 1970
 * @param isRevoked says that a capsule is invalid all the same
 * @throws {RangeError} when there is no key, or one is empty
 */
export function createCapsules(
  keys: readonly string[],
  ttlMs: number,
  wallMs: () => number,
  isRevoked: (opened: OpenedCapsule) => boolean = () => false,
): Capsules {
  const ring = keys.map(signingKey)
  const [first] = ring
  if (first === undefined) throw new RangeError('Capsules need a key')
  const byId = new Map(ring.map(({ id, key }) => [id, key]))

  return {
    seal(state) {
      const { session, tenant, user, grants, untilMs } = state
      const parts = [session, user, grants, untilMs, wallMs()]
      const payload = JSON.stringify(tenant === 1 ? parts : [...parts, tenant])
      const signed = `${VERSION}.${first.id}.${Buffer.from(payload).toString('base64url')}`
      const length = signed.length + 1 + MAC_LENGTH
      return length > MAX_CAPSULE_LENGTH ? null : `${signed}.${macOf(signed, first.key)}`
    },

    open(text) {
      if (text.length > MAX_CAPSULE_LENGTH)
        return invalid(`it has ${text.length} of ${MAX_CAPSULE_LENGTH} letters`)
      const payload = verifiedPayload(text, byId)
      if (typeof payload !== 'string') return payload
      const opened = readPayload(payload)
      if (opened === null) return invalid('it holds no session')
      if (isRevoked(opened)) return invalid('it was revoked')
      return expiry(opened, ttlMs, wallMs()) ?? opened
    },

    needsRefresh(opened) {
      return wallMs() - opened.sealedMs >= ttlMs / 2
    },
  }
}

/**
 * A key for capsules from a secret that has another use, such as the one for tokens: neither tells of the other.
 *
 * @param secret not ''
 * @returns text for the `keys` of `createCapsules`, the same for the same secret
 */
export function deriveCapsuleKey(secret: string): string {
  return derive(secret, DERIVED_LABEL, SIGNING_KEY_BYTES).toString('base64url')
}

function signingKey(secret: string): SigningKey {
  if (secret === '') throw new RangeError('A key of capsules is empty')
  const id = derive(secret, KEY_ID_LABEL, KEY_ID_BYTES).toString('base64url')
  return { id, key: createSecretKey(derive(secret, SIGNING_LABEL, SIGNING_KEY_BYTES)) }
}

function derive(secret: string, label: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', label, bytes))
}

function macOf(signed: string, key: KeyObject): string {
  return createHmac('sha256', key).update(signed).digest('base64url').slice(0, MAC_LENGTH)
}

/** The third part of a capsule whose signature is good. */
function verifiedPayload(text: string, keys: ReadonlyMap<string, KeyObject>): string | CapsuleFailure {
  const idAt = text.indexOf('.') + 1
  const payloadAt = text.indexOf('.', idAt) + 1
  const signedEnd = text.lastIndexOf('.')
  if (idAt === 0 || payloadAt === 0 || signedEnd < payloadAt) return invalid('it does not have four parts')
  if (text.slice(0, idAt - 1) !== VERSION) return invalid(`it is not of version ${VERSION}`)
  const key = keys.get(text.slice(idAt, payloadAt - 1))
  if (key === undefined) return invalid('it was signed with another key')
  // As texts, not as the bytes they stand for: base64 has several texts for the same bytes, and one of them is ours.
  const isOurs = isSame(text.slice(signedEnd + 1), macOf(text.slice(0, signedEnd), key))
  return isOurs ? text.slice(payloadAt, signedEnd) : invalid('its signature is wrong')
}

/** Takes the same time for any two texts of one length. */
function isSame(given: string, expected: string): boolean {
  const bytes = Buffer.from(given)
  return bytes.length === expected.length && timingSafeEqual(bytes, Buffer.from(expected))
}

/** Null for what is no session, though it was signed: by another version, or by whoever else has the key. */
function readPayload(payload: string): OpenedCapsule | null {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(payload, 'base64url').toString())
  } catch {
    return null // Not JSON
  }
  if (!Array.isArray(parts) || parts.length < 5 || parts.length > 6) return null
  const [session, user, grants, untilMs, sealedMs, tenant = 1]: unknown[] = parts
  if (typeof session !== 'string' || session === '' || typeof user !== 'string') return null
  if (!isTexts(grants) || !isTime(untilMs) || !isTime(sealedMs) || !isTime(tenant)) return null
  return { session, tenant, user, grants, untilMs, sealedMs }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0
}

function expiry(opened: OpenedCapsule, ttlMs: number, nowMs: number): CapsuleFailure | null {
  if (nowMs - opened.sealedMs >= ttlMs) {
    return { failed: 'CAPSULE_EXPIRED', message: `The capsule is older than ${ttlMs} ms` }
  }
  if (opened.untilMs === 0 || nowMs < opened.untilMs) return null
  return { failed: 'CAPSULE_EXPIRED', message: 'The token of the session in the capsule has expired' }
}

function invalid(reason: string): CapsuleFailure {
  return { failed: 'CAPSULE_INVALID', message: `The capsule can not be trusted: ${reason}` }
}
