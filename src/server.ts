/**
 * The composition root: builds the parts of a node, starts them, stops them.
 *
 * Owns the order. Start: native library, store, broker, hub, transports, then the internal ports, then the public port,
 * so that nobody is let in before everything works. Stop: not ready, no new connections, publishers told, what is
 * pending sent, clients told and spread over time, then the rest, the store last. Nothing else knows more than its own
 * dependencies.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { systemClock } from './clock.ts'
import { serveComet } from './comet/comet.ts'
import { type Cometql, type CometqlLimits, startCometql } from './cometql/listener.ts'
import { splitKeys } from './config/capsule-keys.ts'
import { connectionLimit } from './config/descriptor-limit.ts'
import type { Config } from './config/options.ts'
import type { NodeCounts } from './core/broker.ts'
import { createLocalBroker } from './core/broker-local.ts'
import { compileRules } from './core/channel-rules.ts'
import { createCommands } from './core/commands.ts'
import { createHub } from './core/hub.ts'
import { createIdentification } from './core/identification.ts'
import { observedStore } from './core/observed-store.ts'
import { createRevocations } from './core/revocations.ts'
import type { Store } from './core/store.ts'
import type { VerifyToken } from './core/tokens.ts'
import { createUserRecords } from './core/user-records.ts'
import type { UserOfToken } from './core/user-tokens.ts'
import { ConfigError, errorText } from './errors.ts'
import { startHttpApi } from './http-api/http-api.ts'
import type { Logger } from './log.ts'
import { createMetrics } from './metrics/metrics.ts'
import { createCapsules, deriveCapsuleKey } from './protocol/capsule.ts'
import { startPublishPort } from './publish-port/listener.ts'
import { createConnectionGate } from './sockets/connection-gate.ts'
import { createHttpAnswers } from './sockets/http-answers.ts'
import { openStore } from './store/open-store.ts'
import { serveCommands } from './transports/command-route.ts'
import { createHttpSessions } from './transports/http-sessions.ts'
import { serveLongPoll } from './transports/long-poll.ts'
import { createCommandRunner } from './transports/run-command.ts'
import { serveSse } from './transports/sse.ts'
import { serveStaticFiles } from './transports/static-files.ts'
import { serveWebSocket } from './transports/websocket.ts'
import { loadUws, type Uws } from './uws.ts'
import { version } from './version.ts'

/** After the goodbyes: time for the last bytes and close frames. */
const LAST_BYTES_MS = 200

export interface Address {
  readonly host: string
  readonly port: number
}

export interface RunningNode {
  /** Where the node listens, with the actual ports. */
  readonly addresses: {
    readonly public: Address
    readonly internal: Address
    readonly publish: Address
    /** Missing = there is none */
    readonly cometql?: Address
  }
  /** Drains and stops; resolves when nothing is left. */
  stop(reason: string): Promise<void>
}

/**
 * Starts a node and resolves once it takes connections on all its ports.
 *
 * @throws {ConfigError} the native library, the data folder or a key file can't be used; {ListenError} a port can't be had
 */
export async function startNode(config: Config, log: Logger): Promise<RunningNode> {
  const startedMs = performance.now()
  const [uws, verifyToken, userOfToken] = await Promise.all([
    loadUws(),
    tokenVerifier(config),
    userTokens(config),
  ])
  const store = await openStore({ dataDir: config.dataDir, log })
  return buildNode(config, log, { uws, verifyToken, userOfToken, store, startedMs })
}

/** What has to be loaded or opened before a node can be put together. */
interface NodeParts {
  readonly uws: Uws
  readonly verifyToken: VerifyToken | null
  readonly userOfToken: UserOfToken | null
  readonly store: Store
  readonly startedMs: number
}

