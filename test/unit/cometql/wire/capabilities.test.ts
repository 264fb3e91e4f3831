/**
 * Tests of src/cometql/wire/capabilities.ts: the bits are MySQL's, and nothing is announced that does not work.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capabilities, serverCapabilities, status } from '../../../../src/cometql/wire/capabilities.ts'

/** By their places in the documentation. */
const PLACES: Readonly<Record<keyof typeof capabilities, number>> = {
  longPassword: 0,
  foundRows: 1,
  longFlag: 2,
  connectWithDb: 3,
  compress: 5,
  localFiles: 7,
  ignoreSpace: 8,
  protocol41: 9,
  interactive: 10,
  ssl: 11,
  transactions: 13,
  secureConnection: 15,
  multiStatements: 16,
  multiResults: 17,
  psMultiResults: 18,
  pluginAuth: 19,
  connectAttributes: 20,
  pluginAuthLenenc: 21,
  sessionTrack: 23,
  deprecateEof: 24,
}

test('capabilities are at the places that MySQL gives them', () => {
  const found = Object.entries(capabilities).map(([name, bit]) => [name, Math.log2(bit)])
  assert.deepEqual(Object.fromEntries(found), PLACES)
})

test('capabilities announced are these bits', () => {
  assert.equal(serverCapabilities(false), 0x003f_a70f)
})

test('capabilities with TLS announce one bit more', () => {
  assert.equal(serverCapabilities(true), 0x003f_af0f)
})

for (const name of ['compress', 'localFiles', 'sessionTrack', 'deprecateEof'] as const) {
  test(`capabilities never announce ${name}`, () => {
    assert.equal(serverCapabilities(true) & capabilities[name], 0)
    assert.equal(serverCapabilities(false) & capabilities[name], 0)
  })
}

test('status has the bits of MySQL', () => {
  assert.deepEqual(status, { inTransaction: 1, autocommit: 2, moreResults: 8 })
})
