/**
 * Globs over channel names: `*` is any run of characters, `?` one, everything else itself.
 *
 * Owns matching in time linear in name × pattern and without recursion, so no pattern can be made to take long.
 */

/** Compiles a pattern to a test; the usual forms (`*`, `name`, `prefix*`) get a faster one. */
export function compileGlob(pattern: string): (name: string) => boolean {
  const wild = pattern.search(/[*?]/)
  if (wild === -1) return (name) => name === pattern
  if (pattern === '*') return () => true
  if (wild === pattern.length - 1 && pattern.endsWith('*')) {
    const prefix = pattern.slice(0, -1)
    return (name) => name.startsWith(prefix)
  }
  return (name) => matchGlob(pattern, name)
}

/** Walks both once; on a mismatch goes back to the latest `*` only, letting it take one character more. */
function matchGlob(pattern: string, name: string): boolean {
  let p = 0
  let n = 0
  let star = -1
  let starName = 0
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++
      starName = n
    } else if (pattern[p] === '?') {
      p++
      n += (name.codePointAt(n) ?? 0) > 0xffff ? 2 : 1 // one character, not half a surrogate pair
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++
      n++
    } else if (star !== -1) {
      p = star + 1
      n = ++starName
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
