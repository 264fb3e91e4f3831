/**
 * Writes docs/metrics.md from the table of metrics; `--check` only says whether it is stale.
 *
 * Owns that one file. Exit code 1 when the check finds it stale or missing.
 */
import { metricsDocs } from '../src/metrics/docs.ts'
import { keepFile } from './keep-file.ts'

await keepFile({
  path: new URL('../docs/metrics.md', import.meta.url),
  text: metricsDocs(),
  command: 'node --import tsx scripts/generate-metrics-docs.ts',
})
