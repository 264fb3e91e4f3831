/**
 * `CometServerApi.js`: what pages written for CppComet's browser client call, on our client.
 *
 * Owns the names, arguments and return values of that public interface, and the signals by which messages reach callbacks;
 * what they mean lies beside (comet-options, pipe-name, envelope, node-link). Pages find what they know: callbacks stay
 * through `restart`, commands wait for a connection, refusals are messages on `sys`. Longer than most: the interface is.
 */
import type { Gap } from '../../protocol/messages.ts'
import type { ClientState, TransportName } from '../api.ts'
import type { ClientError } from '../client-error.ts'
import { platformTimers, type Timers } from '../timers.ts'
import { Base64 } from './base64.ts'
import { addressOf, type CometOptions, loginOf, merge, nodeIndex, nodesOf } from './comet-options.ts'
import { type CometMessage, errorNote, messageOf, type ServerInfo } from './envelope.ts'
import { NodeLink, type Platform } from './node-link.ts'
import { PageLog } from './page-log.ts'
import { EVERYTHING, eventSignal, OWN, parseName } from './pipe-name.ts'
import { askCount, askTracked, askUserData, readLog, sending } from './questions.ts'
import { browserName, markerName } from './random-text.ts'
import { marked, Repeats } from './repeats.ts'
import { digest, stripslashes } from './slashes.ts'
import { createStorage } from './storage.ts'
import { TabSignal } from './tab-signal.ts'
import { readText } from './wire-text.ts'

const VERSION = '4.10'
const UUID = 'comet_server_uuid'
const REAL_KEY = 'real_user_key'
const AUTHORIZED = '__comet_onAuthSuccess'
const UNAUTHORIZED = '__comet_onAuthFalill'
const GAP = '__comet_onGap'
/** Between the names of signal and slot in the id of a subscription. */
const JOINT = '&&'
/** Failed attempts after which another of several nodes is tried. */
const PATIENCE = 3
const WITH_WEB_SOCKET: readonly TransportName[] = ['websocket', 'long-poll', 'sse']
const WITHOUT: readonly TransportName[] = ['long-poll', 'sse']

/** A message as a node of CppComet sends it. */
type Frame = Partial<ServerInfo> & { data?: unknown }

export type CometCallback = (message: CometMessage) => void

/** What surrounds the API; for tests. */
export interface CometPlatform extends Platform {
  /** Where the script came from; the default node is there */
  readonly scriptUrl?: string | undefined
}

export class CometApi {
  readonly version = VERSION
  readonly options: CometOptions = {}
  /** Carries messages to their callbacks; pages send signals of their own by it. */
  readonly tabSignal = new TabSignal()
  readonly Base64 = Base64
  readonly stripslashes = stripslashes
  readonly #timers: Timers
  readonly #scriptUrl: string | undefined
  readonly #link: NodeLink
  readonly #log = new PageLog()
  readonly #storage = createStorage()
  readonly #repeats = new Repeats()
  /** Of all subscriptions there are. */
  readonly #ids = new Set<string>()
  /** Stays the same, so that an anonymous page keeps its node. */
  readonly #random = Math.random()
  #isWebSocketUsed: boolean | undefined
  #isWss = isPageEncrypted()
  #authorized: boolean | undefined
  #isUp = false
  #node = 0
  /** In a row, at the node in use. */
  #failures = 0

