/**
 * Signals: within a page, and from tab to tab of one origin.
 *
 * Owns slots by signal and name, the storage event that carries a signal to other tabs, and states that all tabs share. A
 * tab that writes a state within `minTime` of another tab's is refused, which is how one tab of many is chosen. Tabs know
 * signals of each other by `eventKey`. Bound: slots are what the page connects; one record per state.
 */
import { callSafely } from '../emitter.ts'
import { tabName } from './random-text.ts'
import { createStorage, type PageStorage } from './storage.ts'

/** Is told what was emitted, the name of the signal, and whether another tab did. */
export type Slot = (param: unknown, signal: string, isFromOtherTab: boolean) => void

export interface TabSignalOptions {
  readonly eventKey?: string | undefined
}

/** A signal as other tabs get it. `custom_id` makes each different, as browsers pass over a value that is the same. */
interface Emitted {
  readonly name: string
  readonly custom_id: string
  readonly param?: unknown
}

/** A state as it is stored. */
interface State {
  /** When it was written, ms since 1970 */
  readonly time: number
  readonly value: unknown
  readonly tabUUID: string
}

export class TabSignal {
  debug = false
  readonly #storage: PageStorage = createStorage()
  readonly #slots = new Map<string, Map<string, Slot>>()
  #count = 0
  #name: string | undefined
  #eventKey: string

  constructor(options: TabSignalOptions = {}) {
    this.#eventKey = options?.eventKey || this.getTabUUID()
    globalThis.addEventListener?.('storage', (event) => this.#heard(event as StorageEvent))
  }

  /** Random, the same for the life of the page. */
  getTabUUID(): string {
    this.#name ??= tabName()
    return this.#name
  }

  setEventKey(key: string): void {
    this.#eventKey = key
  }

  getEventKey(): string {
    return this.#eventKey
  }

  /**
   * Calls the slot whenever the signal is emitted: `connect(signal, slot)`, or `connect(name, signal, slot)` to take the
   * place of a slot of that name.
   *
   * @returns the slot's name
   */
  connect(...args: [signal: string, slot: Slot] | [name: string, signal: string, slot: Slot]): string {
    const [name, signal, slot] = args.length === 3 && args[2] ? args : unnamed(args, this.#count++)
    const slots = this.#slots.get(signal) ?? new Map<string, Slot>()
    this.#slots.set(signal, slots)
    slots.set(name, slot)
    return name
  }

  /** Takes a slot off a signal, or off all signals when none is named; false when it was on none. */
  disconnect(name: string, signal?: string): boolean {
    const signals = signal === undefined ? [...this.#slots.keys()] : [signal]
    return signals.filter((each) => this.#remove(name, each)).length > 0
  }

  /** Calls the slots of a signal in this page. */
  emit(signal: string, param?: unknown, isFromOtherTab = false): void {
    const slots = this.#slots.get(signal)
    if (slots === undefined) return
    for (const [name, slot] of [...slots]) {
      if (slots.get(name) !== slot) continue
      callSafely(() => slot(param, signal, isFromOtherTab), undefined)
    }
  }

  /** Calls the slots of a signal in all tabs; false where other tabs can't be reached. */
  emitAll(signal: string, param?: unknown): boolean {
    this.emit(signal, param)
    const emitted: Emitted = { name: signal, custom_id: `${this.getTabUUID()}_${Math.random()}`, param }
    return this.#storage.set(this.#eventKey, JSON.stringify(emitted))
  }

  /** The name `emitAll` had once. */
  send_emit(signal: string, param?: unknown): boolean {
    return this.emitAll(signal, param)
  }

  /**
   * Writes a state that all tabs share.
   *
   * @param minTime ms for which a state written by another tab stands; undefined = it never does
   * @returns false when another tab's stands
   */
  setState(name: string, value: unknown, minTime?: number): boolean {
    const had = minTime ? this.#state(name) : null
    if (had !== null && had.tabUUID !== this.getTabUUID() && had.time + (minTime ?? 0) > Date.now())
      return false
    const state: State = { time: Date.now(), value, tabUUID: this.getTabUUID() }
    this.#storage.set(this.#keyOf(name), JSON.stringify(state))
    return true
  }

  /** Reads a state; undefined when there is none, or none as young as `maxTime` ms. */
  getState(name: string, maxTime?: number): unknown {
    const state = this.#state(name)
    if (state === null || (maxTime && state.time + maxTime <= Date.now())) return undefined
    return state.value
  }

  /** Writes a state again and again, so that it stays this tab's; the timer for `clearInterval`, undefined when refused. */
  intervalUpdateState(
    name: string,
    value: unknown,
    minTime: number,
  ): ReturnType<typeof setInterval> | undefined {
    if (!this.setState(name, value, minTime)) return undefined
    return setInterval(() => this.setState(name, value, minTime), minTime / 3)
  }

  #remove(name: string, signal: string): boolean {
    const slots = this.#slots.get(signal)
    if (!slots?.delete(name)) return false
    if (slots.size === 0) this.#slots.delete(signal)
    return true
  }

  #keyOf(name: string): string {
    return `tabSignal_${this.#eventKey}${name}`
  }

  #state(name: string): State | null {
    return parse(this.#storage.get(this.#keyOf(name))) as State | null
  }

  #heard({ key, newValue }: StorageEvent): void {
    if (key !== this.#eventKey) return
    const emitted = parse(newValue) as Emitted | null
    if (emitted?.name !== undefined) this.emit(emitted.name, emitted.param, true)
  }
}

function unnamed(args: readonly unknown[], count: number): [string, string, Slot] {
  return [`sig${count}`, args[0] as string, args[1] as Slot]
}

/** Null when it is no object: something else of the page may use the name. */
function parse(text: string | null): object | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null')
    return typeof value === 'object' ? value : null
  } catch {
    return null // not JSON
  }
}
