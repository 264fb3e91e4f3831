/**
 * CppComet's MySQL protocol, byte for byte: tables there are not, statements that are none, other commands.
 *
 * Owns the exchanges of that kind recorded with CppComet 4.09. What a client sent there is sent to a node, over a bare TCP
 * connection, and what comes back is compared with the original's bytes; each deviation is named at the exchange that shows
 * it, and said with its reason in test/support/cometql-deviations.ts. Letters between quotes are text, the rest is in
 * hexadecimal.
 */
import { comparisonOf, recorded } from '../support/cometql-same.ts'
import { type Exchange, play } from '../support/cometql-stage.ts'
import { hex } from '../support/hex.ts'

const comparison = comparisonOf('other')

const exchanges: readonly Exchange[] = [
  {
    asked: `2a 00 00 00 03 'SELECT * FROM conference WHERE name = "x"'`,
    answered: [
      '01 00 00 01 07',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 03 03 'def' 00 00 00 07 'user_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1f 00 00 04 03 'def' 00 00 00 09 'caller_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 05 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 06 03 'def' 00 00 00 07 'profile' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1c 00 00 07 03 'def' 00 00 00 06 'stream' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 08 03 'def' 00 00 00 04 'node' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 09 fe 00 00 02 00',
      '05 00 00 0a fe 00 00 02 00',
    ],
  },
  {
    asked: "27 00 00 00 03 'SELECT * FROM nosuchtable WHERE id = 1'",
    answered: ["1c 00 00 01 ff 0f 00 '#HY000Table doesn' 27 't exist'"],
    deviations: ['saysMore'],
  },
  {
    asked: "28 00 00 00 03 'INSERT INTO nosuchtable (id) VALUES (1)'",
    answered: ["1c 00 00 01 ff 0f 00 '#HY000Table doesn' 27 't exist'"],
    deviations: ['saysMore'],
  },
  {
    asked: "25 00 00 00 03 'DELETE FROM nosuchtable WHERE id = 1'",
    answered: ["1c 00 00 01 ff 0f 00 '#HY000Table doesn' 27 't exist'"],
    deviations: ['saysMore'],
  },
  {
    asked: `21 00 00 00 03 'UPDATE users_auth SET hash = "x"'`,
    answered: ["1e 00 00 01 ff 03 00 '#HY000Syntax error in query'"],
    deviations: ['updatesByKey'],
  },
  {
    asked: "0f 00 00 00 03 'SELEKT garbage'",
    answered: ["1e 00 00 01 ff 03 00 '#HY000Syntax error in query'"],
    deviations: ['saysMore'],
  },
  {
    asked: '02 00 00 00 03 78',
    answered: ["1a 00 00 01 ff 11 00 '#HY000Data is too short'"],
    deviations: ['saysMore'],
  },
  {
    asked: '01 00 00 00 03',
    answered: ["1a 00 00 01 ff 11 00 '#HY000Data is too short'"],
    deviations: ['saysMore'],
  },
  {
    asked: "4d 00 00 00 03 'SELECT * FROM users_time WHERE id = 7; SELECT * FROM users_time WHERE id = 8'",
    answered: ["35 00 00 01 ff 0d 00 '#HY000Each column in the conditions used only once'"],
    deviations: ['oneStatement'],
  },
  {
    asked: "26 00 00 00 03 'select * from users_time where id = 7'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0d 00 00 05 01 37 0a '1795324971'",
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: "26 00 00 00 03 'SeLeCt * FrOm users_time WhErE id = 7'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0d 00 00 05 01 37 0a '1795324971'",
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: "26 00 00 00 03 'SELECT * FROM Users_Time WHERE id = 7'",
    answered: ["1c 00 00 01 ff 0f 00 '#HY000Table doesn' 27 't exist'"],
    deviations: ['saysMore'],
  },
  {
    asked: '01 00 00 00 0e',
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: "0c 00 00 00 04 'users_auth' 00",
    answered: ['05 00 00 01 fe 00 00 02 00'],
    deviations: ['fieldList'],
  },
  {
    asked: '01 00 00 00 09',
    answered: ['05 00 00 01 fe 00 00 02 00'],
    deviations: ['statistics'],
  },
  {
    asked: "09 00 00 00 16 'SELECT 1'",
    answered: ['05 00 00 01 fe 00 00 02 00'],
    deviations: ['prepares'],
  },
  {
    asked: '01 00 00 00 1f',
    answered: ['05 00 00 01 fe 00 00 02 00'],
    deviations: ['resets'],
  },
]

/** Of `SELECT * FROM pipes WHERE name = "web_one"`. */
const first = [
  '01 00 00 01 02',
  "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
  "1b 00 00 03 03 'def' 00 00 00 05 'users' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
  '05 00 00 04 fe 00 00 02 00',
  "0a 00 00 05 07 'web_one' 01 '0'",
  '05 00 00 06 fe 00 00 02 00',
]

play('errors and other commands are answered as by CppComet', comparison, exchanges, {
  async 'two queries in one segment are answered in order'({ line }) {
    const segment = hex(
      `2b 00 00 00 03 'SELECT * FROM pipes WHERE name = "web_one"'`,
      "27 00 00 00 03 'SELECT * FROM users_time WHERE id = 77'",
    )
    comparison.sameAs(recorded(...first, ...first), await line.ask(segment), ['secondAnswered'])
  },

  async 'COM_QUIT ends the connection'({ line }) {
    line.write(hex('01 00 00 00 01'))
    comparison.sameAs(recorded('08 00 00 01 00 00 00 00 02 00 00 00'), await line.dropped(), ['quits'])
  },
})
