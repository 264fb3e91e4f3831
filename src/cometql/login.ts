/**
 * Who may come in over MySQL's protocol, and as whom.
 *
 * Owns the checks of a login, step by step: the password by either plugin, another try by the other plugin when what came
 * can't be checked, the tenant that the user name says, the database. There is one password for all tenants, as CppComet
 * has it. Holds what the connection was asked, a salt; knows no socket.
 */
import { MAX_TENANT } from '../core/tenants.ts'
import { chooseDatabase, unknownDatabase } from './databases.ts'
import type { LoginThrottle } from './login-throttle.ts'
import { type QueryFailure, queryFailure } from './query-failure.ts'
import { capabilities } from './wire/capabilities.ts'
import { type LoginPacket, type PluginName, plugins } from './wire/handshake.ts'
import { isRightResponse, makeSalt, responseLength } from './wire/passwords.ts'

/** Comes without a password to see that somebody answers, and may do nothing else. */
const CHECK_USER = 'haproxy_check'

/** CppComet's name for tenant 0. */
const ROOT = 'root'

/** Who logged in. */
export interface Login {
  readonly user: string
  /** That the user is */
  readonly ownTenant: number
  /** Whose the database is: the same, or that of `db_N` */
  readonly tenant: number
  readonly database: string
  /** By which the password was checked */
  readonly plugin: PluginName
  /** It sent a proof, and awaits what its plugin says to one */
  readonly hasProof: boolean
  /** May only be there */
  readonly isCheck: boolean
}

/** What comes next: the client is in, is asked again, or goes. */
export type LoginStep =
  | { readonly kind: 'in'; readonly login: Login }
  | { readonly kind: 'again'; readonly plugin: PluginName; readonly salt: Buffer }
  | { readonly kind: 'refused'; readonly failure: QueryFailure }

export interface LoginDeps {
  /** '' = none is asked for */
  readonly password: string
  /** The way that is asked for first */
  readonly plugin: PluginName
  readonly throttle: LoginThrottle
  /** Where the client is */
  readonly address: string
}

/** The logins of one connection: the first, and those that change the user. */
export class LoginTalk {
  readonly #deps: LoginDeps
  /** What the client was given to prove that it knows the password. */
  salt: Buffer
  /** A client that was asked again, and the plugin it was asked for. */
  #asked: { readonly packet: LoginPacket; readonly plugin: PluginName } | null

  constructor(deps: LoginDeps) {
    this.#deps = deps
    this.salt = makeSalt()
    this.#asked = null
  }

  /** A client that answers the greeting. */
  begin(packet: LoginPacket): LoginStep {
    const { plugin } = this.#deps
    if (packet.user === CHECK_USER && isEmpty(packet.response)) return this.#enter(packet, plugin, false)
    const own = pluginNamed(packet)
    if (own === null) return this.#again(packet, plugin)
    // A client with a way of its own, other than the one it was offered, waits to be asked for it.
    if (isEmpty(packet.response) && own !== plugin) return this.#again(packet, own)
    if (isEmpty(packet.response) || packet.response.length === responseLength(own))
      return this.#check(packet, own, packet.response)
    return this.#again(packet, other(own))
  }

  /** A client that wants to be somebody else: its proof is for a salt that is over. */
  beginAgain(packet: LoginPacket): LoginStep {
    return this.#again(packet, pluginNamed(packet) ?? this.#deps.plugin)
  }

  /** What a client answers that was asked again. */
  goOn(response: Buffer): LoginStep {
    const asked = this.#asked
    this.#asked = null
    if (asked === null) return refused('nothing was asked')
    return this.#check(asked.packet, asked.plugin, response)
  }

  #again(packet: LoginPacket, plugin: PluginName): LoginStep {
    if ((packet.capabilities & capabilities.pluginAuth) === 0) {
      return refused('the client can not be asked for another kind of proof')
    }
    this.#asked = { packet, plugin }
    this.salt = makeSalt()
    return { kind: 'again', plugin, salt: this.salt }
  }

  #check(packet: LoginPacket, plugin: PluginName, response: Buffer): LoginStep {
    const { password, throttle, address } = this.#deps
    const hasProof = !isEmpty(response)
    const waitMs = throttle.waitMs(address)
    if (waitMs > 0) return shutOut(address, waitMs)
    if (password === '' || isRightResponse(plugin, response, password, this.salt)) {
      throttle.succeeded(address)
      return this.#enter(packet, plugin, hasProof)
    }
    throttle.failed(address)
    return hasProof ? wrongPassword : noPassword
  }

  #enter({ user, database }: LoginPacket, plugin: PluginName, hasProof: boolean): LoginStep {
    const isCheck = user === CHECK_USER
    const ownTenant = isCheck ? 0 : tenantOfUser(user)
    if (ownTenant === null) {
      return refused(
        `the user is the number of a tenant, or ${ROOT}: it is ${JSON.stringify(user.slice(0, 40))}`,
      )
    }
    const chosen = chooseDatabase(database)
    if (chosen === null) return { kind: 'refused', failure: unknownDatabase }
    const place = { ownTenant, tenant: chosen.tenant ?? ownTenant, database: chosen.name }
    return { kind: 'in', login: { user, ...place, plugin, hasProof, isCheck } }
  }
}

const AUTHENTICATION_FAILURE = 'Authentication failure'

const wrongPassword = refused('wrong password')

/** CppComet's words in front. */
const noPassword: LoginStep = {
  kind: 'refused',
  failure: queryFailure(
    'authentication',
    `${AUTHENTICATION_FAILURE}, authDataLen!=20: no password was given`,
  ),
}

function shutOut(address: string, waitMs: number): LoginStep {
  return refused(`too many wrong passwords from ${address}: wait ${Math.ceil(waitMs / 1000)} s`)
}

function refused(why: string): LoginStep {
  return { kind: 'refused', failure: queryFailure('authentication', `${AUTHENTICATION_FAILURE}: ${why}`) }
}

/** Who has no password sends nothing, or by the newer plugin a zero. */
function isEmpty(response: Buffer): boolean {
  return response.length === 0 || (response.length === 1 && response[0] === 0)
}

function tenantOfUser(user: string): number | null {
  if (user === ROOT) return 0
  return /^\d{1,10}$/.test(user) && Number(user) <= MAX_TENANT ? Number(user) : null
}

/** Clients that do not say use the old way. Null = one that we do not know. */
function pluginNamed({ plugin }: LoginPacket): PluginName | null {
  if (plugin === '') return plugins[0]
  return plugins.find((one) => one === plugin) ?? null
}

function other(plugin: PluginName): PluginName {
  return plugin === plugins[0] ? plugins[1] : plugins[0]
}
