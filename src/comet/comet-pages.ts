/**
 * The plain pages of CppComet's port: what health checks and browsers ask for.
 *
 * Owns their paths and texts. Everything is made once. Pages of our own, at paths and with words that load balancers
 * and monitoring of a CppComet know.
 */
import type { HttpAnswer, PublicApp } from '../uws.ts'
import { version } from '../version.ts'

/** The original writes its name over the first of ten underscores. */
const NODE_NAME = 'encke'.padEnd(10, '_')

/** OPTIONS requests have no bodies that anybody reads. */
const MAX_BODY_BYTES = 1024

const open: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, GET',
  allow: 'POST, GET',
  'access-control-allow-headers': 'origin, content-type, accept',
}

const html = { 'content-type': 'text/html; charset=UTF-8', ...open }

/** Registers the pages, and the answer to preflights of any path that has none of its own. */
export function serveCometPages(app: PublicApp): void {
  app.get('/', () => home)
  for (const prefix of ['', '/comet-server']) {
    app.get(`${prefix}/info`, () => info)
    app.get(`${prefix}/favicon.ico`, () => noIcon)
  }
  app.get('/comet-server/*', () => cometNotFound)
  app.exchange({
    path: '/*',
    methods: ['OPTIONS'],
    maxBodyBytes: MAX_BODY_BYTES,
    headers: [],
    keepsAddress: false,
    request: (exchange) => exchange.answer(preflight.status, preflight.headers, preflight.body),
    tooLarge: (exchange) => exchange.answer(preflight.status, preflight.headers, preflight.body),
  })
}

/** The answer to a request for what is not there. */
export const cometNotFound: HttpAnswer = {
  status: '404 Not Found',
  headers: html,
  body: page('Nothing here', 'There is nothing at this address.'),
}

const home: HttpAnswer = {
  status: '200 OK',
  headers: { ...html, 'cache-control': 'max-age=3600' },
  body: page(`Encke ${version}`, 'A push node. Browsers connect here; applications publish to it.'),
}

const info: HttpAnswer = {
  status: '200 OK',
  headers: html,
  body: JSON.stringify({ status: 'ok', node: NODE_NAME }),
}

/** Browsers ask for one by themselves; the original sends them to its maker's. */
const noIcon: HttpAnswer = {
  status: '204 No Content',
  headers: { ...open, 'cache-control': 'max-age=3600' },
  body: '',
}

const preflight: HttpAnswer = {
  status: '200 OK',
  headers: { ...html, 'cache-control': 'max-age=3600' },
  body: '+OK\r\n',
}

function page(title: string, text: string): string {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>\n`
}
