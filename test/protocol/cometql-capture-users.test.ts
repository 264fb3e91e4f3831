/**
 * CppComet's MySQL protocol, byte for byte: the tables of users.
 *
 * Owns the exchanges of that kind recorded with CppComet 4.09. What a client sent there is sent to a node, over a bare TCP
 * connection, and what comes back is compared with the original's bytes; each deviation is named at the exchange that shows
 * it, and said with its reason in test/support/cometql-deviations.ts. Letters between quotes are text, the rest is in
 * hexadecimal.
 */
import { comparisonOf } from '../support/cometql-same.ts'
import { play } from '../support/cometql-stage.ts'

play('tables of users answer as those of CppComet', comparisonOf('users'), [
  {
    asked: "19 00 00 00 03 'SELECT * FROM users_time'",
    answered: [
      "60 00 00 01 ff 0d 00 '#HY000Selection without transferring the requested values of the primary key is not supported'",
    ],
    deviations: ['saysMore'],
  },
  {
    asked: "26 00 00 00 03 'SELECT * FROM users_time WHERE id = 7'",
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
    asked: "33 00 00 00 03 'SELECT * FROM users_time WHERE id IN (7, 8, 99996)'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0d 00 00 05 01 37 0a '1795324971'",
      "05 00 00 06 01 38 02 '-1'",
      "09 00 00 07 05 '99996' 02 '-1'",
      '05 00 00 08 fe 00 00 02 00',
    ],
  },
  {
    asked: "30 00 00 00 03 'SELECT id, time FROM users_time WHERE id IN (7)'",
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
    asked: "29 00 00 00 03 'SELECT time FROM users_time WHERE id = 7'",
    answered: [
      '01 00 00 01 01',
      "1a 00 00 02 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 03 fe 00 00 02 00',
      "0b 00 00 04 0a '1795324971'",
      '05 00 00 05 fe 00 00 02 00',
    ],
  },
  {
    asked: "2a 00 00 00 03 'SELECT nocol FROM users_time WHERE id = 7'",
    answered: ["1e 00 00 01 ff 0e 00 '#HY000Not a specific column'"],
    deviations: ['saysMore'],
  },
  {
    asked: `30 00 00 00 03 'SELECT * FROM users_time WHERE id IN ("7", ' 27 38 27 29`,
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0d 00 00 05 01 37 0a '1795324971'",
      "05 00 00 06 01 38 02 '-1'",
      '05 00 00 07 fe 00 00 02 00',
    ],
  },
  {
    asked: "30 00 00 00 03 'INSERT INTO users_time (id, time) VALUES (7, 1)'",
    answered: ["28 00 00 01 ff 0a 00 '#HY000Table `users_time` is read only'"],
  },
  {
    asked: "24 00 00 00 03 'DELETE FROM users_time WHERE id = 7'",
    answered: ["28 00 00 01 ff 0a 00 '#HY000Table `users_time` is read only'"],
  },
  {
    asked: "26 00 00 00 03 'SELECT * FROM users_time WHERE id > 5'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "05 00 00 05 01 35 02 '-1'",
      '05 00 00 06 fe 00 00 02 00',
    ],
    deviations: ['compares'],
  },
  {
    asked: "32 00 00 00 03 'SELECT * FROM users_time WHERE id = 7 ORDER BY id'",
    answered: ["2e 00 00 01 ff 02 00 '#HY000Token ORDER BY is not yet implemented'"],
    deviations: ['orders'],
  },
  {
    asked: "2e 00 00 00 03 'SELECT * FROM users_time WHERE id = 7 LIMIT 1'",
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
    asked: "19 00 00 00 03 'SELECT * FROM users_auth'",
    answered: [
      "60 00 00 01 ff 0d 00 '#HY000Selection without transferring the requested values of the primary key is not supported'",
    ],
    deviations: ['allUsers'],
  },
  {
    asked: "32 00 00 00 03 'SELECT * FROM users_auth WHERE id IN (7, 9, 4242)'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'hash' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "08 00 00 05 01 37 05 'hash7'",
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: `52 00 00 00 03 'INSERT INTO users_auth (id, hash) VALUES (7, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh")'`,
    answered: ["20 00 00 01 ff 0b 00 '#HY000Hash string is too long'"],
    deviations: ['saysMore'],
  },
  {
    asked: "27 00 00 00 03 'INSERT INTO users_auth (id) VALUES (7)'",
    answered: ["21 00 00 01 ff 0c 00 '#HY000field `hash` is required'"],
  },
  {
    asked: "24 00 00 00 03 'DELETE FROM users_auth WHERE id = 9'",
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: "26 00 00 00 03 'SELECT * FROM users_data WHERE id = 7'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'data' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      `11 00 00 05 01 37 0e '{"name":"Ann"}'`,
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: "24 00 00 00 03 'DELETE FROM users_data WHERE id = 7'",
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: "26 00 00 00 03 'SELECT * FROM users_data WHERE id = 7'",
    answered: [
      '01 00 00 01 02',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'data' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      '05 00 00 05 fe 00 00 02 00',
    ],
  },
  {
    asked: `47 00 00 00 03 'INSERT INTO users_messages (id, event, message) VALUES (8, "e", "one")'`,
    answered: ['08 00 00 01 00 00 08 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: `48 00 00 00 03 'INSERT INTO users_messages (id, event, message) VALUES (8, "e2", "two")'`,
    answered: ['08 00 00 01 00 00 08 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: "2a 00 00 00 03 'SELECT * FROM users_messages WHERE id = 8'",
    answered: [
      '01 00 00 01 04',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 03 03 'def' 00 00 00 05 'index' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 04 03 'def' 00 00 00 05 'event' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 05 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 06 fe 00 00 02 00',
      "2d 00 00 07 01 '8$d58ac008-e634-11f1-b86b-02fc00000001' 01 65 03 'one'",
      "2e 00 00 08 01 '8$d5e0bb16-e634-11f1-b86b-02fc00000001' 02 'e2' 03 'two'",
      '05 00 00 09 fe 00 00 02 00',
    ],
    deviations: ['ownIds'],
  },
  {
    asked: "1d 00 00 00 03 'SELECT * FROM users_messages'",
    answered: [
      "60 00 00 01 ff 0d 00 '#HY000Selection without transferring the requested values of the primary key is not supported'",
    ],
    deviations: ['saysMore'],
  },
  {
    asked: "28 00 00 00 03 'DELETE FROM users_messages WHERE id = 8'",
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: "2a 00 00 00 03 'SELECT * FROM users_messages WHERE id = 8'",
    answered: [
      '01 00 00 01 04',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 03 03 'def' 00 00 00 05 'index' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 04 03 'def' 00 00 00 05 'event' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 05 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 06 fe 00 00 02 00',
      '05 00 00 07 fe 00 00 02 00',
    ],
  },
])
