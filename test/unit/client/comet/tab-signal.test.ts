/**
 * Tests of src/client/comet/tab-signal.ts and storage.ts: slots, states, and what other tabs are told, without a browser.
 *
 * Tabs here are objects over one storage; in a real browser test/browser/comet-api.test.ts has two pages.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createStorage } from '../../../../src/client/comet/storage.ts'
import { TabSignal } from '../../../../src/client/comet/tab-signal.ts'

/** Gives the process a storage and storage events, as a browser has them, until the test ends. */
function withBrowser(t: TestContext, setItem?: (name: string, value: string) => void): Map<string, string> {
  const items = new Map<string, string>()
  const events = new EventTarget()
  const storage = {
    getItem: (name: string) => items.get(name) ?? null,
    setItem:
      setItem ??
      ((name: string, value: string) => {
        items.set(name, value)
        events.dispatchEvent(Object.assign(new Event('storage'), { key: name, newValue: value }))
      }),
  }
  const globals = { localStorage: storage, addEventListener: events.addEventListener.bind(events) }
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true })
    t.after(() => Reflect.deleteProperty(globalThis, name))
  }
  return items
}

test('signal calls its slots in order with what was emitted', () => {
  const signals = new TabSignal()
  const calls: unknown[][] = []
  assert.equal(
    signals.connect('a', (...args) => calls.push(['first', ...args])),
    'sig0',
  )
  assert.equal(
    signals.connect('named', 'a', (...args) => calls.push(['second', ...args])),
    'named',
  )
  signals.emit('a', { n: 1 })
  signals.emit('b', 2)
  assert.deepEqual(calls, [
    ['first', { n: 1 }, 'a', false],
    ['second', { n: 1 }, 'a', false],
  ])
})

test('slot that throws keeps the signal from no other slot', (t) => {
  const surfaced: (() => void)[] = []
  t.mock.method(globalThis, 'queueMicrotask', (run: () => void) => surfaced.push(run))
  const signals = new TabSignal()
  const calls: unknown[] = []
  signals.connect('a', () => {
    throw new Error('mistake of the page')
  })
  signals.connect('a', (param) => calls.push(param))
  signals.emit('a', 1)
  assert.deepEqual(calls, [1])
  assert.throws(() => surfaced[0]?.(), /mistake of the page/)
})

test('slot of a name takes the place of the one before', () => {
  const signals = new TabSignal()
  const calls: string[] = []
  signals.connect('slot', 'a', () => calls.push('old'))
  signals.connect('slot', 'a', () => calls.push('new'))
  signals.emit('a')
  assert.deepEqual(calls, ['new'])
})

test('slot that is disconnected is called no more, even by the signal under way', () => {
  const signals = new TabSignal()
  const calls: string[] = []
  const first = signals.connect('a', () => {
    calls.push('first')
    assert.equal(signals.disconnect('second', 'a'), true)
  })
  signals.connect('second', 'a', () => calls.push('second'))
  signals.emit('a')
  assert.equal(signals.disconnect('second', 'a'), false)
  assert.equal(signals.disconnect(first, 'b'), false)
  assert.equal(signals.disconnect(first, 'a'), true)
  signals.emit('a')
  assert.deepEqual(calls, ['first'])
})

test('slot without a signal named is taken off all of them', () => {
  const signals = new TabSignal()
  const calls: string[] = []
  for (const signal of ['a', 'b']) signals.connect('slot', signal, () => calls.push(signal))
  assert.equal(signals.disconnect('slot'), true)
  assert.equal(signals.disconnect('slot'), false)
  for (const signal of ['a', 'b']) signals.emit(signal)
  assert.deepEqual(calls, [])
})

