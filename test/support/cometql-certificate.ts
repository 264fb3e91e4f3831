/**
 * A certificate for 127.0.0.1 that nobody has signed but its own key.
 *
 * Owns its making with openssl, in a folder that lives as long as the test.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { dataFolder } from './data-folder.ts'
import { needs } from './tools.ts'

/** For the `skip` option of a test. */
export const needsOpenssl = needs('openssl')

export interface Certificate {
  /** PEM, for clients that are to trust it */
  readonly text: string
  /** Flags of `serve` that offer it */
  readonly flags: readonly string[]
}

export function makeCertificate(t: TestContext): Certificate {
  const folder = dataFolder(t)
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', keyFile, '-out', certFile]
  execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2', ...curve, ...names, ...files], {
    stdio: 'pipe',
  })
  return {
    text: readFileSync(certFile, 'utf8'),
    flags: ['--cometql-tls-cert-file', certFile, '--cometql-tls-key-file', keyFile],
  }
}
