#!/usr/bin/env node
/**
 * Builds dist/ from src/: `npm run build`.
 *
 * Owns what ends up in dist: the node and what the package exports as bundles (one file loads in a third of the time of
 * a hundred, and a node has 300 ms to start), their types, the browser client in three bundles, the demo page. Everything is
 * made in a fresh folder that takes the place of dist/ only once it is complete, so nothing stale survives, a failed
 * build leaves the last good one alone, and a build never pulls files from under a node that is starting.
 * Must not need anything but the packages in package.json. `--keep-going` takes the output although types fail.
 */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build as bundle } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DIST = join(ROOT, 'dist')
/** On the same file system as dist, ignored by git and by the linter. */
const SCRATCH = join(ROOT, 'node_modules', '.cache', 'encke', `build-${process.pid}`)
const NEXT = join(SCRATCH, 'next')

/** What Node runs or imports; below src/. Packages stay outside of the bundles. */
const NODE_ENTRIES = ['main.ts', 'index.ts', 'publish-port/publisher.ts']

/** What a page has to load, gzipped; the budget of the browser client without CppComet's API. */
const MAX_CLIENT_GZIP_BYTES = 8192

/** Browsers from about 2022 on: the first that know private class members without help. */
const BROWSERS = ['chrome94', 'edge94', 'firefox93', 'safari15']

const isKeepGoing = process.argv.includes('--keep-going')
const startedMs = performance.now()

try {
  await mkdir(NEXT, { recursive: true })
  const [typesMs, clientBytes] = await Promise.all([emitTypes(), bundleClient(), bundleNode(), copyDemo()])
  await makeExecutable(join(NEXT, 'main.js'))
  await putInPlace()
  const totalMs = performance.now() - startedMs
  console.log(
    `Built dist/ in ${seconds(totalMs)} (types ${seconds(typesMs)}); browser client ${clientBytes} bytes gzipped of ${MAX_CLIENT_GZIP_BYTES}`,
  )
} catch (thrown) {
  console.error(`Build failed: ${thrown instanceof Error ? thrown.message : thrown}`)
  process.exitCode = 1
} finally {
  await rm(SCRATCH, { recursive: true, force: true })
}

/** Checks the types of src/ and writes declarations; returns how long it took. */
async function emitTypes() {
  const beganMs = performance.now()
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  try {
    await promisify(execFile)(tsc, ['-p', join(ROOT, 'src', 'tsconfig.json'), '--outDir', NEXT], {
      cwd: ROOT,
      maxBuffer: 16 * 1024 * 1024,
    })
  } catch (thrown) {
    console.error(String(thrown.stdout || thrown.stderr || thrown.message).trimEnd())
    if (!isKeepGoing) throw new Error('types do not fit (npm run build -- --keep-going builds all the same)')
  }
  return performance.now() - beganMs
}

/** Chunks lie beside main.js, so that `import.meta.url` means the same depth in src/ and in dist/. */
async function bundleNode() {
  await bundle({
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    entryPoints: NODE_ENTRIES.map((name) => join(ROOT, 'src', name)),
    outbase: join(ROOT, 'src'),
    outdir: NEXT,
    chunkNames: '[name]-[hash]',
    logLevel: 'warning',
  })
}

/**
 * Bundles the browser client as a module, as a classic script that sets `Encke`, and as one with the API of CppComet's.
 *
 * @returns size of the larger of the first two, gzipped
 */
async function bundleClient() {
  const common = {
    bundle: true,
    minify: true,
    sourcemap: 'external', // for debuggers that are given it; a node does not serve it, so no link to it
    sourcesContent: true,
    target: BROWSERS,
    logLevel: 'warning',
    legalComments: 'none',
  }
  const from = (name) => [join(ROOT, 'src', 'client', name)]
  const to = (name) => join(NEXT, 'client', name)
  await Promise.all([
    bundle({ ...common, entryPoints: from('client.ts'), format: 'esm', outfile: to('encke.js') }),
    bundle({ ...common, entryPoints: from('global.ts'), format: 'iife', outfile: to('encke.global.js') }),
    bundle({
      ...common,
      entryPoints: from('comet/comet-global.ts'),
      format: 'iife',
      outfile: to('CometServerApi.js'),
    }),
  ])
  const sizes = await Promise.all(['encke.js', 'encke.global.js'].map((name) => gzippedBytes(to(name))))
  const largest = Math.max(...sizes)
  if (largest > MAX_CLIENT_GZIP_BYTES) {
    throw new Error(`browser client has ${largest} bytes gzipped: more than ${MAX_CLIENT_GZIP_BYTES}`)
  }
  return largest
}

async function gzippedBytes(path) {
  return gzipSync(await readFile(path), { level: 9 }).length
}

async function copyDemo() {
  await cp(join(ROOT, 'src', 'demo'), join(NEXT, 'demo'), { recursive: true })
}

/** The bundle keeps the `#!` line of main.ts but not its mode. */
async function makeExecutable(path) {
  await chmod(path, 0o755).catch(unless('ENOENT'))
}

/** Swaps the new tree for dist/. Another build may do the same just now: the one that comes last wins. */
async function putInPlace() {
  const old = join(SCRATCH, 'old')
  for (let tries = 0; ; tries++) {
    await rename(DIST, old).catch(unless('ENOENT'))
    try {
      await rename(NEXT, DIST)
      return
    } catch (thrown) {
      if (tries === 5 || !['ENOTEMPTY', 'EEXIST'].includes(thrown.code)) throw thrown
      await rm(old, { recursive: true, force: true })
    }
  }
}

/** Lets one kind of failure pass. */
function unless(code) {
  return (thrown) => {
    if (thrown.code !== code) throw thrown
  }
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
