/**
 * Where a node answers pages of CppComet otherwise than CppComet does, on purpose.
 *
 * Owns the table of those deviations: why each is, which file of tests shows it, and how it turns the recorded answer into
 * ours. Nothing else may make the two differ. Texts have one letter per byte. Longer than most files because it is a
 * table; docs/cppcomet.md tells the same to operators.
 */
import { version } from '../../src/version.ts'
import { frame, opcodes, payloadOf } from './comet-frames.ts'
import type { Said } from './comet-same.ts'

/** The files of tests, by what of the recorded conversations they play. */
export type Part = 'http' | 'upgrade' | 'publish' | 'questions' | 'frames' | 'login'

interface Deviation {
  readonly why: string
  readonly parts: readonly [Part, ...Part[]]
  change(said: Said): Said
}

/** Where times are evened out to. */
const MOMENT = 1_700_000_000
const GREETED = `"message_send_time":${MOMENT},"pipe":"sys","server":"Encke ${version}"`
/** The `data` of a frame where it is a text. */
const DATA = /"data":("(?:[^"\\]|\\.)*")/
/** The texts of a publication that came from a page: those the original escapes once too often. */
const PAGE_TEXT = /"(data|message)":("(?:[^"\\]|\\.)*")/

const table = {
  serverName: {
    why: 'A node says its own name',
    parts: ['upgrade', 'login'],
    change: texts((text) => text.replace('CppComet community 4.09 (AGPL license)', `Encke ${version}`)),
  },
  authorizedAsText: {
    why: 'Pages of API 3.x take only the text "true" for a login that worked; those of 4.x take both',
    parts: ['upgrade', 'login'],
    change: texts((text) => text.replace(/"authorized":(true|false)/, '"authorized":"$1"')),
  },
  ownHandshake: {
    why: 'The library writes the answer to an upgrade: the version header is only for refusals (RFC 6455 §4.4)',
    parts: ['upgrade'],
    change: headLines((lines) => [
      ...lines.filter((line) => line !== 'sec-websocket-version: 13'),
      'date: now',
      'uwebsockets: 20',
    ]),
  },
  offeredProtocol: {
    why: 'A sub-protocol that was not offered must not be chosen (RFC 6455 §4.1)',
    parts: ['upgrade'],
    change: (said) => ({ ...said, head: said.head.replace('protocol: chat', 'protocol: foo') }),
  },
  uuidOptional: {
    why: 'The version may end the path: nothing after it is needed',
    parts: ['upgrade'],
    change: (said) => ({
      ...said,
      end: 'open',
      frames: [
        frame(
          `{"authorized":false,"data":"","event":"serverInfo","message_send_time":${MOMENT},"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}`,
        ),
      ],
    }),
  },
  textAsJson: {
    why: 'A text published as a JSON value goes out as JSON, so that every page reads the same value; SQL is not involved',
    parts: ['publish', 'login'],
    change: texts((text) =>
      text.replace(text.includes('"serverInfo"') ? /$^/ : DATA, (_, data: string) => {
        const value = unescaped(JSON.parse(data) as string)
        return `"data":${JSON.stringify(JSON.stringify(value))}`
      }),
    ),
  },
  untouchedText: {
    why: 'What a page publishes goes out as it came; the original escapes it for SQL and leaves that in',
    parts: ['publish', 'login'],
    change: texts((text) =>
      text.replace(PAGE_TEXT, (_, name: string, data: string) => {
        return `"${name}":${JSON.stringify(unescaped(JSON.parse(data) as string))}`
      }),
    ),
  },
  countsShortFrames: {
    why: 'A report counts everyone reached; the original leaves out those who got a frame below 126 bytes',
    parts: ['publish'],
    change: texts((text) => text.replace('"number_messages":1', '"number_messages":3')),
  },
  noDamage: {
    why: 'Frames of 123 to 125 bytes arrive whole; the original overwrites their end',
    parts: ['publish', 'questions', 'frames'],
    change: texts((text) => {
      const whole = ['"pipe":"sys"}', '"pipe":"_answer"}', '"pipe":"_answer_pipe_count"}']
      const damaged = text.replace(/\0+$/, '')
      const lost = text.length - damaged.length
      const end = whole.find((one) => lost > 0 && damaged.endsWith(one.slice(0, -lost)))
      return end === undefined ? text : damaged + end.slice(-lost)
    }),
  },
  oncePerPipe: {
    why: 'A pipe named twice in a list is one subscription',
    parts: ['publish'],
    change: (said) => ({
      ...said,
      frames: said.frames.filter((one, at) => at === 0 || !one.equals(said.frames[at - 1] ?? one)),
    }),
  },
  morePipes: {
    why: 'A page may hold `maxChannelsPerSession` pipes, which are more than 32',
    parts: ['publish'],
    change: (said) => ({
      ...said,
      frames: [...said.frames.slice(1), publication('to web_p32', 'web_p32')],
    }),
  },
  onlyPrivateSkipped: {
    why: 'A private_ pipe that is not open to a page is left out alone; the original forgets the rest of the list',
    parts: ['publish'],
    change: more(publication('to web_y', 'web_y')),
  },
  countAsObject: {
    why: 'Pages read `data.user_in_pipe`, as documented and as in 3.x; the original sends an array by a slip',
    parts: ['questions', 'frames'],
    change: texts((text) =>
      text
        .replace(/\["user_in_pipe",(\d+)\]/, '{"user_in_pipe":$1}')
        .replace(/\[\\"user_in_pipe\\",(\d+)\]/, '{\\"user_in_pipe\\":$1}'),
    ),
  },
  historyMarked: {
    why: 'Pages are promised `server_info.history` for what comes from the log',
    parts: ['questions'],
    change: texts((text) => text.replace('"fromQueue":true,', '"fromQueue":true,"history":true,')),
  },
  historyMarkedOld: {
    why: 'Pages of API 3.x wait for what comes from the log by the marker of their question',
    parts: ['questions'],
    change: texts((text) =>
      text.replace('"fromQueue":true,', '"fromQueue":true,"history":true,"marker":"marker3",'),
    ),
  },
  presentInPipe: {
    why: 'Pages of API 3.x look for the list of a track_ pipe in that pipe',
    parts: ['questions'],
    change: texts((text) => text.replace('"pipe":"_answer"', '"pipe":"track_room"')),
  },
  noNoise: {
    why: 'A pipe that is in the new list as in the old one is not left in between',
    parts: ['questions'],
    change: (said) => ({ ...said, frames: [] }),
  },
  staysOpen: {
    why: 'Pings, binary frames and fragments are no reason to end a connection (RFC 6455 §5.4, §5.5.2)',
    parts: ['frames'],
    change: (said) => ({ ...said, end: 'open' }),
  },
  pong: {
    why: 'A ping has to be answered (RFC 6455 §5.5.2)',
    parts: ['frames'],
    change: more(frame('hi', 0x80 | opcodes.pong)),
  },
  fragments: {
    why: 'A message may come in fragments (RFC 6455 §5.4)',
    parts: ['frames'],
    change: more(
      frame(
        `{"data":{"user_in_pipe":1},"event":"user_in_pipe","marker":"m1","message_send_time":${MOMENT},"pipe":"_answer_pipe_count"}`,
      ),
    ),
  },
  closeAnswered: {
    why: 'The library answers a Close frame before the node hears of it (RFC 6455 §5.5.1); see docs/cppcomet.md',
    parts: ['frames'],
    change: more(frame(Buffer.from([0x03, 0xe8]), 0x80 | opcodes.close)),
  },
  saysTooLong: {
    why: 'A message above `maxMessageBytes` is refused in words before its connection ends',
    parts: ['frames'],
    change: more(
      frame(
        `{"data":{"error":"Message is too large: 70025 of at most 65536 bytes"},"event":"error","message_send_time":${MOMENT},"pipe":"sys"}`,
      ),
    ),
  },
  ownHead: {
    why: 'Heads are written by the library: a length in the place of a close, and no name of a program but its own',
    parts: ['http'],
    change: headLines((lines) => [
      ...lines.filter((line) => !/^(server|comet-server|connection):/.test(line)),
      'date: now',
      'uwebsockets: 20',
    ]),
  },
  keptAlive: {
    why: 'A connection may be used again: bodies have a length',
    parts: ['http'],
    change: (said) => ({
      ...headLines((lines) => [...lines, `content-length: ${said.body.length}`])(said),
      end: 'open',
    }),
  },
  ownHome: {
    why: 'The page is ours',
    parts: ['http'],
    change: (said) => ({
      ...said,
      body: `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Encke ${version}</title></head><body><h1>Encke ${version}</h1><p>A push node. Browsers connect here; applications publish to it.</p></body></html>\n`,
    }),
  },
  ownNotFound: {
    why: 'The page is ours, and what may be there tomorrow is not kept for an hour',
    parts: ['http'],
    change: (said) => ({
      ...headLines((lines) => lines.filter((line) => !line.startsWith('cache-control')))(said),
      body: '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Nothing here</title></head><body><h1>Nothing here</h1><p>There is nothing at this address.</p></body></html>\n',
    }),
  },
  notFoundAsJson: {
    why: 'Outside /comet-server what is not there is told as everywhere on the public port',
    parts: ['http'],
    change: (said) => ({
      ...headLines(() => ['content-type: application/json'])(said),
      body: '{"error":{"code":150,"name":"NOT_FOUND","message":"There is nothing at /nothing.js","retry":false}}',
    }),
  },
  ownNodeName: {
    why: 'Nodes have no names of their own: the name is that of the program',
    parts: ['http'],
    change: (said) => ({ ...said, body: said.body.replace('n1________', 'encke_____') }),
  },
  noVendorIcon: {
    why: 'Nobody is sent to the site of a vendor: there is no icon',
    parts: ['http'],
    change: (said) => ({
      ...headLines((lines) => lines.filter((line) => !/^(location|content-type):/.test(line)))({
        ...said,
        head: said.head.replace('301 OK', '204 No Content'),
      }),
      end: 'open',
    }),
  },
  pollsServed: {
    why: 'Long polls are served, and the first is greeted at once; the original has given them up',
    parts: ['http'],
    change: (said) => poll(said, `{"authorized":"false","data":"","event":"serverInfo",${GREETED}}`),
  },
  pollsServedOld: {
    why: 'The same for pages of API 3.x',
    parts: ['http'],
    change: (said) =>
      poll(
        said,
        `{"api_data":"for major_version < 4","authorized":"false","data":"","event":"serverInfo","event_name":"serverInfo",${GREETED}}`,
      ),
  },
  keylessIsHttp: {
    why: 'An upgrade without a key is a plain request to the library; the original closes without a word',
    parts: ['http'],
    change: (said) => ({
      ...said,
      head: 'HTTP/1.1 404 Not Found\r\ncontent-type: application/json',
      body: '{"error":{"code":150,"name":"NOT_FOUND","message":"There is nothing at /ws/sesion=key&myid=0&devid=1&v=4.08&uuid=u&api=js","retry":false}}',
    }),
  },
} satisfies Record<string, Deviation>

