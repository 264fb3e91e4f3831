/**
 * CppComet's browser protocol, byte for byte: logins by hash and by token, messages to users, who is online.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09, played against a node as in
 * comet-capture-publish.test.ts. What the application did with SQL is done over the HTTP API.
 */
import type { CometFields } from '../support/comet-line.ts'
import { comparisonOf, frames, lastFrames } from '../support/comet-same.ts'
import { OLD, play, type Stage } from '../support/comet-stage.ts'

const comparison = comparisonOf('login')
const { sameAs } = comparison

const SEVEN: CometFields = { key: 'hash7', user: 7 }

/** HS256, secret = password and tenant = "CometQLPassword1", payload {"user_id":9,"exp":9983311200}; as recorded. */
const TOKEN =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjo5LCJleHAiOjk5ODMzMTEyMDB9.I1IZZ4oP69w23AZvNc0xcfXgKNOIQaDeeYHP-cnyYvg'

const anonymous = frames([
  '81 7e 00 91',
  '{"authorized":false,"data":"","event":"serverInfo","message_send_time":1795324971,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
])
const greeting = ['authorizedAsText', 'serverName'] as const

play('users of CppComet log in as with the original', comparison, {
  async 'hash that fits lets its user in, and those who watch see them come and go'({ on, app, ...stage }) {
    await app.setKey('7', 'hash7')
    const watcher = await on('user_status_7')
    const line = await greeted(stage, SEVEN)
    sameAs(
      frames([
        '81 7e 00 95',
        '{"authorized":true,"data":"hash7","event":"serverInfo","message_send_time":1795324965,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
      ]),
      await line.settled(1),
      greeting,
    )
    sameAs(
      frames(['81 39', '{"data":"online","event":"online","pipe":"user_status_7"}']),
      await watcher.settled(1),
    )
    await line.hangUp()
    sameAs(
      frames(['81 3b', '{"data":"offline","event":"offline","pipe":"user_status_7"}']),
      await watcher.settled(1),
    )
  },

  async 'message to a user who is there has no time'({ page, app }) {
    await app.setKey('7', 'hash7')
    const line = await page(SEVEN)
    await app.toUser('7', 'pm', 'hello 7')
    sameAs(frames(['81 2c', '{"data":"hello 7","event":"pm","pipe":"msg"}']), await line.settled(1), [
      'textAsJson',
    ])
    const other = await page()
    other.say('user_status\n7')
    sameAs(
      frames([
        '81 7e 00 8e',
        '{"data":{"data":1795324966,"last_online_time":1795324966},"event":"user_status_7","message_send_time":1795324966,"pipe":"_answer_user_status"}',
      ]),
      await other.settled(1),
    )
  },

  async 'web_pipe2 of a user tells who they are'({ on, page, app }) {
    await app.setKey('7', 'hash7')
    const old = await on('web_test', OLD)
    const line = await page(SEVEN)
    line.say('web_pipe2\nweb_test\nauthEv\n*\n{"k":1}')
    sameAs(
      frames([
        '81 7e 00 9f',
        '{"api_data":"for major_version < 4","data":"{\\\\\\"k\\\\\\":1}","event":"authEv","event_name":"authEv","message_send_time":1795324967,"pipe":"web_test","user_id":7}',
      ]),
      await old.settled(1),
      ['untouchedText'],
    )
  },

  async 'messages wait for a user who is away'({ app, ...stage }) {
    await app.setKey('7', 'hash7')
    await app.toUser('7', 'pm', 'while away')
    const line = await greeted(stage, SEVEN)
    sameAs(
      frames(
        [
          '81 7e 00 95',
          '{"authorized":true,"data":"hash7","event":"serverInfo","message_send_time":1795324970,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
        ],
        [
          '81 5f',
          '{"data":"while away","event":"pm","fromQueue":true,"message_send_time":1795324969,"pipe":"msg"}',
        ],
      ),
      await line.settled(2),
      ['textAsJson', ...greeting],
    )
    await app.inboxIsEmpty('7') // else they come again
    await line.hangUp()
    await app.toUser('7', 'pm', 'while away 2')
    const old = await greeted(stage, { ...SEVEN, ...OLD })
    sameAs(
      frames(
        [
          '81 7e 00 d2',
          '{"api_data":"for major_version < 4","authorized":true,"data":"hash7","event":"serverInfo","event_name":"serverInfo","message_send_time":1795324971,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
        ],
        [
          '81 7e 00 96',
          '{"api_data":"for major_version < 4","data":"while away 2","event":"pm","event_name":"pm","fromQueue":true,"message_send_time":1795324971,"pipe":"msg"}',
        ],
      ),
      await old.settled(2),
      ['textAsJson', ...greeting],
    )
    await app.inboxIsEmpty('7')
  },

  async 'hash that does not fit leaves the page anonymous'({ app, ...stage }) {
    await app.setKey('7', 'hash7')
    const line = await greeted(stage, { key: 'nothash', user: 7 })
    sameAs(anonymous, await line.settled(1), greeting)
  },

  async 'token lets its user in and no other, until it is revoked'({ app, ...stage }) {
    const line = await greeted(stage, { key: TOKEN, user: 9 })
    sameAs(
      frames([
        '81 7e 00 b0',
        '{"authorized":true,"data":"c3c8b0500e634011f10b691002fc0000","event":"serverInfo","message_send_time":1795324972,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
      ]),
      await line.settled(1),
      greeting,
    )
    const other = await greeted(stage, { key: TOKEN, user: 10 })
    sameAs(anonymous, await other.settled(1), greeting)
    await app.call('tokens/revoke', { token: TOKEN })
    sameAs(lastFrames(), await line.dropped())
    const revoked = await greeted(stage, { key: TOKEN, user: 9 })
    sameAs(anonymous, await revoked.settled(1), greeting)
    await app.call('tokens/restore', { token: TOKEN })
    const back = await greeted(stage, { key: TOKEN, user: 9 })
    await back.settled(1)
  },

  async 'key that is taken back drops the connections of its user'({ page, app }) {
    await app.setKey('7', 'hash7')
    const lines = [await page(SEVEN), await page(SEVEN)]
    await app.call('users/key/remove', { user: '7' })
    for (const line of lines) sameAs(lastFrames(), await line.dropped())
  },

  async 'key that is replaced drops nobody'({ page, app, ...stage }) {
    await app.setKey('7', 'hash7')
    const line = await page(SEVEN)
    await app.setKey('7', 'hash8')
    sameAs(frames(), await line.settled())
    sameAs(anonymous, await (await greeted(stage, SEVEN)).settled(1), greeting)
  },
})

/** A page whose greeting is still to be looked at. */
async function greeted({ upgrade }: Pick<Stage, 'upgrade'>, fields: CometFields) {
  const line = await upgrade(fields)
  await line.upgraded()
  return line
}
