/**
 * The table of routes.
 *
 * Owns which operations the internal HTTP API has, and their order in the document. Nothing else lists them.
 */
import { books } from './operations/books.ts'
import { broadcast } from './operations/broadcast.ts'
import { channelHistory } from './operations/channel-history.ts'
import { channelPresence } from './operations/channel-presence.ts'
import { channelSettings } from './operations/channel-settings.ts'
import { channelState } from './operations/channel-state.ts'
import { clearHistory } from './operations/clear-history.ts'
import { clearInbox } from './operations/clear-inbox.ts'
import { disconnect } from './operations/disconnect.ts'
import { documentRoute } from './operations/document.ts'
import { alive, ready } from './operations/health.ts'
import { metrics } from './operations/metrics.ts'
import { nodeStats } from './operations/node-stats.ts'
import { publish } from './operations/publish.ts'
import { removeUserKey } from './operations/remove-user-key.ts'
import { restoreToken } from './operations/restore-token.ts'
import { revokeToken } from './operations/revoke-token.ts'
import { setChannelSettings } from './operations/set-channel-settings.ts'
import { setUserData } from './operations/set-user-data.ts'
import { setUserKey } from './operations/set-user-key.ts'
import { userData } from './operations/user-data.ts'
import { userInbox } from './operations/user-inbox.ts'
import { userState } from './operations/user-state.ts'
import type { Route } from './route.ts'

export const routes: readonly Route[] = [
  publish,
  broadcast,
  disconnect,
  channelState,
  channelHistory,
  channelPresence,
  channelSettings,
  setChannelSettings,
  clearHistory,
  userState,
  userData,
  setUserData,
  userInbox,
  clearInbox,
  setUserKey,
  removeUserKey,
  revokeToken,
  restoreToken,
  nodeStats,
  books,
  documentRoute(() => routes),
  metrics,
  alive,
  ready,
]
