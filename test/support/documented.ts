/**
 * Conversations as the documents show them.
 *
 * Owns reading them: fenced blocks of a language, their steps by the mark each begins with, what "…" stands for in what
 * is sent, and the comparison that lets it stand for anything in what comes. Knows neither sockets nor nodes.
 */
import { readFileSync } from 'node:fs'

const docs = new URL('../../docs/', import.meta.url)

/** ▶ the client says, ◀ the node says, ⇢ somebody else does, × closed with. */
export type Mark = '▶' | '◀' | '⇢' | '×'

export interface DocumentedStep {
  readonly mark: Mark
  text: string
}

/** The number of a moment, ms since 1970, is above this one; no other number in a document is. */
const MOMENTS = 1e12

/** Members that are durations, which differ. */
const DURATIONS: readonly string[] = ['expiresInMs', 'retryAfterMs']

/** The fenced blocks of a document in one language. */
export function blocks(file: string, language: string): string[] {
  const text = readFileSync(new URL(file, docs), 'utf8')
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , body = '']) => body)
}

/** What a block says of itself in its first line. */
export function titleOf(block: string): string {
  return block.split('\n')[0]?.slice(2) ?? ''
}

/** Lines by their first letter; an indented line goes on with the one before, # begins a remark. */
export function readSteps(block: string): DocumentedStep[] {
  const steps: DocumentedStep[] = []
  for (const line of block.split('\n')) {
    const last = steps.at(-1)
    if (line.startsWith('  ') && last !== undefined) last.text += ` ${line.trim()}`
    else if (/^[▶◀⇢×]/u.test(line)) steps.push({ mark: line[0] as Mark, text: line.slice(1).trim() })
  }
  return steps
}

/** Asserts nothing: `found` as the document shows it, wherever the document says that a value differs. */
export function masked(found: unknown, shown: unknown, name = ''): unknown {
  if (shown === '…') return typeof found === 'string' && found !== '' ? '…' : found
  if (typeof found === 'number' && typeof shown === 'number') {
    const differs = DURATIONS.includes(name) || (found > MOMENTS && shown > MOMENTS)
    return differs ? shown : found
  }
  if (typeof found !== 'object' || found === null || typeof shown !== 'object' || shown === null) return found
  if (Array.isArray(found)) return found.map((one, n) => masked(one, (shown as unknown[])[n]))
  return Object.fromEntries(
    Object.entries(found).map(([key, value]) => {
      return [key, masked(value, (shown as Record<string, unknown>)[key], key)]
    }),
  )
}

/** What "…" stands for, by the name of the member: what the node said last, and a token. */
export interface Memory {
  /** Takes in what the node said. */
  learn(message: unknown): void
  /** Parses JSON and puts values in the place of "…". */
  fill(text: string): unknown
}

/** @param token makes a good one */
export function createMemory(token: () => string): Memory {
  const known = new Map<string, string>()
  return {
    learn(message) {
      JSON.stringify(message, (name, value) => {
        // The first session is the client's own, those on lists may be others.
        if (typeof value === 'string' && !(name === 'session' && known.has(name))) known.set(name, value)
        return value
      })
    },
    fill: (text) =>
      JSON.parse(text, (name, value) => {
        if (value !== '…') return value
        if (name === 'token') return token()
        // Compact positions are [epoch, offset].
        const found = known.get(name === '0' ? 'epoch' : name)
        if (found === undefined) throw new Error(`The node said nothing that "${name}" could be: ${text}`)
        return found
      }),
  }
}
