/**
 * An HTTP exchange of the public port as transports see it.
 *
 * Owns the shapes only; src/uws.ts makes them. An exchange is one request and its answer, which may come later, as a
 * whole or in parts. It costs less than 1 KB while it waits. Must not know the native library nor the protocol.
 */
export type ExchangeMethod = 'GET' | 'POST' | 'OPTIONS'

/** Requests to one path that are answered now or later; other methods go to the fallback. */
export interface ExchangeRoute {
  /** One path, or all that begin alike: `/*` at its end stands for any rest. */
  readonly path: string
  readonly methods: readonly ExchangeMethod[]
  readonly maxBodyBytes: number
  /** Names, in lower case, of the headers to keep besides `origin`. */
  readonly headers: readonly string[]
  /** Whether `address` is asked for; false saves its bytes. */
  readonly keepsAddress: boolean
  /** The whole request is there. An exception is reported and answered with 500, or ends a stream. */
  request(exchange: Exchange): void
  /**
   * All of a body above the bound came and was thrown away; must be answered, and the connection stays usable. One that
   * goes on for 16 MiB above the bound gets its connection closed instead.
   */
  tooLarge(exchange: Exchange): void
}

/**
 * One request and its answer. Usable after the handler returned; every call is harmless when it comes too late.
 *
 * Answer outside the callbacks of the listener where possible: inside the callback of another connection the library
 * cannot collect, and each header is a write of its own.
 */
export interface Exchange {
  readonly method: ExchangeMethod
  /** As it was sent, without a query. */
  readonly path: string
  /** Of a GET, without the '?'; else '' */
  readonly query: string
  /** Empty unless POST. The receiver's to keep; the exchange itself gives it up when `request` has returned. */
  readonly body: Buffer
  /** Value of a kept header, '' when absent; the name in lower case. */
  header(name: string): string
  /** Value of the last of several kept headers of one name, '' when absent: the one a proxy in front of us added. */
  lastHeader(name: string): string
  /** Address of the peer as text; '' unless the route keeps it. */
  address(): string
  /** False once answered, ended, aborted, or the peer is gone. */
  readonly isOpen: boolean
  /** Calls `run`, once, if the peer goes away before all of the answer was taken from here. One listener. */
  onGone(run: () => void): void
  /**
   * Answers as a whole. A peer that takes nothing for 10 s is cut off.
   *
   * @param status such as `200 OK`; with 204 there is neither body nor length
   * @param headers below 8 KB together; the length is added
   * @param body any size, kept by reference until taken
   */
  answer(status: string, headers: Readonly<Record<string, string>>, body: Buffer | string): void
  /** Begins an answer in parts; its head is complete, for the peer, with the first of them. */
  startStream(status: string, headers: Readonly<Record<string, string>>): void
  /**
   * Sends a part of any size. A peer that takes nothing for 10 s is cut off.
   *
   * @param bytes kept by reference until taken: do not reuse the buffer
   * @returns false when the peer does not read as fast, or is gone: wait for `onRoom`; what is written before is held
   *   without bound
   */
  write(bytes: Buffer): boolean
  /** Calls `run`, from no other callback, each time a stream that was full can take more. One listener. */
  onRoom(run: () => void): void
  /** Ends a stream once everything written was taken. */
  endStream(): void
  /** Closes the connection at once, without an answer or in the middle of it. */
  abort(): void
}
