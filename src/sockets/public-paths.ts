/**
 * Where transports are on the public port.
 *
 * Owns the folders they are served under: none, and the one that CppComet's documentation gives to a node behind a
 * proxy, so that pages whose address ends in it reach every transport.
 */
const FOLDERS = ['', '/comet-server'] as const

/** A path in every folder. */
export function publicPaths(path: string): readonly string[] {
  return FOLDERS.map((folder) => `${folder}${path}`)
}
