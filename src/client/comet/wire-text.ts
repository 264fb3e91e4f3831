/**
 * Commands in the words of CppComet's wire protocol, which some pages write by hand.
 *
 * Owns their form: a name and its arguments, one per line. Pure: says what is meant and does nothing.
 */
import type { Command } from './commands.ts'
import type { CometMessage } from './envelope.ts'
import { askCount, askTracked, askUserData, readLog, sending } from './questions.ts'

/** What a text asks for: pipes to subscribe to, something to send, or nothing. */
export type Meant = { readonly pipes: readonly string[] } | { readonly command: Command | null }

/**
 * Takes a text apart; null when it is no command.
 *
 * @param tell gets what answers become
 */
export function readText(text: string, tell: (message: CometMessage) => void): Meant | null {
  const [name = '', ...args] = text.split('\n')
  const [first = '', second = ''] = args
  switch (name) {
    case 'subscription':
      return { pipes: args.filter((pipe) => pipe !== '') }
    case 'web_pipe2':
      return { command: sending(first, second, jsonOf(args.slice(3).join('\n')), tell) }
    case 'pipe_log':
      return { command: readLog(first, tell) }
    case 'pipe_count':
      return { command: askCount(first, second, tell) }
    case 'track_pipe_users':
      return { command: askTracked(first, second, tell) }
    case 'user_data':
      return { command: askUserData(second, first, tell) }
    case 'statistics':
      return { command: null }
    default:
      return null
  }
}

/** What is no JSON is sent as a text. */
function jsonOf(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}
