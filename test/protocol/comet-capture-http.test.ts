/**
 * CppComet's browser protocol, byte for byte: plain HTTP on the port of its pages.
 *
 * Owns the conversations of that kind recorded with CppComet 4.09, played against a node as in
 * comet-capture-publish.test.ts. Names of headers are compared in one case and in one order.
 */

import { sayHttp } from '../support/comet-http.ts'
import { comparisonOf, type Said } from '../support/comet-same.ts'
import { play } from '../support/comet-stage.ts'

const comparison = comparisonOf('http')
const { sameAs } = comparison

const HEADERS =
  'Content-Type:text/html; charset=UTF-8\r\nServer:CppComet Server\r\nComet-Server:CppComet Server\r\n' +
  'Access-Control-Allow-Origin: *    \r\nAccess-Control-Allow-Methods:POST, GET\r\nAllow: POST, GET\r\n' +
  'Access-Control-Allow-Headers: origin, content-type, accept'
const KEPT_AN_HOUR = 'Cache-Control: max-age=3600\r\nConnection: close'

const PAGE =
  "<!DOCTYPE html>    <html>    <head>     <meta charset='utf-8'>     <title>Star.Comet</title>     <link rel='shortcut icon' href='https://comet-server.com/favicon.ico' type='image/x-icon'>     <style type='text/css'>        #center {                    top: 50%;                    left: 50%;                    width: 650px;                    height: 100px;                    position: absolute;                    margin-top: -50px;                    margin-left: -325px;            }     </style>    </head>    <body>                     <table id='center'>                            <tr style='vertical-align: top;'>                                <td style='  padding-left: 10px;'>                                         <div style='font-size: 30px;  font-weight: bold;'>CppComet community 4.09 (AGPL license)</div>                                            For more information, see <a href='http://comet-server.com' target='_blank'>comet-server.com</a> and support@comet-server.com                                    </td>                            </tr>            </table>    </body>    </html>"

const HOST = 'Host: 127.0.0.1:8087\r\n'

function said(head: string, body: string): Said {
  return { head, body, frames: [], end: 'dropped' }
}

const notFound = said(`HTTP/1.1 404 Not Found\r\n${HEADERS}\r\n${KEPT_AN_HOUR}`, PAGE)
const info = said(`HTTP/1.1 200 OK\r\n${HEADERS}\r\nConnection: close`, '{"status":"ok","node":"n1________"}')

play('plain requests are answered as by the original', comparison, {
  async 'start page says who answers'({ t, node }) {
    const original = said(`HTTP/1.1 200 OK\r\n${HEADERS}\r\n${KEPT_AN_HOUR}`, PAGE)
    const ours = await sayHttp(t, node.publicPort, `GET / HTTP/1.1\r\n${HOST}\r\n`)
    sameAs(original, ours, ['ownHead', 'ownHome', 'keptAlive'])
  },

  async 'info says that all is well'({ t, node }) {
    for (const path of ['/info', '/comet-server/info']) {
      const ours = await sayHttp(t, node.publicPort, `GET ${path} HTTP/1.1\r\n${HOST}\r\n`)
      sameAs(info, ours, ['ownHead', 'ownNodeName', 'keptAlive'])
    }
  },

  async 'favicon is none'({ t, node }) {
    const original = said(
      `HTTP/1.1 301 OK\r\n${HEADERS}\r\n${KEPT_AN_HOUR}\r\nLocation: http://comet-server.com/favicon.ico`,
      '',
    )
    const ours = await sayHttp(t, node.publicPort, `GET /favicon.ico HTTP/1.1\r\n${HOST}\r\n`)
    sameAs(original, ours, ['noVendorIcon', 'ownHead'])
  },

  async 'OPTIONS are allowed anywhere'({ t, node }) {
    const original = said(`HTTP/1.1 200 OK\r\n${HEADERS}\r\n${KEPT_AN_HOUR}`, '+OK\r\n')
    const ours = await sayHttp(t, node.publicPort, `OPTIONS /x HTTP/1.1\r\n${HOST}\r\n`)
    sameAs(original, ours, ['ownHead', 'keptAlive'])
  },

  async 'unknown file is not found'({ t, node }) {
    const ours = await sayHttp(t, node.publicPort, `GET /nothing.js HTTP/1.1\r\n${HOST}\r\n`)
    sameAs(notFound, ours, ['notFoundAsJson', 'ownHead', 'keptAlive'])
    const under = await sayHttp(t, node.publicPort, `GET /comet-server/nothing.js HTTP/1.1\r\n${HOST}\r\n`)
    sameAs(notFound, under, ['ownNotFound', 'ownHead', 'keptAlive'])
  },

  async 'upgrade without a key is none'({ t, node }) {
    const ours = await sayHttp(
      t,
      node.publicPort,
      'GET /ws/sesion=key&myid=0&devid=1&v=4.08&uuid=u&api=js HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    )
    sameAs(said('', ''), ours, ['keylessIsHttp', 'ownHead', 'keptAlive'])
  },

  async 'long polls are answered, the first with a greeting'({ t, node }) {
    const fields = 'uuid=0123456789abcdefghijklmnopqrstuv&api=js'
    const old = await sayHttp(
      t,
      node.publicPort,
      `POST /sesion=key&myid=0&devid=1&v=3.25&${fields} HTTP/1.1\r\n${HOST}Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 8\r\n\r\nweb_test`,
    )
    sameAs(notFound, old, ['pollsServedOld', 'ownHead', 'keptAlive'])
    const page = await sayHttp(
      t,
      node.publicPort,
      `POST /comet-server/sesion=key&myid=0&devid=1&v=4.08&${fields} HTTP/1.1\r\n${HOST}Content-Length: 17\r\n\r\nweb_test\nweb_log1`,
    )
    sameAs(notFound, page, ['pollsServed', 'ownHead', 'keptAlive'])
  },
})
