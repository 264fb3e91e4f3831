/**
 * One MySQL connection: bytes in, packets out.
 *
 * Owns its states (greeted, asked once more for the password, in, over) and the order of things: what comes before the
 * login, commands in turn behind it, a goodbye that leaves nobody without an answer. Knows no socket: it is given a
 * `Line`, so that tests feed it bytes. Bound: one packet of `cometqlMaxQueryBytes`, the queue of commands, what the
 * performer keeps. A packet that can't be read ends the connection, after what came before it.
 */
import type { CodeName } from '../codes.ts'
import type { Observer } from '../core/observer.ts'
import { errorText } from '../errors.ts'
import type { Logger } from '../log.ts'
import { createCommandQueue } from './command-queue.ts'
import { type LoginDeps, type LoginStep, LoginTalk } from './login.ts'
import { createPace } from './pace.ts'
import { createPerformer, type Performer, type PerformerDeps, type PerformerLimits } from './performer.ts'
import { nodeFailure, type QueryFailure } from './query-failure.ts'
import { writeFailure, writeOk } from './wire/answers.ts'
import { status } from './wire/capabilities.ts'
import { charsetOfTexts } from './wire/charsets.ts'
import { readCommand } from './wire/commands.ts'
import { MalformedPacket } from './wire/fields.ts'
import {
  readChangeUser,
  readLogin,
  writeAuthSwitch,
  writeFastAuthOk,
  writeGreeting,
} from './wire/handshake.ts'
import { type Packet, PacketReader } from './wire/packet-reader.ts'
import { PacketWriter } from './wire/packet-writer.ts'

/** Before the login nobody needs more: names and connection attributes. */
const LOGIN_BYTES = 65_536

export interface ConversationDeps extends Omit<PerformerDeps, 'output' | 'pace'> {
  readonly log: Logger
  readonly login: LoginDeps
  readonly observer: Observer
  /** As the greeting tells it */
  readonly serverVersion: string
  readonly connectionId: number
  readonly hasTls: boolean
}

/** What the conversation needs of its connection. */
export interface Line {
  write(bytes: Buffer): void
  /** Resolves when the client has taken most of what was written, or is gone; null = it has. */
  room(): Promise<void> | null
  /** Stop or go on reading. */
  pause(isPaused: boolean): void
  /** Everything was written: close. */
  end(): void
  /** What comes from now on, beginning with `rest`, is TLS; `receive` gets what is inside. */
  startTls(rest: Buffer): void
}

export interface Conversation {
  /** Speaks first, unless the client is to go at once. */
  greet(): void
  receive(chunk: Buffer): void
  /** It has shown the password; who only looks whether the node is there has not. */
  readonly isLoggedIn: boolean
  /** The client closed its side: answers it is owed still go out. */
  finishReading(): void
  /** The client is gone: nothing more is done for it. */
  closed(): void
  /** Ends it from our side: at once when nothing is under way, else after that was answered. */
  fail(code: CodeName, message: string): void
}

type State = 'greeted' | 'asked' | 'in' | 'over'

/** The end of a conversation: in silence, or with a refusal as the packet of that number. */
type LastWord = 'nothing' | { readonly failure: QueryFailure; readonly sequence: number }

