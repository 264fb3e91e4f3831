/**
 * Tests of src/cometql/run/variables.ts: that connectors find what they ask for before they do anything, and that what
 * differs by node is the node's.
 */
import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import {
  serverVersion,
  systemVariable,
  systemVariables,
  type VariableFacts,
} from '../../../../src/cometql/run/variables.ts'
import { nodeFacts } from '../../../support/query-context.ts'

/** What each asks of a server when it connects, from its own query log. */
const asked: Readonly<Record<string, string>> = {
  'Connector/J 5.1':
    'auto_increment_increment character_set_client character_set_connection character_set_results character_set_server collation_server init_connect interactive_timeout license lower_case_table_names max_allowed_packet net_buffer_length net_write_timeout query_cache_size query_cache_type sql_mode system_time_zone time_zone tx_isolation wait_timeout',
  'Connector/J 8':
    'auto_increment_increment character_set_client character_set_connection character_set_results character_set_server collation_server collation_connection init_connect interactive_timeout license lower_case_table_names max_allowed_packet net_write_timeout performance_schema query_cache_size query_cache_type sql_mode system_time_zone time_zone transaction_isolation wait_timeout',
  'MariaDB Connector/J':
    'max_allowed_packet system_time_zone time_zone auto_increment_increment tx_isolation autocommit',
  phpMyAdmin:
    'version version_comment collation_connection character_set_server lower_case_table_names sql_mode',
  HeidiSQL:
    'version version_comment version_compile_os max_allowed_packet wait_timeout hostname port have_ssl',
  DBeaver: 'character_set_server collation_server lower_case_table_names performance_schema version',
  'mysql, the CLI': 'version_comment max_allowed_packet',
  mysqldump:
    'sql_mode gtid_mode collation_database time_zone foreign_key_checks unique_checks sql_quote_show_create',
  'Go driver': 'max_allowed_packet',
}

for (const [client, names] of Object.entries(asked)) {
  test(`variables that ${client} asks for are there`, () => {
    const all = systemVariables(nodeFacts(), true)
    assert.deepEqual(
      names.split(' ').filter((name) => !all.has(name)),
      [],
    )
  })
}

test('server version begins with a number, for drivers that read one', () => {
  assert.equal(serverVersion('0.3.0'), '5.7.0-encke-0.3.0')
  assert.equal(Number.parseInt(serverVersion('1.0.0-rc.1'), 10), 5)
})

test('variables of the node are its own', () => {
  const all = systemVariables(nodeFacts(), true)
  const expected = {
    version: '5.7.0-encke-0.3.0',
    version_comment: 'Encke 0.3.0',
    max_allowed_packet: 16_777_216,
    hostname: hostname(),
    port: 3307,
    wait_timeout: 600,
    interactive_timeout: 600,
    have_ssl: 'DISABLED',
    have_openssl: 'DISABLED',
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(all.get(name), value, name)
})

test('TLS is told to be there where it is', () => {
  assert.equal(systemVariable('have_ssl', facts({ hasTls: true }), true), 'YES')
  assert.equal(systemVariable('have_openssl', facts({ hasTls: true }), true), 'YES')
})

const waits: readonly [idleTimeoutMs: number, seconds: number][] = [
  [0, 31_536_000],
  [1, 1],
  [1_500, 2],
  [28_800_000, 28_800],
  [1e15, 31_536_000],
]

for (const [idleTimeoutMs, seconds] of waits) {
  test(`silence of ${idleTimeoutMs} ms is a wait_timeout of ${seconds} s`, () => {
    assert.equal(systemVariable('wait_timeout', facts({ idleTimeoutMs }), true), seconds)
    assert.equal(systemVariable('interactive_timeout', facts({ idleTimeoutMs }), true), seconds)
  })
}

test('variables say whether statements commit by themselves', () => {
  for (const isAutocommit of [true, false])
    assert.equal(systemVariables(nodeFacts(), isAutocommit).get('autocommit'), isAutocommit)
})

test('variables say that names have a case and that nobody sees what is not there yet', () => {
  assert.equal(systemVariable('lower_case_table_names', nodeFacts(), true), 0)
  for (const name of ['tx_isolation', 'transaction_isolation']) {
    assert.equal(systemVariable(name, nodeFacts(), true), 'READ-COMMITTED', name)
  }
})

test('variables say that no statement leaves warnings, as SHOW WARNINGS does', () => {
  for (const name of ['warning_count', 'error_count'])
    assert.equal(systemVariable(name, nodeFacts(), true), 0, name)
})

test('variables of one character set and its collation go together', () => {
  for (const [name, value] of systemVariables(nodeFacts(), true)) {
    if (!name.startsWith('collation_')) continue
    const characterSet = systemVariable(name.replace('collation', 'character_set'), nodeFacts(), true)
    assert.equal(String(value).split('_')[0], characterSet, name)
  }
})

test('escapes are those that the reader of values knows: sql_mode has no NO_BACKSLASH_ESCAPES', () => {
  assert.equal(systemVariable('sql_mode', nodeFacts(), true), '')
})

test('variable is found in any case, one there is not is undefined', () => {
  assert.equal(systemVariable('Max_Allowed_PACKET', nodeFacts(), true), 16_777_216)
  for (const name of ['no_such', '', '__proto__', 'constructor']) {
    assert.equal(systemVariable(name, nodeFacts(), true), undefined, name)
  }
})

test('variables come in the order of their names, in lower case', () => {
  const names = [...systemVariables(nodeFacts(), true).keys()]
  assert.deepEqual(names, [...names].sort())
  assert.deepEqual(
    names,
    names.map((name) => name.toLowerCase()),
  )
})

function facts(changes: Partial<VariableFacts>): VariableFacts {
  return { ...nodeFacts(), ...changes }
}