  constructor(options: CometOptions = {}, { scriptUrl, ...platform }: CometPlatform = {}) {
    Object.assign(this.options, options)
    this.#timers = platform.timers ?? platformTimers
    this.#scriptUrl = scriptUrl
    this.#link = new NodeLink(platform, {
      state: (state) => this.#moved(state),
      publication: (pipe, publication) => this.#tell(messageOf(pipe, publication, false)),
      message: (publication) => this.#tell(messageOf(OWN, publication, false)),
      gap: (pipe, gap) => this.#missed(pipe ?? OWN, gap),
      failed: (error, pipe) => this.#failed(error, pipe),
    })
  }

  /** Connects. @param callback called once it has begun to */
  start(options?: CometOptions, callback?: () => void): boolean {
    this.options.isStart = true
    this.#open(options, false)
    if (callback !== undefined) queueMicrotask(callback)
    return true
  }

  /** Connects anew, with other options where some are given; callbacks stay. */
  restart(options?: CometOptions): boolean | undefined {
    if (this.options.isStart !== true) return this.start(options)
    this.#open(options, true)
    return undefined
  }

  /** Ends the connection until `start` or `restart`. */
  stop(): void {
    this.#link.close()
  }

  isConnected(): boolean {
    return this.#isUp
  }

  /** Every tab has a connection of its own: true once started, undefined before. */
  isMaster(): boolean | undefined {
    return this.options.isStart === true ? true : undefined
  }

  /**
   * Calls `callback` with every message of a pipe, `pipe.event`, `msg`, `msg.event`, the reports on a pipe (`#pipe`), or of
   * everything ('' or no name). Several names may be in a list, or in one text with line breaks.
   *
   * @returns an id to unsubscribe with; undefined for a list, false for no name
   */
  subscription(
    name: string | readonly string[] | CometCallback | undefined,
    callback: CometCallback = () => {},
  ): string | false | undefined {
    if (name === undefined) return false
    if (typeof name === 'function') return this.#subscribe('', name)
    const names = typeof name === 'object' ? name : String(name).split('\n')
    if (names.length === 1) return this.#subscribe(names[0] ?? '', callback)
    for (const each of names) this.#subscribe(each, callback)
    return undefined
  }

  /** Ends the calls of one callback; the pipe goes on coming to the others. False when there is none. */
  unsubscription(id?: string | false): boolean {
    if (id === undefined) this.#log.complain('unsubscription needs the id that subscription returned')
    if (!id) return false
    this.#ids.delete(id)
    const joint = id.lastIndexOf(JOINT)
    return this.tabSignal.disconnect(id.slice(joint + JOINT.length), id.slice(0, joint))
  }

  unsubscriptionAll(): boolean {
    for (const id of this.#ids) this.unsubscription(id)
    return true
  }

  /**
   * Sends to everybody on a pipe but this page: `(pipe, event, message)` or `(pipe[.event], message)`. How many got it is
   * told on `#pipe`.
   *
   * @returns true when sent, false when it waits for a connection or there is no message, undefined for a pipe of the application's
   */
  web_pipe_send(pipe: string, event: unknown, message?: unknown): boolean | undefined {
    if (message === undefined) {
      const [, name = '', ofName = 'undefined'] = /^([^.]*)(?:\.(.*))?$/s.exec(pipe) ?? []
      return event === undefined ? false : this.#sendTo(name, ofName, event)
    }
    return this.#sendTo(pipe, `${event}`, message)
  }

  /** Sends the same `count` times, every `interval` ms; others handle it once. Returns as web_pipe_send. */
  multi_web_pipe_send(
    pipe: string,
    event: string,
    message: unknown,
    count = 3,
    interval = 1_000,
  ): boolean | undefined {
    const data = marked(message)
    if (data === null) return this.web_pipe_send(pipe, event, message)
    for (let n = 1; n < count; n++) {
      this.#timers.after(n * interval, () => this.web_pipe_send(pipe, event, data))
    }
    return this.web_pipe_send(pipe, event, data)
  }

  /** Who is on a `track_` pipe: `data` is a list of user_id and uuid. Returns as web_pipe_send. */
  getTrackPipeUsers(pipe: string, callback?: CometCallback): boolean | undefined {
    if (!pipe.startsWith('track_')) {
      this.#log.complain(`Pipe "${pipe}" tells nobody who is there: its name should begin with track_`)
      return undefined
    }
    return this.#link.send(askTracked(pipe, this.#answer(callback), (message) => this.#tell(message)))
  }

  /** The text that the application keeps for a user: `data` is user_id and user_data. Returns as web_pipe_send. */
  getUserData(userId: number | string, callback?: CometCallback): boolean | undefined {
    if (!/^\d+$/.test(String(userId)) || Number(userId) === 0) {
      this.#log.complain(`User id "${userId}" is none: it should be a number above 0`)
      return undefined
    }
    if (callback === undefined) return undefined
    return this.#link.send(
      askUserData(String(userId), this.#answer(callback), (message) => this.#tell(message)),
    )
  }

  /** Brings the log of a pipe, the oldest first, to all its callbacks; this one stays subscribed to the pipe. */
  get_pipe_log(pipe?: string, callback?: CometCallback): boolean {
    if (!pipe) {
      this.#log.complain('get_pipe_log needs the name of a pipe')
      return false
    }
    if (callback !== undefined) this.subscription(pipe, callback)
    this.#link.send(readLog(pipe, (message) => this.#tell(message)))
    return true
  }

  /** How many are subscribed to a pipe: `data` is user_in_pipe. */
  count_users_in_pipe(pipe: string, callback?: CometCallback): boolean {
    this.#link.send(askCount(pipe, this.#answer(callback), (message) => this.#tell(message)))
    return true
  }

  /** Calls `callback` whenever the login begins to be right. */
  onAuthSuccess(callback: () => void): void {
    this.tabSignal.connect(AUTHORIZED, callback)
  }

  /** Calls `callback` whenever it ceases to be, and when it is not from the start. */
  onAuthFalill(callback: () => void): void {
    this.tabSignal.connect(UNAUTHORIZED, callback)
  }

  /** Undefined until a node has said so. */
  isAuthorized(): boolean | undefined {
    return this.#authorized
  }

  setAuthorized(isAuthorized: boolean): void {
    if (isAuthorized === this.#authorized) return
    this.#authorized = isAuthorized
    this.tabSignal.emit(isAuthorized ? AUTHORIZED : UNAUTHORIZED)
  }

  /** Names this browser: the same in all tabs, today and tomorrow. */
  getUUID(): string {
    const uuid = this.options.uuid || this.#storage.get(UUID) || browserName()
    if (!this.options.uuid) this.#storage.set(UUID, uuid)
    this.options.uuid = uuid
    return uuid
  }

  getTabUUID(): string {
    return this.tabSignal.getTabUUID()
  }

  getCustomString(): string {
    return markerName()
  }

  getUserId(): CometOptions['user_id'] {
    return this.options.user_id
  }

  getUserKey(): string | undefined {
    return this.options.user_key
  }

  getDevId(): CometOptions['dev_id'] {
    return this.options.dev_id
  }

  /** The key the node keeps for the user, also where they logged in by a token; '' when the login was not right. */
  getRealUserKey(): unknown {
    return this.tabSignal.getState(REAL_KEY)
  }

  setRealUserKey(key: string): boolean {
    return this.tabSignal.setState(REAL_KEY, key)
  }

  /** Where a node is connected to; default: the one in use. */
  getUrl(node?: string): string {
    const nodes = nodesOf(this.options)
    const named = node ?? nodes[this.#node] ?? nodes[0]
    return addressOf(named, { scriptUrl: this.#scriptUrl, isWss: this.#isWss })
  }

  /** Says whether WebSockets are used, and changes it from the next `start` or `restart` on. */
  UseWebSocket(isUsed?: boolean): boolean {
    if (typeof isUsed === 'boolean') this.#isWebSocketUsed = isUsed
    return this.#isWebSocketUsed ?? globalThis.WebSocket !== undefined
  }

  /** Changes whether the connection is encrypted, from the next `start` or `restart` on; undefined = as the page is. */
  UseWss(isUsed?: boolean): boolean {
    this.#isWss = isUsed === undefined ? isPageEncrypted() : Boolean(isUsed)
    return this.#isWss
  }

  isUseWss(): boolean {
    return this.#isWss
  }

  getLogLevel(): number {
    return this.#log.level
  }

  setLogLevel(level: number): void {
    this.#log.level = level
  }

  /** Does nothing: no page is told on. */
  sendStatistics(): boolean {
    return true
  }

  /** Runs a command in the words of CppComet's wire protocol. True when sent, false when it waits or is none. */
  send_msg(text: string): boolean {
    const meant = readText(text, (message) => this.#tell(message))
    if (meant === null) {
      this.#log.complain('Unknown command:', text)
      return false
    }
    if ('pipes' in meant) {
      for (const pipe of meant.pipes) this.#link.join(pipe)
      return this.#isUp
    }
    return meant.command === null || this.#link.send(meant.command)
  }

  /** The name `send_msg` has inside CppComet's client. */
  socketArraySend(text: string): boolean {
    return this.send_msg(text)
  }

  /** Brings a message to its callbacks as if a node had sent it. 1 when it has data, else -1. */
  msg_cultivate(frame: Readonly<Frame>): number {
    if (frame.data === undefined) return -1
    const { data, pipe = OWN, event = '', user_id = 0, marker, uuid, history, message_send_time } = frame
    const isHistory = history === true
    const server_info = { user_id, pipe, event, history: isHistory, marker, uuid, message_send_time }
    this.#tell({ data: digest(data), server_info })
    return 1
  }

  /** Calls `callback` with what will not come any more: `pipe`, and `count` where it is known. Not in CppComet. */
  onGap(callback: (missed: { pipe: string; count: number | undefined }) => void): void {
    this.tabSignal.connect(GAP, callback as (missed: unknown) => void)
  }

  #open(options: CometOptions = {}, isAnew: boolean): void {
    merge(this.options, options)
    const { wss, dev_id, user_id } = this.options
    const nodes = nodesOf(this.options)
    if (wss !== undefined) this.UseWss(wss)
    this.#node = nodeIndex(this.options, nodes.length, this.#random)
    this.tabSignal.setEventKey(`${nodes.join('_')}_${dev_id}_${user_id}`)
    this.#connect(isAnew)
  }

  #connect(isAnew: boolean): void {
    this.#failures = 0
    const destination = {
      url: this.getUrl(),
      transports: this.UseWebSocket() ? WITH_WEB_SOCKET : WITHOUT,
      login: loginOf(this.options, this.getUUID()),
    }
    this.#log.note('connects to', destination.url)
    this.#link.open(destination, isAnew)
  }

  #moved(state: ClientState): void {
    this.#log.note(state)
    this.#isUp = state.state === 'connected' || (state.state === 'connecting' && state.attempt === 1)
    switch (state.state) {
      case 'connected':
        this.#failures = 0
        this.setRealUserKey(state.login?.key ?? '')
        this.setAuthorized(state.login?.authorized ?? state.user !== '')
        return
      case 'waiting':
        if (Number.isFinite(state.retryInMs)) this.#failures++
        if (this.#failures >= PATIENCE) this.#tryNextNode()
        return
      case 'closed':
        if (state.code === 0) return // the page's own wish
        this.#log.complain('The node closed the connection for good:', state.reason)
        this.setAuthorized(false)
    }
  }

  #tryNextNode(): void {
    const { length } = nodesOf(this.options)
    if (length < 2) return
    this.#node = (this.#node + 1) % length
    this.#connect(false)
  }

  #subscribe(name: string, callback: CometCallback): string | false {
    const parsed = parseName(name)
    if (parsed === null) {
      this.#log.complain(`Pipe "${name}" is too short for a name`)
      return false
    }
    if (!parsed.isPlain) this.#log.complain(`Pipe "${name}" has more in its name than A-Z a-z 0-9 _ -`)
    if (parsed.pipe !== null) this.#link.join(parsed.pipe)
    // An answer is for whoever asked, and a part of everything.
    const takesAnswers = parsed.signal === EVERYTHING
    return this.#listen(parsed.signal, (message) => {
      if (takesAnswers || message.server_info.marker === undefined) callback(message)
    })
  }

  #listen(signal: string, callback: CometCallback): string {
    const slot = this.tabSignal.connect(signal, callback as (message: unknown) => void)
    const id = signal + JOINT + slot
    this.#ids.add(id)
    return id
  }

  /** Calls `callback` with the answer of a marker that is made here, once. */
  #answer(callback: CometCallback = () => {}): string {
    const marker = markerName()
    this.tabSignal.connect(marker, marker, (message) => {
      this.tabSignal.disconnect(marker, marker)
      callback(message as CometMessage)
    })
    return marker
  }

  #sendTo(pipe: string, event: string, message: unknown): boolean | undefined {
    if (!/^web(auth)?_/.test(pipe)) {
      this.#log.complain(`Cannot send to "${pipe}": the name of the pipe should begin with web_ or webauth_`)
      return undefined
    }
    const json: string | undefined = JSON.stringify(message)
    if (json === undefined) return false
    return this.#link.send(sending(pipe, event, json, (note) => this.#tell(note)))
  }

  /** Brings a message to its callbacks: those of its pipe, of pipe and event, of its marker, and of everything. */
  #tell(message: CometMessage): void {
    if (!this.#repeats.admit(message.data, this.#timers.nowMs())) return
    this.#log.note(message)
    const { pipe, event, marker } = message.server_info
    const signals = [pipe, eventSignal(pipe, event), ...(marker === undefined ? [] : [marker]), EVERYTHING]
    for (const signal of signals) this.tabSignal.emit(signal, message)
  }

  #missed(pipe: string, { from, to, reason, count }: Gap): void {
    this.#log.note('will not come:', pipe, from, to, reason)
    // Where a pipe has begun anew nobody knows what its end held.
    const known = reason === 'trimmed' ? to - from + 1 : count
    this.tabSignal.emit(GAP, { pipe, count: known })
  }

  /** CppComet passes over pipes that are closed to anonymous pages without a word. */
  #failed(error: ClientError, pipe: string | null): void {
    this.#log.note(error)
    if (pipe !== null && error.name !== 'ACCESS_DENIED') this.#tell(errorNote(error, {}))
  }
}

function isPageEncrypted(): boolean {
  return globalThis.location?.protocol === 'https:'
}