export function createConversation(
  deps: ConversationDeps,
  limits: PerformerLimits,
  line: Line,
): Conversation {
  const { observer } = deps
  const reader = new PacketReader(LOGIN_BYTES)
  const writer = new PacketWriter()
  const talk = new LoginTalk(deps.login)
  const output = { writer, flush, room: line.room, isOpen: true }
  const pace = createPace()
  const queue = createCommandQueue({ pace, settled, broken })
  let state: State = 'greeted'
  let isTls = false
  let performer: Performer | null = null
  /** Of the login; a change of user has none of its own. */
  let clientCapabilities = 0
  /** What is said last, when all is answered; null = nothing yet. */
  let lastWord: LastWord | null = null
  let isFlushSoon = false

  function flush(): void {
    isFlushSoon = false
    if (writer.size > 0) line.write(writer.take())
  }

  /** Answers of one turn of the loop go out together. */
  function flushSoon(): void {
    if (isFlushSoon) return
    isFlushSoon = true
    process.nextTick(flush)
  }

  function receive(chunk: Buffer): void {
    if (state === 'over' || lastWord !== null) return
    reader.push(chunk, onPacket)
    line.pause(queue.isFull)
  }

  /** False: what follows is no packet of ours. */
  function onPacket(packet: Packet): boolean {
    if (lastWord !== null || state === 'over') return false
    try {
      if (state === 'in') return onCommand(packet)
      if (packet.payload === null) throw new MalformedPacket(`login of ${packet.bytes} bytes`)
      writer.sequence = packet.sequence + 1
      if (state === 'asked') return onStep(talk.goOn(packet.payload))
      return onFirst(packet.payload)
    } catch (thrown) {
      if (!(thrown instanceof MalformedPacket)) throw thrown
      const failure = nodeFailure({
        failed: 'BAD_MESSAGE',
        message: `Malformed packet: ${thrown.message}`,
      })
      finish({ failure, sequence: packet.sequence + 1 })
      return false
    }
  }

  function onFirst(payload: Buffer): boolean {
    const first = readLogin(payload)
    if (first.kind === 'login') {
      clientCapabilities = first.capabilities
      writer.textCharset = charsetOfTexts(first.charset)
      return onStep(talk.begin(first))
    }
    if (isTls || !deps.hasTls) throw new MalformedPacket('TLS was asked for and not offered')
    isTls = true
    queueMicrotask(() => line.startTls(reader.rest()))
    return false
  }

  function onStep(step: LoginStep): boolean {
    switch (step.kind) {
      case 'again':
        state = 'asked'
        writeAuthSwitch(writer, step.plugin, step.salt)
        break
      case 'refused':
        finish({ failure: step.failure, sequence: writer.sequence })
        return false
      case 'in':
        state = 'in'
        reader.maxBytes = limits.cometqlMaxQueryBytes + 1 // and the byte of the command
        if (step.login.plugin === 'caching_sha2_password' && step.login.hasProof) writeFastAuthOk(writer)
        writeOk(writer, { affected: 0, insertId: 0, status: status.autocommit })
        if (performer === null)
          performer = createPerformer({ ...deps, output, pace }, limits, step.login, clientCapabilities)
        else performer.changed(step.login)
    }
    flush()
    return true
  }

  function onCommand({ payload, head, bytes, sequence }: Packet): boolean {
    if (performer === null) return false
    if (payload === null) {
      queue.add(performer.tooLong(head, bytes - 1, sequence))
      return true
    }
    const command = readCommand(payload)
    if (command.kind === 'quit') {
      finish('nothing')
      return false
    }
    if (command.kind === 'changeUser') return changeUser(payload, sequence)
    if (!queue.isIdle || !performer.silently(command)) queue.add(performer.work(command, sequence, bytes))
    return true
  }

  function changeUser(payload: Buffer, sequence: number): boolean {
    if (!queue.isIdle) throw new MalformedPacket('a change of user before all answers were read')
    const packet = readChangeUser(payload, clientCapabilities)
    writer.sequence = sequence + 1
    writer.textCharset = charsetOfTexts(packet.charset)
    reader.maxBytes = LOGIN_BYTES
    return onStep(talk.beginAgain({ ...packet, capabilities: clientCapabilities }))
  }

  /** A fault of ours, in the middle of an answer. */
  function broken(thrown: unknown): void {
    deps.log.error('MySQL connection failed', { error: errorText(thrown) })
    const message = 'Internal error: the log of the node has the cause'
    finish({ failure: nodeFailure({ failed: 'INTERNAL', message }), sequence: writer.sequence })
  }

  function settled(): void {
    if (state === 'over') return
    flushSoon()
    if (lastWord !== null && queue.isIdle) sayLast(lastWord)
    else line.pause(queue.isFull)
  }

  /** Says it when all that was begun is answered; nothing is taken any more. */
  function finish(word: LastWord): void {
    if (lastWord !== null || state === 'over') return
    lastWord = word
    if (queue.isIdle) sayLast(word)
  }

  function sayLast(word: LastWord): void {
    state = 'over'
    output.isOpen = false
    if (word !== 'nothing') {
      observer.commandFailed(word.failure.name)
      writer.sequence = word.sequence
      writeFailure(writer, word.failure)
    }
    flush()
    line.end()
  }

  return {
    greet() {
      const { serverVersion: version, connectionId, hasTls } = deps
      writeGreeting(writer, { version, connectionId, salt: talk.salt, plugin: deps.login.plugin, hasTls })
      flush()
    },
    receive,
    get isLoggedIn() {
      return performer !== null && !performer.isCheck
    },
    finishReading: () => finish('nothing'),
    closed() {
      state = 'over'
      output.isOpen = false
      queue.clear()
    },
    fail(code, message) {
      // Of one that is in it is the answer to nothing, and begins anew.
      const sequence = state === 'in' ? 0 : writer.sequence
      finish({ failure: nodeFailure({ failed: code, message }), sequence })
    },
  }
}
