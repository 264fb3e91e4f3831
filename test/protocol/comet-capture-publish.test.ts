/**
 * CppComet's browser protocol, byte for byte: subscriptions, what the application publishes, what pages publish.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09. What a page sent there is sent to a node, over a bare
 * TCP connection, and what comes back is compared with the original's bytes; each deviation is named at the test that shows
 * it, and said with its reason in test/support/comet-deviations.ts. What the application did with SQL is done over the
 * HTTP API.
 */
import type { CometLine } from '../support/comet-line.ts'
import { comparisonOf, frames, lastFrames, nothing } from '../support/comet-same.ts'
import { OLD, play, type Stage } from '../support/comet-stage.ts'

const comparison = comparisonOf('publish')
const { sameAs } = comparison

const SIXTY = 'x'.repeat(59)

play('pages of CppComet subscribe and publish as with the original', comparison, {
  async 'subscription to one pipe has no answer'({ page }) {
    const line = await page()
    line.say('subscription\nweb_test')
    sameAs(nothing, await line.settled())
  },

  async 'JSON that the application publishes stays a text, as it was written'(stage) {
    const { line, old } = await both(stage)
    await stage.app.publishJson('web_test', 'ev1', '{"text":"hello"}')
    sameAs(
      frames([
        '81 5e',
        '{"data":"{\\"text\\":\\"hello\\"}","event":"ev1","message_send_time":1795324892,"pipe":"web_test"}',
      ]),
      await line.settled(1),
    )
    sameAs(
      frames([
        '81 7e 00 94',
        '{"api_data":"for major_version < 4","data":"{\\"text\\":\\"hello\\"}","event":"ev1","event_name":"ev1","message_send_time":1795324892,"pipe":"web_test"}',
      ]),
      await old.settled(1),
    )
  },

  async 'text that the application publishes arrives as that text'({ on, app }) {
    const line = await on('web_test')
    const rows = [
      [
        'plain',
        'e',
        '81 4d',
        '{"data":"plain","event":"e","message_send_time":1795324893,"pipe":"web_test"}',
      ],
      [
        'dq "inner" and \'single\'',
        'e',
        '81 65',
        '{"data":"dq \\\\\\"inner\\\\\\" and \'single\'","event":"e","message_send_time":1795324894,"pipe":"web_test"}',
      ],
      [
        'sq \'inner\' and "double"',
        'e',
        '81 65',
        '{"data":"sq \\\\\'inner\\\\\' and \\"double\\"","event":"e","message_send_time":1795324895,"pipe":"web_test"}',
      ],
      [
        'back\\slash and newline\nend',
        'e',
        '81 67',
        '{"data":"back\\\\\\\\slash and newline\\\\nend","event":"e","message_send_time":1795324896,"pipe":"web_test"}',
      ],
      [
        'real newline\nend',
        'e',
        '81 59',
        '{"data":"real newline\\nend","event":"e","message_send_time":1795324897,"pipe":"web_test"}',
      ],
      [
        'привет ✓ 😀',
        'e',
        '81 5d',
        '{"data":"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xe2\x9c\x93 \xf0\x9f\x98\x80","event":"e","message_send_time":1795324898,"pipe":"web_test"}',
      ],
      [
        'empty event',
        '',
        '81 52',
        '{"data":"empty event","event":"","message_send_time":1795324899,"pipe":"web_test"}',
      ],
    ] as const
    for (const [text, event, head, payload] of rows) {
      await app.publish('web_test', event, text)
      sameAs(frames([head, payload]), await line.settled(1), ['textAsJson'])
    }
  },

  async 'web_pipe2 is reported to its sender and goes to the others'(stage) {
    const { line, old } = await both(stage)
    line.say('web_pipe2\nweb_test\njsEvent\n*\n{"from":"js"}')
    sameAs(
      frames([
        '81 7e 00 91',
        '{"data":{"message":"{\\\\\\"from\\\\\\":\\\\\\"js\\\\\\"}","number_messages":1},"event":"answer","message_send_time":1795324900,"pipe":"_answer_to_web_test"}',
      ]),
      await line.settled(1),
      ['untouchedText'],
    )
    sameAs(
      frames([
        '81 7e 00 ad',
        '{"api_data":"for major_version < 4","data":"{\\\\\\"from\\\\\\":\\\\\\"js\\\\\\"}","event":"jsEvent","event_name":"jsEvent","message_send_time":1795324900,"pipe":"web_test","user_id":0}',
      ]),
      await old.settled(1),
      ['untouchedText'],
    )
  },

  async 'web_pipe2 to a pipe with @ reaches the pipe without'(stage) {
    const { line, old } = await both(stage)
    line.say('web_pipe2\n@web_test\njsEvent\n*\n"str"')
    sameAs(
      frames([
        '81 7e 00 83',
        '{"data":{"message":"\\\\\\"str\\\\\\"","number_messages":1},"event":"answer","message_send_time":1795324901,"pipe":"_answer_to_web_test"}',
      ]),
      await line.settled(1),
      ['untouchedText'],
    )
    sameAs(
      frames([
        '81 7e 00 9f',
        '{"api_data":"for major_version < 4","data":"\\\\\\"str\\\\\\"","event":"jsEvent","event_name":"jsEvent","message_send_time":1795324901,"pipe":"web_test","user_id":0}',
      ]),
      await old.settled(1),
      ['untouchedText'],
    )
  },

  // Not recorded: the specification says that the original counts frames of 126 bytes and more only.
  async 'web_pipe2 tells how many it reached, short frames too'({ on, page }) {
    const receivers = [await on('web_few'), await on('web_few'), await on('web_few', OLD)]
    const line = await page()
    line.say('web_pipe2\nweb_few\ne\n*\n1')
    sameAs(
      frames([
        '81 78',
        '{"data":{"message":"1","number_messages":1},"event":"answer","message_send_time":1795324901,"pipe":"_answer_to_web_few"}',
      ]),
      await line.settled(1),
      ['countsShortFrames'],
    )
    for (const receiver of receivers) await receiver.settled(1)
  },

  async 'web_pipe2 to a pipe that is not web_ is refused'({ page }) {
    const line = await page()
    line.say('web_pipe2\nother_pipe\nev\n*\n"x"')
    sameAs(
      frames([
        '81 7e 00 aa',
        '{"data":{"error":"[pipe_msg2] Invalid channel name. The channel should begin with web_","number_messages":-1},"event":"error","message_send_time":1795324902,"pipe":"sys"}',
      ]),
      await line.settled(),
    )
  },

  async 'web_pipe2 to webauth_ is refused to the anonymous'({ page }) {
    const line = await page()
    line.say('web_pipe2\nwebauth_x\nev\n*\n"x"')
    sameAs(
      frames([
        '81 7e 00 d6',
        '{"data":{"error":"[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send messages anonim users","number_messages":-1},"event":"error","message_send_time":1795324902,"pipe":"sys"}',
      ]),
      await line.settled(),
    )
  },

  async 'web_pipe2 with a bad name of an event is refused'({ page }) {
    const line = await page()
    line.say('web_pipe2\nweb_test\nbad event!\n*\n"x"')
    sameAs(
      frames([
        '81 7e 00 87',
        '{"data":{"error":"The event name can only contain characters A-Za-z0-9_-"},"event":"error","message_send_time":1795324902,"pipe":"sys"}',
      ]),
      await line.settled(),
    )
  },

  async 'web_pipe2 with a bad auth_type is refused'({ page }) {
    const line = await page()
    line.say('web_pipe2\nweb_test\nev\nzz\n"x"')
    sameAs(
      frames([
        '81 7d',
        '{"data":{"error":"Invalid value auth_type","number_messages":-1},"event":"error","message_send_time":1795324903,"pipe":"sy\x00\x00\x00',
      ]),
      await line.settled(),
      ['noDamage'],
    )
  },

  async 'subscription to several pipes replaces the list before'({ on, app }) {
    const line = await on('web_test')
    line.say('subscription\nweb_a\nweb_b\nplain_pipe')
    sameAs(nothing, await line.settled())
    for (const pipe of ['web_test', 'web_a', 'plain_pipe']) await app.publish(pipe, 'e', `to ${pipe}`)
    sameAs(
      frames(
        ['81 4d', '{"data":"to web_a","event":"e","message_send_time":1795324920,"pipe":"web_a"}'],
        ['81 57', '{"data":"to plain_pipe","event":"e","message_send_time":1795324920,"pipe":"plain_pipe"}'],
      ),
      await line.settled(2),
      ['textAsJson'],
    )
  },

  async 'subscription to the same pipe twice counts once'({ on, app }) {
    const line = await on('web_dup\nweb_dup')
    await app.publish('web_dup', 'e', 'once?')
    sameAs(
      frames(
        ['81 4c', '{"data":"once?","event":"e","message_send_time":1795324923,"pipe":"web_dup"}'],
        ['81 4c', '{"data":"once?","event":"e","message_send_time":1795324923,"pipe":"web_dup"}'],
      ),
      await line.settled(1),
      ['oncePerPipe', 'textAsJson'],
    )
  },

  async 'subscription is split at whatever no name may hold; a name of one letter ends it'({ page, app }) {
    const line = await page()
    line.say('subscription\na')
    sameAs(nothing, await line.settled())
    line.say('subscription\nweb_ok1\nweb bad\nweb_ok2')
    sameAs(nothing, await line.settled())
    for (const pipe of ['web_ok1', 'web_ok2', 'bad']) await app.publish(pipe, 'e', `to ${pipe}`)
    sameAs(
      frames(
        ['81 51', '{"data":"to web_ok1","event":"e","message_send_time":1795324927,"pipe":"web_ok1"}'],
        ['81 51', '{"data":"to web_ok2","event":"e","message_send_time":1795324927,"pipe":"web_ok2"}'],
        ['81 49', '{"data":"to bad","event":"e","message_send_time":1795324927,"pipe":"bad"}'],
      ),
      await line.settled(3),
      ['textAsJson'],
    )
  },

  async 'subscription takes names of 63 and 64 letters'({ page, app }) {
    const line = await page()
    const rows = [
      [`web_${SIXTY}`, 'to 63', '81 7e 00 84'],
      [`web_${SIXTY}x`, 'to 64', '81 7e 00 85'],
    ] as const
    for (const [pipe, text, head] of rows) {
      line.say(`subscription\n${pipe}`)
      sameAs(nothing, await line.settled())
      await app.publish(pipe, 'e', text)
      const payload = `{"data":"${text}","event":"e","message_send_time":1795324930,"pipe":"${pipe}"}`
      sameAs(frames([head, payload]), await line.settled(1), ['textAsJson'])
    }
  },

  async 'subscription to a name of 65 letters ends the connection with an error'({ page }) {
    const line = await page()
    line.say(`subscription\nweb_${SIXTY}xx`)
    sameAs(
      lastFrames([
        '81 76',
        '{"data":{"code":"403","error":"Channel name is too long"},"event":"error","message_send_time":1795324934,"pipe":"sys"}',
      ]),
      await line.dropped(),
    )
  },

  async 'subscription to 33 pipes is one'({ page, app }) {
    const line = await page()
    const pipes = Array.from({ length: 33 }, (_, n) => `web_p${n}`)
    line.say(`subscription\n${pipes.join('\n')}`)
    await line.settled()
    for (const pipe of ['web_p0', 'web_p31', 'web_p32']) await app.publish(pipe, 'e', `to ${pipe}`)
    sameAs(
      frames(
        [
          '81 6e',
          '{"data":{"code":"403","error":"Too many letters"},"event":"error","message_send_time":1795324935,"pipe":"sys"}',
        ],
        ['81 4f', '{"data":"to web_p0","event":"e","message_send_time":1795324935,"pipe":"web_p0"}'],
        ['81 51', '{"data":"to web_p31","event":"e","message_send_time":1795324935,"pipe":"web_p31"}'],
      ),
      await line.settled(3),
      ['morePipes', 'textAsJson'],
    )
  },

  async 'subscription to private_ is left out for the anonymous, and nothing else is'({ page, app }) {
    const line = await page()
    line.say('subscription\nprivate_x\nweb_y')
    sameAs(nothing, await line.settled())
    for (const pipe of ['private_x', 'web_y']) await app.publish(pipe, 'e', `to ${pipe}`)
    sameAs(nothing, await line.settled(1), ['onlyPrivateSkipped', 'textAsJson'])
  },
})

/** A page of each generation on web_test. */
async function both({ on }: Stage): Promise<{ line: CometLine; old: CometLine }> {
  return { line: await on('web_test'), old: await on('web_test', OLD) }
}
