/**
 * information_schema: what tools ask to learn which tables and columns there are.
 *
 * Owns its tables by the names and columns that MySQL 5.7 gives them. Databases, tables, columns and keys are told as
 * they are, its own included, those of the node in the database that is chosen; of what Encke has not (routines, triggers,
 * privileges…) there are no rows. Values that MySQL leaves out (NULL) are empty, numbers 0. Rows are made one table at a time;
 * nothing is kept.
 */
import type { Row } from '../answer.ts'
import { DATABASE, INFORMATION_SCHEMA } from '../databases.ts'
import {
  CHARACTER_SET,
  COLLATION,
  characterSets,
  collations,
  commentOf,
  defaultMark,
  ENGINE,
  ENGINE_COMMENT,
  indexesOf,
  keyMark,
  privilegesOf,
  schemaOf,
  typeOf,
} from './catalog.ts'
import type { Table, TableColumn } from './table.ts'

/** Values of a row by column; those that are missing are empty, or 0. */
type Facts = Readonly<Record<string, string | number>>

/** Facts about one table. @param home the database that tables of the node are in */
type FactsOfTable = (table: Table, home: string) => readonly Facts[]

/** In every catalog column: MySQL has one catalog. */
const CATALOG = 'def'

const TEXT_BYTES = 65_535

/** The longest character of `CHARACTER_SET`, bytes. */
const MAX_CHARACTER_BYTES = 3

/** Significant digits of numbers, as MySQL tells them. */
const PRECISION: Readonly<Record<string, number>> = { int: 10, bigint: 19, double: 22 }

/** Tables of which there is nothing to tell, by name; a column with # behind it is a number. */
const empty: Readonly<Record<string, string>> = {
  column_privileges: 'GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME PRIVILEGE_TYPE IS_GRANTABLE',
  events:
    'EVENT_CATALOG EVENT_SCHEMA EVENT_NAME DEFINER TIME_ZONE EVENT_BODY EVENT_DEFINITION EVENT_TYPE EXECUTE_AT INTERVAL_VALUE INTERVAL_FIELD STARTS ENDS STATUS ON_COMPLETION CREATED LAST_ALTERED EVENT_COMMENT',
  files: 'FILE_ID# FILE_NAME FILE_TYPE TABLESPACE_NAME TABLE_SCHEMA TABLE_NAME LOGFILE_GROUP_NAME ENGINE',
  global_status: 'VARIABLE_NAME VARIABLE_VALUE',
  global_variables: 'VARIABLE_NAME VARIABLE_VALUE',
  parameters:
    'SPECIFIC_CATALOG SPECIFIC_SCHEMA SPECIFIC_NAME ORDINAL_POSITION# PARAMETER_MODE PARAMETER_NAME DATA_TYPE DTD_IDENTIFIER ROUTINE_TYPE',
  partitions:
    'TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PARTITION_NAME PARTITION_ORDINAL_POSITION# PARTITION_METHOD PARTITION_EXPRESSION TABLE_ROWS#',
  plugins: 'PLUGIN_NAME PLUGIN_VERSION PLUGIN_STATUS PLUGIN_TYPE PLUGIN_DESCRIPTION PLUGIN_LICENSE',
  processlist: 'ID# USER HOST DB COMMAND TIME# STATE INFO',
  referential_constraints:
    'CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME UNIQUE_CONSTRAINT_SCHEMA UNIQUE_CONSTRAINT_NAME MATCH_OPTION UPDATE_RULE DELETE_RULE TABLE_NAME REFERENCED_TABLE_NAME',
  routines:
    'SPECIFIC_NAME ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE DATA_TYPE DTD_IDENTIFIER ROUTINE_BODY ROUTINE_DEFINITION IS_DETERMINISTIC SQL_DATA_ACCESS SECURITY_TYPE CREATED LAST_ALTERED SQL_MODE ROUTINE_COMMENT DEFINER',
  schema_privileges: 'GRANTEE TABLE_CATALOG TABLE_SCHEMA PRIVILEGE_TYPE IS_GRANTABLE',
  session_status: 'VARIABLE_NAME VARIABLE_VALUE',
  session_variables: 'VARIABLE_NAME VARIABLE_VALUE',
  table_privileges: 'GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PRIVILEGE_TYPE IS_GRANTABLE',
  triggers:
    'TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_MANIPULATION EVENT_OBJECT_CATALOG EVENT_OBJECT_SCHEMA EVENT_OBJECT_TABLE ACTION_ORDER# ACTION_STATEMENT ACTION_ORIENTATION ACTION_TIMING CREATED SQL_MODE DEFINER',
  user_privileges: 'GRANTEE TABLE_CATALOG PRIVILEGE_TYPE IS_GRANTABLE',
}

