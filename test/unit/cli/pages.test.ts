/**
 * The lines that `encke history` and `encke presence` print.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageSummary, publicationLine } from '../../../src/cli/history.ts'
import { presenceSummary } from '../../../src/cli/presence.ts'

test('a publication is one line, whatever its data holds', () => {
  assert.equal(publicationLine({ channel: 'news', offset: 1, data: 'a\nb' }), '1  "a\\nb"')
  const full = { channel: 'news', offset: 42, event: 'headline', user: '17', data: { a: [1, null] } }
  assert.equal(publicationLine(full), '42  event=headline  user=17  {"a":[1,null]}')
})

test('a page of history is summed up with the position and what is gone', () => {
  const position = { epoch: 'k3', offset: 9 }
  const publications = [
    { channel: 'a', offset: 8, data: 1 },
    { channel: 'a', offset: 9, data: 2 },
  ]
  assert.equal(
    pageSummary({ ...position, publications }),
    '2 publications; the latest offset is 9 of epoch k3',
  )
  const gap = { from: 1, to: 8, reason: 'trimmed' } as const
  assert.equal(
    pageSummary({ ...position, publications: publications.slice(1), gap }),
    '1 publication; the latest offset is 9 of epoch k3; 1 to 8 are gone (trimmed)',
  )
  const nothing = { from: 1, to: 0, reason: 'epoch' } as const
  assert.equal(
    pageSummary({ ...position, publications: [], gap: nothing }),
    '0 publications; the latest offset is 9 of epoch k3',
  )
})

test('presence is summed up with what is not listed', () => {
  const clients = [{ session: 's', user: '' }]
  assert.equal(presenceSummary({ channel: 'a', count: 1, clients }), '1 session')
  assert.equal(presenceSummary({ channel: 'a', count: 3, clients }), '3 sessions, 1 of them listed')
  assert.equal(
    presenceSummary({ channel: 'a', count: 0 }),
    '0 sessions; the rule of the channel does not have them listed',
  )
})
