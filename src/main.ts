#!/usr/bin/env node
/**
 * The entry of the process.
 *
 * Owns nothing but the order of the first steps: what the socket library reads from the environment while it loads
 * is set before anything is imported, and only the chosen command is loaded. Everything else is in cli/.
 */

/** Longest request head, bytes: URL and headers, cookies and tokens among them. The library's own default is 4096. */
const MAX_HEADERS_BYTES = '16384'

process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= MAX_HEADERS_BYTES

const { runCommandLine } = await import('./cli/run.ts')
process.exitCode = await runCommandLine(process.argv.slice(2))

export {}
