/**
 * Exchanges over HTTP as docs/client-protocol.md shows them.
 *
 * Owns the requests of one block, answered in the order in which they were sent, and the stream that the latest GET or
 * POST to /sse has opened, line by line. What comes is compared by the rules of documented.ts.
 */
import assert from 'node:assert/strict'
import { type Memory, masked } from './documented.ts'
import { until } from './until.ts'

export interface DocumentedExchange {
  /** `POST /path {json}` or `GET /path`, maybe with `Name: value` of one header; does not wait for the answer. */
  send(text: string): void
  /** `200 [json]` is the next answer, `200` the head of a stream, anything else the next line of the stream. */
  expect(text: string): Promise<void>
  /** Throws when the streams have lines that nobody expected. */
  assertSilent(): void
  close(): void
}

/** @param publicUrl of the node */
export function openExchanges(publicUrl: string, memory: Memory): DocumentedExchange {
  const ending = new AbortController()
  const answers: Promise<Response>[] = []
  let stream: string[] = []
  let rest = ''

  async function read(response: Response): Promise<void> {
    const lines: string[] = []
    stream = lines
    rest = ''
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      if (stream !== lines) continue // there is a newer one
      const pieces = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = pieces.pop() ?? ''
      lines.push(...pieces.filter((line) => line !== ''))
    }
  }

  async function expectAnswer(status: number, shown: string): Promise<void> {
    const response = await answers.shift()
    assert.equal(response?.status, status)
    if (shown === '') {
      assert.equal(response.headers.get('content-type'), 'text/event-stream')
      void read(response).catch(() => {}) // it ends with the test
      return
    }
    compare(await response.json(), shown)
  }

  function compare(found: unknown, shown: string): void {
    assert.deepEqual(masked(found, JSON.parse(shown)), JSON.parse(shown))
    memory.learn(found)
  }

  async function expectLine(text: string): Promise<void> {
    const line = await until(() => stream.shift(), { what: text })
    const [field] = text.split(' ')
    assert.ok(line.startsWith(field ?? text), `${line} is no ${field}`)
    if (text !== ':') compare(JSON.parse(line.slice(text.indexOf(' '))), text.slice(text.indexOf(' ')))
  }

  return {
    send(text) {
      const [, method = '', path = '', rest = ''] = /^(POST|GET) (\S+)(?: (.*))?$/.exec(text) ?? []
      const [, name, value = ''] = /^([\w-]+): (.*)$/.exec(rest) ?? []
      const headers: Record<string, string> =
        name === undefined ? {} : { [name]: JSON.stringify(memory.fill(value)) }
      const body = method === 'GET' ? null : JSON.stringify(memory.fill(rest))
      answers.push(fetch(publicUrl + path, { method, headers, body, signal: ending.signal }))
    },
    async expect(text) {
      const [, status, shown = ''] = /^(\d{3})(?: (.*))?$/.exec(text) ?? []
      if (status === undefined) await expectLine(text)
      else await expectAnswer(Number(status), shown)
    },
    assertSilent() {
      assert.deepEqual([answers.length, stream], [0, []], 'nothing more came')
    },
    close: () => ending.abort(),
  }
}
