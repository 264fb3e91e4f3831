/**
 * What pages of CppComet must not send: they are told what the original tells them, and the node stays well.
 *
 * Owns every row of the protocol's table of errors, bounds of names, lists and frames, bytes that are no text, and masses
 * of commands. Over bare TCP. A refused command leaves the connection open; what can not be understood ends it, without a
 * Close frame, as pages that get one do not come back.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { masked, opcodeOf, opcodes, payloadOf } from '../support/comet-frames.ts'
import { type CometLine, cometPath, dialComet, openComet, upgradeRequest } from '../support/comet-line.ts'
import { startCometNode } from '../support/comet-node.ts'
import type { TestNode } from '../support/node.ts'
import { createRandom, seed } from '../support/seed.ts'
import { until } from '../support/until.ts'

const LONG = 'x'.repeat(62)
const LETTERS = '"error":"The channel name can only contain characters A-Za-z0-9_-","number_messages":-1'
const LENGTH = '"error":"Invalid pipe name length","number_messages":-1'

/** What is sent, and `data` of each frame that answers it. */
const refusals: readonly (readonly [sent: string, ...data: string[]])[] = [
  [
    'web_pipe2\nplain\ne\n*\n1',
    '"error":"[pipe_msg2] Invalid channel name. The channel should begin with web_","number_messages":-1',
  ],
  [
    'web_pipe2\nprivate_x\ne\n*\n1',
    '"error":"[pipe_msg2] Invalid channel name. The channel should begin with web_","number_messages":-1',
  ],
  [
    'web_pipe2',
    '"error":"[pipe_msg2] Invalid channel name. The channel should begin with web_","number_messages":-1',
  ],
  [
    'web_pipe2\nwebauth_x\ne\n*\n1',
    '"error":"[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users","number_messages":-1',
  ],
  ['web_pipe2\nweb_b.d\ne\n*\n1', LETTERS],
  ['web_pipe2\nweb_bäd\ne\n*\n1', LETTERS],
  [`web_pipe2\nweb_${LONG}\ne\n*\n1`, LENGTH],
  ['web_pipe2\nweb_x\nno event\n*\n1', '"error":"The event name can only contain characters A-Za-z0-9_-"'],
  [`web_pipe2\nweb_x\n${LONG}xxxx\n*\n1`, '"error":"Invalid event name length"'],
  ['web_pipe2\nweb_x\ne\n\n1', '"error":"Invalid value auth_type","number_messages":-1'],
  ['web_pipe2\nweb_x\ne\n**\n1', '"error":"Invalid value auth_type","number_messages":-1'],
  ['pipe_log\nweb_b!d\nm\n', LETTERS, '"error":"Invalid channel name.","number_messages":-1'],
  ['pipe_log\nweb_x\nm!\n', LETTERS, '"error":"Invalid marker value.","number_messages":-1'],
  [`pipe_log\nweb_${LONG}\nm\n`, LENGTH, '"error":"Invalid channel name.","number_messages":-1'],
  [
    'pipe_count\nplain\nm\n',
    '"error":"[pipe_count] Invalid channel name. The channel should start with web_","number_messages":-1',
  ],
  ['pipe_count\nweb_b!d\nm\n', LETTERS, '"error":"Invalid pipe name.","number_messages":-1'],
  ['pipe_count\nweb_x\nm!\n', LETTERS, '"error":"Invalid pipe name.","number_messages":-1'],
  [
    'track_pipe_users\nweb_x\nm',
    '"error":"[track_pipe_users] Invalid channel name. The channel should start with track_","user_id":-1',
  ],
  ['track_pipe_users\ntrack_b!d\nm', LETTERS],
  ['user_data\nm\nabc', '"error":"Invalid user id","user_data":"","user_id":-1'],
  ['user_data\nm\n-7', '"error":"Invalid user id","user_data":"","user_id":-1'],
  ['user_data\nm', '"error":"Invalid user id","user_data":"","user_id":-1'],
  ['user_data\nm!\n7', '"error":"Invalid marker name.","user_data":"","user_id":-1'],
]

