/**
 * CppComet's messages over WebSockets, in one dialect.
 *
 * Owns what is particular to it: the names of its topics and the end of a connection, which is TCP going without a
 * close frame, as a page that gets one never comes back. The rest is that of any protocol over WebSockets.
 */
import type { Publication } from '../core/broker.ts'
import type { Session } from '../core/session.ts'
import {
  createSocketFanOut,
  type SocketFanOut,
  type SocketFanOutDeps,
  type SocketFanOutLimits,
} from '../sockets/socket-fan-out.ts'
import { createCometEncoder } from './encoder.ts'
import { createFrames, type Frames } from './frames.ts'
import { tellsMissing } from './inbox-receipts.ts'
import type { Dialect } from './url.ts'

/** How long what was sent last may take to leave before TCP goes. */
const LAST_WORDS_MS = 1000

export interface CometFanOut extends SocketFanOut {
  readonly dialect: Dialect
  readonly frames: Frames
}

export interface CometFanOutDeps extends SocketFanOutDeps {
  readonly fromInbox: (publication: Publication) => void
  /** A session was told that some of its user's messages will not come. */
  readonly missed: (session: Session) => void
}

export function createCometFanOut(
  dialect: Dialect,
  { fromInbox, missed, ...deps }: CometFanOutDeps,
  limits: SocketFanOutLimits,
): CometFanOut {
  const nowSecond = () => Math.floor(deps.clock.wallMs() / 1000)
  const frames = createFrames(dialect, nowSecond)
  const encoder = createCometEncoder({ frames, nowSecond, fromInbox })
  const fanOut = createSocketFanOut(
    {
      ...encoder,
      transport: 'comet',
      prefix: dialect === 'v4' ? 'c4:' : 'c3:',
      isBinary: false,
      ending: {
        bye: () => null,
        waitMs: LAST_WORDS_MS,
        isAbrupt: true,
        close: (socket) => socket.close(),
      },
    },
    deps,
    limits,
  )
  return {
    ...fanOut,
    dialect,
    frames,
    tell(session, message) {
      if (tellsMissing(message)) missed(session)
      fanOut.tell(session, message)
    },
  }
}
