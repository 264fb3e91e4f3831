/**
 * The client under the API, which changes its node and its user at any time.
 *
 * Owns the one client there is, which begins with the first destination, the pipes it is subscribed to and the commands it
 * is given. A new login and another node go on from where each pipe was left; a node that is not of one mind with the last
 * does not know that place, and says so. Pipes are never left, as in CppComet. Bound: what the page asks for.
 */
import type { Gap, PublicationMessage } from '../../protocol/messages.ts'
import type { Client, ClientLogin, ClientOptions, ClientState, TransportName } from '../api.ts'
import { createClient } from '../client.ts'
import type { ClientError } from '../client-error.ts'
import { platformTimers } from '../timers.ts'
import { type Command, Commands } from './commands.ts'

/** What the platform gives the client; for tests. */
export type Platform = Pick<
  ClientOptions,
  'WebSocket' | 'fetch' | 'timers' | 'random' | 'page' | 'backoff' | 'connectTimeoutMs'
>

export interface LinkListener {
  state(state: ClientState): void
  publication(pipe: string, publication: PublicationMessage): void
  /** For the user, on no pipe. */
  message(publication: PublicationMessage): void
  /** Publications that will not come. @param pipe null = for the user */
  gap(pipe: string | null, gap: Gap): void
  /** @param pipe what was refused; null = something else went wrong */
  failed(error: ClientError, pipe: string | null): void
}

export interface Destination {
  readonly url: string
  readonly transports: readonly TransportName[]
  readonly login: ClientLogin
}

export class NodeLink {
  readonly #platform: Platform
  readonly #listener: LinkListener
  readonly #commands: Commands
  readonly #pipes = new Set<string>()
  #client: Client | null = null
  #address = ''
  #login = ''

  constructor(platform: Platform, listener: LinkListener) {
    this.#platform = platform
    this.#listener = listener
    this.#commands = new Commands(platform.timers ?? platformTimers)
  }

  /**
   * Connects, or goes where the destination is another one now.
   *
   * @param isAnew as a new session, though nothing else changed
   * @throws {TypeError} when the address is none
   */
  open(destination: Destination, isAnew = false): void {
    const address = `${destination.url} ${destination.transports}`
    const login = JSON.stringify(destination.login)
    if (this.#client === null) this.#client = this.#create(destination)
    else if (address !== this.#address) this.#client.login(destination.login, destination)
    else if (isAnew || login !== this.#login) this.#client.login(destination.login)
    this.#address = address
    this.#login = login
    this.#client.connect()
  }

  /** Ends the connection; what is asked from now on waits for the next `open`. */
  close(): void {
    this.#client?.disconnect()
  }

  get state(): ClientState['state'] {
    return this.#client?.state ?? 'closed'
  }

  /** Subscribes to a pipe for good. */
  join(pipe: string): void {
    if (this.#pipes.has(pipe)) return
    this.#pipes.add(pipe)
    if (this.#client !== null) this.#subscribe(this.#client, pipe)
  }

  /** As Commands.send. */
  send(command: Command): boolean {
    return this.#commands.send(command)
  }

  #create(destination: Destination): Client {
    const client = createClient({ ...this.#platform, ...destination })
    client.on('state', (state) => this.#moved(client, state))
    client.on('message', (publication) => this.#listener.message(publication))
    client.on('gap', (gap) => this.#listener.gap(null, gap))
    client.on('error', (error) => this.#listener.failed(error, null))
    for (const pipe of this.#pipes) this.#subscribe(client, pipe)
    return client
  }

  #subscribe(client: Client, pipe: string): void {
    const subscription = client.subscribe(pipe, (publication) =>
      this.#listener.publication(pipe, publication),
    )
    subscription.on('gap', (gap) => this.#listener.gap(pipe, gap))
    subscription.on('error', (error) => this.#listener.failed(error, pipe))
  }

  #moved(client: Client, state: ClientState): void {
    if (state.state === 'connected') this.#commands.attach(client)
    else this.#commands.detach()
    this.#listener.state(state)
  }
}
