/**
 * The three spellings of an option, and the known name a misspelt one was meant to be.
 *
 * Owns the way from an option's name (camel case, as in the file) to its flag (kebab case) and its environment
 * variable (`ENCKE_` and upper snake case). A suggestion is made only when it is near enough to be one.
 */
import { distance } from 'fastest-levenshtein'

/** Share of the letters that may differ between a name and the one suggested for it. */
const MAX_DIFFERENCE = 0.5

/** `maxConnectionsPerIp` → `max-connections-per-ip` */
export function flagName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `maxConnectionsPerIp` → `ENCKE_MAX_CONNECTIONS_PER_IP` */
export function envName(option: string): string {
  return `ENCKE_${option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * Finds the known name nearest to `name`, whatever its case and separators.
 *
 * O(known × length²); made for the moment before giving up, not for hot paths.
 *
 * @returns null when nothing known resembles it
 */
export function nearestName(name: string, known: Iterable<string>): string | null {
  const wanted = letters(name)
  let nearest: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const spelling = letters(candidate)
    const differences = distance(wanted, spelling)
    const allowed = Math.max(wanted.length, spelling.length) * MAX_DIFFERENCE
    if (differences <= allowed && differences < fewest) {
      nearest = candidate
      fewest = differences
    }
  }
  return nearest
}

/** The end of a message about an unknown name: `, did you mean "port"?`, or '' when nothing resembles it. */
export function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === null ? '' : `, did you mean "${nearest}"?`
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}
