/**
 * Bad lines between clients and a node: a program that proxies every client on a port of its own.
 *
 * Owns the outages. Told to begin, it darkens each line now and then, at random moments, for a given time: both
 * directions fall silent and new connections hear nothing. Afterwards some lines just go on, some are reset, and some
 * had their connection made half-open, so that neither side learns of its end. Every outage is a JSON line on stdout.
 * The proxy itself is that of the fault tests. Bound: a listener per line, and two sockets per connection.
 */
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { errorText } from '../../src/errors.ts'
import { createRandom } from '../../test/support/seed.ts'
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts'
import { monotonicMs } from './monotonic.ts'
import { type OutageKind, outageKinds } from './outages.ts'

const exitFailed = 70

const flags = await yargs(hideBin(process.argv))
  .options({
    lines: { type: 'number', demandOption: true },
    'node-port': { type: 'number', demandOption: true },
    'outage-ms': { type: 'number', demandOption: true },
    /** Mean time from one outage of a line to its next one. */
    'every-ms': { type: 'number', demandOption: true },
    seed: { type: 'number', demandOption: true },
  })
  .strict()
  .parseAsync()

const random = createRandom(flags.seed)
/** They live as long as the program. */
const forever = { after: () => {} }

async function main(): Promise<void> {
  const proxies: TcpProxy[] = []
  for (let line = 0; line < flags.lines; line++)
    proxies.push(await startTcpProxy(forever, flags['node-port']))
  say({ event: 'ready', ports: proxies.map((proxy) => proxy.port) })
  for await (const command of createInterface({ input: process.stdin })) {
    const [word, forMs] = command.split(' ')
    if (word === 'begin') await disturb(proxies, monotonicMs() + Number(forMs))
  }
  process.exit()
}

/** Resolves once the last outage is over. */
async function disturb(proxies: readonly TcpProxy[], endMs: number): Promise<void> {
  await Promise.all(proxies.map((proxy, line) => disturbLine(proxy, line, endMs)))
  say({ event: 'over' })
}

async function disturbLine(proxy: TcpProxy, line: number, endMs: number): Promise<void> {
  const outageMs = flags['outage-ms']
  const everyMs = flags['every-ms']
  for (let calmMs = random.below(everyMs); ; calmMs = everyMs / 2 + random.below(everyMs) - outageMs) {
    await sleep(Math.max(outageMs, calmMs))
    if (monotonicMs() + outageMs > endMs) return
    await darken(proxy, line, random.pick(outageKinds))
  }
}

async function darken(proxy: TcpProxy, line: number, kind: OutageKind): Promise<void> {
  const fromMs = monotonicMs()
  if (kind === 'half-open') proxy.halfOpen()
  proxy.blackout()
  await sleep(flags['outage-ms'])
  if (kind === 'reset') proxy.reset()
  proxy.restore()
  say({ event: 'outage', line, kind, fromMs, toMs: monotonicMs() })
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

try {
  await main()
} catch (thrown) {
  say({ event: 'error', message: errorText(thrown) })
  process.exit(exitFailed)
}
