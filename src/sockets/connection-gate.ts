/**
 * Who may open a connection at all.
 *
 * Owns the counts behind `maxConnections` and `maxConnectionsPerIp`, and the check of origins. Decided from the
 * upgrade request alone, before anything is allocated for the client. Memory: one number per address, only while that
 * limit is on.
 */
import type { Failure } from '../core/broker.ts'
import type { UpgradeRequest } from '../uws.ts'

export interface GateLimits {
  /** Connections at once; already below the descriptor limit. */
  readonly maxConnections: number
  /** 0 = no limit per address */
  readonly maxConnectionsPerIp: number
  /** Header a trusted proxy sets to the client's address; '' = the address of the socket. */
  readonly clientIpHeader: string
  /** Empty = any origin */
  readonly origins: readonly string[]
}

/** What of a request says where it comes from. */
export type GateRequest = Pick<UpgradeRequest, 'header' | 'lastHeader' | 'address'>

export interface ConnectionGate {
  /** Null when the connection may come in. Does not count it. */
  check(request: GateRequest): Failure | null
  /** Null when pages of the request's origin may talk to the node; for requests that are no connection. */
  checkOrigin(request: Pick<UpgradeRequest, 'header'>): Failure | null
  /** Counts a connection in; returns the address to give to `leave`, '' where addresses are not counted. */
  enter(request: GateRequest): string
  /** @param address any, where addresses are not counted */
  leave(address: string): void
}

/** Why nobody may open one, nor ask for anything, while the node drains. */
export const draining: Failure = { failed: 'DRAINING', message: 'The node is shutting down' }

export function createConnectionGate(limits: GateLimits): ConnectionGate {
  const { maxConnections, maxConnectionsPerIp } = limits
  const clientIpHeader = limits.clientIpHeader.toLowerCase()
  const origins = new Set(limits.origins.map((origin) => origin.toLowerCase()))
  const perAddress = new Map<string, number>()
  let connections = 0

  function addressOf(request: GateRequest): string {
    return maxConnectionsPerIp === 0 ? '' : clientAddress(request, clientIpHeader)
  }

  function checkOrigin(request: Pick<UpgradeRequest, 'header'>): Failure | null {
    if (origins.size === 0) return null
    const origin = request.header('origin')
    if (origins.has(origin.toLowerCase())) return null
    const message = `Cannot connect: origin "${origin.slice(0, 200)}" is not allowed`
    return { failed: 'ORIGIN_DENIED', message }
  }

  return {
    checkOrigin,
    check(request) {
      if (connections >= maxConnections) {
        const message = `Cannot connect: the node already holds ${connections} of ${maxConnections} connections`
        return { failed: 'CONNECTION_LIMIT', message }
      }
      const denied = checkOrigin(request)
      if (denied !== null) return denied
      const held = perAddress.get(addressOf(request)) ?? 0
      if (maxConnectionsPerIp > 0 && held >= maxConnectionsPerIp) {
        const message = `Cannot connect: the address already holds ${held} of ${maxConnectionsPerIp} connections`
        return { failed: 'CONNECTION_IP_LIMIT', message }
      }
      return null
    },
    enter(request) {
      connections++
      const address = addressOf(request)
      if (address !== '') perAddress.set(address, (perAddress.get(address) ?? 0) + 1)
      return address
    },
    leave(address) {
      connections--
      if (address === '' || maxConnectionsPerIp === 0) return
      const left = (perAddress.get(address) ?? 1) - 1
      if (left === 0) perAddress.delete(address)
      else perAddress.set(address, left)
    },
  }
}

/**
 * Address of the client of a request.
 *
 * @param header in lower case; '' = the address of the socket
 */
export function clientAddress(
  request: Pick<UpgradeRequest, 'lastHeader' | 'address'>,
  header: string,
): string {
  if (header === '') return request.address()
  // The last entry is the one our own proxy wrote; those before it came from outside.
  return request.lastHeader(header).split(',').at(-1)?.trim() || request.address()
}
