/**
 * One page that was away: it comes back with an old position and takes in what it missed.
 *
 * Owns the conversation over a WebSocket and the check that each publication follows the one before. Bound: one
 * connection, nothing kept of what arrives but its offset.
 */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { within } from './children.ts'

export interface Position {
  readonly epoch: string
  readonly offset: number
}

export interface Recovery {
  /** From the beginning of the connection to the last publication. */
  readonly ms: number
  readonly received: number
  /** Publications that did not follow the one before, and gaps the node told of. */
  readonly breaks: number
}

/**
 * Connects, subscribes with an old position, and leaves once the publication at `latest` is there.
 *
 * @throws {Error} when it does not come within `deadlineMs`, or the node refuses
 */
export async function recoverFrom(
  port: number,
  channel: string,
  since: Position,
  latest: number,
  deadlineMs: number,
): Promise<Recovery> {
  const beganMs = performance.now()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  try {
    return await within(deadlineMs, `recovery of ${latest - since.offset} publications`, follow())
  } finally {
    socket.terminate()
  }

  async function follow(): Promise<Recovery> {
    await once(socket, 'open')
    socket.send(JSON.stringify({ id: 1, connect: {} }))
    socket.send(JSON.stringify({ id: 2, subscribe: { channel, since } }))
    let { offset } = since
    let received = 0
    let breaks = 0
    return new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('The node closed the connection of a page that came back')))
      socket.on('message', (bytes: Buffer) => {
        const message: unknown = JSON.parse(bytes.toString())
        if (has(message, 'error')) reject(new Error(`The node refused a page that came back: ${bytes}`))
        if (has(message, 'gap') || (has(message, 'ok') && has(message.ok, 'gap'))) breaks++
        if (!has(message, 'offset') || typeof message.offset !== 'number') return
        if (message.offset !== offset + 1) breaks++
        offset = message.offset
        received++
        if (offset >= latest) resolve({ ms: performance.now() - beganMs, received, breaks })
      })
    })
  }
}

/** The latest position of a channel, and the publications of one page of its history, by offset. */
export async function historyPage(
  internalPort: number,
  channel: string,
  limit: number,
): Promise<{ readonly position: Position; readonly publications: number }> {
  const answer = await fetch(
    `http://127.0.0.1:${internalPort}/api/channels/${channel}/history?limit=${limit}`,
  )
  const page: unknown = await answer.json()
  if (!has(page, 'epoch') || !has(page, 'offset') || !has(page, 'publications'))
    throw new Error(`The node answered ${answer.status} instead of a page of history`)
  const publications = Array.isArray(page.publications) ? page.publications.length : 0
  return { position: { epoch: String(page.epoch), offset: Number(page.offset) }, publications }
}

function has<N extends string>(value: unknown, name: N): value is Readonly<Record<N, unknown>> {
  return typeof value === 'object' && value !== null && name in value
}
