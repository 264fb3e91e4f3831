/**
 * The classic script `/CometServerApi.js`: puts the API on the page under the names that pages know.
 *
 * Owns those globals and nothing else; the bundle is built from this file. A page that loads it twice keeps the API it has,
 * and with it its callbacks. What else has the name gives it up: a variable to come, an element with that id.
 */
import { CometApi } from './comet-api.ts'
import type { CometOptions } from './comet-options.ts'
import { TabSignal, type TabSignalOptions } from './tab-signal.ts'

/** By it signals go to all tabs of an origin, whichever script they loaded. */
const SHARED_KEY = 'tabSignal_storage_emit'

const { cometApi: named } = globalThis as { cometApi?: Partial<CometApi> | null }

if (typeof named?.web_pipe_send !== 'function') {
  const script = globalThis.document?.currentScript as HTMLScriptElement | null | undefined
  const scriptUrl = script?.src || undefined
  const cometApi = new CometApi({}, { scriptUrl })
  const tabSignal = new TabSignal({ eventKey: SHARED_KEY })

  Object.assign(globalThis, {
    cometApi,
    CometServer: () => cometApi,
    // Functions, as pages call them with `new` and without.
    cometServerApi: createApi,
    _cometServerApi: createApi,
    tabSignal,
    _tabSignal: createTabSignal,
    comet_server_signal: () => tabSignal,
  })

  function createApi(options?: CometOptions): CometApi {
    return new CometApi(options, { scriptUrl })
  }

  function createTabSignal(options?: TabSignalOptions): TabSignal {
    return new TabSignal(options)
  }
}
