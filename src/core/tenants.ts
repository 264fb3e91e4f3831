/**
 * Tenants: whose channels, users and state are their own.
 *
 * Owns how a name is bound to its tenant inside the node: names of tenant 1 are themselves, those of others have the
 * number and a mark in front that no name may hold. So every map, topic and rule that goes by channel keeps tenants apart
 * without knowing of them; only what leaves the node is told by its bare name. Pure.
 */
import { userChannel } from '../protocol/messages.ts'
import { MAX_TENANT } from '../protocol/parse-command.ts'

export { MAX_TENANT }

/** The tenant of those who name none. */
export const FIRST_TENANT = 1

/** Whether a value may be the number of a tenant. */
export function isTenant(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_TENANT
}

/** Stands between a tenant and a name; control characters are forbidden in names. */
const MARK = '\u0001'

/**
 * A name as the node knows it.
 *
 * @param tenant 0 to `MAX_TENANT`
 * @param name any text, even one that is no name: it never becomes another tenant's
 */
export function scoped(tenant: number, name: string): string {
  return tenant === FIRST_TENANT && !name.includes(MARK) ? name : `${tenant}${MARK}${name}`
}

/** A name as its tenant knows it. */
export function bare(scopedName: string): string {
  return scopedName.slice(scopedName.indexOf(MARK) + 1)
}

/** Whose a name is. */
export function tenantOf(scopedName: string): number {
  const end = scopedName.indexOf(MARK)
  return end === -1 ? FIRST_TENANT : Number(scopedName.slice(0, end))
}

/** The channel of a user as the node knows it. */
export function ownChannel(tenant: number, user: string): string {
  return scoped(tenant, userChannel(user))
}

/** The user whose channel it is, as their tenant knows them: the way back from `ownChannel`. */
export function ownerOf(channel: string): string {
  return bare(channel).slice(userChannel('').length)
}
