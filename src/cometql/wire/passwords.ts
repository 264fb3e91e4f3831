/**
 * How a client proves to know a password without sending it.
 *
 * Owns the arithmetic of the two plugins and the salt they need. The node knows the password itself, so the short way
 * of caching_sha2_password is always open. Nothing of a password is kept; proofs are compared in constant time.
 *
 *     mysql_native_password   SHA1(password)   XOR SHA1(salt + SHA1(SHA1(password)))
 *     caching_sha2_password   SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt)
 */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import type { PluginName } from './handshake.ts'

const SALT_BYTES = 20

const RESPONSE_BYTES: Readonly<Record<PluginName, number>> = {
  mysql_native_password: 20,
  caching_sha2_password: 32,
}

/** 20 bytes, each 1 to 127: clients read the salt as a text that ends with a zero. */
export function makeSalt(): Buffer {
  return Buffer.from(Array.from({ length: SALT_BYTES }, () => randomInt(1, 128)))
}

/** Bytes of a proof. */
export function responseLength(plugin: PluginName): number {
  return RESPONSE_BYTES[plugin]
}

/** Whether a proof is right. None is right only where no password is asked for. Any length is taken. */
export function isRightResponse(
  plugin: PluginName,
  response: Buffer,
  password: string,
  salt: Buffer,
): boolean {
  const right = responseFor(plugin, password, salt)
  const given = isEmptyProof(plugin, response) ? response.subarray(0, 0) : response
  return given.length === right.length && timingSafeEqual(given, right)
}

/** The proof that a client sends; for no password it is empty. */
export function responseFor(plugin: PluginName, password: string, salt: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0)
  if (plugin === 'mysql_native_password') {
    const once = digest('sha1', Buffer.from(password))
    return xor(once, digest('sha1', salt, digest('sha1', once)))
  }
  const once = digest('sha256', Buffer.from(password))
  return xor(once, digest('sha256', digest('sha256', once), salt))
}

/** Clients of caching_sha2_password write no password as a text, that is as a zero. */
function isEmptyProof(plugin: PluginName, response: Buffer): boolean {
  return plugin === 'caching_sha2_password' && response.length === 1 && response[0] === 0
}

function digest(algorithm: 'sha1' | 'sha256', ...parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, i) => byte ^ (right[i] ?? 0)))
}
