/**
 * System variables: what connectors and tools ask a MySQL server about itself before they do anything.
 *
 * Owns the table of names and values, and the version as a server of MySQL's kind tells it. Values are true where they
 * mean something here, else those of a server that does nothing special. SET changes none of them but autocommit,
 * which is of the connection. Bound: one map of constants; what differs by node is made when it is asked for.
 */
import { hostname } from 'node:os'
import { CHARACTER_SET, ENGINE } from '../tables/catalog.ts'
import type { NodeFacts } from './context.ts'

/** A variable's value; a boolean is 1 or 0 in `SELECT @@x`, ON or OFF in SHOW VARIABLES. */
export type VariableValue = string | number | boolean

/** What is asked of the node. */
export type VariableFacts = Pick<NodeFacts, 'version' | 'port' | 'hasTls' | 'maxQueryBytes' | 'idleTimeoutMs'>

/** Grammar and protocol are what clients of this release expect. */
const MYSQL_RELEASE = '5.7.0'

/** `wait_timeout` can be no longer: a year. */
const LONGEST_WAIT_SECONDS = 31_536_000

/**
 * Asked for by: 1 Connector/J, 2 MariaDB's connectors, 3 phpMyAdmin, 4 HeidiSQL, 5 DBeaver, 6 mysqldump and the CLI,
 * 7 .NET's and ODBC's connectors.
 */
const constants: Readonly<Record<string, VariableValue>> = {
  auto_increment_increment: 1, // 1 2
  auto_increment_offset: 1,
  character_set_client: 'utf8mb4', // 1 3
  character_set_connection: 'utf8mb4', // 1 3
  character_set_database: 'utf8mb4', // 5
  character_set_filesystem: 'binary',
  character_set_results: 'utf8mb4', // 1 3
  character_set_server: 'utf8mb4', // 1 5
  character_set_system: CHARACTER_SET,
  collation_connection: 'utf8mb4_general_ci', // 1 3
  collation_database: 'utf8mb4_general_ci', // 6
  collation_server: 'utf8mb4_general_ci', // 1 5
  completion_type: 'NO_CHAIN',
  default_storage_engine: ENGINE, // 3 4
  div_precision_increment: 4,
  error_count: 0,
  event_scheduler: 'OFF', // 3 4
  foreign_key_checks: true, // 6
  group_concat_max_len: 1024,
  gtid_mode: 'OFF', // 6
  have_innodb: 'NO', // 4
  have_profiling: 'NO', // 3
  have_query_cache: 'NO', // 1
  init_connect: '', // 1 2
  lc_messages: 'en_US',
  lc_time_names: 'en_US',
  license: 'Apache-2.0', // 1
  log_bin: false, // 3
  lower_case_file_system: false,
  lower_case_table_names: 0, // all, and CppComet
  net_buffer_length: 16_384, // 1
  net_read_timeout: 30,
  net_write_timeout: 60, // 1
  performance_schema: false, // 1 5
  profiling: false, // 3
  protocol_version: 10,
  query_cache_size: 0, // 1
  query_cache_type: 'OFF', // 1
  read_only: false, // 1 2
  server_id: 0, // 6
  skip_show_database: false, // 4
  sql_auto_is_null: false, // 7
  sql_mode: '', // 1 3 6
  sql_quote_show_create: true, // 6
  sql_safe_updates: false,
  sql_select_limit: '18446744073709551615', // 7
  storage_engine: ENGINE, // 4
  system_time_zone: 'UTC', // 1 2
  time_format: '%H:%i:%s',
  time_zone: 'SYSTEM', // 1 2
  transaction_isolation: 'READ-COMMITTED', // 1
  transaction_read_only: false, // 1
  tx_isolation: 'READ-COMMITTED', // 1 2
  tx_read_only: false, // 1
  unique_checks: true, // 6
  version_compile_machine: process.arch, // 3
  version_compile_os: process.platform, // 4
  warning_count: 0,
}

/** A version that drivers can read a number from: `5.7.0-encke-0.3.0`. */
export function serverVersion(version: string): string {
  return `${MYSQL_RELEASE}-encke-${version}`
}

/** All variables by name, in the order of names. @param isAutocommit of the connection */
export function systemVariables(
  facts: VariableFacts,
  isAutocommit: boolean,
): ReadonlyMap<string, VariableValue> {
  const all = Object.entries(valuesOf(facts, isAutocommit))
  return new Map(all.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** @param name in any case, without scope; undefined = there is none of that name @param isAutocommit of the connection */
export function systemVariable(
  name: string,
  facts: VariableFacts,
  isAutocommit: boolean,
): VariableValue | undefined {
  const all = valuesOf(facts, isAutocommit)
  const key = name.toLowerCase()
  return Object.hasOwn(all, key) ? all[key] : undefined
}

function valuesOf(facts: VariableFacts, isAutocommit: boolean): Readonly<Record<string, VariableValue>> {
  return { ...constants, ...ofNode(facts), autocommit: isAutocommit }
}

function ofNode(facts: VariableFacts): Readonly<Record<string, VariableValue>> {
  const waitSeconds = Math.max(1, Math.ceil(facts.idleTimeoutMs / 1000))
  const wait = facts.idleTimeoutMs === 0 ? LONGEST_WAIT_SECONDS : Math.min(waitSeconds, LONGEST_WAIT_SECONDS)
  const tls = facts.hasTls ? 'YES' : 'DISABLED'
  return {
    have_openssl: tls,
    have_ssl: tls, // 3
    hostname: hostname(), // 3 4
    interactive_timeout: wait, // 1
    max_allowed_packet: facts.maxQueryBytes, // 1 2 4 7
    port: facts.port, // 4
    version: serverVersion(facts.version),
    version_comment: `Encke ${facts.version}`, // 3 6
    wait_timeout: wait, // 1 2
  }
}
