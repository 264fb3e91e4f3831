/**
 * Recorded conversations, played one after the other on one node.
 *
 * Owns the stage: a node, its application, and pages that leave when a conversation is over; the next begins when they
 * are gone, as what is counted would tell. At the end it asks for deviations that nothing showed.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  type CometFields,
  type CometLine,
  cometPath,
  dialComet,
  openComet,
  upgradeRequest,
} from './comet-line.ts'
import { type Application, applicationOf, startCometNode } from './comet-node.ts'
import type { Comparison } from './comet-same.ts'
import type { TestNode } from './node.ts'
import { until } from './until.ts'

export interface Stage {
  readonly t: TestContext
  readonly node: TestNode
  readonly app: Application
  /** Opens a socket as a page does; its greeting is taken. */
  page(fields?: CometFields): Promise<CometLine>
  /** The same, subscribed. */
  on(pipes: string, fields?: CometFields): Promise<CometLine>
  /** Sends bytes over a new connection. */
  dial(request: string): Promise<CometLine>
  /** Upgrades and takes nothing of what comes. */
  upgrade(fields: CometFields, more?: string): Promise<CometLine>
}

export type Conversations = Readonly<Record<string, (stage: Stage) => Promise<void>>>

/** Pages of API 3.x. */
export const OLD = { version: '3.25' } as const

/** Registers the tests of a file. */
export function play(title: string, comparison: Comparison, conversations: Conversations): void {
  test(title, async (t) => {
    const node = await startCometNode(t)
    const app = applicationOf(node)
    for (const [name, conversation] of Object.entries(conversations)) {
      await until(async () => (await connections(node)) === 0, { what: 'all pages to be gone' })
      await t.test(name, (inner) => conversation(stageOf(inner, node, app)))
    }
    await t.test('every deviation said to belong here is shown', () =>
      assert.deepEqual(comparison.unused(), []),
    )
  })
}

function stageOf(t: TestContext, node: TestNode, app: Application): Stage {
  const page = (fields?: CometFields) => openComet(t, node.publicPort, fields)
  const dial = (request: string) => dialComet(t, node.publicPort, request)
  return {
    t,
    node,
    app,
    page,
    dial,
    async on(pipes, fields) {
      const line = await page(fields)
      line.say(`subscription\n${pipes}`)
      await line.settled()
      return line
    },
    upgrade: (fields, more) => dial(upgradeRequest(cometPath(fields), more)),
  }
}

async function connections({ internalUrl }: TestNode): Promise<number> {
  const response = await fetch(`${internalUrl}/api/stats`)
  const { counts } = (await response.json()) as { readonly counts: { readonly connections: number } }
  return counts.connections
}
