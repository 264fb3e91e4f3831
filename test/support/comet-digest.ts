/**
 * How a page of CppComet digests what a server sends it.
 *
 * Owns the steps that the specification of that protocol describes, in its order, for pages of API 4.x and 3.x: lines, the
 * repair of apostrophes, errors, the greeting, forged senders, texts that are tried as JSON, repeated messages, and who
 * hears of a message. Written from that description; no code of src/. Pure but for what has been seen. What such a page
 * would evaluate is refused: a node must never send it unasked.
 */

/** What a callback of the page gets, and what it was called by. */
export interface Digested {
  readonly data: unknown
  readonly userId: number | string
  readonly pipe: string
  readonly event: string
  readonly history: boolean
  readonly marker: string
  /** Names whose subscribers are called. */
  readonly signals: readonly string[]
}

export interface Digest {
  /** Takes the text of a frame, or the body of a poll. */
  take(text: string): void
  readonly messages: readonly Digested[]
  /** Undefined before the greeting. */
  isAuthorized(): boolean | undefined
  /** The stored key that the greeting told. */
  realKey(): string
  /** Number of an error after which the page does not come back; 0 = none */
  fatal(): number
  /** Lines that the page would drop without a word. */
  readonly dropped: readonly string[]
}

type Line = Readonly<Record<string, unknown>>

/** How often a text is stripped of slashes and tried again. */
const ATTEMPTS = 5

/** @param isOld of API 3.x */
export function createDigest(isOld: boolean): Digest {
  const messages: Digested[] = []
  const dropped: string[] = []
  const seen = new Set<unknown>()
  let isAuthorized: boolean | undefined
  let realKey = ''
  let fatal = 0

  function takeLine(raw: string): void {
    const line = parsed(raw.replaceAll("\\'", "'")) as Line | undefined
    if (line === undefined || (isOld && line.event_name === undefined)) {
      dropped.push(raw)
      return
    }
    if (line.jscode !== undefined) throw new Error(`A page would evaluate ${String(line.jscode)}`)
    if (typeof line.error === 'number' && line.error > 400) fatal = line.error
    else if (isGreeting(line)) greet(line)
    else if (line.data !== undefined) takeMessage(line)
  }

  function isGreeting(line: Line): boolean {
    if (line.authorized === undefined) return false
    return isOld || (line.event === 'serverInfo' && line.pipe === 'sys')
  }

  function greet({ authorized, data }: Line): void {
    isAuthorized = authorized === 'true' || (!isOld && authorized === true)
    realKey = (data as string).replace(/\s/g, '') // a page calls it too: it has to be a text
  }

  function takeMessage(line: Line): void {
    const { text, sender } = withoutForgedSender(line.data)
    const data = typeof text === 'string' ? readByPage(text) : text
    if (isRepeated(line.uuid) || isRepeated((data as Line | null)?._cometApi_uuid)) return
    const [pipe, event, marker] = [line.pipe, line.event, line.marker].map((one) => String(one ?? ''))
    messages.push({
      data,
      userId: (line.user_id || sender || 0) as number | string,
      pipe: pipe ?? '',
      event: event ?? '',
      history: line.history === true,
      marker: marker ?? '',
      signals: signalsOf(line, isOld),
    })
  }

  function isRepeated(id: unknown): boolean {
    if (id === undefined || id === null) return false
    const wasSeen = seen.has(id)
    seen.add(id)
    return wasSeen
  }

  return {
    take(text) {
      for (const line of text.trimEnd().split('\n')) takeLine(line)
    },
    messages,
    isAuthorized: () => isAuthorized,
    realKey: () => realKey,
    fatal: () => fatal,
    dropped,
  }
}

/** What a page reads from the text of a message. */
function readByPage(data: string): unknown {
  let text = data
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const value = parsed(text.replaceAll("\\'", "'"))
    if (value !== undefined) return value
    text = withoutSlashes(text)
  }
  return text
}

/** `A::<sender>;<text>;…`: what old pages of the original put before their texts. */
function withoutForgedSender(data: unknown): { readonly text: unknown; readonly sender: string } {
  if (typeof data !== 'string' || !data.startsWith('A::')) return { text: data, sender: '' }
  const [sender = '', text = ''] = data.slice('A::'.length).split(';')
  return { text, sender }
}

/** With a marker only who asked is called: other subscribers pass such a message over. */
function signalsOf({ pipe, event, event_name, marker, SendToUser }: Line, isOld: boolean): string[] {
  const name = String((isOld ? event_name : event) ?? '')
  const named = pipe === undefined || SendToUser !== undefined ? 'msg' : String(pipe)
  if (marker !== undefined && marker !== '') return [String(marker), `${named} ${marker}`]
  return [named, `${named}.${name}`, 'comet_server_msg']
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // as a page takes it
  }
}

/** As PHP's function of that name. */
function withoutSlashes(text: string): string {
  return text.replace(/\\(.?)/gs, (_, letter: string) => (letter === '0' ? '\0' : letter))
}
