/**
 * `encke history`: what a node keeps of a channel, for people and pipes.
 *
 * Owns the request and the lines. stdout carries publications, one a line; what is missing and what is left goes to
 * stderr. With --json the answer of the node passes through untouched.
 */
import { MAX_HISTORY_LIMIT } from '../protocol/history-bounds.ts'
import type { HistoryResult, PublicationMessage } from '../protocol/messages.ts'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { askNode, nodeFlags } from './node-api.ts'
import { isOn, numberOf } from './parse-args.ts'

export const history: Command = {
  name: 'history',
  describe: 'Prints what a node keeps of a channel: one publication per line.',
  positionals: [{ name: 'channel', describe: 'Name of the channel; @17 is that of user 17' }],
  flags: {
    limit: {
      kind: 'number',
      describe: `Publications at the most, 1–${MAX_HISTORY_LIMIT}; the node has a bound of its own`,
      defaultText: 'as many as the node gives at once',
    },
    reverse: { kind: 'switch', describe: 'The newest first' },
    json: {
      kind: 'switch',
      describe: 'Print the answer of the node as it is: one object, with the position',
    },
    ...nodeFlags,
  },
  examples: [
    ['history news', 'Everything that is kept, the oldest first'],
    ['history news --reverse --limit 1', 'The latest publication'],
    ['history news --json | jq .publications[].data', 'For scripts'],
  ],
  notes: ['Each line: offset, event and user where there are any, and the data as JSON.'],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const [channel = ''] = args.positionals
  const limit = numberOf(args, 'limit', { min: 1, max: MAX_HISTORY_LIMIT, otherwise: 0 })
  const isReverse = isOn(args, 'reverse')
  const query = new URLSearchParams({
    ...(limit === 0 ? {} : { limit: String(limit) }),
    ...(isReverse ? { order: 'desc' } : {}),
  })
  const { text, json } = await askNode(args, `/api/channels/${encodeURIComponent(channel)}/history?${query}`)
  if (isOn(args, 'json')) {
    console.log(text)
    return exitCodes.done
  }
  const page = json as unknown as HistoryResult
  for (const publication of page.publications) console.log(publicationLine(publication))
  console.error(pageSummary(page))
  return exitCodes.done
}

/** A publication as one line: `42  event=headline  user=17  {"title":"…"}` */
export function publicationLine({ offset, event, user, data }: PublicationMessage): string {
  const parts = [String(offset)]
  if (event !== undefined) parts.push(`event=${event}`)
  if (user !== undefined) parts.push(`user=${user}`)
  return [...parts, JSON.stringify(data)].join('  ')
}

/** How much came, where the channel stands, and what of it is gone. */
export function pageSummary({ epoch, offset, publications, gap }: HistoryResult): string {
  const count = publications.length === 1 ? '1 publication' : `${publications.length} publications`
  const missing =
    gap === undefined || gap.to < gap.from ? '' : `; ${gap.from} to ${gap.to} are gone (${gap.reason})`
  return `${count}; the latest offset is ${offset} of epoch ${epoch}${missing}`
}