test('commands that are refused are answered with the words of the original', async (t) => {
  const node = await startCometNode(t)
  const line = await openComet(t, node.publicPort)
  for (const [sent, ...data] of refusals) {
    line.say(sent)
    const { frames } = await line.settled()
    const expected = data.map((one) => `{"data":{${one}},"event":"error","message_send_time":0,"pipe":"sys"}`)
    assert.deepEqual(frames.map(timeless), expected, JSON.stringify(sent))
  }
})

test('refusals of pages of API 3.x are texts within the message', async (t) => {
  const node = await startCometNode(t)
  const line = await openComet(t, node.publicPort, { version: '3.25' })
  line.say('web_pipe2\nweb_x\ne\n**\n1')
  const [text = ''] = (await line.settled()).frames.map(timeless)
  assert.equal(
    text,
    '{"api_data":"for major_version < 4","data":"{\\"error\\":\\"Invalid value auth_type\\",\\"number_messages\\":-1}","event":"error","event_name":"error","message_send_time":0,"pipe":"sys"}',
  )
})

test('names of 64 letters are taken, and markers of any letters that pages make', async (t) => {
  const node = await startCometNode(t)
  const line = await openComet(t, node.publicPort)
  const name = `web_${LONG}`.slice(0, 64)
  for (const marker of ['undefined', '1234567890', '12345.6789', '1e-7_-AZaz', 'm'.repeat(64)]) {
    line.say(`pipe_count\n${name}\n${marker}\n`)
    const [text = ''] = (await line.settled()).frames.map(timeless)
    assert.deepEqual(JSON.parse(text), {
      data: { user_in_pipe: 0 },
      event: 'user_in_pipe',
      marker,
      message_send_time: 0,
      pipe: '_answer_pipe_count',
    })
  }
})

test('what is no command ends the connection, without an error and without a Close frame', async (t) => {
  const node = await startCometNode(t)
  for (const sent of [
    'hello',
    '',
    '\n',
    'Subscription\nweb_x',
    'unsubscription\nweb_x',
    '{"id":1,"ping":{}}',
    'web_pipe\nx',
  ]) {
    const line = await openComet(t, node.publicPort)
    line.say(sent)
    assert.deepEqual((await line.dropped()).frames, [], JSON.stringify(sent))
  }
  await assertWell(t, node)
})

test('lists that are too long end the connection with an error', async (t) => {
  const node = await startCometNode(t)
  const lists = ['x'.repeat(65), 'web_ok\n'.repeat(10_000).slice(0, 65_000), `web_ok\n${'x'.repeat(60_000)}`]
  for (const list of lists) {
    const line = await openComet(t, node.publicPort)
    line.say(`subscription\n${list}`)
    const { frames } = await line.dropped()
    assert.deepEqual(frames.map(timeless), [
      '{"data":{"code":"403","error":"Channel name is too long"},"event":"error","message_send_time":0,"pipe":"sys"}',
    ])
  }
  await assertWell(t, node)
})

test('more pipes than a session may hold are one error, and those that fit are held', async (t) => {
  const node = await startCometNode(t, ['--max-channels-per-session', '32'])
  const line = await openComet(t, node.publicPort)
  line.say(`subscription\n${Array.from({ length: 33 }, (_, n) => `web_p${n}`).join('\n')}`)
  const { frames } = await line.settled(1)
  assert.deepEqual(frames.map(timeless), [
    '{"data":{"code":"403","error":"Too many letters"},"event":"error","message_send_time":0,"pipe":"sys"}',
  ])
  const other = await openComet(t, node.publicPort)
  for (const [pipe, count] of [
    ['web_p0', 1],
    ['web_p31', 1],
    ['web_p32', 0],
  ] as const) {
    other.say(`pipe_count\n${pipe}\nm\n`)
    assert.match(String((await other.settled()).frames.map(timeless)), new RegExp(`"user_in_pipe":${count}`))
  }
})

