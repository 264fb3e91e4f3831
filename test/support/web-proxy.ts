/**
 * What stands between pages and a node in offices and hotels: an HTTP proxy that may not let WebSockets through.
 *
 * Owns a free port of 127.0.0.1, the rule for upgrades and a count of what was asked for. Requests and their answers pass
 * piece by piece, so polls and streams work. Below HTTP, tcp-proxy.ts does the harm. Ends with its test.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { atEnd } from './teardown.ts'

/** What becomes of an upgrade; swallowed: it is granted, and then nothing passes either way. */
export type UpgradeRule = 'passed' | 'refused' | 'cut' | 'swallowed'

export interface WebProxy {
  /** Of the node behind it */
  readonly wsUrl: string
  readonly publicUrl: string
  /** For upgrades that come from now on. */
  upgrades: UpgradeRule
  /** Ends every WebSocket there is. */
  cutWebSockets(): void
  /** Everything asked for, as `GET /ws`, in order. */
  readonly asked: readonly string[]
}

/** RFC 6455 §1.3 */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Starts a proxy before `nodePort` of 127.0.0.1. */
export async function startWebProxy(t: Pick<TestContext, 'after'>, nodePort: number): Promise<WebProxy> {
  const asked: string[] = []
  const webSockets = new Set<Duplex>()
  const server = createServer((incoming, answer) => {
    note(incoming)
    pass(incoming, answer, nodePort)
  })
  server.on('upgrade', (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    note(incoming)
    webSockets.add(client)
    client.on('close', () => webSockets.delete(client))
    client.on('error', () => {}) // close follows
    if (proxy.upgrades === 'passed') join(incoming, client, head, nodePort)
    else turnAway(incoming, client, proxy.upgrades)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  atEnd(t, async () => {
    proxy.cutWebSockets()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  function note({ method, url = '' }: IncomingMessage): void {
    asked.push(`${method} ${url.split('?')[0]}`)
  }

  const proxy: WebProxy = {
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    publicUrl: `http://127.0.0.1:${port}`,
    upgrades: 'passed',
    cutWebSockets() {
      for (const client of webSockets) client.destroy()
    },
    asked,
  }
  return proxy
}

/** A request to the node and its answer back; whichever side ends early ends the other. */
function pass(incoming: IncomingMessage, answer: ServerResponse, port: number): void {
  const { method, url, headers } = incoming
  const outgoing = request({ host: '127.0.0.1', port, method, path: url, headers })
  outgoing.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers)
    answer.flushHeaders()
    response.pipe(answer)
    response.on('error', () => answer.destroy())
  })
  outgoing.on('error', () => answer.destroy())
  answer.on('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}

/** The handshake as it came, then bytes both ways. */
function join(incoming: IncomingMessage, client: Duplex, head: Buffer, port: number): void {
  const node = connect({ host: '127.0.0.1', port, noDelay: true })
  const pairs = incoming.rawHeaders.map((text, n) => (n % 2 === 0 ? `${text}: ` : `${text}\r\n`))
  node.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${pairs.join('')}\r\n`)
  node.write(head)
  node.on('error', () => client.destroy())
  node.on('close', () => client.destroy())
  client.on('close', () => node.destroy())
  node.pipe(client).pipe(node)
}

function turnAway(incoming: IncomingMessage, client: Duplex, rule: Exclude<UpgradeRule, 'passed'>): void {
  switch (rule) {
    case 'refused':
      client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      return
    case 'cut':
      client.destroy()
      return
    case 'swallowed': {
      const key = `${incoming.headers['sec-websocket-key']}${ACCEPT_GUID}`
      const accept = createHash('sha1').update(key).digest('base64')
      client.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      )
      client.resume()
    }
  }
}
