/**
 * The second ceiling: uWebSockets.js with nothing of Encke around it. A program of its own.
 *
 * Owns a WebSocket port that subscribes every socket to one topic and answers any message with the same words, and
 * a TCP port that takes rounds (u32 count, then count times u32 length and message), answers each with its count at
 * once, and publishes its messages in one turn of the loop. Bound: one round in memory. Must do nothing else.
 */

import { App, us_socket_local_port } from 'uWebSockets.js'
import { createServer, type Socket } from 'node:net'
import { takeRounds } from './rounds.ts'

const topic = 'bench'
const reply = '{"id":1,"ok":{}}'

const app = App()
app.ws('/*', {
  idleTimeout: 120,
  maxBackpressure: 1024 * 1024,
  open: (ws) => void ws.subscribe(topic),
  message: (ws) => void ws.send(reply),
})

function takeControl(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on('error', () => process.exit())
  socket.on('close', () => process.exit())
  socket.on('data', (bytes: Buffer) => {
    rest = takeRounds(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]), (messages, answer) => {
      socket.write(answer)
      for (const message of messages) app.publish(topic, message, false, false)
    })
  })
}

const control = createServer(takeControl)
control.listen(0, '127.0.0.1', () => {
  app.listen('127.0.0.1', 0, (listening) => {
    const address = control.address()
    if (listening === false || address === null || typeof address === 'string') process.exit(69)
    const ready = { event: 'ready', port: us_socket_local_port(listening), controlPort: address.port }
    process.stdout.write(`${JSON.stringify(ready)}\n`)
  })
})
