/**
 * A route of requests over HTTP, as every transport serves its own.
 *
 * Owns what such routes have in common: preflights are answered, bytes counted, bodies above the bound refused, and
 * the client's address kept where a limit needs it. Whether a request may come in is the transport's to say, as some
 * requests are connections and some are not. Holds nothing.
 */
import type { Failure } from '../core/broker.ts'
import type { Observer, TransportName } from '../core/observer.ts'
import type { Exchange, ExchangeMethod, ExchangeRoute } from '../uws/exchange.ts'
import type { PublicApp } from '../uws.ts'
import type { GateLimits } from './connection-gate.ts'
import type { HttpAnswers } from './http-answers.ts'
import { publicPaths } from './public-paths.ts'

export interface RefusalDeps {
  readonly answers: HttpAnswers
  readonly observer: Observer
}

export interface HttpRouteDeps extends RefusalDeps {
  readonly app: Pick<PublicApp, 'exchange'>
}

export interface HttpRoute {
  readonly path: string
  /** OPTIONS is answered besides. */
  readonly methods: readonly Exclude<ExchangeMethod, 'OPTIONS'>[]
  /** Whose bytes its bodies are. */
  readonly transport: TransportName
  readonly maxBodyBytes: number
  /** Names, in lower case, of the headers to keep. */
  readonly headers: readonly string[]
  /** What the gate needs to tell addresses apart; null = its requests are no connections */
  readonly addresses: Pick<GateLimits, 'clientIpHeader' | 'maxConnectionsPerIp'> | null
  /** A request that is no preflight, with all of its body. */
  request(exchange: Exchange): void
}

/** Registers the route. */
export function serveHttpRoute(deps: HttpRouteDeps, route: HttpRoute): void {
  const { path, methods, transport, maxBodyBytes, headers, addresses } = route
  const clientIpHeader = addresses?.clientIpHeader.toLowerCase() ?? ''
  const exchanges: Omit<ExchangeRoute, 'path'> = {
    methods: [...methods, 'OPTIONS'],
    maxBodyBytes,
    headers: clientIpHeader === '' ? headers : [...headers, clientIpHeader],
    keepsAddress: (addresses?.maxConnectionsPerIp ?? 0) > 0,
    request(exchange) {
      if (exchange.method === 'OPTIONS') {
        deps.answers.preflight(exchange)
        return
      }
      deps.observer.received(transport, exchange.body.length)
      route.request(exchange)
    },
    tooLarge(exchange) {
      const message = `Body is larger than ${maxBodyBytes} bytes`
      refuse(deps, exchange, { failed: 'MESSAGE_TOO_LARGE', message })
    },
  }
  for (const one of publicPaths(path)) deps.app.exchange({ ...exchanges, path: one })
}

/** Answers a request that failed as a whole, and counts that it did. */
export function refuse(deps: RefusalDeps, exchange: Exchange, { failed, message }: Failure): void {
  deps.observer.commandFailed(failed)
  deps.answers.refuse(exchange, failed, message)
}
