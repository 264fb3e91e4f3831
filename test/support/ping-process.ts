/**
 * A MySQL client in a process of its own that does nothing but ping: `ping-process.ts PORT`.
 *
 * Owns the slowest answer there was: measured here, because the process of a test that reads a large result is busy
 * itself. It says `ready` when the first ping is answered; to any message it answers the slowest one since the message
 * before, in ms. It ends with its parent.
 */
import { setTimeout as passes } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'

const PING_EVERY_MS = 10

const [port] = process.argv.slice(2)
const connection = await createConnection({ host: '127.0.0.1', port: Number(port), user: '1' })
let slowestMs = 0
process.on('disconnect', () => process.exit())
process.on('message', () => {
  process.send?.(slowestMs)
  slowestMs = 0
})

await connection.ping()
process.send?.('ready')
for (;;) {
  const began = performance.now()
  await connection.ping()
  slowestMs = Math.max(slowestMs, performance.now() - began)
  await passes(PING_EVERY_MS)
}
