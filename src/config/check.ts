/**
 * What options must be to each other, beyond what each must be alone.
 *
 * Owns one table of checks: a mistake stops the node, a warning is something an operator should know. Each check
 * names the options it looks at, so that it can be left out while one of them is unusable by itself. Pure: whether
 * a file can be read is asked of the caller.
 */
import { BlockList, isIP } from 'node:net'
import { splitKeys } from './capsule-keys.ts'
import type { Config, OptionName } from './options.ts'
import type { ChannelRule } from './rules.ts'
import { quoteValue } from './values.ts'

const MIN_SECRET_BYTES = 16
/** `sun_path` of unix(7) holds 108 bytes, the last of them zero. */
const MAX_SOCKET_PATH_BYTES = 107
/** RFC 9110 §5.6.2: a field name is a token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** The `dataDir` that is no folder: nothing is on disk. */
export const NO_DATA_DIR = 'none'

/** Where the value of an option came from; `ini` = the comet.ini that `cometIni` names. */
export type Origin = 'flag' | 'env' | 'file' | 'ini' | 'default'
export type Origins = Readonly<Record<OptionName, Origin>>

export interface CheckFacts {
  readonly config: Config
  canRead(path: string): boolean
  /** Options without a usable value; checks that look at one of them are left out. */
  readonly unusable?: ReadonlySet<OptionName>
}

export interface CheckResult {
  readonly mistakes: readonly string[]
  readonly warnings: readonly string[]
}

interface Check {
  readonly looksAt: readonly OptionName[]
  readonly finds: 'mistake' | 'warning'
  find(facts: CheckFacts): string | readonly string[] | null
}

/** Runs every check whose options are all usable. */
export function checkConfig(facts: CheckFacts): CheckResult {
  const found = { mistake: [] as string[], warning: [] as string[] }
  for (const check of checks) {
    if (check.looksAt.some((name) => facts.unusable?.has(name))) continue
    const finding = check.find(facts)
    if (finding !== null) found[check.finds].push(...(typeof finding === 'string' ? [finding] : finding))
  }
  return { mistakes: found.mistake, warnings: found.warning }
}

/** Whether only this machine can reach a listener on `host`: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const family = isIP(host)
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** Whether a listener on `host` takes connections to every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

const checks: readonly Check[] = [
  {
    looksAt: ['host', 'internalHost'],
    finds: 'mistake',
    find: ({ config }) =>
      (['host', 'internalHost'] as const)
        .filter((name) => config[name].trim() === '')
        .map((name) => `"${name}" is empty: give an address such as 127.0.0.1`),
  },
  {
    looksAt: ['internalHost', 'key'],
    finds: 'mistake',
    find: ({ config: { internalHost, key } }) =>
      isLoopback(internalHost) || key !== ''
        ? null
        : `"internalHost" is ${quoteValue(internalHost)}, which is not loopback: internal ports that other machines reach need a "key"`,
  },
  {
    looksAt: ['internalPort', 'publishPort', 'cometql', 'cometqlPort'],
    finds: 'mistake',
    find: ({ config }) => internalClash(config),
  },
  {
    looksAt: ['host', 'port', 'internalHost', 'internalPort', 'publishPort', 'cometql', 'cometqlPort'],
    finds: 'mistake',
    find: ({ config }) => portClash(config),
  },
  {
    looksAt: ['publishSocket'],
    finds: 'mistake',
    find: ({ config: { publishSocket } }) => {
      const bytes = Buffer.byteLength(publishSocket)
      return bytes <= MAX_SOCKET_PATH_BYTES
        ? null
        : `"publishSocket" has ${bytes} bytes, above ${MAX_SOCKET_PATH_BYTES}, the longest path of a Unix socket`
    },
  },
  {
    looksAt: ['tokenSecret'],
    finds: 'mistake',
    find: ({ config: { tokenSecret } }) => {
      const bytes = Buffer.byteLength(tokenSecret)
      return bytes === 0 || bytes >= MIN_SECRET_BYTES
        ? null
        : `"tokenSecret" has ${bytes} bytes, below ${MIN_SECRET_BYTES}: a shorter secret can be guessed`
    },
  },
  {
    looksAt: ['capsuleKeys'],
    finds: 'mistake',
    find: ({ config: { capsuleKeys } }) =>
      splitKeys(capsuleKeys).flatMap((key, at) => {
        const bytes = Buffer.byteLength(key)
        return bytes >= MIN_SECRET_BYTES
          ? []
          : [
              `key ${at + 1} of "capsuleKeys" has ${bytes} bytes, below ${MIN_SECRET_BYTES}: a shorter one can be guessed`,
            ]
      }),
  },
  {
    looksAt: ['key', 'trustedKey'],
    finds: 'mistake',
    find: ({ config: { key, trustedKey } }) =>
      trustedKey !== '' && trustedKey === key
        ? '"trustedKey" is the same as "key": every publisher would be trusted'
        : null,
  },
  {
    looksAt: ['tokenPublicKeyFile'],
    finds: 'mistake',
    find: ({ config: { tokenPublicKeyFile }, canRead }) =>
      tokenPublicKeyFile === '' || canRead(tokenPublicKeyFile)
        ? null
        : `"tokenPublicKeyFile" is ${quoteValue(tokenPublicKeyFile)}, which can not be read as a file`,
  },
  {
    looksAt: ['cometqlTlsCertFile', 'cometqlTlsKeyFile'],
    finds: 'mistake',
    find: ({ config, canRead }) => tlsMistakes(config, canRead),
  },
  {
    looksAt: ['clientIpHeader'],
    finds: 'mistake',
    find: ({ config: { clientIpHeader } }) =>
      clientIpHeader === '' || HEADER_NAME.test(clientIpHeader)
        ? null
        : `"clientIpHeader" is ${quoteValue(clientIpHeader)}, which is not the name of a header`,
  },
  {
    looksAt: ['origins'],
    finds: 'mistake',
    find: ({ config: { origins } }) => origins.flatMap(originMistake),
  },
  {
    looksAt: ['pingMs', 'idleTimeoutMs'],
    finds: 'mistake',
    find: ({ config: { pingMs, idleTimeoutMs } }) =>
      idleTimeoutMs > pingMs
        ? null
        : `"idleTimeoutMs" is ${idleTimeoutMs}, not above "pingMs", ${pingMs}: a quiet client would be dropped before it pings`,
  },
  {
    looksAt: ['dataDir'],
    finds: 'mistake',
    find: ({ config: { dataDir } }) =>
      dataDir.trim() === '' ? '"dataDir" is empty: give a folder, or none for nothing on disk' : null,
  },
  {
    looksAt: ['channels', 'dataDir'],
    finds: 'mistake',
    find: ({ config: { channels, dataDir } }) =>
      dataDir === NO_DATA_DIR ? channels.flatMap(diskMistake) : null,
  },
  {
    looksAt: ['host', 'tokenSecret', 'tokenPublicKeyFile'],
    finds: 'warning',
    find: ({ config: { host, tokenSecret, tokenPublicKeyFile } }) =>
      isLoopback(host) || tokenSecret !== '' || tokenPublicKeyFile !== ''
        ? null
        : `ANYONE who reaches ${host} may connect and subscribe: no token is configured (set "tokenSecret" or "tokenPublicKeyFile", or bind "host" to loopback)`,
  },
  {
    looksAt: ['channelLingerMs', 'ringMs', 'ringSize'],
    finds: 'warning',
    find: ({ config: { channelLingerMs, ringMs, ringSize } }) =>
      ringSize === 0 || channelLingerMs >= ringMs
        ? null
        : `"channelLingerMs" is ${channelLingerMs}, below "ringMs", ${ringMs}: a channel without subscribers loses its short ring earlier than "ringMs" says`,
  },
]

/** The internal listeners that there are. */
function internalPorts({ cometql }: Config) {
  const ports = ['internalPort', 'publishPort', 'cometqlPort'] as const
  return cometql ? ports : ports.slice(0, 2)
}

