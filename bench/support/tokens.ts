/**
 * Tokens for connections that each belong to a user of their own.
 *
 * Owns the file a generator reads them from, one per line. HS256, signed with a secret made for this bench.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createSigner } from 'fast-jwt'
import { temporaryFile } from './paths.ts'

const lifetimeMs = 3_600_000
const secretBytes = 32

export function makeSecret(): string {
  return randomBytes(secretBytes).toString('hex')
}

/** Writes tokens for the users `first` … `first + count - 1`. @returns the path of the file */
export function writeTokens(secret: string, first: number, count: number): string {
  const sign = createSigner({ key: secret, algorithm: 'HS256', expiresIn: lifetimeMs })
  const lines = Array.from({ length: count }, (_, index) => `${sign({ sub: String(first + index) })}\n`)
  const path = temporaryFile(`tokens-${first}-${count}`)
  writeFileSync(path, lines.join(''), { mode: 0o600 })
  return path
}
