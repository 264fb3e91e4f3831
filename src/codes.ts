/**
 * The one registry of error and close codes.
 *
 * Owns every way Encke says no. One row per failure, four faces: `reply` (client protocol and publish-port error
 * frame), `close` (WebSocket close code), `http` (status) and `mysql` (errno and SQLSTATE). `retry` tells a client
 * whether the same request may succeed later; `meaning` is the text of docs/errors.md.
 *
 * Close-code ranges mean an action: 3000–3499 reconnect, 3500–3999 stop, 4000–4499 application says reconnect,
 * 4500–4999 application says stop. Numbers never change their meaning; new rows get new numbers.
 */
export interface CodeFaces {
  readonly reply: number
  readonly close: number
  readonly http: number
  readonly mysql: readonly [errno: number, sqlState: string]
  readonly retry: boolean
  readonly meaning: string
}

export const codes = {
  INTERNAL: {
    reply: 100,
    close: 3000,
    http: 500,
    mysql: [1105, 'HY000'],
    retry: true,
    meaning: 'The node met a fault of its own. The log has the cause; the request may be tried again.',
  },
  DRAINING: {
    reply: 101,
    close: 3001,
    http: 503,
    mysql: [1053, '08S01'],
    retry: true,
    meaning:
      'The node is shutting down. Reconnect after `retryAfterMs`; another node or the restarted one answers.',
  },
  SLOW_CONSUMER: {
    reply: 102,
    close: 3002,
    http: 503,
    mysql: [1158, '08S01'],
    retry: true,
    meaning:
      'The connection did not read as fast as messages came and more than the allowed backlog was waiting.',
  },
  CONNECT_TIMEOUT: {
    reply: 103,
    close: 3003,
    http: 408,
    mysql: [1159, '08S01'],
    retry: true,
    meaning:
      'No connect command (or publish-port hello) arrived within the time allowed after the connection opened.',
  },
  COMMAND_RATE: {
    reply: 104,
    close: 3004,
    http: 429,
    mysql: [1226, '42000'],
    retry: true,
    meaning: 'The session sent more commands in one second than `maxCommandsPerSecond`.',
  },
  CONNECTION_LIMIT: {
    reply: 105,
    close: 3005,
    http: 503,
    mysql: [1040, '08004'],
    retry: true,
    meaning: 'The node already holds as many connections as it may.',
  },
  CHANNEL_LIMIT: {
    reply: 106,
    close: 3505,
    http: 429,
    mysql: [1226, '42000'],
    retry: false,
    meaning: 'The session holds as many channels as one session may, or named too many in one command.',
  },
  CONNECTION_IP_LIMIT: {
    reply: 107,
    close: 3007,
    http: 429,
    mysql: [1203, '42000'],
    retry: true,
    meaning: 'The address already holds as many connections as one address may.',
  },
  NODE_CHANNEL_LIMIT: {
    reply: 108,
    close: 3008,
    http: 503,
    mysql: [1114, 'HY000'],
    retry: true,
    meaning:
      'The node already keeps as many channels as it may; idle channels are forgotten after `channelIdleMs`.',
  },
  IDLE_TIMEOUT: {
    reply: 109,
    close: 3009,
    http: 408,
    mysql: [4031, 'HY000'],
    retry: true,
    meaning: 'Nothing was received from the connection for `idleTimeoutMs`, not even an answer to a ping.',
  },
  CONNECTION_LOST: {
    reply: 110,
    close: 3010,
    http: 503,
    mysql: [2013, 'HY000'],
    retry: true,
    meaning:
      'The connection broke before the answer came: what was asked may have been done or not. Given by our clients, never sent by a node.',
  },
  BUSY: {
    reply: 111,
    close: 3011,
    http: 503,
    mysql: [1205, 'HY000'],
    retry: true,
    meaning:
      'More publications wait to be sent than `maxPendingBytes` allows (application publishers wait for their answer; a client is told to try again), or a command with a large reply was asked for while others wait to be read.',
  },
  SESSION_MOVED: {
    reply: 112,
    close: 3012,
    http: 409,
    mysql: [1317, '70100'],
    retry: true,
    meaning:
      'The session went on over another connection (a newer poll, say): this one is over. Nothing is lost by it.',
  },
  STORE_FAILED: {
    reply: 113,
    close: 3013,
    http: 503,
    mysql: [1021, 'HY000'],
    retry: true,
    meaning:
      'What was asked for has to be on disk and could not be written: the disk is full, say. Nothing of it was kept; the log has the cause.',
  },
  LOGIN_REVOKED: {
    reply: 114,
    close: 3014,
    http: 401,
    mysql: [1045, '28000'],
    retry: true,
    meaning:
      'The key that the user logged in with was taken back. The client comes back by itself, and is anonymous then.',
  },
  BAD_MESSAGE: {
    reply: 120,
    close: 3520,
    http: 400,
    mysql: [1835, '08P01'],
    retry: false,
    meaning:
      'The bytes are not a message of this protocol. What follows them can not be understood: the connection closes.',
  },
  UNKNOWN_COMMAND: {
    reply: 121,
    close: 3521,
    http: 400,
    mysql: [1047, '08S01'],
    retry: false,
    meaning: 'The message holds no command this node knows, or more than one.',
  },
  INVALID_ARGUMENT: {
    reply: 122,
    close: 3522,
    http: 400,
    mysql: [1210, 'HY000'],
    retry: false,
    meaning:
      'A field is missing, of the wrong type or out of its bounds; the message names field, value and bound.',
  },
  INVALID_CHANNEL: {
    reply: 123,
    close: 3523,
    http: 400,
    mysql: [1210, 'HY000'],
    retry: false,
    meaning: 'The channel name is empty, longer than 255 bytes, holds control characters, or is reserved.',
  },
  INVALID_DATA: {
    reply: 124,
    close: 3524,
    http: 400,
    mysql: [3140, '22032'],
    retry: false,
    meaning: 'The data can not be carried: bytes said to be JSON are not, or a value has no JSON form.',
  },
  DUPLICATE_ID: {
    reply: 125,
    close: 3525,
    http: 400,
    mysql: [1062, '23000'],
    retry: false,
    meaning: 'A command id must be larger than every id before it on the same connection.',
  },
  MESSAGE_TOO_LARGE: {
    reply: 126,
    close: 3526,
    http: 413,
    mysql: [1153, '08S01'],
    retry: false,
    meaning: 'The message, frame or body is larger than its limit.',
  },
  PUBLICATION_TOO_LARGE: {
    reply: 127,
    close: 3527,
    http: 413,
    mysql: [1301, 'HY000'],
    retry: false,
    meaning: 'The data of the publication is larger than the channel rule or the node allows.',
  },
  NOT_CONNECTED: {
    reply: 130,
    close: 3530,
    http: 409,
    mysql: [1045, '28000'],
    retry: false,
    meaning: 'The first command on a connection must be connect (on the publish port: hello).',
  },
  ALREADY_CONNECTED: {
    reply: 131,
    close: 3531,
    http: 409,
    mysql: [1210, 'HY000'],
    retry: false,
    meaning: 'The session is connected already; connect and hello come once.',
  },
  ALREADY_SUBSCRIBED: {
    reply: 132,
    close: 3532,
    http: 409,
    mysql: [1062, '23000'],
    retry: false,
    meaning: 'The session is subscribed to the channel already.',
  },
  NOT_SUBSCRIBED: {
    reply: 133,
    close: 3533,
    http: 409,
    mysql: [1210, 'HY000'],
    retry: false,
    meaning: 'The session is not subscribed to the channel.',
  },
  HISTORY_OFF: {
    reply: 134,
    close: 3534,
    http: 409,
    mysql: [1210, 'HY000'],
    retry: false,
    meaning: 'The rule of the channel keeps no history (`historySize` is 0).',
  },
  TOKEN_MISSING: {
    reply: 140,
    close: 3540,
    http: 401,
    mysql: [1045, '28000'],
    retry: false,
    meaning: 'The node asks for a token and none was given.',
  },
  TOKEN_INVALID: {
    reply: 141,
    close: 3541,
    http: 401,
    mysql: [1045, '28000'],
    retry: false,
    meaning:
      'The token can not be trusted: not a token, a wrong signature or algorithm, or a claim of the wrong type.',
  },
  TOKEN_EXPIRED: {
    reply: 142,
    close: 3542,
    http: 401,
    mysql: [1045, '28000'],
    retry: false,
    meaning:
      'The token was good once and its time is over (or has not begun). Ask the application for a new one.',
  },
  KEY_INVALID: {
    reply: 143,
    close: 3543,
    http: 401,
    mysql: [1045, '28000'],
    retry: false,
    meaning: 'The key of an internal port is missing or wrong.',
  },
  LOGIN_INVALID: {
    reply: 148,
    close: 3548,
    http: 401,
    mysql: [1045, '28000'],
    retry: false,
    meaning: 'The user and the key do not belong together, and this node takes no anonymous sessions.',
  },
  ACCESS_DENIED: {
    reply: 144,
    close: 3544,
    http: 403,
    mysql: [1142, '42000'],
    retry: false,
    meaning: 'The rule of the channel does not allow this to this session.',
  },
  ORIGIN_DENIED: {
    reply: 145,
    close: 3545,
    http: 403,
    mysql: [1130, 'HY000'],
    retry: false,
    meaning: 'The page comes from an origin that is not in `origins`.',
  },
  CAPSULE_INVALID: {
    reply: 146,
    close: 3046,
    http: 401,
    mysql: [1045, '28000'],
    retry: true,
    meaning:
      'The capsule is none of this node: damaged, signed with a key that is no longer in `capsuleKeys`, or revoked. Connect anew, with a token.',
  },
  CAPSULE_EXPIRED: {
    reply: 147,
    close: 3047,
    http: 401,
    mysql: [1045, '28000'],
    retry: true,
    meaning:
      'The capsule is older than `capsuleTtlMs`, or the token it came from has run out. Connect anew, with a token.',
  },
  NOT_FOUND: {
    reply: 150,
    close: 3550,
    http: 404,
    mysql: [1146, '42S02'],
    retry: false,
    meaning: 'There is nothing at this path.',
  },
  METHOD_NOT_ALLOWED: {
    reply: 151,
    close: 3551,
    http: 405,
    mysql: [1235, '42000'],
    retry: false,
    meaning: 'The path exists, but not for this method; the `Allow` header names those that work.',
  },
  DISCONNECTED: {
    reply: 160,
    close: 3500,
    http: 410,
    mysql: [1317, '70100'],
    retry: false,
    meaning: 'The application ended the session and does not want it back by itself.',
  },
} as const satisfies Record<string, CodeFaces>

export type CodeName = keyof typeof codes

/** What a client is told about a failure: the `error` member of a reply and of an HTTP body. */
export interface ErrorFace {
  readonly code: number
  readonly name: CodeName
  readonly message: string
  readonly retry: boolean
}

/** Whether a close code forbids to come back: 3500–3999 (the node's) and 4500–4999 (the application's). */
export function isFinalCode(code: number): boolean {
  return (code >= 3500 && code <= 3999) || (code >= 4500 && code <= 4999)
}

/** Builds the face of `name` that goes into replies and HTTP bodies. */
export function errorFace(name: CodeName, message: string): ErrorFace {
  const row = codes[name]
  return { code: row.reply, name, message, retry: row.retry }
}
