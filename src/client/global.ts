/**
 * The classic script `/encke.js`: puts `createClient` on the page as `Encke.createClient`.
 *
 * Owns that one global and nothing else; the bundle is built from this file. Modules import client.ts instead.
 */
import { createClient } from './client.ts'

Object.assign(globalThis, { Encke: { createClient } })
