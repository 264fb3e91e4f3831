/**
 * What `serve` says when the node is ready.
 *
 * Owns the text: where browsers, scripts and publishers find the node, and with the demo the very command that
 * publishes to it. Secrets never appear: a key is shown as `…`.
 */
import { isWildcard } from '../config/check.ts'
import { type Config, options } from '../config/options.ts'
import type { Address, RunningNode } from '../server.ts'

type Addresses = RunningNode['addresses']
type Told = Pick<Config, 'demo' | 'key' | 'publishSocket'>

/** The lines for people, with actual ports. */
export function announcement(config: Told, addresses: Addresses): string {
  const rows = [
    ['WebSocket', `ws://${place(addresses.public)}/ws`],
    ['Internal HTTP', `http://${place(addresses.internal)}  (/api, /metrics, /healthz, /readyz)`],
    ['Publish port', place(addresses.publish)],
    ...(addresses.cometql === undefined ? [] : [['CometQL', place(addresses.cometql)]]),
    ...(config.publishSocket === '' ? [] : [['Publish socket', config.publishSocket]]),
    ...(config.demo ? [['Demo page', `http://${place(addresses.public)}/demo/`]] : []),
  ]
  const lines = ['Encke is ready', ...rows.map(([what = '', where]) => `  ${what.padEnd(15)}${where}`)]
  if (config.demo)
    lines.push('', 'Publish to the demo page from another terminal:', `  ${demoCommand(config, addresses)}`)
  return lines.join('\n')
}

/** The command that publishes to the demo channel of this node; flags only where its defaults don't fit. */
export function demoCommand(config: Pick<Told, 'key'>, { publish }: Pick<Addresses, 'publish'>): string {
  const host = reachable(publish.host)
  const flags = [
    ...(host === options.internalHost.default ? [] : [`--host ${host}`]),
    ...(publish.port === options.publishPort.default ? [] : [`--port ${publish.port}`]),
    ...(config.key === '' ? [] : ['--key …']),
  ]
  return ['node dist/main.js publish demo "Hello from the terminal"', ...flags].join(' ')
}

function place({ host, port }: Address): string {
  const name = reachable(host)
  return `${name.includes(':') ? `[${name}]` : name}:${port}`
}

/** A listener on every address is reached on this machine by loopback. */
function reachable(host: string): string {
  if (!isWildcard(host)) return host
  return host === '::' ? '::1' : '127.0.0.1'
}
