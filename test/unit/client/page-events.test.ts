/**
 * Tests of src/client/page-events.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchPage } from '../../../src/client/page-events.ts'

function watch(page: EventTarget) {
  const heard: string[] = []
  const leave = watchPage(page, {
    offline: () => heard.push('offline'),
    online: () => heard.push('online'),
    woken: () => heard.push('woken'),
  })
  return { heard, leave }
}

test('page tells of its network and of its awakening until it is left', () => {
  const page = new EventTarget()
  const { heard, leave } = watch(page)
  const names = ['offline', 'online', 'pageshow', 'visibilitychange', 'resume', 'blur']
  for (const name of names) page.dispatchEvent(new Event(name))
  assert.deepEqual(heard, ['offline', 'online', 'woken', 'woken', 'woken'])
  leave()
  for (const name of names) page.dispatchEvent(new Event(name))
  assert.equal(heard.length, 5)
})

test('page that is being hidden does not awake, one that goes on hidden does', (t) => {
  Object.defineProperty(globalThis, 'document', { value: { visibilityState: 'hidden' }, configurable: true })
  t.after(() => Reflect.deleteProperty(globalThis, 'document'))
  const page = new EventTarget()
  const { heard } = watch(page)
  page.dispatchEvent(new Event('visibilitychange'))
  assert.deepEqual(heard, [])
  page.dispatchEvent(new Event('resume'))
  assert.deepEqual(heard, ['woken'])
})

test('a platform without such events is no page', () => {
  const { heard, leave } = watch({} as EventTarget)
  leave()
  assert.deepEqual(heard, [])
})
