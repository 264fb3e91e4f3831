/**
 * Tests of src/publish-port/listener.ts that need its servers in hand; test/e2e/publish-port.test.ts has the rest.
 */
import assert from 'node:assert/strict'
import { Server } from 'node:net'
import { test } from 'node:test'
import { silentObserver } from '../../../src/core/observer.ts'
import { silentLogger } from '../../../src/log.ts'
import { startPublishPort } from '../../../src/publish-port/listener.ts'
import { localCore } from '../../support/local-core.ts'

test('publish port outlives a connection that the system could not hand over', async (t) => {
  // accept() passes on errors of the network (ENETDOWN, EPROTO …); the unheard event ended the node.
  const servers: Server[] = []
  const listen = Server.prototype.listen
  t.mock.method(Server.prototype, 'listen', function (this: Server, ...args: Parameters<typeof listen>) {
    servers.push(this)
    return listen.apply(this, args)
  })
  const warnings: string[] = []
  const log = { ...silentLogger, warn: (text: string) => void warnings.push(text) }
  const { broker } = localCore(t)
  const port = await startPublishPort(
    { broker, observer: silentObserver, log },
    {
      host: '127.0.0.1',
      port: 0,
      socketPath: '',
      key: '',
      tenant: 1,
      trustedKey: '',
      window: 100,
      maxFrameBytes: 1_000,
      maxConnections: 10,
      connectTimeoutMs: 1_000,
      maxHistoryPerCommand: 10,
      maxPresenceListed: 10,
    },
  )
  t.after(() => port.stop())
  assert.equal(servers.length, 1)
  servers[0]?.emit('error', new Error('accept ENETDOWN'))
  assert.deepEqual(warnings, ['Cannot accept a publisher'])
})
