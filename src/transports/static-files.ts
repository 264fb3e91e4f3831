/**
 * The few files a node serves to browsers: its client, the same under the API of CppComet's, and the demo page.
 *
 * Owns which path is which file and how it is labelled. Files are read at start, once per path; there are nine.
 */
import { readFileSync } from 'node:fs'
import { codes, errorFace } from '../codes.ts'
import type { Observer } from '../core/observer.ts'
import type { HttpAnswer, PublicApp } from '../uws.ts'

interface StaticFile {
  readonly path: string
  /** Below the build folder */
  readonly file: string
}

/** Where pages load the script of CppComet's API from. */
const cometPaths: readonly string[] = [
  '/CometServerApi.js',
  '/api/CometServerApi.js',
  '/comet-server/CometServerApi.js',
  '/comet-server/api/CometServerApi.js',
]

const clientFiles: readonly StaticFile[] = [
  { path: '/encke.js', file: 'client/encke.global.js' },
  { path: '/encke.mjs', file: 'client/encke.js' },
  ...cometPaths.map((path) => ({ path, file: 'client/CometServerApi.js' })),
]

const demoFiles: readonly StaticFile[] = [
  { path: '/demo/', file: 'demo/index.html' },
  { path: '/demo/demo.css', file: 'demo/demo.css' },
  { path: '/demo/demo.js', file: 'demo/demo.js' },
]

const contentTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
}

/** Registers the files and an answer for every other path. `build` is the folder they were built into. */
export function serveStaticFiles(app: PublicApp, observer: Observer, build: URL, isDemo: boolean): void {
  for (const { path, file } of isDemo ? [...clientFiles, ...demoFiles] : clientFiles) {
    const answer = readAnswer(new URL(file, build), path)
    app.get(path, () => answer)
  }
  if (isDemo) app.get('/demo', () => redirect('/demo/'))
  app.fallback((path) => {
    observer.commandFailed('NOT_FOUND')
    return notFound(path)
  })
}

function readAnswer(file: URL, path: string): HttpAnswer {
  try {
    const body = readFileSync(file)
    const type = contentTypes[file.pathname.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
    return {
      status: '200 OK',
      headers: {
        'content-type': type,
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        // A page on another origin can import the module and sees the client's errors whole.
        'access-control-allow-origin': '*',
      },
      body,
    }
  } catch {
    return notFound(path) // not built; every other path goes on working
  }
}

function redirect(to: string): HttpAnswer {
  return { status: '308 Permanent Redirect', headers: { location: to }, body: '' }
}

function notFound(path: string): HttpAnswer {
  const face = errorFace('NOT_FOUND', `There is nothing at ${path.slice(0, 200)}`)
  return {
    status: `${codes.NOT_FOUND.http} Not Found`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: face }),
  }
}
