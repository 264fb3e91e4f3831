/**
 * CppComet's browser protocol, byte for byte: what pages ask, and who is on track_ pipes.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09, played against a node as in
 * comet-capture-publish.test.ts. What the application did with SQL is done over the HTTP API.
 */
import { comparisonOf, frames, lastFrames, nothing } from '../support/comet-same.ts'
import { OLD, play } from '../support/comet-stage.ts'

const comparison = comparisonOf('questions')
const { sameAs } = comparison

const ONE = 'uuid-one-aaaaaaaaaaaaaaaaaaaaaaa'
const TWO = 'uuid-two-bbbbbbbbbbbbbbbbbbbbbbb'

play('pages of CppComet ask as they ask the original', comparison, {
  async 'pipe_count tells how many are there'({ on }) {
    const line = await on('web_test')
    const old = await on('web_test', OLD)
    line.say('pipe_count\nweb_test\nmarker1\n')
    sameAs(
      frames([
        '81 7e 00 80',
        '{"data":["user_in_pipe",2],"event":"user_in_pipe","marker":"marker1","message_send_time":1795324903,"pipe":"_answer_pipe_count"}',
      ]),
      await line.settled(),
      ['countAsObject'],
    )
    old.say('pipe_count\nweb_test\nmarker1\n')
    sameAs(
      frames([
        '81 7e 00 c3',
        '{"api_data":"for major_version < 4","data":"[\\"user_in_pipe\\",2]","event":"user_in_pipe","event_name":"user_in_pipe","marker":"marker1","message_send_time":1795324904,"pipe":"_answer_pipe_count"}',
      ]),
      await old.settled(),
      ['countAsObject'],
    )
  },

  async 'pipe_count of a pipe that is not web_ or track_ is refused'({ page }) {
    const line = await page()
    line.say('pipe_count\nother\nmarker1\n')
    sameAs(
      frames([
        '81 7e 00 ab',
        '{"data":{"error":"[pipe_count] Invalid channel name. The channel should start with web_","number_messages":-1},"event":"error","message_send_time":1795324904,"pipe":"sys"}',
      ]),
      await line.settled(),
    )
  },

  async 'pipe_log of a pipe without one has no answer'({ page }) {
    const line = await page()
    line.say('pipe_log\nweb_test\nmarker2\n')
    sameAs(nothing, await line.settled())
  },

  async 'pipe_log tells what is kept, the oldest first'({ page, app }) {
    await app.call('channels/settings', { channel: 'web_log', historySize: 3 })
    for (const n of [0, 1, 2, 3]) await app.publish('web_log', `ev${n}`, `m${n}`)
    const line = await page()
    line.say('pipe_log\nweb_log\nmarker3\n')
    sameAs(
      frames(
        [
          '81 68',
          '{"data":"m1","event":"ev1","fromQueue":true,"message_send_time":1795324907,"pipe":"web_log","user_id":0}',
        ],
        [
          '81 68',
          '{"data":"m2","event":"ev2","fromQueue":true,"message_send_time":1795324909,"pipe":"web_log","user_id":0}',
        ],
        [
          '81 68',
          '{"data":"m3","event":"ev3","fromQueue":true,"message_send_time":1795324910,"pipe":"web_log","user_id":0}',
        ],
      ),
      await line.settled(3),
      ['historyMarked'],
    )
  },

  // Not recorded with a page of API 3.x: the specification says how its frames differ.
  async 'pipe_log tells a page of API 3.x what it asks by its marker'({ page, app }) {
    await app.call('channels/settings', { channel: 'web_log_old', historySize: 3 })
    await app.publish('web_log_old', 'ev1', 'm1')
    const old = await page(OLD)
    old.say('pipe_log\nweb_log_old\nmarker3\n')
    sameAs(
      frames([
        '81 7e 00 a2',
        '{"api_data":"for major_version < 4","data":"m1","event":"ev1","event_name":"ev1","fromQueue":true,"message_send_time":1795324907,"pipe":"web_log_old","user_id":0}',
      ]),
      await old.settled(1),
      ['historyMarkedOld'],
    )
  },

  async 'user_status of an unknown user is a second ahead'({ page }) {
    const line = await page()
    line.say('user_status\n12345')
    sameAs(
      frames([
        '81 7e 00 92',
        '{"data":{"data":1795324913,"last_online_time":1795324913},"event":"user_status_12345","message_send_time":1795324912,"pipe":"_answer_user_status"}',
      ]),
      await line.settled(1),
    )
  },

  async 'user_data of an unknown user is empty, of a known one their text'({ page, app }) {
    await app.call('users/data', { user: '7', data: '{"name":"Ann"}' })
    const line = await page()
    line.say('user_data\nmarker4\n12345')
    sameAs(
      frames([
        '81 7d',
        '{"data":{"user_data":"","user_id":12345},"event":"answer","marker":"marker4","message_send_time":1795324912,"pipe":"_answe\x00\x00\x00',
      ]),
      await line.settled(1),
      ['noDamage'],
    )
    line.say('user_data\nmarker4\n7')
    sameAs(
      frames([
        '81 7e 00 8b',
        '{"data":{"user_data":"{\\"name\\":\\"Ann\\"}","user_id":7},"event":"answer","marker":"marker4","message_send_time":1795324913,"pipe":"_answer"}',
      ]),
      await line.settled(1),
    )
  },

  async 'user_data with a bad id is refused'({ page }) {
    const line = await page()
    line.say('user_data\nmarker4\nabc')
    sameAs(
      frames([
        '81 7c',
        '{"data":{"error":"Invalid user id","user_data":"","user_id":-1},"event":"error","message_send_time":1795324913,"pipe":"sys\x00\x00',
      ]),
      await line.settled(),
      ['noDamage'],
    )
  },

  async 'track_ pipe tells who comes and goes, and who is there'({ on }) {
    const line = await on('track_room', { uuid: ONE })
    const other = await on('track_room', { uuid: TWO })
    sameAs(
      frames([
        '81 7e 00 8a',
        `{"data":{"user_id":0,"uuid":"${TWO}"},"event":"subscription","message_send_time":1795324916,"pipe":"track_room"}`,
      ]),
      await line.settled(1),
    )
    sameAs(nothing, await other.settled())
    line.say('track_pipe_users\ntrack_room\nmarker5')
    sameAs(
      frames([
        '81 7e 00 f4',
        `{"_info":"answer for track_pipe_users","data":[{"user_id":0,"uuid":"${TWO}"},{"user_id":0,"uuid":"${ONE}"}],"event":"answer","marker":"marker5","message_send_time":1795324917,"pipe":"_answer"}`,
      ]),
      await line.settled(1),
    )
    await other.hangUp()
    sameAs(
      frames([
        '81 7e 00 8c',
        `{"data":{"user_id":0,"uuid":"${TWO}"},"event":"unsubscription","message_send_time":1795324917,"pipe":"track_room"}`,
      ]),
      await line.settled(1),
    )
  },

  // Not recorded: the specification says that every new list drops and takes up all pipes.
  async 'track_ pipe that stays in the list of a page is not left'({ on }) {
    const line = await on('track_room', { uuid: ONE })
    const other = await on('track_room', { uuid: TWO })
    await line.settled(1)
    other.say('subscription\ntrack_room\nweb_test')
    await other.settled()
    sameAs(
      frames(
        [
          '81 7e 00 8c',
          `{"data":{"user_id":0,"uuid":"${TWO}"},"event":"unsubscription","message_send_time":1795324917,"pipe":"track_room"}`,
        ],
        [
          '81 7e 00 8a',
          `{"data":{"user_id":0,"uuid":"${TWO}"},"event":"subscription","message_send_time":1795324917,"pipe":"track_room"}`,
        ],
      ),
      await line.settled(),
      ['noNoise'],
    )
  },

  // Not recorded with a page of API 3.x, as before.
  async 'track_pipe_users tells a page of API 3.x in the pipe itself'({ on }) {
    const old = await on('track_room', { ...OLD, uuid: ONE })
    old.say('track_pipe_users\ntrack_room\nmarker5')
    const list = `[{\\"user_id\\":0,\\"uuid\\":\\"${ONE}\\"}]`
    sameAs(
      frames([
        '81 7e 00 fd',
        `{"_info":"answer for track_pipe_users","api_data":"for major_version < 4","data":"${list}","event":"answer","event_name":"answer","marker":"marker5","message_send_time":1795324917,"pipe":"_answer"}`,
      ]),
      await old.settled(1),
      ['presentInPipe'],
    )
  },

  async 'track_pipe_users of a pipe that is not track_ is refused'({ page }) {
    const line = await page()
    line.say('track_pipe_users\nweb_test\nmarker5')
    sameAs(
      frames([
        '81 7e 00 ab',
        '{"data":{"error":"[track_pipe_users] Invalid channel name. The channel should start with track_","user_id":-1},"event":"error","message_send_time":1795324918,"pipe":"sys"}',
      ]),
      await line.settled(),
    )
  },

  async 'statistics, cgi_call and CometQL_call have no answer'({ page }) {
    const line = await page()
    const commands = [
      'statistics\n{"url":"u","dev_id":"1","version":"4.08"}',
      'cgi_call\nx',
      'CometQL_call\nm\nnot.a.token',
    ]
    for (const command of commands) {
      line.say(command)
      sameAs(nothing, await line.settled())
    }
  },

  async 'unknown command ends the connection'({ page }) {
    const line = await page()
    line.say('hello')
    sameAs(lastFrames(), await line.dropped())
  },
})
