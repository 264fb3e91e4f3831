/**
 * Tests of src/comet/request.ts: bytes of a page in, commands and refusals out.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CometRequest, readRequest } from '../../../src/comet/request.ts'

const limits = { maxPipes: 4 }
const read = (text: string | Buffer): CometRequest => readRequest(Buffer.from(text), limits)
const errorsOf = (request: CometRequest) =>
  request.kind === 'refused' ? request.refusals.map(({ error }) => error) : request.kind

describe('list of pipes', () => {
  for (const [list, pipes] of [
    ['\nweb_a\nweb_b\nplain', ['web_a', 'web_b', 'plain']],
    ['\nweb_a\n', ['web_a']],
    ['\n\n\nweb_a\n\nweb_b', ['web_a', 'web_b']],
    ['\nweb_ok\nweb bad.x', ['web_ok', 'web', 'bad']],
    ['\nweb_a\nweb_a', ['web_a']],
    ['\na\nbb', ['bb']],
    ['', []],
    ['\nweb_é', ['web_']],
  ] as const) {
    test(`subscription${JSON.stringify(list).slice(1, -1)} names ${pipes.join(', ') || 'nothing'}`, () => {
      assert.deepEqual(read(`subscription${list}`), { kind: 'subscription', pipes, isCut: false })
    })
  }

  test('names above the bound are left out, and that is told', () => {
    const request = read('subscription\np1\np2\np3\np4\np5')
    assert.deepEqual(request, { kind: 'subscription', pipes: ['p1', 'p2', 'p3', 'p4'], isCut: true })
  })

  test('a name of 64 letters is taken, one of 65 ends the connection', () => {
    const name = 'x'.repeat(64)
    assert.deepEqual(read(`subscription\n${name}`), { kind: 'subscription', pipes: [name], isCut: false })
    const request = read(`subscription\n${name}x`)
    assert.deepEqual(errorsOf(request), ['Channel name is too long'])
    assert.ok(request.kind === 'refused' && request.isFatal)
  })

  test('a list longer than its names could be ends the connection', () => {
    assert.equal(read(`subscription\n${'ab\n'.repeat(90)}`).kind, 'subscription')
    assert.equal(read(`subscription\n${'ab\n'.repeat(91)}`).kind, 'refused')
  })
})

describe('message of a page', () => {
  test('payload is everything behind four lines, to the byte', () => {
    const payload = Buffer.from([0x7b, 0x0a, 0xff, 0x00, 0x0a, 0x7d])
    const request = read(Buffer.concat([Buffer.from('web_pipe2\nweb_x\nev\n*\n'), payload]))
    assert.deepEqual(request, {
      kind: 'publish',
      pipe: 'web_x',
      isHidden: false,
      event: 'ev',
      payload,
      fault: null,
    })
  })

  test('payload does not share memory with the message', () => {
    const bytes = Buffer.from('web_pipe2\nweb_x\n\n*\n1')
    const request = readRequest(bytes, limits)
    bytes.fill(0)
    assert.equal(request.kind === 'publish' && request.payload.toString(), '1')
  })

  test('mark in front of web_ hides the sender and is no part of the name', () => {
    const hidden = read('web_pipe2\n@web_x\ne\n*\n1')
    assert.ok(hidden.kind === 'publish')
    assert.deepEqual([hidden.pipe, hidden.isHidden, hidden.fault], ['web_x', true, null])
    const other = read('web_pipe2\n@webauth_x\ne\n*\n1')
    assert.ok(other.kind === 'publish')
    assert.deepEqual([other.pipe, other.isHidden], ['@webauth_x', false])
    assert.notEqual(other.fault, null)
  })

  for (const [text, error] of [
    ['web_pipe2\nweb_b d\nbad event\n**\n1', 'The channel name can only contain characters A-Za-z0-9_-'],
    [`web_pipe2\nweb_${'x'.repeat(61)}\nbad event\n**\n1`, 'Invalid pipe name length'],
    [`web_pipe2\nweb_x\nbad event\n**\n1`, 'The event name can only contain characters A-Za-z0-9_-'],
    [`web_pipe2\nweb_x\n${'e'.repeat(65)}\n**\n1`, 'Invalid event name length'],
    ['web_pipe2\nweb_x\ne\n**\n1', 'Invalid value auth_type'],
    ['web_pipe2\nweb_x', 'Invalid value auth_type'],
  ] as const) {
    test(`of several faults the first is told: ${error}`, () => {
      const request = read(text)
      assert.equal(request.kind === 'publish' ? request.fault?.error : request.kind, error)
    })
  }
})

describe('questions of a page', () => {
  test('last line break may be there or not', () => {
    for (const end of ['', '\n']) {
      assert.deepEqual(read(`pipe_log\nany\nm.1${end}`), { kind: 'log', pipe: 'any', marker: 'm.1' })
      assert.deepEqual(read(`pipe_count\nweb_x\nm${end}`), { kind: 'count', pipe: 'web_x', marker: 'm' })
      assert.deepEqual(read(`pipe_count\ntrack_x\nm${end}`), { kind: 'count', pipe: 'track_x', marker: 'm' })
      assert.deepEqual(read(`track_pipe_users\ntrack_x\nm${end}`), {
        kind: 'present',
        pipe: 'track_x',
        marker: 'm',
      })
      assert.deepEqual(read(`user_data\nm\n07${end}`), { kind: 'userData', user: '7', marker: 'm' })
      assert.deepEqual(read(`user_status\n7${end}`), { kind: 'userStatus', user: '7' })
    }
  })

  test('longer word wins over a shorter one in front of it', () => {
    assert.equal(read('user_status\n7').kind, 'userStatus')
    assert.equal(read('statistics\n{}').kind, 'nothing')
    assert.equal(read('subscriptions\nweb_a').kind, 'subscription') // a command is what it begins with
  })

  test('webauth_ pipes are not counted', () => {
    assert.deepEqual(errorsOf(read('pipe_count\nwebauth_x\nm')), [
      '[pipe_count] Invalid channel name. The channel should start with web_',
    ])
  })

  test('marker of 64 letters is taken, one of 65 is not', () => {
    assert.equal(read(`pipe_log\nweb_x\n${'m'.repeat(64)}`).kind, 'log')
    assert.deepEqual(errorsOf(read(`pipe_log\nweb_x\n${'m'.repeat(65)}`)), [
      'Invalid pipe name length',
      'Invalid marker value.',
    ])
  })

  test('calls of the original that came to nothing come to nothing', () => {
    for (const text of ['statistics\n{"url":"u"}', 'cgi_call\nx', 'CometQL_call\nm\nx']) {
      assert.deepEqual(read(text), { kind: 'nothing' })
    }
  })

  test('anything else is no command', () => {
    for (const text of ['', 'hello', 'Subscription\nweb_x', 'web_pipe\nx', '{"id":1}']) {
      assert.deepEqual(read(text), { kind: 'unknown' })
    }
  })
})
