/**
 * What pages subscribe to: the forms a name may have.
 *
 * Owns which signal a form listens to, and which pipe the node has to be asked for. Reports, errors and messages to the
 * user come by themselves; to listen to them asks for nothing. Pure.
 */

/** The signal of every message. */
export const EVERYTHING = 'comet_server_msg'
/** The signal of messages to the user. */
export const OWN = 'msg'
/** The signal of what a node refuses. */
export const ERRORS = 'sys'

const REPORT = '_answer_to_'
const MIN_LENGTH = 2
const PLAIN = /^[A-Za-z0-9_.-]+$/

export interface PipeName {
  readonly signal: string
  /** Null = none */
  readonly pipe: string | null
  /** Of the alphabet that pipes of CppComet are written in */
  readonly isPlain: boolean
}

/** Takes one name apart; null when it is too short to be one. */
export function parseName(name: string): PipeName | null {
  const signal = signalOf(name)
  if (isLocal(signal)) return { signal, pipe: null, isPlain: true }
  if (signal.length < MIN_LENGTH) return null
  return { signal, pipe: signal.replace(/\..*$/, ''), isPlain: PLAIN.test(signal) }
}

/** The signal of reports on what was sent to a pipe. */
export function reportSignal(pipe: string): string {
  return REPORT + pipe
}

/** Signals of an event have a dot and its name after that of the pipe. */
export function eventSignal(pipe: string, event: string): string {
  return `${pipe}.${event}`
}

function signalOf(name: string): string {
  if (name === '') return EVERYTHING
  if (name.startsWith('#')) return reportSignal(name.slice(1))
  return name.startsWith('answer_to_') ? `_${name}` : name
}

function isLocal(signal: string): boolean {
  const pipe = signal.replace(/\..*$/, '')
  return [EVERYTHING, OWN, ERRORS].includes(pipe) || pipe.startsWith('_answer')
}
