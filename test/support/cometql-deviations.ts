/**
 * Where a node answers MySQL clients otherwise than CppComet does, on purpose.
 *
 * Owns the table of those deviations: why each is, which file of tests shows it, and how it turns the recorded answer into
 * ours. Nothing else may make the two differ. docs/cometql.md tells the same to operators. Longer than most files because
 * it is a table.
 */
import assert from 'node:assert/strict'
import { version } from '../../src/version.ts'
import type { Said } from './cometql-line.ts'
import {
  cellsOf,
  changeRows,
  isEof,
  numbered,
  payloadOf,
  result,
  rowsOf,
  withRows,
} from './cometql-packets.ts'
import { hex } from './hex.ts'
import { packet } from './mysql-bytes.ts'

/** The files of tests, by what of the recorded conversations they play. */
export type Part = 'login' | 'show' | 'users' | 'pipes' | 'other'

interface Deviation {
  readonly why: string
  readonly parts: readonly [Part, ...Part[]]
  /** @param ours for what differs from run to run, such as counts */
  change(said: Said, ours: Said): Said
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** `ff`, code, state: an error's words are behind them. */
const WORDS_AT = 9
const OK: Said = { packets: [hex('07 00 00 01 00 00 00 02 00 00 00')], end: 'open' }

/** Tables that the original has not, or does not list, and what each is for. */
const moreTables: readonly (readonly [name: string, comment: string])[] = [
  ['users_data', 'A text of the application about each user'],
  ['revoked_tokens', 'Tokens that are refused'],
  ['conference', 'Video calls, which are not part of Encke'],
  ['conference_members', 'Who is in a video call, which are not part of Encke'],
  ['channels', ''],
  ['sessions', ''],
  ['users_online', ''],
  ['metrics', ''],
]

const listedTables: readonly (readonly [name: string, comment: string])[] = [
  ['users_auth', 'Keys that users log in with'],
  ['users_time', 'When users were last online'],
  ['users_messages', 'Messages to users; what waits for those who are away'],
  ['pipes_messages', 'Messages into pipes, and what pipes keep of them'],
  ['users_in_pipes', 'Who is subscribed to a pipe'],
  ['pipes', 'How many are subscribed to a pipe'],
  ['pipes_settings', 'How many messages a pipe keeps'],
]

const table = {
  ownVersion: {
    why: 'A node says its own name, with a number in front: drivers read one',
    parts: ['login'],
    change: greeting((text) =>
      text.replace('CppComet community 4.09 (AGPL license)', `5.7.0-encke-${version}`),
    ),
  },
  onlyWhatWorks: {
    why: 'No compression, no files of the client, no TLS without a certificate: clients take the bits at their word',
    parts: ['login'],
    change: greeting((text) =>
      text.replace('\0\xff\xff', '\0\x0f\xa7').replace('\x0f\xc0\x15', '\x3f\x00\x15'),
    ),
  },
  utf8: {
    why: 'Texts are UTF-8: the original greets with latin1 and sends UTF-8',
    parts: ['login'],
    change: greeting((text) => text.replace('\x08\x02\0', '\x21\x02\0')),
  },
  rightStatus: {
    why: 'The status is AUTOCOMMIT: with its bytes swapped clients double apostrophes; and a byte too many is left out',
    parts: ['login', 'show', 'users', 'pipes', 'other'],
    change: (said) => ({
      ...said,
      packets: said.packets.map((one) => {
        const body = payloadOf(one)
        const isSwapped = body.length === 8 && body.subarray(3).equals(hex('00 02 00 00 00'))
        return isSwapped ? packet(one[3] ?? 0, Buffer.concat([body.subarray(0, 3), hex('02 00 00 00')])) : one
      }),
    }),
  },
  saysMore: {
    why: 'A refusal says what is wrong with this statement, behind the words of the original',
    parts: ['login', 'users', 'pipes', 'other'],
    change(said, ours) {
      const [original = hex('00'), ...more] = said.packets
      const [answer = hex('00')] = ours.packets
      assert.deepEqual(more, [])
      assert.ok(payloadOf(answer).length > WORDS_AT && original[4] === 0xff)
      const isLonger = payloadOf(answer).indexOf(payloadOf(original)) === 0
      return isLonger ? { ...said, packets: [answer] } : said
    },
  },
  moreTables: {
    why: 'There are more tables, and those that the original has and does not list are listed',
    parts: ['login', 'show'],
    change: (said) => withRows(said, [...rowsOf(said.packets), ...moreTables.map(([name]) => [name])]),
  },
  columnsOfAll: {
    why: 'Every table tells its columns',
    parts: ['show'],
    change: () =>
      result(
        ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra'],
        [
          ['name', 'varchar(64)', 'NO', 'PRI', '', ''],
          ['users', 'int(11)', 'NO', '', '', ''],
        ],
      ),
  },
  statusOfAll: {
    why: 'Tables tell of themselves; the original tells of one that is not there',
    parts: ['show'],
    change(said) {
      const zeros = ['0', '0', '0', '0', '0', '0', '0', '0']
      const rows = [...listedTables, ...moreTables].map(([name, comment]) => {
        const [engine, text] = comment === '' ? ['', 'VIEW'] : ['Encke', comment]
        return [name, engine ?? '', '1', 'Compact', ...zeros, '', '', 'utf8_general_ci', '', '', text ?? '']
      })
      return withRows(said, rows)
    },
  },
  variablesByName: {
    why: 'SHOW VARIABLES knows the variables that clients ask for',
    parts: ['show'],
    change: () => result(['Variable_name', 'Value'], [['lower_case_table_names', '0']]),
  },
  ownComment: {
    why: 'A node says its own name',
    parts: ['show'],
    change: (said) => withRows(said, [[`Encke ${version}`]]),
  },
  trueVariable: {
    why: 'A variable has its value; the original gives its name and version for every one',
    parts: ['show'],
    change: (said) => withRows(integers(said), [['1048576']]),
  },
  constants: {
    why: 'Constants can be selected: clients ask for one to see whether the connection is alive',
    parts: ['show'],
    change: () => withRows(integers(result(['1'], [])), [['1']]),
  },
  setsAnything: {
    why: 'Clients set variables when they connect, and fail when that is refused',
    parts: ['show'],
    change: () => OK,
  },
  moreStatus: {
    why: 'Counts are of the node; behind those of the original are the few of MySQL that tools look for',
    parts: ['show'],
    change(said, ours) {
      const names = [
        'Connections',
        'Questions',
        'Ssl_cipher',
        'Threads_connected',
        'Threads_running',
        'Uptime',
      ]
      const [flag = [], ...counts] = rowsOf(said.packets)
      const rows = [flag, ...[...counts.map(([name = '']) => name), ...names].map((name) => [name])]
      return withRows(
        said,
        rows.map(([name = '', value]) => [name, value ?? countIn(ours, name)]),
      )
    },
  },
  ownServices: {
    why: 'A node has no threads to list: who takes connections is told, and how many each has',
    parts: ['show'],
    change: (said, ours) =>
      withRows(
        said,
        ['cometql', 'ws'].map((name, at) => [name, '0', '0', rowsOf(ours.packets)[at]?.[3] ?? '']),
      ),
  },
  uses: {
    why: 'USE chooses a database, as COM_INIT_DB does',
    parts: ['show'],
    change: () => OK,
  },
  compares: {
    why: '> compares, and so names no key; the original takes it for =',
    parts: ['users'],
    change: () => ({ packets: [refusal(13, needsKey('Selection', 'id'))], end: 'open' }),
  },
  orders: {
    why: 'ORDER BY orders',
    parts: ['users'],
    change: () => result(['id', 'time'], [['7', '1700000000']]),
  },
  allUsers: {
    why: 'A table that the node has in memory is given whole where no key is named',
    parts: ['users'],
    change: () => result(['id', 'hash'], [['7', 'hash7']]),
  },
  allPipes: {
    why: 'A table that the node has in memory is given whole where no key is named',
    parts: ['pipes'],
    change: () =>
      result(
        ['name', 'users'],
        [
          ['web_log', '0'],
          ['web_test', '1'],
        ],
      ),
  },
  ownIds: {
    why: 'The id of a message says where it is, and not when and by whom it was made',
    parts: ['users', 'pipes'],
    change: (said) => changeRows(said, (row) => cellsOf(row).map((cell) => cell.replace(UUID, 'ID'))),
  },
  updatesByKey: {
    why: 'UPDATE works; as with DELETE the rows have to be named by their key',
    parts: ['other'],
    change: () => ({ packets: [refusal(13, needsKey('Updating', 'id'))], end: 'open' }),
  },
  oneStatement: {
    why: 'Several statements in one query have to be asked for at the login, as with MySQL: an injected one is refused',
    parts: ['other'],
    change: () => ({
      packets: [
        refusal(
          3,
          'Syntax error in query: expected one statement: a client has to ask for several when it connects (multi-statements)',
        ),
      ],
      end: 'open',
    }),
  },
  fieldList: {
    why: 'COM_FIELD_LIST tells the columns: the command line client completes names with them',
    parts: ['other'],
    change: () => ({
      packets: numbered([
        hex("1b 00 00 01 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00 fb"),
        hex("1d 00 00 02 03 'def' 00 00 00 04 'hash' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00 fb"),
        hex('05 00 00 03 fe 00 00 02 00'),
      ]),
      end: 'open',
    }),
  },
  statistics: {
    why: 'COM_STATISTICS tells how the node is',
    parts: ['other'],
    change(said, ours) {
      const text = payloadOf(ours.packets[0] ?? Buffer.alloc(0)).toString()
      return /^ {0}Uptime: \d+ {2}Threads: \d+$/.test(text) ? { ...said, packets: ours.packets } : said
    },
  },
  prepares: {
    why: 'Statements can be prepared',
    parts: ['other'],
    change: () => ({
      packets: [
        hex('0c 00 00 01 00 01 00 00 00 01 00 00 00 00 00 00'),
        hex("17 00 00 02 03 'def' 00 00 00 01 31 00 0c 3f 00 15 00 00 00 08 81 80 00 00 00"),
        hex('05 00 00 03 fe 00 00 02 00'),
      ],
      end: 'open',
    }),
  },
  resets: {
    why: 'A connection can be reset: pools do it before they hand one out',
    parts: ['other'],
    change: () => OK,
  },
  secondAnswered: {
    why: 'Of two queries in one segment each is answered; the original runs the first one twice',
    parts: ['other'],
    change: (said) => {
      const first = said.packets.slice(0, 6)
      const second = result(['id', 'time'], [['77', '-1']])
      return { ...said, packets: [...first, ...second.packets] }
    },
  },
  quits: {
    why: 'COM_QUIT closes the connection and has no answer',
    parts: ['other'],
    change: () => ({ packets: [], end: 'dropped' }),
  },
} satisfies Record<string, Deviation>

export type DeviationName = keyof typeof table
export const deviations: Readonly<Record<DeviationName, Deviation>> = table

function greeting(change: (text: string) => string): (said: Said) => Said {
  return ({ packets: [first = Buffer.alloc(0)], end }) => {
    const text = change(payloadOf(first).toString('latin1'))
    return { packets: [packet(0, Buffer.from(text, 'latin1'))], end }
  }
}

/** The same columns as 64-bit integers. */
function integers(said: Said): Said {
  const end = said.packets.findIndex(isEof)
  const packets = said.packets.map((one, at) => {
    if (at === 0 || at >= end) return one
    const names = payloadOf(one).subarray(0, -13)
    return packet(at, Buffer.concat([names, hex('0c 3f 00 15 00 00 00 08 81 80 00 00 00')]))
  })
  return { ...said, packets }
}

function refusal(code: number, words: string): Buffer {
  return packet(1, Buffer.concat([Buffer.from([0xff, code, 0]), Buffer.from(`#HY000${words}`)]))
}

function needsKey(what: string, key: string): string {
  const words = `${what} without transferring the requested values of the primary key is not supported`
  return `${words}; say which rows: WHERE \`${key}\` = … or \`${key}\` IN (…)`
}

/** A count of ours, or a text that says that it is none. */
function countIn(ours: Said, name: string): string {
  const value = rowsOf(ours.packets).find(([one]) => one === name)?.[1] ?? 'missing'
  if (name === 'Ssl_cipher') return ''
  return /^\d+$/.test(value) ? value : 'no count'
}