function internalClash(config: Config): string[] {
  const names = internalPorts(config)
  return names.flatMap((name, at) => {
    const other = names.slice(0, at).find((before) => config[before] === config[name] && config[name] !== 0)
    const ports = `"${other}" and "${name}" are both ${config[name]}`
    return other === undefined ? [] : [`${ports}: each listener needs its own port`]
  })
}

/** The public listener shares its port with others (SO_REUSEPORT), so the system might not refuse a clash. */
function portClash(config: Config): string[] {
  const { host, internalHost, port } = config
  const sameAddress = host === internalHost || isWildcard(host) || isWildcard(internalHost)
  if (port === 0 || !sameAddress) return []
  return internalPorts(config)
    .filter((name) => config[name] === port)
    .map((name) => `"port" and "${name}" are both ${port}: each listener needs its own port`)
}

function tlsMistakes(config: Config, canRead: (path: string) => boolean): string[] {
  const files = ['cometqlTlsCertFile', 'cometqlTlsKeyFile'] as const
  const given = files.filter((name) => config[name] !== '')
  if (given.length === 1)
    return [`"${files[0]}" and "${files[1]}" belong together: only one of them is given`]
  return given
    .filter((name) => !canRead(config[name]))
    .map((name) => `"${name}" is ${quoteValue(config[name])}, which can not be read as a file`)
}

function diskMistake({ match, durable }: ChannelRule, index: number): string[] {
  if (durable !== true) return []
  return [
    `"channels", rule ${index + 1} (${quoteValue(match)}), "durable": needs a disk, but "dataDir" is ${NO_DATA_DIR}`,
  ]
}

/** RFC 6454 §6.2: what a browser sends is scheme, host and port, in lower case and without a path. */
function originMistake(text: string): string[] {
  if (text === 'null') return []
  const origin = URL.canParse(text) ? new URL(text).origin : 'null'
  if (origin === text) return []
  const wanted = origin === 'null' ? 'such as https://example.com' : `, write ${quoteValue(origin)}`
  return [
    `"origins" holds ${quoteValue(text)}, which is not an origin${origin === 'null' ? ' ' : ''}${wanted}`,
  ]
}
