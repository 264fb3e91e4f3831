/**
 * How what the broker keeps looks in the store.
 *
 * Owns the form of rows and log entries, both ways, so that whoever fills a store from outside (an import) writes what a
 * node reads. Keys in the store are bare names: the tenant stands beside them. Pure.
 */
import { encodePublication, type PublicationParts } from '../protocol/json-codec.ts'
import { Payload } from '../protocol/payload.ts'
import type { StoredEntry } from './store.ts'

/** What the application set for a channel; it goes over the channel's rule. */
export interface ChannelSettings {
  /** Publications kept; 0 = none */
  readonly historySize: number
}

/** Where a channel with a durable history is. */
export interface StoredPosition {
  readonly epoch: string
  /** At the least: entries of its log may be later */
  readonly offset: number
}

/** A message that waits for an absent user. */
export interface InboxMessage {
  /** The same for as long as it waits */
  readonly id: string
  readonly event: string
  /** '' = the application */
  readonly user: string
  readonly fromClient: boolean
  readonly data: Payload
}

const NEWLINE = 0x0a

export function encodeSettings({ historySize }: ChannelSettings): string {
  return JSON.stringify({ historySize })
}

export function decodeSettings(text: string): ChannelSettings {
  const { historySize }: ChannelSettings = JSON.parse(text)
  return { historySize }
}

export function encodePosition({ epoch, offset }: StoredPosition): string {
  return JSON.stringify({ epoch, offset })
}

export function decodePosition(text: string): StoredPosition {
  const { epoch, offset }: StoredPosition = JSON.parse(text)
  return { epoch, offset }
}

/** A publication as an entry of its channel's history; its offset is the entry's `seq`. `channel` is a bare name. */
export function historyEntry(publication: PublicationParts, timeMs: number): StoredEntry {
  return { seq: publication.offset, timeMs, value: encodePublication(publication) }
}

/** `[id, event, user, fromClient, isText]` as JSON, a line break, the data as JSON. */
export function inboxEntry(seq: number, timeMs: number, message: InboxMessage): StoredEntry {
  const { id, event, user, fromClient, data } = message
  const head = `${JSON.stringify([id, event, user, fromClient, data.isText])}\n`
  return { seq, timeMs, value: Buffer.concat([Buffer.from(head), data.json()]) }
}

export function readInboxEntry({ value }: StoredEntry): InboxMessage {
  const end = value.indexOf(NEWLINE)
  const [id, event, user, fromClient, isText]: [string, string, string, boolean, boolean] = JSON.parse(
    value.subarray(0, end).toString(),
  )
  const json = value.subarray(end + 1)
  const data = isText ? Payload.fromText(JSON.parse(json.toString())) : Payload.trustJson(json)
  return { id, event, user, fromClient, data }
}
