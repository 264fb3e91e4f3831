/**
 * CppComet's browser protocol, byte for byte: upgrades, paths, and what is wrong with them.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09, played against a node as in
 * comet-capture-publish.test.ts. Names of headers are compared in one case and in one order.
 */
import { recorded } from '../support/comet-frames.ts'
import { cometPath, upgradeRequest } from '../support/comet-line.ts'
import { comparisonOf, type Said } from '../support/comet-same.ts'
import { OLD, play } from '../support/comet-stage.ts'

const comparison = comparisonOf('upgrade')
const { sameAs } = comparison

const ACCEPTED =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Version: 13'

const GREETING = recorded(
  '81 7e 00 91',
  '{"authorized":false,"data":"","event":"serverInfo","message_send_time":1795324887,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
)
const greeting = ['ownHandshake', 'authorizedAsText', 'serverName'] as const

/** An upgrade with fewer headers, as recorded for broken paths. */
function shortRequest(path: string, version = 'Sec-WebSocket-Version: 13\r\n'): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${version}` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  )
}

function greeted(...frames: readonly Buffer[]): Said {
  return { head: ACCEPTED, frames, body: '', end: 'open' }
}

function refused(head: string, payload: string): Said {
  return { head: ACCEPTED, frames: [recorded(head, payload)], body: '', end: 'dropped' }
}

play('pages of CppComet are let in as by the original', comparison, {
  async 'page of API 4.08 is greeted'({ upgrade }) {
    const line = await upgrade({})
    sameAs(greeted(GREETING), await line.settled(1), greeting)
  },

  async 'page of API 3.25 is greeted in its dialect'({ upgrade }) {
    const line = await upgrade(OLD)
    const old = recorded(
      '81 7e 00 ce',
      '{"api_data":"for major_version < 4","authorized":false,"data":"","event":"serverInfo","event_name":"serverInfo","message_send_time":1795324887,"pipe":"sys","server":"CppComet community 4.09 (AGPL license)"}',
    )
    sameAs(greeted(old), await line.settled(1), greeting)
  },

  async 'sub-protocol is the first that was offered'({ upgrade }) {
    const line = await upgrade({}, 'Sec-WebSocket-Protocol: foo, bar\r\n')
    const head = `${ACCEPTED}\r\nSec-WebSocket-Protocol: chat`
    sameAs({ ...greeted(GREETING), head }, await line.settled(1), [...greeting, 'offeredProtocol'])
  },

  async 'path may begin in four ways, and be a query'({ upgrade }) {
    for (const prefix of ['//ws/', '/comet-server/ws/', '//comet-server/ws/', '/ws/?']) {
      const line = await upgrade({ prefix })
      sameAs(greeted(GREETING), await line.settled(1), greeting)
    }
  },

  async 'path without uuid and api is enough'({ dial }) {
    const line = await dial(shortRequest('/ws/sesion=key&myid=0&devid=1&v=4.08', ''))
    const answer = refused(
      '81 7e 00 d3',
      '{"data":{"error":"Error code 418(Invalid request Not assigned client api version)\\n","error_code":418,"info":"Closed due to error. See last message."},"event":"error","message_send_time":1795324889,"pipe":"sys"}',
    )
    sameAs(answer, await line.settled(1), ['uuidOptional', ...greeting])
  },

  async 'path without session is refused after the upgrade'({ dial }) {
    const line = await dial(shortRequest('/ws/'))
    const answer = refused(
      '81 7e 01 13',
      '{"api_data":"for major_version < 4","data":"{\\"error\\":\\"Error code 401(Invalid request, the user ID can not be found)\\",\\"error_code\\":401,\\"info\\":\\"Closed due to error. See last message.\\"}","event":"error","event_name":"error","message_send_time":1795324885,"pipe":"sys"}',
    )
    sameAs(answer, await line.dropped(), ['ownHandshake'])
  },

  async 'path without devid is refused after the upgrade'({ dial }) {
    const line = await dial(shortRequest('/ws/sesion=key&myid=0'))
    const answer = refused(
      '81 7e 01 0e',
      '{"api_data":"for major_version < 4","data":"{\\"error\\":\\"Error code 406(Invalid request, no public key found [1])\\",\\"error_code\\":406,\\"info\\":\\"Closed due to error. See last message.\\"}","event":"error","event_name":"error","message_send_time":1795324885,"pipe":"sys"}',
    )
    sameAs(answer, await line.dropped(), ['ownHandshake'])
  },

  async 'path without version, or with one that has no dot, is refused after the upgrade'({ dial }) {
    const answer = refused(
      '81 7e 01 18',
      '{"api_data":"for major_version < 4","data":"{\\"error\\":\\"Error code 418(Invalid request Not assigned client api version)\\\\n\\",\\"error_code\\":418,\\"info\\":\\"Closed due to error. See last message.\\"}","event":"error","event_name":"error","message_send_time":1795324886,"pipe":"sys"}',
    )
    const without = await dial(shortRequest('/ws/sesion=key&myid=0&devid=1'))
    sameAs(answer, await without.dropped(), ['ownHandshake'])
    const dotless = await dial(upgradeRequest(cometPath({ version: '4' })))
    sameAs(answer, await dotless.dropped(), ['ownHandshake'])
  },
})