test('message longer than allowed ends the connection, however it is framed', async (t) => {
  const node = await startCometNode(t, ['--max-message-bytes', '1024'])
  const long = `web_pipe2\nweb_x\ne\n*\n"${'x'.repeat(1_000_000)}"`
  const whole = await openComet(t, node.publicPort)
  whole.say(long)
  await assertDropped(whole)
  const pieces = await openComet(t, node.publicPort)
  pieces.write(masked(long.slice(0, 1_000), 0x01))
  pieces.write(masked(long.slice(1_000, 2_000), 0x00))
  pieces.write(masked(long.slice(2_000), 0x80))
  await assertDropped(pieces)
  const claimed = await openComet(t, node.publicPort)
  claimed.write(Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]))
  await assertDropped(claimed)
  await assertWell(t, node)
})

test('bytes that are no UTF-8 end the connection in a text, and are replaced in binary frames', async (t) => {
  const node = await startCometNode(t)
  const other = await openComet(t, node.publicPort)
  other.say('subscription\nweb_x')
  await other.settled()
  const bytes = Buffer.concat([
    Buffer.from('web_pipe2\nweb_x\ne\n*\n'),
    Buffer.from([0x61, 0xff, 0xc3, 0x28]),
  ])
  const line = await openComet(t, node.publicPort)
  line.write(masked(bytes))
  await assertDropped(line)
  const binary = await openComet(t, node.publicPort)
  binary.write(masked(bytes, 0x82))
  const [text = ''] = (await other.settled(1)).frames.map(timeless)
  assert.equal(JSON.parse(text).data, 'a\ufffd\ufffd(')
  await assertWell(t, node)
})

test('keys that pages obey are never relayed at the top of a message', async (t) => {
  const node = await startCometNode(t)
  const other = await openComet(t, node.publicPort)
  other.say('subscription\nweb_x')
  await other.settled()
  const line = await openComet(t, node.publicPort)
  const data = '{"jscode":"alert(1)","error":500,"authorized":"true","pipe":"sys"}'
  for (const text of [
    data,
    `x","jscode":"alert(1)","y":"`,
    `A::5;${data}`,
    '\n{"jscode":"alert(1)","data":1}',
  ]) {
    line.say(`web_pipe2\nweb_x\ne\n*\n${text}`)
    const [came = ''] = (await other.settled(1)).frames.map(timeless)
    assert.deepEqual(came.split('\n').length, 1)
    const keys = Object.keys(JSON.parse(came))
    assert.deepEqual(keys, ['data', 'event', 'message_send_time', 'pipe', 'user_id'])
    assert.ok(!JSON.parse(came).data.startsWith('A::'), 'no sender can be forged')
  }
})

test('thousands of commands in one go are answered one by one, and others do not wait for ever', async (t) => {
  const node = await startCometNode(t)
  const line = await openComet(t, node.publicPort)
  const count = 5_000
  const commands = Array.from({ length: count }, (_, n) => masked(`pipe_count\nweb_x\nm${n}\n`))
  line.write(Buffer.concat(commands))
  const other = await openComet(t, node.publicPort)
  await other.settled()
  const came = await line.texts(count)
  assert.deepEqual(
    came.map((text) => JSON.parse(text).marker),
    Array.from({ length: count }, (_, n) => `m${n}`),
  )
  await line.settled()
})

test('commands above the rate are refused, and far above it end the connection', async (t) => {
  const perSecond = 10
  const node = await startCometNode(t, ['--max-commands-per-second', `${perSecond}`])
  const line = await openComet(t, node.publicPort)
  const began = performance.now()
  line.write(Buffer.concat(Array.from({ length: 30 }, (_, n) => masked(`pipe_count\nweb_x\nm${n}\n`))))
  const texts = await line.texts(30)
  const seconds = Math.floor((performance.now() - began) / 1_000) + 2 // that were touched, at the most
  const heard = texts.filter((text) => JSON.parse(text).event !== 'error').length
  assert.ok(heard >= perSecond && heard <= seconds * perSecond, `${heard} were heard in ${seconds} seconds`)
  line.write(Buffer.concat(Array.from({ length: 500 }, () => masked('user_data\nm\n7'))))
  await assertDropped(line)
})

