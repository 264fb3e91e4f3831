/**
 * `encke presence`: who is on a channel of a running node, for people.
 *
 * Owns the request and the lines: one session a line on stdout, the count on stderr, so that a pipe gets sessions only.
 */
import type { PresenceResult } from '../protocol/messages.ts'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { askNode, nodeFlags } from './node-api.ts'
import { isOn } from './parse-args.ts'

export const presence: Command = {
  name: 'presence',
  describe: 'Shows who is on a channel of a running node: one session per line.',
  positionals: [{ name: 'channel', describe: 'Name of the channel; @17 is that of user 17' }],
  flags: {
    json: { kind: 'switch', describe: 'Print the answer of the node as it is, one object' },
    ...nodeFlags,
  },
  examples: [
    ['presence room_7', 'Sessions and their users'],
    ['presence room_7 --json | jq .count', 'How many'],
  ],
  notes: [
    'Sessions are named where the rule of the channel has presence "list", and up to a bound; the count is always whole.',
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const [channel = ''] = args.positionals
  const { text, json } = await askNode(args, `/api/channels/${encodeURIComponent(channel)}/presence`)
  if (isOn(args, 'json')) {
    console.log(text)
    return exitCodes.done
  }
  const state = json as unknown as PresenceResult
  for (const { session, user } of state.clients ?? []) {
    console.log(user === '' ? session : `${session}  user=${user}`)
  }
  console.error(presenceSummary(state))
  return exitCodes.done
}

/** How many there are, and whether all of them were named. */
export function presenceSummary({ count, clients }: PresenceResult): string {
  const sessions = count === 1 ? '1 session' : `${count} sessions`
  if (clients === undefined) return `${sessions}; the rule of the channel does not have them listed`
  return clients.length < count ? `${sessions}, ${clients.length} of them listed` : sessions
}
