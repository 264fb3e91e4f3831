/**
 * Recorded conversations of MySQL clients, played one after the other on one node.
 *
 * Owns the stage: a node whose users, pipes and pages are as they were when the conversations were recorded, and the
 * connection on which commands are sent in the order of the record. At the end it asks for deviations that nothing showed.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openComet } from './comet-line.ts'
import { PASSWORD, startCometNode } from './comet-node.ts'
import type { DeviationName } from './cometql-deviations.ts'
import { type CometqlLine, openCometql, query } from './cometql-line.ts'
import { noted, refusalOf, rowsOf } from './cometql-packets.ts'
import { type Comparison, recorded } from './cometql-same.ts'
import { hex } from './hex.ts'
import type { TestNode } from './node.ts'
import { until } from './until.ts'

/** One command and its answer, bytes as `hex` reads them. */
export interface Exchange {
  readonly asked: string
  readonly answered: readonly string[]
  readonly deviations?: readonly DeviationName[]
}

export interface Stage {
  readonly node: TestNode
  readonly line: CometqlLine
}

/** Registers the test of a file. @param more what is no exchange of one command and one answer */
export function play(
  title: string,
  comparison: Comparison,
  exchanges: readonly Exchange[],
  more: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {},
): void {
  test(title, async (t) => {
    const node = await startCometNode(t)
    await setTheStage(t, node)
    const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })
    for (const { asked, answered, deviations } of exchanges) {
      await t.test(`${nameOf(asked)} is answered as recorded`, async () => {
        comparison.sameAs(recorded(...answered), await line.ask(hex(asked)), deviations)
      })
    }
    for (const [name, run] of Object.entries(more)) await t.test(name, () => run({ node, line }))
    await t.test('every deviation said to belong here is shown', () =>
      assert.deepEqual(comparison.unused(), []),
    )
  })
}

/** What was there: a key and data of user 7, who was seen once; a log of three messages; a page on web_test. */
async function setTheStage(t: TestContext, node: TestNode): Promise<void> {
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  for (const text of [
    `INSERT INTO users_auth (id, hash) VALUES (7, 'hash7')`,
    `INSERT INTO users_data (id, data) VALUES (7, '{"name":"Ann"}')`,
    `INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3)`,
    ...[1, 2, 3].map(
      (n) => `INSERT INTO pipes_messages (name, event, message) VALUES ('web_log', 'ev${n}', 'm${n}')`,
    ),
  ]) {
    const { packets } = await line.ask(query(text))
    assert.equal(refusalOf(packets[0]), null, text)
  }
  const seven = await openComet(t, node.publicPort, { user: 7, key: 'hash7' })
  await seven.hangUp()
  const isSeen = async () => rowsOf((await line.ask(ofSeven)).packets)[0]?.[1]?.length === 10
  await until(isSeen, { what: 'user 7 to be gone' })
  const page = await openComet(t, node.publicPort)
  page.say('subscription\nweb_test')
  await page.settled()
  line.destroy()
}

/** When user 7 was seen, as a moment; while here or unknown it is a short text. */
const ofSeven = query('SELECT * FROM users_time WHERE id = 7')

/** The text of a query, else the bytes of the command. */
function nameOf(asked: string): string {
  const bytes = hex(asked)
  return bytes[4] === 0x03 && bytes.length > 5
    ? bytes.toString('utf8', 5)
    : `command ${noted(bytes.subarray(4))}`
}
