/**
 * What a node counts by itself, as its metrics tell it (GET /metrics).
 *
 * Owns the asking and finding one number in the text. One request each; a node without a key.
 */

/**
 * One sample of the metrics.
 *
 * @param series name and labels as they are written, such as `encke_publications_total{source="http"}`
 * @throws {Error} when there is none of it
 */
export async function readMetric(server: { readonly internalPort: number }, series: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${server.internalPort}/metrics`)
  const text = await answer.text()
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  if (line === undefined) throw new Error(`The node answered ${answer.status} without "${series}"`)
  return Number(line.slice(series.length + 1))
}
