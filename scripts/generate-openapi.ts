/**
 * Writes docs/openapi.json from the table of routes; `--check` only says whether it is stale.
 *
 * Owns that one file. Exit code 1 when the check finds it stale or missing.
 */

import { openapiText } from '../src/http-api/openapi.ts'
import { routes } from '../src/http-api/routes.ts'
import { keepFile } from './keep-file.ts'

await keepFile({
  path: new URL('../docs/openapi.json', import.meta.url),
  text: openapiText(routes),
  command: 'node --import tsx scripts/generate-openapi.ts',
})
