/**
 * MySQL clients that do not wait for their answers: everything is answered in order, what was published first arrives
 * first, and a query sees what was published before it.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openComet } from '../support/comet-line.ts'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { command, openCometql, query } from '../support/cometql-line.ts'
import { isOk, rowsOf } from '../support/cometql-packets.ts'
import { dataFolder } from '../support/data-folder.ts'
import { hex } from '../support/hex.ts'
import type { TestNode } from '../support/node.ts'

const INSERTS = 500
/** After so many INSERTs a SELECT. */
const EVERY = 50
/** Packets of a result of one column and `n` rows besides the rows. */
const AROUND_ROWS = 4

const PREPARE = command(
  0x16,
  Buffer.from("INSERT INTO pipes_messages (name, event, message) VALUES ('web_flow', 'e', ?)"),
)

/** How message `n` is published. */
const forms: Readonly<Record<string, (n: number) => Buffer>> = {
  queries: (n) =>
    query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_flow', 'e', 'm${n}')`),
  'prepared statements': (n) => {
    const text = Buffer.from(`m${n}`)
    return command(
      0x17,
      Buffer.concat([hex('01 00 00 00 00 01 00 00 00 00 01 fd 00'), Buffer.from([text.length]), text]),
    )
  },
}

for (const isDurable of [false, true]) {
  const where = isDurable ? 'on disk' : 'in memory'
  test(`pipelined INSERTs ${where} are answered and received in order, and SELECTs see them`, async (t) => {
    const node = await startCometNode(t, isDurable ? ['--data-dir', dataFolder(t)] : [])
    for (const [name, publish] of Object.entries(forms)) {
      await t.test(`as ${name}`, (inner) => flow(inner, node, publish))
    }
  })
}

async function flow(t: TestContext, node: TestNode, publish: (n: number) => Buffer): Promise<void> {
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })
  await line.ask(query("DELETE FROM pipes_messages WHERE name = 'web_flow'"))
  await line.ask(query("INSERT INTO pipes_settings (name, length) VALUES ('web_flow', 1000)"))
  await line.ask(PREPARE)
  const page = await openComet(t, node.publicPort)
  page.say('subscription\nweb_flow')
  await page.settled()

  const select = query("SELECT message FROM pipes_messages WHERE name = 'web_flow'")
  const all = Array.from({ length: INSERTS }, (_, n) =>
    (n + 1) % EVERY === 0 ? [publish(n), select] : [publish(n)],
  )
  const { packets } = await line.ask(Buffer.concat(all.flat()))

  let at = 0
  for (let n = 1; n <= INSERTS; n++) {
    const answer = packets[at++]
    assert.ok(answer !== undefined && isOk(answer), `INSERT ${n}: ${answer}`)
    if (n % EVERY !== 0) continue
    const rows = rowsOf(packets.slice(at, at + n + AROUND_ROWS))
    assert.deepEqual(
      rows,
      Array.from({ length: n }, (_, seen) => [`m${seen}`]),
    )
    at += n + AROUND_ROWS
  }
  assert.equal(at, packets.length)
  const received = (await page.texts(INSERTS)).map((text) => JSON.parse(text).data)
  assert.deepEqual(
    received,
    Array.from({ length: INSERTS }, (_, n) => `m${n}`),
  )
}
