/**
 * Why the native library cannot be used on this machine, in one line.
 *
 * Owns the text: the cause (Node version, libc found and needed, platform) and the remedy. Pure, apart from asking the
 * process what it runs on. Must not load the library.
 */

/** How to put the author's own build in the place of the republished one. */
export const SWAP_REMEDY =
  'install Node 20 or 22 on Linux (glibc 2.27 or newer), macOS or Windows, or put the official build in its place: ' +
  'npm install --save-exact "uWebSockets.js@github:uNetworking/uWebSockets.js#v20.52.0"'

/** One line: what is missing, what there is, and what to do. */
export function describeLoadFailure(cause: string, platform: string = platformText()): string {
  const needed = /GLIBC_(\d+\.\d+)' not found/.exec(cause)?.[1]
  if (needed !== undefined) {
    return `Cannot load uWebSockets.js: its binary needs glibc ${needed}, this machine has ${glibcText()} (${platform}); ${SWAP_REMEDY}`
  }
  if (/Cannot find (module|package)/.test(cause)) {
    const what = cause.includes('.node') ? 'has no binary for this machine' : 'is not installed'
    return `Cannot load uWebSockets.js: it ${what} (${platform}); ${SWAP_REMEDY}`
  }
  return `Cannot load uWebSockets.js: ${cause.split('\n').at(-1) ?? cause} (${platform}); ${SWAP_REMEDY}`
}

/** What this process runs on. */
export function platformText(): string {
  return `Node ${process.versions.node}, ABI ${process.versions.modules}, ${process.platform}-${process.arch}, glibc ${glibcText()}`
}

function glibcText(): string {
  const report: unknown = process.report?.getReport()
  const header = (report as { header?: { glibcVersionRuntime?: string } } | undefined)?.header
  return header?.glibcVersionRuntime ?? 'none (musl or another libc)'
}
