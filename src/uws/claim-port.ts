/**
 * Which port a listener gets.
 *
 * Owns the look before the library listens: it would share a port with somebody else without a word, and needs a number
 * in the place of 0. Between the look and the library's own there is a moment; who takes the port then shares it.
 */
import { createServer } from 'node:net'
import { ListenError } from '../errors.ts'

/**
 * Makes sure nobody else listens on the port, which the library would silently share, and turns 0 into a number.
 */
export function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => {
      reject(new ListenError(`Cannot listen on ${host}:${port}: ${error.message}`, { cause: error }))
    })
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address()
      const free = typeof address === 'object' && address !== null ? address.port : port
      probe.close(() => resolve(free))
    })
  })
}