test('any bytes leave the node well', async (t) => {
  const node = await startCometNode(t)
  const random = createRandom()
  const words = [
    'subscription\n',
    'web_pipe2\n',
    'pipe_log\n',
    'pipe_count\n',
    'track_pipe_users\n',
    'user_data\n',
    'user_status\n',
    '',
  ]
  const firsts = [0x81, 0x82, 0x01, 0x80, 0x89, 0x8a, 0x83, 0xf1]
  let line = await openComet(t, node.publicPort)
  for (let n = 0; n < 400; n++) {
    const pieces = Array.from({ length: random.below(6) }, () =>
      random.below(3) === 0
        ? random.bytes(random.below(80))
        : Buffer.from(`web_x${'\n'.repeat(random.below(3))}`),
    )
    const word = words[random.below(words.length)] ?? ''
    const first = random.below(4) === 0 ? (firsts[random.below(firsts.length)] ?? 0x81) : 0x82
    line.write(masked(Buffer.concat([Buffer.from(word), ...pieces]), first))
    if (random.below(20) === 0) line.write(random.bytes(30))
    if (!line.isOpen()) line = await openComet(t, node.publicPort)
  }
  await assertWell(t, node, `TEST_SEED=${seed}`)
})

test('addresses of any kind are refused in words or by dropping, and leave the node well', async (t) => {
  const node = await startCometNode(t)
  const paths = [
    cometPath({ key: 'undefined', user: 'undefined', tenant: 'undefined' }),
    cometPath({ user: -1, tenant: 99_999_999_999 }),
    cometPath({ user: '1'.repeat(40), uuid: 'u'.repeat(500) }),
    cometPath({ key: 'k'.repeat(3_000) }),
    cometPath({ uuid: '%00%ff<script>' }),
  ]
  for (const path of paths) {
    const line = await dialComet(t, node.publicPort, upgradeRequest(path))
    const [greeting = ''] = await line.texts(1)
    assert.equal(JSON.parse(greeting).authorized, 'false', path.slice(0, 100))
    await line.settled()
  }
  const broken = [
    '/ws/sesion',
    '/ws/&&&&&',
    '/ws/=&',
    '/ws/sesion=&myid=&devid=&v=',
    '/ws/sesion=k&myid=1&devid=1&v=x.y',
  ]
  for (const path of broken) {
    const line = await dialComet(t, node.publicPort, upgradeRequest(path))
    const { frames } = await line.dropped()
    assert.equal(frames.length, 1, path)
    assert.match(String(frames.map(timeless)), /Error code (401|406|418)/)
  }
  await assertWell(t, node)
})

async function assertDropped(line: CometLine): Promise<void> {
  const { frames } = await line.dropped()
  for (const one of frames)
    assert.notEqual(opcodeOf(one), opcodes.close, 'a page that gets a Close frame stays away')
}

/** Healthy, open to a new page, and it complained of no fault of its own. */
async function assertWell(t: TestContext, node: TestNode, hint = ''): Promise<void> {
  const page = await openComet(t, node.publicPort)
  page.say('subscription\nweb_well')
  await page.settled()
  page.say('pipe_count\nweb_well\nm\n')
  assert.match(String((await page.settled()).frames.map(timeless)), /"user_in_pipe":1/, hint)
  const health = await until(() => fetch(`${node.internalUrl}/readyz`), { what: `health ${hint}` })
  assert.equal(health.status, 200)
  await health.arrayBuffer()
  assert.doesNotMatch(node.stderr() + node.stdout(), /fault|"level":"error"/i, hint)
}

function timeless(frame: Buffer): string {
  return payloadOf(frame)
    .toString()
    .replace(/"message_send_time":\d+/, '"message_send_time":0')
}
