/**
 * GET /healthz and /readyz: the probes of a supervisor and of a load balancer.
 *
 * Owns both answers. Alive: the process serves requests. Ready: clients should be sent here; no while the node starts
 * and while it drains. Neither asks for a key, and a no is an answer, not a failed command.
 */
import type { GetRoute } from '../route.ts'

const ok = {
  description: 'Yes',
  contentType: 'text/plain',
  schema: { type: 'string', const: 'ok\n' },
} as const

const yes = { text: 'ok\n', contentType: 'text/plain; charset=utf-8' } as const

export const alive: GetRoute = {
  method: 'GET',
  path: '/healthz',
  name: 'alive',
  summary: 'Whether the process serves',
  isOpen: true,
  isProbe: true,
  ok,
  run: async () => yes,
}

export const ready: GetRoute = {
  method: 'GET',
  path: '/readyz',
  name: 'ready',
  summary: 'Whether clients should be sent here',
  isOpen: true,
  isProbe: true,
  ok,
  errors: ['DRAINING'],
  async run({ isReady }) {
    return isReady() ? yes : { failed: 'DRAINING', message: 'Not ready: the node is starting or draining' }
  },
}
