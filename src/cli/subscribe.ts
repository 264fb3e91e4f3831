/**
 * `encke subscribe`: publications as lines of JSON, for people and pipes.
 *
 * Owns how a session of the browser client ends as a process: no node or no access ends it with a code, a lost
 * connection comes back by itself with a word on stderr. stdout carries publications and nothing else.
 */
import { WebSocket } from 'ws'
import {
  type ChannelGap,
  type Client,
  type ClientError,
  type ClientState,
  createClient,
  type SocketConstructor,
} from '../client/client.ts'
import { errorText } from '../errors.ts'
import type { PublicationMessage } from '../protocol/messages.ts'
import type { Args, Command } from './command.ts'
import { CommandError, type ExitCode, exitCodes, usageError } from './exit.ts'
import { numberOf, textOf } from './parse-args.ts'

const DEFAULT_URL = 'ws://127.0.0.1:8080/ws'
const MAX_COUNT = Number.MAX_SAFE_INTEGER

/** The typings of ws end with an overload for servers, which hides that it is constructed as in a browser. */
const NodeSocket = WebSocket as unknown as SocketConstructor

export const subscribe: Command = {
  name: 'subscribe',
  describe: 'Prints the publications of channels as they come: one JSON object per line.',
  positionals: [{ name: 'channel', isList: true, describe: 'Names of the channels' }],
  flags: {
    url: { kind: 'text', describe: 'Address of the WebSocket of the node', defaultText: DEFAULT_URL },
    token: { kind: 'text', describe: 'Client token; encke token makes one', defaultText: 'none' },
    count: { kind: 'number', describe: 'End after so many publications. 0: never', defaultText: '0' },
  },
  examples: [
    ['subscribe news', 'Until interrupted'],
    ['subscribe news sport --count 1', 'One publication of either'],
    ['subscribe room_7 --token "$TOKEN"', 'With a token that encke token or the application made'],
  ],
  notes: [
    'A connection that was lost comes back by itself, with the publications of the time between; what the node no longer holds is said on stderr.',
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const url = textOf(args, 'url', DEFAULT_URL)
  const token = textOf(args, 'token')
  const limit = numberOf(args, 'count', { min: 0, max: MAX_COUNT, otherwise: 0 })
  const client = openClient(url, token)
  try {
    await follow(client, url, args.positionals, limit)
    return exitCodes.done
  } finally {
    client.disconnect()
  }
}

function openClient(url: string, token: string): Client {
  try {
    return createClient({ url, WebSocket: NodeSocket, ...(token === '' ? {} : { token }) })
  } catch (error) {
    throw usageError(`Flag --url takes an address such as ${DEFAULT_URL}: ${errorText(error)}`)
  }
}

/** Resolves once `limit` publications are printed (0 = never) or nobody reads stdout any more. */
function follow(client: Client, url: string, channels: readonly string[], limit: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = 0
    const print = (publication: PublicationMessage): void => {
      if (limit !== 0 && printed === limit) return
      process.stdout.write(`${JSON.stringify(publication)}\n`)
      printed++
      if (printed === limit) resolve()
    }
    process.stdout.on('error', () => resolve())
    client.on('state', stateListener(url, reject))
    client.on('error', (error) => console.error(error.message))
    client.on('message', print)
    for (const channel of channels) {
      const subscription = client.subscribe(channel, print)
      subscription.on('error', (error) => refusalOf(error, reject))
      subscription.on('gap', (gap) => console.error(gapText(gap)))
    }
    client.connect()
  })
}

function stateListener(url: string, reject: (reason: CommandError) => void): (state: ClientState) => void {
  let hasConnected = false
  let isAway = false
  return (state) => {
    if (state.state === 'connected') {
      if (isAway) console.error('Connected again')
      hasConnected = true
      isAway = false
    }
    if (state.state === 'waiting' && hasConnected) {
      isAway = true
      console.error(`Connection lost: ${state.reason || `code ${state.code}`}`)
    } else if (state.state === 'waiting' || (state.state === 'closed' && state.code !== 0)) {
      reject(endOf(url, state))
    }
  }
}

function gapText({ channel, from, to, reason }: ChannelGap): string {
  if (reason === 'epoch') return `Channel ${JSON.stringify(channel)} began anew: what its end held is unknown`
  return `Channel ${JSON.stringify(channel)}: ${from} to ${to} did not come (${reason})`
}

/** Codes of the registry mean that a node answered and refused; all others that there is none to answer. */
function endOf(url: string, state: Extract<ClientState, { code: number }>): CommandError {
  const reason = state.reason || 'no WebSocket answers there'
  if (isAccessCode(state.code))
    return new CommandError(exitCodes.config, `The node at ${url} refuses: ${reason}`)
  return new CommandError(exitCodes.unavailable, `Cannot connect to ${url}: ${reason}`)
}

function refusalOf(error: ClientError, reject: (reason: CommandError) => void): void {
  if (error.retry) console.error(error.message)
  else reject(new CommandError(exitCodes.config, error.message))
}

/** Reply codes 140–145 and their close codes 3540–3545: token, key, access, origin. */
function isAccessCode(code: number): boolean {
  return (code >= 140 && code <= 145) || (code >= 3540 && code <= 3545)
}
