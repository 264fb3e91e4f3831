/**
 * CppComet's MySQL protocol, byte for byte: the tables of pipes.
 *
 * Owns the exchanges of that kind recorded with CppComet 4.09. What a client sent there is sent to a node, over a bare TCP
 * connection, and what comes back is compared with the original's bytes; each deviation is named at the exchange that shows
 * it, and said with its reason in test/support/cometql-deviations.ts. Letters between quotes are text, the rest is in
 * hexadecimal.
 */
import { comparisonOf } from '../support/cometql-same.ts'
import { play } from '../support/cometql-stage.ts'

play('tables of pipes answer as those of CppComet', comparisonOf('pipes'), [
  {
    asked: "14 00 00 00 03 'SELECT * FROM pipes'",
    answered: [
      "60 00 00 01 ff 0d 00 '#HY000Selection without transferring the requested values of the primary key is not supported'",
    ],
    deviations: ['allPipes'],
  },
  {
    asked: `2c 00 00 00 03 'SELECT * FROM pipes WHERE name = "web_test"'`,
    answered: [
      '01 00 00 01 02',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 03 03 'def' 00 00 00 05 'users' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0b 00 00 05 08 'web_test' 01 31",
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: `3a 00 00 00 03 'SELECT * FROM pipes WHERE name IN ("web_test", "web_zzz")'`,
    answered: [
      '01 00 00 01 02',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 03 03 'def' 00 00 00 05 'users' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0b 00 00 05 08 'web_test' 01 31",
      "0a 00 00 06 07 'web_zzz' 01 30",
      '05 00 00 07 fe 00 00 02 00',
    ],
  },
  {
    asked: `30 00 00 00 03 'INSERT INTO pipes (name, users) VALUES ("x", 1)'`,
    answered: ["23 00 00 01 ff 0a 00 '#HY000Table `pipes` is read only'"],
  },
  {
    asked: `23 00 00 00 03 'DELETE FROM pipes WHERE name = "x"'`,
    answered: ["23 00 00 01 ff 0a 00 '#HY000Table `pipes` is read only'"],
  },
  {
    asked: `35 00 00 00 03 'SELECT * FROM users_in_pipes WHERE name = "web_test"'`,
    answered: [
      '01 00 00 01 07',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 03 03 'def' 00 00 00 07 'user_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1f 00 00 04 03 'def' 00 00 00 09 'user_uuid' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "20 00 00 05 03 'def' 00 00 00 0a 'user_agent' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "18 00 00 06 03 'def' 00 00 00 02 'ip' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1c 00 00 07 03 'def' 00 00 00 06 'origin' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1e 00 00 08 03 'def' 00 00 00 08 'language' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 09 fe 00 00 02 00',
      "54 00 00 0a 08 'web_test' 01 '0 0123456789abcdefghijklmnopqrstuv' 0b 'capture/1.0' 09 '127.0.0.1' 10 'http://127.0.0.1' 00",
      '05 00 00 0b fe 00 00 02 00',
    ],
  },
  {
    asked: `34 00 00 00 03 'SELECT * FROM pipes_settings WHERE name = "web_log"'`,
    answered: [
      '01 00 00 01 02',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1c 00 00 03 03 'def' 00 00 00 06 'length' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      "0a 00 00 05 07 'web_log' 01 33",
      '05 00 00 06 fe 00 00 02 00',
    ],
  },
  {
    asked: `35 00 00 00 03 'SELECT * FROM pipes_settings WHERE name = "web_none"'`,
    answered: [
      '01 00 00 01 02',
      "1a 00 00 02 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1c 00 00 03 03 'def' 00 00 00 06 'length' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 04 fe 00 00 02 00',
      '05 00 00 05 fe 00 00 02 00',
    ],
  },
  {
    asked: `46 00 00 00 03 'INSERT INTO pipes_settings ("name", "length") VALUES ("web_log", 100)'`,
    answered: ['08 00 00 01 00 01 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: `34 00 00 00 03 'SELECT * FROM pipes_messages WHERE name = "web_log"'`,
    answered: [
      '01 00 00 01 07',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 04 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 05 03 'def' 00 00 00 05 'index' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 06 03 'def' 00 00 00 05 'event' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 07 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 08 03 'def' 00 00 00 07 'user_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 09 fe 00 00 02 00',
      "43 00 00 0a '$9d7aed14-e634-11f1-aab2-02fc00000001' 0a '1795324907' 07 'web_log' 01 30 03 'ev1' 02 'm1' 01 30",
      "43 00 00 0b '$9e41ce52-e634-11f1-aab2-02fc00000001' 0a '1795324909' 07 'web_log' 01 31 03 'ev2' 02 'm2' 01 30",
      "43 00 00 0c '$9f0891ae-e634-11f1-aab2-02fc00000001' 0a '1795324910' 07 'web_log' 01 32 03 'ev3' 02 'm3' 01 30",
      '05 00 00 0d fe 00 00 02 00',
    ],
    deviations: ['ownIds'],
  },
  {
    asked: `35 00 00 00 03 'SELECT * FROM pipes_messages WHERE name = "web_none"'`,
    answered: [
      '01 00 00 01 07',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 04 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 05 03 'def' 00 00 00 05 'index' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 06 03 'def' 00 00 00 05 'event' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 07 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 08 03 'def' 00 00 00 07 'user_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 09 fe 00 00 02 00',
      '05 00 00 0a fe 00 00 02 00',
    ],
  },
  {
    asked: "1d 00 00 00 03 'SELECT * FROM pipes_messages'",
    answered: [
      "60 00 00 01 ff 0d 00 '#HY000Selection without transferring the requested values of the primary key is not supported'",
    ],
    deviations: ['saysMore'],
  },
  {
    asked: `5f 00 00 00 03 'INSERT INTO pipes_messages (name, event, message) VALUES ("web_nobody", "e", "no subscribers")'`,
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: `42 00 00 00 03 'INSERT INTO pipes_messages (name, event) VALUES ("web_test", "e")'`,
    answered: ["24 00 00 01 ff 0c 00 '#HY000field `message` is required'"],
  },
  {
    asked: `44 00 00 00 03 'INSERT INTO pipes_messages (name, message) VALUES ("web_test", "m")'`,
    answered: ["22 00 00 01 ff 0c 00 '#HY000field `event` is required'"],
  },
  {
    asked: `53 00 00 00 03 'INSERT INTO pipes_messages (name, event, message) VALUES ("ab", "e", "short name")'`,
    answered: ["22 00 00 01 ff 11 00 '#HY000Channel name is too short'"],
    deviations: ['saysMore'],
  },
  {
    asked: `51 00 00 00 03 'INSERT INTO pipes_messages (name, event, message) VALUES ("bad name!", "e", "m")'`,
    answered: ["45 00 00 01 ff 0c 00 '#HY000The channel name can contain only the characters A-Za-z0-9_-'"],
    deviations: ['saysMore'],
  },
  {
    asked: `59 00 00 00 03 'INSERT INTO pipes_messages (name, event, message) VALUES ("web_test", "bad event!", "m")'`,
    answered: ["45 00 00 01 ff 0c 00 '#HY000The channel name can contain only the characters A-Za-z0-9_-'"],
    deviations: ['saysMore'],
  },
  {
    asked: `51 00 00 00 03 'INSERT INTO pipes_messages (nocol, event, message) VALUES ("web_test", "e", "m")'`,
    answered: ["1e 00 00 01 ff 0e 00 '#HY000Not a specific column'"],
    deviations: ['saysMore'],
  },
  {
    asked: `3f 00 00 00 03 'INSERT INTO pipes_messages VALUES (1,2,"web_test",4,"e","m",0)'`,
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: `32 00 00 00 03 'DELETE FROM pipes_messages WHERE name = "web_log"'`,
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
  {
    asked: `34 00 00 00 03 'SELECT * FROM pipes_messages WHERE name = "web_log"'`,
    answered: [
      '01 00 00 01 07',
      "18 00 00 02 03 'def' 00 00 00 02 'id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 03 03 'def' 00 00 00 04 'time' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1a 00 00 04 03 'def' 00 00 00 04 'name' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 05 03 'def' 00 00 00 05 'index' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1b 00 00 06 03 'def' 00 00 00 05 'event' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 07 03 'def' 00 00 00 07 'message' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      "1d 00 00 08 03 'def' 00 00 00 07 'user_id' 00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00",
      '05 00 00 09 fe 00 00 02 00',
      '05 00 00 0a fe 00 00 02 00',
    ],
  },
  {
    asked: `32 00 00 00 03 'DELETE FROM pipes_settings WHERE name = "web_log"'`,
    answered: ['08 00 00 01 00 00 00 00 02 00 00 00'],
    deviations: ['rightStatus'],
  },
])
