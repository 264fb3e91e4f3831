/**
 * A bad network between clients and a node: a TCP proxy on a free port of 127.0.0.1.
 *
 * Owns the connections through it. Each can be slowed, capped, stopped, darkened, made half-open or reset, alone or all
 * together; directions are named by where the bytes go. Can not show what is below TCP: a lost segment, or a connection
 * attempt without an answer (in a blackout a new connection is accepted and then hears nothing). Ends with its test.
 */
import { type AddressInfo, createServer, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createPipe, type Pipe, type Shape } from './tcp-pipe.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

export type Direction = 'toClient' | 'toNode'
export type { Shape }

/** What can be done to one connection, or to all of them at once. */
export interface LineControl {
  /** Latency and bandwidth from now on. */
  shape(direction: Direction, shape: Partial<Shape>): void
  /** Stops reading what goes that way until `resume`: its sender meets back-pressure. */
  pause(direction: Direction): void
  resume(direction: Direction): void
  /** Both directions fall silent, nothing is lost, nobody is told; until `restore`, or for so many ms. */
  blackout(forMs?: number): void
  restore(): void
  /** Everything is thrown away from now on and neither side learns of it, not even of the other's end. */
  halfOpen(): void
  /** Both sides get a reset (RST). */
  reset(): void
}

export interface ProxiedConnection extends LineControl {
  /** Lets so many more bytes go to the client, then resets: in the middle of a frame, say. */
  resetAfter(bytes: number): void
  passedBytes(direction: Direction): number
  isOpen(): boolean
}

/** What is done to all counts for connections that come later too, except `halfOpen` and `reset`. */
export interface TcpProxy extends LineControl {
  readonly port: number
  /** The same, for the clients of test/support that ask where a node is. */
  readonly publicPort: number
  /** Open ones, in order of arrival. */
  connections(): readonly ProxiedConnection[]
  /** Resolves to the `n`th connection ever, from 0, once it has come. */
  connection(n: number): Promise<ProxiedConnection>
}

const directions: readonly Direction[] = ['toClient', 'toNode']

/** Starts a proxy before `nodePort` of 127.0.0.1 that lives as long as the test. */
export async function startTcpProxy(t: Pick<TestContext, 'after'>, nodePort: number): Promise<TcpProxy> {
  const all: Line[] = []
  const open = () => all.filter((line) => line.isOpen())
  const later = { toClient: {}, toNode: {} } as Record<Direction, Partial<Shape>>
  const paused = new Set<Direction>()
  let isDark = false
  let dawn: NodeJS.Timeout | undefined

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const line = createLine(client, nodePort, isDark)
    for (const direction of directions) line.shape(direction, later[direction])
    for (const direction of paused) line.pause(direction)
    all.push(line)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, async () => {
    clearTimeout(dawn)
    for (const line of all) line.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo

  const proxy: TcpProxy = {
    port,
    publicPort: port,
    connections: open,
    connection: (n) => until(() => all[n], { what: () => `connection ${n}, ${all.length} came` }),
    shape(direction, shape) {
      later[direction] = { ...later[direction], ...shape }
      for (const line of open()) line.shape(direction, shape)
    },
    pause(direction) {
      paused.add(direction)
      for (const line of open()) line.pause(direction)
    },
    resume(direction) {
      paused.delete(direction)
      for (const line of open()) line.resume(direction)
    },
    blackout(forMs) {
      isDark = true
      clearTimeout(dawn)
      if (forMs !== undefined) dawn = setTimeout(() => proxy.restore(), forMs)
      for (const line of open()) line.blackout()
    },
    restore() {
      isDark = false
      clearTimeout(dawn)
      for (const line of open()) line.restore()
    },
    halfOpen() {
      for (const line of open()) line.halfOpen()
    },
    reset() {
      for (const line of open()) line.reset()
    },
  }
  return proxy
}

interface Line extends ProxiedConnection {
  /** Ends it without a word; no timer is left. */
  destroy(): void
}

/** @param isDark the node is not called before `restore` */
function createLine(client: Socket, nodePort: number, isDark: boolean): Line {
  const node = new Socket({ allowHalfOpen: true })
  node.setNoDelay(true)
  const reset = (): void => {
    stop()
    client.resetAndDestroy()
    node.resetAndDestroy()
  }
  const pipes: Record<Direction, Pipe> = {
    toClient: createPipe(node, client, reset),
    toNode: createPipe(client, node, reset),
  }
  let isCalled = false
  let dawn: NodeJS.Timeout | undefined

  function stop(): void {
    clearTimeout(dawn)
    for (const direction of directions) pipes[direction].stop()
  }

  function call(): void {
    if (isCalled) return
    isCalled = true
    node.connect({ host: '127.0.0.1', port: nodePort })
  }

  const line: Line = {
    shape: (direction, shape) => pipes[direction].shape(shape),
    pause: (direction) => pipes[direction].pause(),
    resume: (direction) => pipes[direction].resume(),
    blackout(forMs) {
      clearTimeout(dawn)
      if (forMs !== undefined) dawn = setTimeout(() => line.restore(), forMs)
      for (const direction of directions) pipes[direction].hold()
    },
    restore() {
      clearTimeout(dawn)
      call()
      for (const direction of directions) pipes[direction].release()
    },
    halfOpen() {
      for (const direction of directions) pipes[direction].drop()
    },
    reset,
    resetAfter: (bytes) => pipes.toClient.resetAfter(bytes),
    passedBytes: (direction) => pipes[direction].passedBytes(),
    isOpen: () => !(client.destroyed && node.destroyed),
    destroy() {
      stop()
      client.destroy()
      node.destroy()
    },
  }
  if (isDark) line.blackout()
  else call()
  return line
}
