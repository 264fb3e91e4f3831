/**
 * The table of routes.
 *
 * Owns which operations the internal HTTP API has, and their order in the document. Nothing else lists them.
 */
import { books } from './operations/books.ts'
import { broadcast } from './operations/broadcast.ts'
import { channelHistory } from './operations/channel-history.ts'
import { channelPresence } from './operations/channel-presence.ts'
import { channelState } from './operations/channel-state.ts'
import { disconnect } from './operations/disconnect.ts'
import { documentRoute } from './operations/document.ts'
import { alive, ready } from './operations/health.ts'
import { metrics } from './operations/metrics.ts'
import { nodeStats } from './operations/node-stats.ts'
import { publish } from './operations/publish.ts'
import { userState } from './operations/user-state.ts'
import type { Route } from './route.ts'

export const routes: readonly Route[] = [
  publish,
  broadcast,
  disconnect,
  channelState,
  channelHistory,
  channelPresence,
  userState,
  nodeStats,
  books,
  documentRoute(() => routes),
  metrics,
  alive,
  ready,
]
