/**
 * A node that pages of CppComet talk to, and what their application does meanwhile.
 *
 * Owns the node's default flags (no store on disk, no limit of commands, the password of the recorded conversations) and
 * short calls of the internal HTTP API, each of which must succeed. Knows nothing of the browser protocol.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { startNode, type TestNode } from './node.ts'
import { until } from './until.ts'
import type { Fields } from './wire.ts'

/** `main.password` of the recorded conversations. */
export const PASSWORD = 'CometQLPassword'

/** Starts a node that lives no longer than the test. @param flags `--name`, value, …; they win */
export function startCometNode(t: TestContext, flags: readonly string[] = []): Promise<TestNode> {
  const defaults = {
    '--data-dir': 'none',
    '--max-commands-per-second': '0',
    '--cometql-password': PASSWORD,
  }
  const missing = Object.entries(defaults).filter(([name]) => !flags.includes(name))
  return startNode(t, [...missing.flat(), ...flags])
}

/** What an application asks for. */
export interface Application {
  /** POSTs to `/api/…`; resolves to the answer. @throws when it is no 200 */
  call(operation: string, body: Fields): Promise<Fields>
  publish(channel: string, event: string, data: unknown): Promise<void>
  toUser(user: string, event: string, data: unknown): Promise<void>
  setKey(user: string, key: string): Promise<void>
  /** Resolves once nothing waits for the user any more. */
  inboxIsEmpty(user: string): Promise<void>
  /** Bytes as they are in the place of the data, which JSON.stringify would write in its own way. */
  publishJson(channel: string, event: string, json: string): Promise<void>
}

export function applicationOf({ internalUrl }: Pick<TestNode, 'internalUrl'>, tenant = 1): Application {
  const headers = {
    'content-type': 'application/json',
    authorization: `Basic ${Buffer.from(`${tenant}:`).toString('base64')}`,
  }

  async function send(operation: string, body: string): Promise<Fields> {
    const response = await fetch(`${internalUrl}/api/${operation}`, { method: 'POST', headers, body })
    const text = await response.text()
    assert.equal(response.status, 200, `${operation}: ${text}`)
    return JSON.parse(text)
  }

  const call = (operation: string, body: Fields): Promise<Fields> => send(operation, JSON.stringify(body))

  return {
    call,
    publish: async (channel, event, data) => void (await call('publish', { channel, event, data })),
    toUser: async (user, event, data) => void (await call('publish', { user, event, data })),
    setKey: async (user, key) => void (await call('users/key', { user, key })),
    async inboxIsEmpty(user) {
      const waiting = async () => {
        const response = await fetch(`${internalUrl}/api/users/${user}/inbox`, { headers })
        return ((await response.json()) as { readonly messages: readonly unknown[] }).messages
      }
      await until(async () => (await waiting()).length === 0, { what: 'what waited to have arrived' })
    },
    async publishJson(channel, event, json) {
      const [name, word] = [JSON.stringify(channel), JSON.stringify(event)]
      await send('publish', `{"channel":${name},"event":${word},"data":${json}}`)
    },
  }
}