async function buildNode(
  config: Config,
  log: Logger,
  { uws, verifyToken, userOfToken, store: plainStore, startedMs }: NodeParts,
): Promise<RunningNode> {
  const clock = systemClock
  const sqlLimits = cometqlLimits(config)
  const nodeId = randomBytes(4).toString('hex')
  const maxConnections = connectionLimit(config.maxConnections)
  const state = { isReady: false, isDraining: false }
  let cometql: Cometql | null = null

  const build = { version, node: process.versions.node, uws: uws.version }
  const metrics = createMetrics({
    read: () => ({
      ...countsNow(),
      historyBytes: broker.historyBytes(),
      storeBytes: plainStore.bytes(),
      cometqlConnections: cometql?.connections() ?? 0,
    }),
    books: () => hub.books(),
    build,
    maxConnections,
  })
  const { observer } = metrics
  const store = observedStore(plainStore, observer)
  const rules = compileRules(config.channels, config.maxPublicationBytes, config.demo)
  const broker = createLocalBroker({ rules, clock, observer, store }, config, nodeId)
  const users = createUserRecords({ store, broker, clock, userOfToken })
  const revocations = createRevocations(store, clock, config.capsuleTtlMs)
  const capsules = createCapsules(
    capsuleKeys(config),
    config.capsuleTtlMs,
    clock.wallMs,
    revocations.isRevoked,
  )
  const hub = createHub({ broker, rules, clock, observer, revoke: revocations.revoke }, config, nodeId)
  const countsNow = (): NodeCounts => ({ ...hub.counts(), channels: broker.channelCount() })
  const isAnonymousAllowed = verifyToken === null || config.anonymous
  const { tenant } = config
  const identity = { hub, clock, verifyToken, capsules, users, isAnonymousAllowed, tenant }
  const identification = createIdentification(identity, config)
  const commands = createCommands({ broker, hub, rules, clock, identification, users }, config)

  const app = uws.createApp((error) => log.error('Fault in a connection', { error: errorText(error) }))
  const isDraining = () => state.isDraining
  const gate = createConnectionGate({ ...config, maxConnections })
  const runner = createCommandRunner({ commands, observer, log })
  const answers = createHttpAnswers(config.origins.length > 0)
  const transport = {
    app,
    gate,
    hub,
    commands,
    identification,
    runner,
    capsules,
    answers,
    observer,
    log,
    clock,
    isDraining,
  }
  const httpSessions = createHttpSessions(transport)
  serveWebSocket(transport, config)
  const stopLongPoll = serveLongPoll({ ...transport, httpSessions }, config)
  const stopSse = serveSse(transport, config)
  serveCommands(transport, config)
  const stopComet = config.comet
    ? serveComet({ ...transport, broker, rules, users, isAnonymousAllowed }, config)
    : noStop
  serveStaticFiles(app, observer, new URL('../dist/', import.meta.url), config.demo)

  const stopRest = async (): Promise<void> => {
    stopLongPoll()
    stopSse()
    stopComet()
    hub.stop()
    await broker.stop()
    await plainStore.close()
    metrics.stop()
  }

  const stats = async () => ({
    version,
    uptimeSeconds: (performance.now() - startedMs) / 1000,
    counts: await broker.counts(),
    totals: metrics.totals(),
    perSecond: metrics.perSecond(),
  })
  const { exposition } = metrics
  const isReady = () => state.isReady
  const httpApi = await startHttpApi({
    broker,
    observer,
    log,
    config,
    exposition,
    isReady,
    stats,
    books: hub.books,
    users,
  }).catch(undo(stopRest))
  const stopHttp = async () => {
    await httpApi.stop()
    await stopRest()
  }
  const publishLimits = {
    tenant: config.tenant,
    key: config.key,
    trustedKey: config.trustedKey,
    host: config.internalHost,
    port: config.publishPort,
    socketPath: config.publishSocket,
    window: config.publishWindow,
    maxFrameBytes: config.publishMaxFrameBytes,
    maxConnections: config.publishMaxConnections,
    connectTimeoutMs: config.connectTimeoutMs,
    maxHistoryPerCommand: config.maxHistoryPerCommand,
    maxPresenceListed: config.maxPresenceListed,
  }
  const publishPort = await startPublishPort({ broker, observer, log }, publishLimits).catch(undo(stopHttp))
  const stopPublish = async () => {
    await publishPort.stop()
    await stopHttp()
  }
  const { lines } = metrics
  const cometqlDeps = { broker, users, clock, observer, log, stats, metrics: lines, version }
  cometql = config.cometql ? await startCometql(cometqlDeps, sqlLimits).catch(undo(stopPublish)) : null
  const undoAll = async () => {
    await cometql?.stop()
    await stopPublish()
  }
  const port = await app.listen(config.host, config.port).catch(undo(undoAll))
  state.isReady = true

  const addresses = {
    public: { host: config.host, port },
    internal: httpApi.address,
    publish: publishPort.address,
    ...(cometql === null ? {} : { cometql: cometql.address }),
  }
  log.info('Node started', { ...build, nodeId, ...addresses, maxConnections })

  async function stop(reason: string): Promise<void> {
    const stoppedMs = performance.now()
    state.isReady = false
    state.isDraining = true
    app.stopListening()
    await Promise.all([publishPort.stop(), cometql?.stop()])
    await hub.drain(config.drainMs)
    await new Promise<void>((resolve) => clock.after(config.drainMs === 0 ? 0 : LAST_BYTES_MS, resolve))
    await httpApi.stop()
    app.close()
    await stopRest()
    log.info('Node stopped', { reason, tookMs: Math.round(performance.now() - stoppedMs) })
  }

  return { addresses, stop }
}

