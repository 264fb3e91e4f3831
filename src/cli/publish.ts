/**
 * `encke publish`: publications from a terminal or a script, over the publish port.
 *
 * Owns the words of the command and the choice between one publication and one per line of stdin. All that is hard
 * about publishing (order, window, coming back) is the publisher's.
 */
import { options } from '../config/options.ts'
import { EnckeError, LimitError, UnavailableError } from '../errors.ts'
import { createPublisher, type Publisher } from '../publish-port/publisher.ts'
import type { Args, Command } from './command.ts'
import { CommandError, type ExitCode, exitCodes, usageError } from './exit.ts'
import { tenantFlag, tenantOf } from './node-api.ts'
import { isOn, numberOf, textOf } from './parse-args.ts'
import { type DataForm, publicationData } from './publication-data.ts'
import { type LineCounts, publishLines } from './publish-lines.ts'

const CONNECT_TIMEOUT_MS = 5_000
const MAX_RECONNECT_ATTEMPTS = 3
const PROGRESS_PER_SECOND = 5

/** What goes with every publication; '' = none. */
interface Send {
  readonly event: string
  readonly user: string
  readonly key: string
}

export const publish: Command = {
  name: 'publish',
  describe: 'Publishes to a channel and waits until the node has accepted it.',
  positionals: [
    { name: 'channel', describe: 'Name of the channel; @17 reaches the sessions of user 17' },
    {
      name: 'data',
      isOptional: true,
      describe:
        'JSON is sent as JSON, anything else as a JSON string. - reads stdin: one publication per line',
    },
  ],
  flags: {
    host: { kind: 'text', describe: 'Host of the publish port', defaultText: options.internalHost.default },
    port: {
      kind: 'number',
      describe: 'Publish port, 1–65535',
      defaultText: String(options.publishPort.default),
    },
    socket: {
      kind: 'text',
      describe: 'Path of the Unix socket, instead of host and port',
      defaultText: 'none',
    },
    key: { kind: 'text', describe: 'Key of the internal ports. Also ENCKE_KEY', defaultText: 'none' },
    tenant: tenantFlag,
    event: { kind: 'text', describe: 'Name of the event that subscribers are given', defaultText: 'none' },
    user: { kind: 'text', describe: 'Id of the user who is shown as its publisher', defaultText: 'none' },
    'publication-key': {
      kind: 'text',
      describe: 'Stands for this publication, at most 128 bytes: a second time it publishes nothing',
      defaultText: 'none',
    },
    json: { kind: 'switch', describe: 'Insist on JSON: anything else is an error (64)' },
    text: { kind: 'switch', describe: 'Send everything as a JSON string, even if it is JSON' },
  },
  examples: [
    ['publish news \'{"title":"Hello"}\'', 'An object'],
    ['publish news "Hello"', 'A string: "Hello" is not JSON without its quotes'],
    ['publish news --text 42', 'The string "42", not the number'],
    ['publish paid 4711 --publication-key order-4711', 'Once, however often it is run'],
    ['publish log - < access.log', 'One publication per line; empty lines are left out'],
  ],
  notes: [
    'Without data, stdin is read when it is not a terminal. Data that begins with a dash goes after --.',
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const [channel = '', data] = args.positionals
  const form = dataForm(args)
  if (data === undefined && process.stdin.isTTY)
    throw usageError('Nothing to publish: give data, or - to read stdin')
  const isStream = data === undefined || data === '-'
  const single = isStream ? null : publicationData(data, form)
  const send = sendOf(args, isStream)
  if (!isStream && single === null) throw usageError('The data is not JSON, and --json insists on it')

  const publisher = openPublisher(args)
  try {
    await publisher.ready()
    if (isStream) return await publishInput(publisher, channel, form, send)
    return await publishOne(publisher, channel, single, send)
  } finally {
    await publisher.close()
  }
}

function sendOf(args: Args, isStream: boolean): Send {
  const key = textOf(args, 'publication-key')
  if (isStream && key !== '')
    throw usageError('Flag --publication-key goes with one publication, not with a stream')
  return { event: textOf(args, 'event'), user: textOf(args, 'user'), key }
}

function dataForm(args: Args): DataForm {
  if (isOn(args, 'json') && isOn(args, 'text')) throw usageError('Flags --json and --text exclude each other')
  if (isOn(args, 'json')) return 'json'
  return isOn(args, 'text') ? 'text' : 'auto'
}

function openPublisher(args: Args): Publisher {
  const path = textOf(args, 'socket')
  const otherwise = options.publishPort.default
  const tenant = tenantOf(args)
  return createPublisher({
    host: textOf(args, 'host', options.internalHost.default),
    port: numberOf(args, 'port', { min: 1, max: 65_535, otherwise }),
    ...(path === '' ? {} : { path }),
    key: textOf(args, 'key', process.env.ENCKE_KEY),
    ...(tenant === null ? {} : { tenant }),
    acks: 'each',
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: MAX_RECONNECT_ATTEMPTS,
  })
}

async function publishOne(
  publisher: Publisher,
  channel: string,
  data: unknown,
  send: Send,
): Promise<ExitCode> {
  try {
    const { epoch, offset } = await publisher.publish(channel, data, send)
    if (offset === 0) console.log(`Kept for "${channel}", who is away`)
    else console.log(`Published to "${channel}" at offset ${offset} of epoch ${epoch}`)
    return exitCodes.done
  } catch (error) {
    if (!(error instanceof EnckeError) || error instanceof UnavailableError) throw error
    throw new CommandError(exitCodes.internal, `The node refuses it: ${error.message}`)
  }
}

async function publishInput(
  publisher: Publisher,
  channel: string,
  form: DataForm,
  send: Send,
): Promise<ExitCode> {
  const startMs = performance.now()
  const progress = await openProgress()
  const counts = await publishLines({
    input: process.stdin,
    publish: async (line) => {
      const data = publicationData(line, form)
      if (data === null) throw new LimitError('INVALID_DATA', 'It is not JSON, and --json insists on it')
      return await publisher.publish(channel, data, send)
    },
    room: () => publisher.room(),
    progress: progress.show,
    complain: (message) => console.error(message),
  })
  progress.end()
  console.log(summary(channel, counts, performance.now() - startMs))
  if (counts.hasLostNode)
    throw new CommandError(exitCodes.unavailable, 'The node could not be reached any more')
  return counts.refused === 0 ? exitCodes.done : exitCodes.internal
}

/** A line that counts, on stderr where that is a terminal; otherwise nothing. */
async function openProgress(): Promise<{ show(counts: LineCounts): void; end(): void }> {
  if (!process.stderr.isTTY) return { show() {}, end() {} }
  const { SingleBar } = await import('cli-progress')
  const bar = new SingleBar({
    format: 'Published {value}, refused {refused}, {rate}/s',
    stream: process.stderr,
    fps: PROGRESS_PER_SECOND,
    clearOnComplete: true,
  })
  const startMs = performance.now()
  bar.start(0, 0, { refused: 0, rate: 0 })
  return {
    show: ({ accepted, refused }) =>
      bar.update(accepted, { refused, rate: perSecond(accepted, performance.now() - startMs) }),
    end: () => bar.stop(),
  }
}

function summary(channel: string, { accepted, refused }: LineCounts, ms: number): string {
  const rate = perSecond(accepted, ms)
  return `Published ${accepted} to "${channel}" in ${(ms / 1_000).toFixed(1)} s (${rate}/s), refused ${refused}`
}

function perSecond(count: number, ms: number): number {
  return Math.round((count * 1_000) / Math.max(ms, 1))
}
