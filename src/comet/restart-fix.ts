/**
 * A line of script for pages that bring CppComet's own client along.
 *
 * Owns that text. When such a page restarts, with a new key, say, it closes its sockets and comes back only because the
 * original never answers a close frame, so that the browser calls the close unclean. Our library answers by itself; the
 * line makes the page see what it counts on. It touches nothing but sockets with an address of CppComet's. Opt-in, as pages
 * evaluate it.
 */
import type { Dialect } from './url.ts'

/** Older pages take no notice of a close within a second of their restart. */
const OLD_PAGES_WAIT_MS = 1500

/** The script for pages of a dialect: once for each page, however often it is sent. No apostrophes, so none to escape. */
export function restartFix(dialect: Dialect): string {
  const waitMs = dialect === 'v3' ? OLD_PAGES_WAIT_MS : 0
  return `(function (Socket) {
  if (!Socket || Socket.prototype.enckeClose) return
  var close = (Socket.prototype.enckeClose = Socket.prototype.close)
  Socket.prototype.close = function () {
    var socket = this
    var told = socket.onclose
    if (String(socket.url).indexOf("/sesion=") !== -1 && typeof told === "function") {
      socket.onclose = function () {
        setTimeout(function () {
          told.call(socket, { type: "close", target: socket, code: 1006, reason: "", wasClean: false })
        }, ${waitMs})
      }
    }
    return close.apply(socket, arguments)
  }
})(window.WebSocket)`
}
