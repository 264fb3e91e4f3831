/**
 * Nearly right capsules: none opens, none throws.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCapsules } from '../../src/protocol/capsule.ts'
import { eachCase } from '../support/cases.ts'
import { mutate } from '../support/mutate.ts'
import type { Random } from '../support/seed.ts'

const NOW_MS = 1_700_000_000_000
const capsules = createCapsules(
  ['the first key, long enough', 'the second key, as long'],
  600_000,
  () => NOW_MS,
)

const samples: readonly string[] = [
  { session: 'k3-42', tenant: 1, user: '17', grants: [], untilMs: 0 },
  { session: 'k3-43', tenant: 1, user: '', grants: ['news', 'raum.ä*'], untilMs: NOW_MS + 60_000 },
  { session: 'k3-44', tenant: 1, user: 'żółw', grants: Array(50).fill('x'.repeat(50)), untilMs: 0 },
].map((state) => capsules.seal(state) ?? assert.fail('the state does not fit'))

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.'

const pickSample = (random: Random) => samples[random.below(samples.length)] ?? ''

/** Changes that stay within the letters of a capsule, which bytes at random seldom do. */
function mutateLetters(text: string, random: Random): string {
  const at = random.below(text.length)
  switch (random.below(4)) {
    case 0: // another letter
      return text.slice(0, at) + BASE64[random.below(BASE64.length)] + text.slice(at + 1)
    case 1: // one letter more
      return text.slice(0, at) + BASE64[random.below(BASE64.length)] + text.slice(at)
    case 2: // the end of another capsule
      return text.slice(0, at) + pickSample(random).slice(at)
    default: // a part of another capsule
      return swapPart(text, pickSample(random), random.below(4))
  }
}

function swapPart(text: string, other: string, part: number): string {
  const parts = text.split('.')
  parts[part] = other.split('.')[part] ?? ''
  return parts.join('.')
}

test('capsules open unchanged', () => {
  for (const sample of samples) assert.ok('session' in capsules.open(sample))
})

test('capsules that were changed never open and never throw', async () => {
  let changedCount = 0
  await eachCase(20_000, (random) => {
    const sample = pickSample(random)
    const changed =
      random.below(2) === 0
        ? mutateLetters(sample, random)
        : mutate(Buffer.from(sample), random).toString(random.pick(['utf8', 'latin1']))
    if (samples.includes(changed)) return
    changedCount++
    const outcome = capsules.open(changed)
    assert.ok('failed' in outcome && outcome.failed === 'CAPSULE_INVALID', `opened: ${changed}`)
  })
  assert.ok(changedCount > 15_000, `only ${changedCount} of 20,000 were changed`)
})
