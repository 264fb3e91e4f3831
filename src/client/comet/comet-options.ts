/**
 * The options of CppComet's browser client, and what they mean to a node of ours.
 *
 * Owns their names and defaults, the address they point to and the login they make. A node that is not named, or is the
 * vendor's own, is the one that the script came from. Pure.
 */
import type { ClientLogin } from '../api.ts'

/** What pages give to `start` and `restart`. */
export interface CometOptions {
  /** Number of the tenant. Default: 0, with the vendor's node 15 */
  dev_id?: string | number | undefined
  /** Missing or 0 = anonymous */
  user_id?: string | number | undefined
  /** The user's key, or a token signed for the tenant */
  user_key?: string | undefined
  /** `host`, `host:port` or `host/path`; a list is the same as `nodes` */
  node?: string | string[] | undefined
  nodes?: string[] | undefined
  nodeArray?: string[] | undefined
  /** Whether the connection is encrypted. Default: as the page is */
  wss?: boolean | undefined
  /** Which of several nodes follows from the user; else it is the first */
  roundrobin?: boolean | undefined
  /** Nothing is told to anybody, whatever it says */
  nostat?: boolean | undefined
  /** Names the browser. Default: made at random, once for all tabs and visits */
  uuid?: string | undefined
  /** Whether `start` was called */
  isStart?: boolean | undefined
}

/** Where pages connect that name no node. */
const VENDOR_NODE = 'app.comet-server.ru'
const VENDOR_TENANT = '15'
const VENDORS = /(^|\.)comet-server\.(ru|com)$/

const MAX_TENANT = 2_147_483_647
const MAX_UUID_LENGTH = 32

/** The nodes there are to choose from, whatever option names them; at least one. */
export function nodesOf({ nodes, node, nodeArray }: CometOptions): [string, ...string[]] {
  const named = nodes ?? node ?? nodeArray ?? []
  const [first = VENDOR_NODE, ...others] = typeof named === 'string' ? [named] : named
  return [first, ...others]
}

/** Adds what a page gives to the options there are. Nodes that are named take the place of all before them. */
export function merge(options: CometOptions, given: CometOptions): void {
  const more = { ...given } // which may be the same object
  if (more.nodes ?? more.node ?? more.nodeArray) {
    options.nodes = options.node = options.nodeArray = undefined
  }
  Object.assign(options, more)
  options.nodeArray = nodesOf(options)
  options.dev_id ||= options.nodeArray[0] === VENDOR_NODE ? VENDOR_TENANT : '0'
}

/** Which of `count` nodes is the user's. @param random from 0 up to 1 */
export function nodeIndex({ roundrobin, user_id }: CometOptions, count: number, random: number): number {
  if (roundrobin !== true) return 0
  const user = Number(user_id)
  return user > 0 ? Math.floor(user) % count : Math.floor(random * count)
}

/** What the options say of who this is. */
export function loginOf({ dev_id, user_id, user_key }: CometOptions, uuid: string): ClientLogin {
  return {
    tenant: tenantOf(dev_id),
    user: userOf(user_id),
    key: String(user_key ?? ''),
    uuid: uuid.replace(/[^\w-]/g, '_').slice(0, MAX_UUID_LENGTH),
  }
}

/** What is no such number is 0, as ever. */
function tenantOf(devId: CometOptions['dev_id']): number {
  const tenant = /^\d+$/.test(String(devId)) ? Number(devId) : 0
  return tenant <= MAX_TENANT ? tenant : 0
}

/** '' = anonymous: for 0, negative numbers and what pages write when they know no user. */
function userOf(userId: CometOptions['user_id']): string {
  const user = String(userId ?? '').replace(/^0+/, '')
  return /^(-.*|undefined|null|NaN|false)$/.test(user) ? '' : user
}

/** Where the script came from, and where its page. */
export interface Surroundings {
  /** Undefined when that is not known */
  readonly scriptUrl: string | undefined
  readonly isWss: boolean
}

/** The address of a node's `/ws`. @param node as in `CometOptions.node` */
export function addressOf(node: string, { scriptUrl, isWss }: Surroundings): string {
  const [, scheme, place = ''] = /^(?:(\w+):)?\/{0,2}(.*?)\/*$/.exec(node) ?? []
  // `host:port` has no scheme, though it looks like it.
  const [isEncrypted, at] = /^(https?|wss?)$/.test(scheme ?? '')
    ? [isWss || /^(https|wss)$/.test(scheme ?? ''), place]
    : [isWss, node.replace(/^\/+|\/+$/g, '')]
  if (VENDORS.test(at.replace(/[:/].*$/, ''))) return originOf(scriptUrl, isWss)
  return `${isEncrypted ? 'wss' : 'ws'}://${at}/ws`
}

/** Behind the path that CppComet's documentation puts before a node, that path is kept. */
function originOf(scriptUrl: string | undefined, isWss: boolean): string {
  const from = scriptUrl ?? globalThis.location?.href
  if (from === undefined) return '/ws'
  const { protocol, host, pathname } = new URL(from)
  const isEncrypted = isWss || protocol === 'https:'
  const path = scriptUrl !== undefined && pathname.startsWith('/comet-server/') ? '/comet-server' : ''
  return `${isEncrypted ? 'wss' : 'ws'}://${host}${path}/ws`
}
