/**
 * Packets of MySQL clients that are larger than they may be, or say so: the bound is told, nothing of them is held.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { command, openCometql, PING, query } from '../support/cometql-line.ts'
import { isOk, refusalOf, rowsOf } from '../support/cometql-packets.ts'
import { hex } from '../support/hex.ts'
import { packet } from '../support/mysql-bytes.ts'
import type { TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'

const MAX_BYTES = 1_048_576
/** A part of a packet that is followed by another. */
const FULL_PART = 0xffffff
const MB = 1_048_576

/** A query of so many bytes: a constant of nothing but x. */
function longQuery(bytes: number): Buffer {
  const around = "SELECT ''".length
  return Buffer.from(`SELECT '${'x'.repeat(bytes - around)}'`)
}

function refusal(packets: readonly Buffer[]): string {
  assert.equal(packets.length, 1, `${packets.length} packets`)
  const { code, text } = refusalOf(packets[0]) ?? { code: 0, text: String(packets[0]) }
  return `${code}: ${text}`
}

function residentBytes({ pid }: TestNode): number {
  const [, kilobytes = ''] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** A packet in parts, as MySQL cuts those of 16 MB and more. */
function inParts(payload: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at <= payload.length; at += FULL_PART) {
    parts.push(packet(parts.length, payload.subarray(at, at + FULL_PART)))
  }
  return Buffer.concat(parts)
}

test('packets above the bound', async (t) => {
  const node = await startCometNode(t)
  const line = await openCometql(t, node.cometqlPort, { password: PASSWORD })

  await t.test('a query of as many bytes as are allowed is run, one of a byte more is refused', async () => {
    const [[text = ''] = []] = rowsOf((await line.ask(query(longQuery(MAX_BYTES)))).packets)
    assert.equal(text.length, MAX_BYTES - "SELECT ''".length)
    const { packets } = await line.ask(query(longQuery(MAX_BYTES + 1)))
    assert.equal(
      refusal(packets),
      '11: Data is too long: 1048577 of at most 1048576 bytes (cometqlMaxQueryBytes)',
    )
    assert.ok(isOk((await line.ask(PING)).packets[0] ?? hex('00')))
  })

  await t.test('a query of 17 MB is refused with the number that follows its last part', async () => {
    const bytes = 17 * MB
    const { packets } = await line.ask(inParts(Buffer.concat([hex('03'), longQuery(bytes)])))
    assert.equal(
      refusal(packets),
      `11: Data is too long: ${bytes} of at most 1048576 bytes (cometqlMaxQueryBytes)`,
    )
    assert.equal(packets[0]?.[3], 2)
  })

  await t.test('queries of 17 MB take no memory, however many come', async () => {
    const large = inParts(Buffer.concat([hex('03'), longQuery(17 * MB)]))
    await line.ask(large)
    const before = residentBytes(node)
    for (let left = 6; left > 0; left--) refusal((await line.ask(large)).packets)
    const grown = residentBytes(node) - before
    assert.ok(grown < 48 * MB, `grown by ${Math.round(grown / MB)} MB by 102 MB of queries`)
  })

  await t.test('a query that is refused is answered between those before it and behind it', async () => {
    const queries = [query("SELECT 'a'"), query(longQuery(2 * MB)), query("SELECT 'b'")]
    const { packets } = await line.ask(Buffer.concat(queries))
    assert.deepEqual(rowsOf(packets.slice(0, 5)), [['a']])
    assert.match(refusal(packets.slice(5, 6)), /^11: /)
    assert.deepEqual(rowsOf(packets.slice(6)), [['b']])
  })

  await t.test('a value in pieces above the bound is refused when it is executed', async () => {
    await line.ask(command(0x16, Buffer.from('SELECT ?')))
    const piece = command(0x18, Buffer.concat([hex('01 00 00 00 00 00'), Buffer.alloc(600_000, 'x')]))
    const execute = command(0x17, hex('01 00 00 00 00 01 00 00 00 00 01 fc 00'))
    const { packets } = await line.ask(Buffer.concat([piece, piece, execute]))
    assert.match(refusal(packets), /^11: Data is too long: values in pieces are above 1048576 bytes/)
    const [row = hex('')] = (await line.ask(Buffer.concat([piece, execute]))).packets.slice(3, 4)
    assert.ok(row.length > 600_000)
  })
})

test('packets that claim 16 MB and stop take the memory of what came, and nobody waits for them', async (t) => {
  const node = await startCometNode(t, ['--cometql-max-query-bytes', '16777214'])
  const open = () => openCometql(t, node.cometqlPort, { password: PASSWORD })
  const line = await open()
  const before = residentBytes(node)
  const claims = await Promise.all(Array.from({ length: 40 }, open))
  for (const one of claims) one.write(Buffer.concat([hex('fe ff ff 00 03'), Buffer.alloc(1_000, 'x')]))
  assert.ok(isOk((await line.ask(PING)).packets[0] ?? hex('00')))
  const grown = residentBytes(node) - before
  assert.ok(grown < 40 * MB, `grown by ${Math.round(grown / MB)} MB by claims of 640 MB`)
  for (const one of claims) one.end()
  await until(() => claims.every((one) => !one.isOpen()), { what: 'those who claimed to be gone' })
})
