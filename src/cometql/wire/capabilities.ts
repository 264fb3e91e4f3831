/**
 * What client and server can agree on, as bits of the MySQL protocol.
 *
 * Owns the names of the bits and the set that a node announces. A bit is announced only when what it stands for works:
 * a client takes the announcement at its word. Tables only.
 *
 * Bits: MySQL Internals, "Capabilities Flags" and "Status Flags".
 */

/** Capability bits, of a client or a server. */
export const capabilities = {
  /** MariaDB's clients take a server without this bit for one that speaks MariaDB's own extensions. */
  longPassword: 0x1,
  foundRows: 0x2,
  longFlag: 0x4,
  connectWithDb: 0x8,
  compress: 0x20,
  localFiles: 0x80,
  ignoreSpace: 0x100,
  protocol41: 0x200,
  interactive: 0x400,
  ssl: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  multiStatements: 0x1_0000,
  multiResults: 0x2_0000,
  psMultiResults: 0x4_0000,
  pluginAuth: 0x8_0000,
  connectAttributes: 0x10_0000,
  pluginAuthLenenc: 0x20_0000,
  sessionTrack: 0x80_0000,
  deprecateEof: 0x100_0000,
} as const

/** Bits of the server's status, which OK and EOF packets carry. */
export const status = {
  inTransaction: 0x0001,
  autocommit: 0x0002,
  /** Another result follows this one. */
  moreResults: 0x0008,
} as const

const ALWAYS =
  capabilities.longPassword |
  capabilities.foundRows |
  capabilities.longFlag |
  capabilities.connectWithDb |
  capabilities.ignoreSpace |
  capabilities.protocol41 |
  capabilities.interactive |
  capabilities.transactions |
  capabilities.secureConnection |
  capabilities.multiStatements |
  capabilities.multiResults |
  capabilities.psMultiResults |
  capabilities.pluginAuth |
  capabilities.connectAttributes |
  capabilities.pluginAuthLenenc

/**
 * What the node announces: no compression, no files of the client, and results that end with an EOF packet, which every
 * client understands.
 *
 * @param hasTls whether a client may go on with TLS
 */
export function serverCapabilities(hasTls: boolean): number {
  return hasTls ? ALWAYS | capabilities.ssl : ALWAYS
}
