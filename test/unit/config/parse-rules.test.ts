/**
 * Channel rules: what an operator may write, and every way to get it wrong.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRules } from '../../../src/config/parse-rules.ts'
import { builtInRules, demoRule } from '../../../src/config/rules.ts'

/** The one mistake of a list that holds just this rule. */
function mistakeOf(rule: unknown): string {
  const { mistakes } = parseRules([rule])
  assert.equal(mistakes.length, 1, `one mistake expected: ${mistakes.join('; ')}`)
  return mistakes[0] ?? ''
}

test('rules come back in order with just the fields that were written', () => {
  const written = [
    {
      match: 'chat_*',
      subscribe: 'token',
      publish: 'user',
      presence: 'off',
      flushMs: 50,
      maxPublicationBytes: 0,
    },
    { match: '*' },
  ]
  assert.deepEqual(parseRules(written), { rules: written, mistakes: [] })
})

test('built-in rules and the rule of the demo are rules an operator could write', () => {
  assert.deepEqual(parseRules([...builtInRules, demoRule]).mistakes, [])
})

test('rules that are no list are refused', () => {
  assert.deepEqual(parseRules({ match: '*' }).mistakes, ['must be a list of rules, is a map'])
  assert.deepEqual(parseRules('*').mistakes, ['must be a list of rules, is text'])
  assert.deepEqual(parseRules(Array(1_001).fill({ match: '*' })).mistakes, [
    '1001 rules are above 1000 (rules)',
  ])
})

test('rule that is no map is refused', () => {
  assert.equal(mistakeOf('chat_*'), 'rule 1 must be a map with "match", is text')
  assert.equal(mistakeOf(null), 'rule 1 must be a map with "match", is nothing')
  assert.equal(mistakeOf([]), 'rule 1 must be a map with "match", is a list')
})

test('rule needs a match of 1 to 255 bytes', () => {
  assert.equal(mistakeOf({}), 'rule 1, "match": is missing')
  assert.match(mistakeOf({ match: '' }), /^rule 1, "match": is empty/)
  assert.equal(mistakeOf({ match: 5 }), 'rule 1, "match": must be text, is a number: put it in quotes')
  assert.match(mistakeOf({ match: 'é'.repeat(128) }), /has 256 bytes, above 255 \(bytes\)$/)
  assert.deepEqual(parseRules([{ match: 'é'.repeat(127) }]).mistakes, [])
  assert.equal(mistakeOf({ match: 'a\nb' }), 'rule 1, "match": holds a control character')
})

test('unknown field of a rule is an error with the nearest known name', () => {
  assert.equal(
    mistakeOf({ match: '*', flushMS: 5 }),
    'rule 1, "flushMS": unknown field, did you mean "flushMs"?',
  )
  assert.equal(
    mistakeOf({ match: '*', subscibe: 'anyone' }),
    'rule 1, "subscibe": unknown field, did you mean "subscribe"?',
  )
  assert.equal(mistakeOf({ match: '*', x: 1 }), 'rule 1, "x": unknown field')
})

test('field named like a property of every object is unknown', () => {
  assert.equal(mistakeOf(JSON.parse('{"match":"*","__proto__":1}')), 'rule 1, "__proto__": unknown field')
  assert.equal(mistakeOf({ match: '*', toString: 1 }), 'rule 1, "toString": unknown field')
})

test('fields of a rule keep their bounds', () => {
  assert.equal(mistakeOf({ match: '*', flushMs: 51 }), 'rule 1, "flushMs": 51 is above 50 (ms)')
  assert.equal(mistakeOf({ match: '*', flushMs: -1 }), 'rule 1, "flushMs": -1 is below 0 (ms)')
  assert.equal(mistakeOf({ match: '*', flushMs: 0.5 }), 'rule 1, "flushMs": 0.5 is not a whole number')
  assert.equal(
    mistakeOf({ match: '*', maxPublicationBytes: 16_777_217 }),
    'rule 1, "maxPublicationBytes": 16777217 is above 16777216 (bytes of JSON)',
  )
  assert.equal(
    mistakeOf({ match: '*', publish: 'anyon' }),
    'rule 1, "publish": "anyon" is not one of nobody, token, user, anyone, did you mean "anyone"?',
  )
  assert.equal(
    mistakeOf({ match: '*', presence: 'on' }),
    'rule 1, "presence": "on" is not one of off, count, list',
  )
  assert.equal(
    mistakeOf({ match: '*', historySize: 1_000_001 }),
    'rule 1, "historySize": 1000001 is above 1000000 (publications)',
  )
  assert.equal(mistakeOf({ match: '*', historyTtlMs: -1 }), 'rule 1, "historyTtlMs": -1 is below 0 (ms)')
})

test('rule that is durable has a history', () => {
  const mistake = 'rule 1, "durable": needs a "historySize" above 0, there is no history to be on disk'
  assert.equal(mistakeOf({ match: 'a', durable: true }), mistake)
  assert.equal(mistakeOf({ match: 'a', durable: true, historySize: 0 }), mistake)
  assert.equal(mistakeOf({ match: 'a', durable: 'yes' }), 'rule 1, "durable": text is neither true nor false')
  assert.equal(
    mistakeOf({ match: 'a', durable: true, historySize: -1 }),
    'rule 1, "historySize": -1 is below 0 (publications)',
  )
  for (const rule of [
    { match: 'a', durable: true, historySize: 1 },
    { match: 'a', durable: false },
  ]) {
    assert.deepEqual(parseRules([rule]).mistakes, [])
  }
})

test('all mistakes of all rules are told, each with the number of its rule', () => {
  const { mistakes } = parseRules([{ match: '*' }, { flushMs: 99, publish: 1 }, 7])
  assert.deepEqual(mistakes, [
    'rule 2, "flushMs": 99 is above 50 (ms)',
    'rule 2, "publish": a number is not one of nobody, token, user, anyone',
    'rule 2, "match": is missing',
    'rule 3 must be a map with "match", is a number',
  ])
})
