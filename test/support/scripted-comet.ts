/**
 * CppComet's API in Node, over a scripted node, and what its callbacks were given.
 *
 * Owns logins by a key that fits or does not, options that lead to the node, and recorders. Ends with its test.
 */
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { CometApi } from '../../src/client/comet/comet-api.ts'
import type { CometOptions } from '../../src/client/comet/comet-options.ts'
import type { CometMessage } from '../../src/client/comet/envelope.ts'
import { HandTimers } from './hand-timers.ts'
import { type Answers, type ScriptedNode, startScriptedNode } from './scripted-node.ts'
import { until } from './until.ts'

/** Whoever says the key "right" is user 7. */
export const greeting: Answers = {
  connect: ({ login }) => {
    const { user, key } = login as { user: string; key: string }
    const isRight = key === 'right'
    return {
      ok: {
        session: 'u~1',
        user: isRight ? user : '',
        pingMs: 25_000,
        capsule: 'c1',
        login: { authorized: isRight, key: isRight ? 'stored' : '' },
        ...(isRight && { own: { channel: `@${user}`, epoch: 'k3', offset: 0, recovered: true } }),
      },
    }
  },
}

export interface Setup {
  readonly node: ScriptedNode
  readonly api: CometApi
  readonly timers: HandTimers
  readonly options: CometOptions
}

/** An API of a page that has not called start; its time stands still unless the test turns it. */
export async function setUp(t: TestContext, answers: Answers = {}): Promise<Setup> {
  const node = await startScriptedNode(t, { ...greeting, ...answers })
  const timers = new HandTimers()
  const api = new CometApi({}, { WebSocket, timers, random: () => 0.5 })
  api.UseWebSocket(true)
  t.after(() => api.stop())
  return { node, api, timers, options: { node: hostOf(node), dev_id: 15, uuid: 'browser' } }
}

/** The node as option `node` names it. */
export function hostOf({ url }: ScriptedNode): string {
  return new URL(url).host
}

/** Resolves once the node has accepted the first session. */
export async function connected(api: CometApi): Promise<void> {
  await until(() => api.isAuthorized() !== undefined, { what: 'the node to say who this is' })
}

/** The same after start. @param more options besides those that lead to the node */
export async function started(
  t: TestContext,
  answers: Answers = {},
  more: CometOptions = {},
): Promise<Setup> {
  const setup = await setUp(t, answers)
  setup.api.start({ ...setup.options, ...more })
  await connected(setup.api)
  return setup
}

/** Writes down what a callback is given. */
export function recorder() {
  const messages: CometMessage[] = []
  return { messages, callback: (message: CometMessage) => void messages.push(message) }
}

/** What went into a message besides the time. */
export function brief({ data, server_info: { user_id, pipe, event, history } }: CometMessage): unknown[] {
  return [data, user_id, pipe, event, history]
}

/** Resolves once `count` messages came. */
export async function untilCame(messages: readonly CometMessage[], count = 1): Promise<void> {
  await until(() => messages.length >= count, { what: () => `message ${count}, ${messages.length} came` })
}