test('signal to all tabs reaches those of the same key', (t) => {
  withBrowser(t)
  const [sender, same, other] = ['key', 'key', 'another'].map((eventKey) => new TabSignal({ eventKey }))
  const calls: unknown[][] = []
  same?.connect('a', (...args) => calls.push(args))
  other?.connect('a', () => assert.fail('of another key'))
  assert.equal(sender?.emitAll('a', [1]), true)
  assert.equal(sender?.send_emit('a', [1]), true)
  other?.setEventKey('key')
  assert.equal(other?.getEventKey(), 'key')
  assert.deepEqual(calls, [
    [[1], 'a', true],
    [[1], 'a', true],
  ])
})

test('something else of the page under the key of signals is passed over', (t) => {
  withBrowser(t)
  new TabSignal({ eventKey: 'key' }).connect('a', () => assert.fail('no signal'))
  for (const value of ['not json', 'null', '5', '{}']) globalThis.localStorage.setItem('key', value)
})

test('signal to all tabs stays in the page where nothing can be stored', (t) => {
  withBrowser(t, () => {
    throw new Error('full')
  })
  const signals = new TabSignal()
  const calls: unknown[] = []
  signals.connect('a', (param) => calls.push(param))
  assert.equal(signals.emitAll('a', 1), false)
  assert.deepEqual(calls, [1])
})

for (const where of ['all tabs', 'the page alone']) {
  test(`state is kept for ${where}, and is as old as it may be`, (t) => {
    if (where === 'all tabs') withBrowser(t)
    t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
    const signals = new TabSignal({ eventKey: 'key' })
    assert.equal(signals.getState('s'), undefined)
    assert.equal(signals.setState('s', { n: 1 }), true)
    assert.deepEqual(signals.getState('s'), { n: 1 })
    t.mock.timers.setTime(1_099)
    assert.deepEqual(signals.getState('s', 100), { n: 1 })
    t.mock.timers.setTime(1_100)
    assert.equal(signals.getState('s', 100), undefined)
    assert.deepEqual(signals.getState('s'), { n: 1 })
  })
}

test('state of another tab stands for its time, one of the same tab never', (t) => {
  const items = withBrowser(t)
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
  const [first, second] = [new TabSignal({ eventKey: 'key' }), new TabSignal({ eventKey: 'key' })]
  assert.equal(first.setState('s', 'first', 100), true)
  assert.equal(second.setState('s', 'second', 100), false)
  assert.equal(first.setState('s', 'again', 100), true)
  assert.equal(second.getState('s'), 'again')
  t.mock.timers.setTime(1_100)
  assert.equal(second.setState('s', 'second', 100), true)
  assert.equal(first.setState('s', 'at once'), true)
  assert.deepEqual([...items.keys()], ['tabSignal_keys'])
})

test('state that is written again and again stays the tab’s', (t) => {
  withBrowser(t)
  t.mock.timers.enable({ apis: ['Date', 'setInterval'], now: 1_000 })
  const [first, second] = [new TabSignal({ eventKey: 'key' }), new TabSignal({ eventKey: 'key' })]
  const timer = first.intervalUpdateState('s', 'mine', 300)
  assert.equal(second.intervalUpdateState('s', 'theirs', 300), undefined)
  t.mock.timers.tick(5_000)
  assert.equal(second.setState('s', 'theirs', 300), false)
  clearInterval(timer)
  t.mock.timers.tick(300)
  assert.equal(second.setState('s', 'theirs', 300), true)
})

test('tab has a name of its own', () => {
  const [first, second] = [new TabSignal(), new TabSignal()]
  assert.match(first.getTabUUID(), /^[A-Za-z0-9]{16}$/)
  assert.equal(first.getTabUUID(), first.getTabUUID())
  assert.notEqual(first.getTabUUID(), second.getTabUUID())
  assert.equal(first.getEventKey(), first.getTabUUID())
})

test('storage that is forbidden keeps values for the page', () => {
  const storage = createStorage(() => {
    throw new DOMException('denied', 'SecurityError')
  })
  assert.equal(storage.get('a'), null)
  assert.equal(storage.set('a', '1'), false)
  assert.equal(storage.get('a'), '1')
})