/** Tables whose rows are about tables. */
const perTable: Readonly<Record<string, readonly [columns: string, facts: FactsOfTable]>> = {
  columns: [
    'TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION# COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH# CHARACTER_OCTET_LENGTH# NUMERIC_PRECISION# NUMERIC_SCALE# DATETIME_PRECISION# CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT GENERATION_EXPRESSION',
    columnFacts,
  ],
  key_column_usage: [
    'CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION# POSITION_IN_UNIQUE_CONSTRAINT# REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME REFERENCED_COLUMN_NAME',
    primaryFacts,
  ],
  statistics: [
    'TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE# INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX# COLUMN_NAME COLLATION CARDINALITY# SUB_PART PACKED NULLABLE INDEX_TYPE COMMENT INDEX_COMMENT',
    indexFacts,
  ],
  table_constraints: [
    'CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE',
    primaryFacts,
  ],
  tables: [
    'TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION# ROW_FORMAT TABLE_ROWS# AVG_ROW_LENGTH# DATA_LENGTH# MAX_DATA_LENGTH# INDEX_LENGTH# DATA_FREE# AUTO_INCREMENT# CREATE_TIME UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM# CREATE_OPTIONS TABLE_COMMENT',
    tableFacts,
  ],
  views: [
    'TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE CHARACTER_SET_CLIENT COLLATION_CONNECTION',
    viewFacts,
  ],
}

/** Tables with the same rows always. */
const fixed: Readonly<Record<string, readonly [columns: string, facts: readonly Facts[]]>> = {
  character_sets: [
    'CHARACTER_SET_NAME DEFAULT_COLLATE_NAME DESCRIPTION MAXLEN#',
    characterSets.map(({ name, description, collation, maxBytes }) => ({
      CHARACTER_SET_NAME: name,
      DEFAULT_COLLATE_NAME: collation,
      DESCRIPTION: description,
      MAXLEN: maxBytes,
    })),
  ],
  collation_character_set_applicability: [
    'COLLATION_NAME CHARACTER_SET_NAME',
    collations.map((one) => ({ COLLATION_NAME: one.name, CHARACTER_SET_NAME: one.characterSet })),
  ],
  collations: [
    'COLLATION_NAME CHARACTER_SET_NAME ID# IS_DEFAULT IS_COMPILED SORTLEN#',
    collations.map((one) => ({
      COLLATION_NAME: one.name,
      CHARACTER_SET_NAME: one.characterSet,
      ID: one.id,
      IS_DEFAULT: defaultMark(one),
      IS_COMPILED: 'Yes',
      SORTLEN: 1,
    })),
  ],
  engines: [
    'ENGINE SUPPORT COMMENT TRANSACTIONS XA SAVEPOINTS',
    [{ ENGINE, SUPPORT: 'DEFAULT', COMMENT: ENGINE_COMMENT, TRANSACTIONS: 'NO', XA: 'NO', SAVEPOINTS: 'NO' }],
  ],
}

const SCHEMATA = 'CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH'

/**
 * The tables of information_schema, by name without the schema, in lower case.
 *
 * @param tables those it tells of, asked each time; its own may be among them
 * @param home the database that tables of the node are told to be in
 */
export function informationSchema(tables: () => readonly Table[], home: string): readonly Table[] {
  return [
    ...Object.entries(empty).map(([name, columns]) => tableOf(name, columns, () => [])),
    ...Object.entries(fixed).map(([name, [columns, facts]]) => tableOf(name, columns, () => [facts])),
    tableOf('schemata', SCHEMATA, () => [schemataFacts(home)]),
    ...Object.entries(perTable).map(([name, [columns, facts]]) =>
      tableOf(name, columns, function* () {
        for (const table of tables()) yield facts(table, home)
      }),
    ),
  ].sort((one, other) => (one.name < other.name ? -1 : 1))
}

