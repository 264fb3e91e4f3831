/**
 * `encke token`: a client token for trying things out and for scripts.
 *
 * Owns the claims: `sub` is the user, `exp` the end, `channels` the globs for rules that say `token`, `tenant` whose user
 * it is. Signed with HS256, so the node must know the same secret; an application makes its tokens itself, with any JWT
 * library.
 */
import { MAX_TENANT } from '../core/tenants.ts'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes, usageError } from './exit.ts'
import { tenantOf } from './node-api.ts'
import { listOf, numberOf, textOf } from './parse-args.ts'

const DEFAULT_TTL_S = 3_600
const MAX_TTL_S = 31_536_000
const MIN_SECRET_BYTES = 16

export const token: Command = {
  name: 'token',
  describe: 'Prints a client token (JWT, HS256) signed with the secret of the node.',
  positionals: [],
  flags: {
    secret: {
      kind: 'text',
      describe: 'Secret of at least 16 bytes, tokenSecret of the node. Also ENCKE_TOKEN_SECRET',
    },
    user: { kind: 'text', describe: 'Id of the user, claim "sub". Without it the session is anonymous' },
    tenant: {
      kind: 'number',
      describe: `Tenant whose user it is, claim "tenant", 0–${MAX_TENANT}`,
      defaultText: 'that of the node',
    },
    ttl: {
      kind: 'number',
      describe: `Seconds until it expires, 0–${MAX_TTL_S}. 0: never`,
      defaultText: String(DEFAULT_TTL_S),
    },
    channel: {
      kind: 'text',
      isList: true,
      describe: 'Glob of channels for rules that say "token", claim "channels". May be repeated',
    },
  },
  examples: [
    ['token --user 17', 'With the secret in ENCKE_TOKEN_SECRET, good for an hour'],
    ["token --user 17 --ttl 0 --channel 'room_*'", 'For ever, and for channels that ask for it'],
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const secret = textOf(args, 'secret', process.env.ENCKE_TOKEN_SECRET)
  const user = textOf(args, 'user')
  const channels = listOf(args, 'channel')
  const tenant = tenantOf(args)
  const ttlS = numberOf(args, 'ttl', { min: 0, max: MAX_TTL_S, otherwise: DEFAULT_TTL_S })
  if (secret === '') throw usageError('A token needs a secret: give --secret or ENCKE_TOKEN_SECRET')
  if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
    throw usageError(`The secret has ${Buffer.byteLength(secret)} bytes, below ${MIN_SECRET_BYTES}`)
  }
  if (user === '' && channels.length === 0) throw usageError('A token needs a --user, a --channel or both')
  const { createSigner } = await import('fast-jwt')
  const sign = createSigner({
    key: secret,
    algorithm: 'HS256',
    ...(ttlS === 0 ? {} : { expiresIn: ttlS * 1_000 }),
  })
  const claims = {
    ...(user === '' ? {} : { sub: user }),
    ...(channels.length === 0 ? {} : { channels }),
    ...(tenant === null ? {} : { tenant }),
  }
  console.log(sign(claims))
  return exitCodes.done
}