export type DeviationName = keyof typeof table
export const deviations: Readonly<Record<DeviationName, Deviation>> = table

/** The same change for the text of every frame. */
function texts(change: (text: string) => string): (said: Said) => Said {
  return (said) => ({
    ...said,
    frames: said.frames.map((one) =>
      frame(Buffer.from(change(payloadOf(one).toString('latin1')), 'latin1'), one[0]),
    ),
  })
}

/** A change of the lines of the head after the first; they stay in order of name. */
function headLines(change: (lines: string[]) => string[]): (said: Said) => Said {
  return (said) => {
    const [first = '', ...lines] = said.head.split('\r\n')
    return { ...said, head: [first, ...change(lines).toSorted()].join('\r\n') }
  }
}

/** Adds frames after those that came. */
function more(...added: readonly Buffer[]): (said: Said) => Said {
  return (said) => ({ ...said, frames: [...said.frames, ...added] })
}

/** The answer to a poll, its head in order of names but for the lines of the library. */
function poll(said: Said, body: string): Said {
  const lines = [
    'HTTP/1.1 200 OK',
    'access-control-allow-origin: *',
    'cache-control: no-store',
    'content-type: text/plain; charset=UTF-8',
  ]
  return { ...said, head: lines.join('\r\n'), body }
}

function publication(text: string, pipe: string): Buffer {
  return frame(`{"data":"${text}","event":"e","message_send_time":${MOMENT},"pipe":"${pipe}"}`)
}

/** What stands in an SQL literal, as the value that was meant. */
function unescaped(literal: string): string {
  return literal.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}