const noStop = (): void => {}

/** Runs `stop` before a failed start goes on to its caller. */
function undo(stop: () => Promise<void>) {
  return async (error: unknown): Promise<never> => {
    await stop()
    throw error
  }
}

/** Null when no token is configured; then the code for tokens is not even loaded. */
async function tokenVerifier(config: Config): Promise<VerifyToken | null> {
  const { tokenSecret: secret, tokenPublicKeyFile: file } = config
  if (secret === '' && file === '') return null
  const { createTokenVerifier } = await import('./core/tokens.ts')
  try {
    const publicKey = file === '' ? '' : readFileSync(file, 'utf8')
    return createTokenVerifier({ secret, publicKey }, config.tenant)
  } catch (error) {
    throw new ConfigError([`Option "tokenPublicKeyFile" can not be used: ${file}: ${errorText(error)}`])
  }
}

/** @throws {ConfigError} the certificate or its key can't be used */
function cometqlLimits(config: Config): CometqlLimits {
  const { cometqlPassword, key } = config
  return { ...config, password: cometqlPassword === '' ? key : cometqlPassword, tls: cometqlTls(config) }
}

function cometqlTls({ cometqlTlsCertFile: cert, cometqlTlsKeyFile: key }: Config): SecureContext | null {
  if (cert === '') return null
  try {
    return createSecureContext({ cert: readFileSync(cert), key: readFileSync(key) })
  } catch (error) {
    const files = `Options "cometqlTlsCertFile" and "cometqlTlsKeyFile" can not be used: ${cert}, ${key}`
    throw new ConfigError([`${files}: ${errorText(error)}`])
  }
}

/** Null when there is no password: then no CppComet token is good, and the code for them is not loaded. */
async function userTokens({ cometqlPassword, key }: Config): Promise<UserOfToken | null> {
  const password = cometqlPassword === '' ? key : cometqlPassword
  if (password === '') return null
  const { createUserTokens } = await import('./core/user-tokens.ts')
  return createUserTokens(password)
}

/**
 * The keys that sign capsules: those made for it, else one from a secret the node has anyway, so that capsules are good
 * after a restart and on other nodes configured alike, else one of this start alone.
 */
function capsuleKeys({ capsuleKeys, tokenSecret, key }: Config): string[] {
  const given = splitKeys(capsuleKeys)
  if (given.length > 0) return given
  const secret = tokenSecret === '' ? key : tokenSecret
  return [secret === '' ? randomBytes(32).toString('base64url') : deriveCapsuleKey(secret)]
}
