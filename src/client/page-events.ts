/**
 * What a page hears about its network and its sleep.
 *
 * Owns the names of those events. The network went or came back; or the page runs again after it was frozen, hidden or
 * asleep, when its connection may be dead without having said so. Where there are no such events, as in Node, nothing happens.
 */
export interface PageListener {
  offline(): void
  online(): void
  /** The page runs again after a time in which it perhaps did not. */
  woken(): void
}

/** `resume` is of the document and does not bubble: the window hears it before. */
const onItsWay = { capture: true }

/** Starts listening; returns the function that ends it. */
export function watchPage(page: EventTarget, listener: PageListener): () => void {
  const woken = () => listener.woken()
  const events: [string, () => void][] = [
    ['offline', () => listener.offline()],
    ['online', () => listener.online()],
    ['pageshow', woken],
    ['resume', woken], // from a freeze; the tab may still be hidden
    ['visibilitychange', () => globalThis.document?.visibilityState !== 'hidden' && woken()],
  ]
  for (const [name, run] of events) page.addEventListener?.(name, run, onItsWay)
  return () => {
    for (const [name, run] of events) page.removeEventListener?.(name, run, onItsWay)
  }
}