function tableOf(name: string, columnNames: string, facts: () => Iterable<readonly Facts[]>): Table {
  const columns = columnNames.split(' ').map(columnOf)
  return {
    name,
    columns,
    keys: [],
    isAnyCase: true,
    *all() {
      for (const batch of facts()) yield batch.map((one) => rowOf(columns, one))
    },
  }
}

function columnOf(written: string): TableColumn {
  return written.endsWith('#')
    ? { name: written.slice(0, -1), type: 'integer', sqlType: 'bigint(21)' }
    : { name: written, type: 'text', sqlType: 'varchar(255)' }
}

function rowOf(columns: readonly TableColumn[], facts: Facts): Row {
  return columns.map(({ name, type }) => facts[name] ?? (type === 'integer' ? 0 : ''))
}

/** CppComet's own is always there. */
function schemataFacts(home: string): Facts[] {
  return [...new Set([DATABASE, home, INFORMATION_SCHEMA])].map((name) => ({
    CATALOG_NAME: CATALOG,
    SCHEMA_NAME: name,
    DEFAULT_CHARACTER_SET_NAME: CHARACTER_SET,
    DEFAULT_COLLATION_NAME: COLLATION,
  }))
}

/** What all rows about a table begin with. */
function place(table: Table, home: string): Facts {
  return { TABLE_CATALOG: CATALOG, TABLE_SCHEMA: schemaOf(table, home), TABLE_NAME: table.name }
}

function tableFacts(table: Table, home: string): Facts[] {
  const isKept = typeOf(table) === 'BASE TABLE'
  const kept = { ENGINE, VERSION: 1, ROW_FORMAT: 'Compact', TABLE_COLLATION: COLLATION }
  return [
    {
      ...place(table, home),
      ...(isKept ? kept : {}),
      TABLE_TYPE: typeOf(table),
      TABLE_COMMENT: commentOf(table),
    },
  ]
}

function viewFacts(table: Table, home: string): Facts[] {
  if (typeOf(table) !== 'VIEW') return []
  return [{ ...place(table, home), CHECK_OPTION: 'NONE', IS_UPDATABLE: 'NO', SECURITY_TYPE: 'INVOKER' }]
}

function columnFacts(table: Table, home: string): Facts[] {
  return table.columns.map((column, at) => ({
    ...place(table, home),
    COLUMN_NAME: column.name,
    ORDINAL_POSITION: at + 1,
    IS_NULLABLE: 'NO',
    ...typeFacts(column.sqlType),
    COLUMN_TYPE: column.sqlType,
    COLUMN_KEY: keyMark(table, column.name),
    PRIVILEGES: privilegesOf(table),
  }))
}

/** Of `varchar(64)`: its name and what fits into it. */
function typeFacts(sqlType: string): Facts {
  const [, name = sqlType, length] = /^(\w+)(?:\((\d+)\))?/.exec(sqlType) ?? []
  const precision = PRECISION[name]
  if (precision !== undefined) return { DATA_TYPE: name, NUMERIC_PRECISION: precision }
  const bytes = length === undefined ? TEXT_BYTES : Number(length) * MAX_CHARACTER_BYTES
  return {
    DATA_TYPE: name,
    CHARACTER_MAXIMUM_LENGTH: length === undefined ? TEXT_BYTES : Number(length),
    CHARACTER_OCTET_LENGTH: bytes,
    CHARACTER_SET_NAME: CHARACTER_SET,
    COLLATION_NAME: COLLATION,
  }
}

function indexFacts(table: Table, home: string): Facts[] {
  return indexesOf(table).map(({ name, column, isUnique }) => ({
    ...place(table, home),
    NON_UNIQUE: isUnique ? 0 : 1,
    INDEX_SCHEMA: schemaOf(table, home),
    INDEX_NAME: name,
    SEQ_IN_INDEX: 1,
    COLUMN_NAME: column,
    COLLATION: 'A',
    INDEX_TYPE: 'HASH',
  }))
}

function primaryFacts(table: Table, home: string): Facts[] {
  const unique = indexesOf(table).filter(({ isUnique }) => isUnique)
  return unique.map(({ name, column }) => ({
    ...place(table, home),
    CONSTRAINT_CATALOG: CATALOG,
    CONSTRAINT_SCHEMA: schemaOf(table, home),
    CONSTRAINT_NAME: name,
    COLUMN_NAME: column,
    ORDINAL_POSITION: 1,
    CONSTRAINT_TYPE: 'PRIMARY KEY',
  }))
}
