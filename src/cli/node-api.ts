/**
 * One question to the internal HTTP port of a node, for the commands that ask.
 *
 * Owns the flags such a command has, the request, and what each way it can go wrong means for people and for the exit
 * code: nobody answers (69), the key is wrong (78), the node refuses (70). One request at a time, 5 s at the most.
 */
import { MAX_TENANT } from '../core/tenants.ts'
import { errorText } from '../errors.ts'
import type { Args, Flag } from './command.ts'
import { CommandError, exitCodes, usageError } from './exit.ts'
import { numberOf, textOf } from './parse-args.ts'

const DEFAULT_URL = 'http://127.0.0.1:8081'
const REQUEST_TIMEOUT_MS = 5_000

/** Of every command that talks to an internal port. */
export const tenantFlag: Flag = {
  kind: 'number',
  describe: `Tenant whose channels and users are meant, 0–${MAX_TENANT}`,
  defaultText: 'that of the node',
}

/** The tenant that was named; null = none. */
export function tenantOf(args: Args): number | null {
  const tenant = numberOf(args, 'tenant', { min: 0, max: MAX_TENANT, otherwise: -1 })
  return tenant === -1 ? null : tenant
}

/** Flags of every command that asks. */
export const nodeFlags: Readonly<Record<string, Flag>> = {
  url: { kind: 'text', describe: 'Internal HTTP address of the node', defaultText: DEFAULT_URL },
  key: { kind: 'text', describe: 'Key of the internal ports. Also ENCKE_KEY', defaultText: 'none' },
  tenant: tenantFlag,
}

export interface NodeAnswer {
  /** The body as it came */
  readonly text: string
  /** The body as JSON, which is an object */
  readonly json: Readonly<Record<string, unknown>>
}

/**
 * Asks the node that the flags `--url`, `--key` and `--tenant` name.
 *
 * @param path with its query, names percent-encoded
 * @throws {CommandError} 64, 69, 70 or 78
 */
export async function askNode(args: Args, path: string): Promise<NodeAnswer> {
  const base = textOf(args, 'url', DEFAULT_URL)
  if (!URL.canParse(path, base))
    throw usageError(`Flag --url takes an address such as ${DEFAULT_URL}: got "${base}"`)
  const url = new URL(path, base)
  const key = textOf(args, 'key', process.env.ENCKE_KEY)
  const response = await request(url, authorization(key, tenantOf(args)))
  const text = await response.text().catch(() => '')
  const json = objectOf(text)
  if (response.status === 401) {
    const message = `The node at ${url.origin} does not take this key: give --key or ENCKE_KEY`
    throw new CommandError(exitCodes.config, message)
  }
  if (response.ok && json !== null) return { text, json }
  const refusal = response.status < 500 ? refusalOf(json) : null
  if (refusal !== null) throw new CommandError(exitCodes.internal, `The node refuses it: ${refusal}`)
  const message = `No answer to use from ${url.origin}: its status is ${response.status}`
  throw new CommandError(exitCodes.unavailable, message)
}

/** Key and tenant as a header; none where there is neither. */
function authorization(key: string, tenant: number | null): Record<string, string> {
  if (tenant !== null) {
    return { authorization: `Basic ${Buffer.from(`${tenant}:${key}`).toString('base64')}` }
  }
  return key === '' ? {} : { authorization: `Bearer ${key}` }
}

async function request(url: URL, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    const message = `Cannot reach a node at ${url.origin}: ${errorText(cause)}`
    throw new CommandError(exitCodes.unavailable, message, { cause })
  }
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null // no JSON: no node
  }
}

/** The message of an error body; null when it is none of a node's. */
function refusalOf(body: Readonly<Record<string, unknown>> | null): string | null {
  const { error } = (body ?? {}) as { error?: { message?: unknown } | null }
  return typeof error?.message === 'string' ? error.message : null
}
