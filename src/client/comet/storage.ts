/**
 * What a page keeps in its browser, or for as long as it lives where the browser keeps nothing.
 *
 * Owns the one rule that storage which is forbidden, full or missing never throws: a value that can't be kept for all tabs
 * is kept for this page. Bound: what is written; names are few.
 */
export interface PageStorage {
  get(name: string): string | null
  /** False when only this page has it. */
  set(name: string, value: string): boolean
}

/** @param open gives `localStorage`; it may throw, which is how browsers say that a page has none */
export function createStorage(open: () => Storage | undefined = () => globalThis.localStorage): PageStorage {
  const own = new Map<string, string>()
  return {
    get(name) {
      const value = own.get(name)
      if (value !== undefined) return value
      try {
        return open()?.getItem(name) ?? null
      } catch {
        return null // forbidden here
      }
    },
    set(name, value) {
      try {
        const storage = open()
        if (storage !== undefined) {
          storage.setItem(name, value)
          own.delete(name)
          return true
        }
      } catch {
        // Forbidden, or full.
      }
      own.set(name, value)
      return false
    },
  }
}
