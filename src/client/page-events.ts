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

/** All of them reach the window; `resume` and `visibilitychange` bubble up from the document. */
const WAKING = ['pageshow', 'visibilitychange', 'resume']

/** Starts listening; returns the function that ends it. */
export function watchPage(page: EventTarget, listener: PageListener): () => void {
  const woken = () => {
    if (globalThis.document?.visibilityState !== 'hidden') listener.woken()
  }
  const events: [string, () => void][] = [
    ['offline', () => listener.offline()],
    ['online', () => listener.online()],
    ...WAKING.map((name): [string, () => void] => [name, woken]),
  ]
  for (const [name, run] of events) page.addEventListener?.(name, run)
  return () => {
    for (const [name, run] of events) page.removeEventListener?.(name, run)
  }
}
