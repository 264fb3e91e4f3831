/**
 * What pages ask a node for, as commands, and the messages its answers become.
 *
 * Owns the pipes, events and data of answers, which pages know from CppComet: a report on what was sent, a count, who is
 * there, a user's data, a log. What is refused becomes a message on `sys`.
 */
import type { StreamPosition } from '../../protocol/messages.ts'
import type { Client } from '../api.ts'
import { callSafely } from '../emitter.ts'
import type { Command } from './commands.ts'
import { type CometMessage, errorNote, messageOf, noteOf, userIdOf } from './envelope.ts'
import { reportSignal } from './pipe-name.ts'
import { tabName } from './random-text.ts'

type Tell = (message: CometMessage) => void

/** Between what names the browser in a session's id and what makes it unique. */
const NAME_END = '~'

/** Publishes to everybody else, and reports to how many. */
export function sending(pipe: string, event: string, json: string, tell: Tell): Command {
  const key = tabName() + tabName()
  return {
    async run(client) {
      const { reached = 0 } = await client.publish(pipe, JSON.parse(json), { event, key, echo: false })
      tell(noteOf(reportSignal(pipe), 'answer', { message: json, number_messages: reached }))
    },
    failed: (error) => tell(errorNote(error, { number_messages: -1 })),
  }
}

/** How many are subscribed to a pipe. */
export function askCount(pipe: string, marker: string, tell: Tell): Command {
  return {
    async run(client) {
      const { subscribers } = await client.stats(pipe)
      tell(noteOf('_answer_pipe_count', 'user_in_pipe', { user_in_pipe: subscribers }, marker))
    },
    failed: (error) => tell(errorNote(error, { number_messages: -1 })),
  }
}

/** Who is on a pipe. */
export function askTracked(pipe: string, marker: string, tell: Tell): Command {
  return {
    async run(client) {
      const { clients = [] } = await client.presence(pipe)
      const users = clients.map(({ session, user }) => ({
        user_id: userIdOf(user),
        uuid: session.split(NAME_END, 1)[0],
      }))
      tell(noteOf('_answer', 'answer', users, marker))
    },
    failed: (error) => tell(errorNote(error, { user_id: -1 })),
  }
}

/** The text kept for a user. */
export function askUserData(user: string, marker: string, tell: Tell): Command {
  return {
    async run(client) {
      const { data } = await client.userData(user)
      tell(noteOf('_answer', 'answer', { user_data: data, user_id: userIdOf(user) }, marker))
    },
    failed: (error) => tell(errorNote(error, { user_id: -1, user_data: '' })),
  }
}

/** What a pipe holds, message by message; of a pipe without a log there is none. */
export function readLog(pipe: string, tell: Tell): Command {
  return {
    async run(client) {
      const rows = await readAll(client, pipe)
      for (const row of rows) callSafely((each) => tell(messageOf(pipe, each, true)), row)
    },
    failed: (error) => {
      if (error.name !== 'HISTORY_OFF') tell(errorNote(error, { number_messages: -1 }))
    },
  }
}

/** A node gives so many at once; what is published meanwhile comes by itself. */
async function readAll(client: Client, pipe: string) {
  const first = await client.history(pipe)
  const rows = [...first.publications]
  for (;;) {
    const last = rows.at(-1)
    if (last === undefined || last.offset >= first.offset) return rows
    const since: StreamPosition = { epoch: first.epoch, offset: last.offset }
    const { epoch, publications } = await client.history(pipe, { since })
    if (epoch !== first.epoch || publications.length === 0) return rows
    rows.push(...publications.filter(({ offset }) => offset <= first.offset))
  }
}
