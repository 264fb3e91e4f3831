/**
 * Names of options in their three spellings, and suggestions for misspelt ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envName, flagName, nearestName, suggestion } from '../../../src/config/names.ts'
import { options } from '../../../src/config/options.ts'

test('flag name is the option in kebab case', () => {
  assert.equal(flagName('maxConnectionsPerIp'), 'max-connections-per-ip')
  assert.equal(flagName('port'), 'port')
})

test('environment name is the option in upper snake case behind ENCKE_', () => {
  assert.equal(envName('maxConnectionsPerIp'), 'ENCKE_MAX_CONNECTIONS_PER_IP')
  assert.equal(envName('cometqlPort'), 'ENCKE_COMETQL_PORT')
})

test('spellings of all options are different from each other', () => {
  const names = Object.keys(options)
  assert.equal(new Set(names.map(flagName)).size, names.length)
  assert.equal(new Set(names.map(envName)).size, names.length)
})

test('nearest name survives a swapped, a missing and a superfluous letter', () => {
  const known = Object.keys(options)
  assert.equal(nearestName('prot', known), 'port')
  assert.equal(nearestName('maxConections', known), 'maxConnections')
  assert.equal(nearestName('tokenSecrett', known), 'tokenSecret')
})

test('nearest name ignores case and separators', () => {
  assert.equal(nearestName('internal-host', Object.keys(options)), 'internalHost')
  assert.equal(nearestName('PUBLISH_SOCKET', Object.keys(options)), 'publishSocket')
})

test('nearest name is null when nothing known resembles it', () => {
  assert.equal(nearestName('xyzzy', ['port', 'host']), null)
  assert.equal(nearestName('port', []), null)
})

test('suggestion is the end of a sentence, or nothing', () => {
  assert.equal(suggestion('prot', ['port', 'host']), ', did you mean "port"?')
  assert.equal(suggestion('xyzzy', ['port', 'host']), '')
})
