/**
 * Tests of src/core/channel-rules.ts: the order of rules, what a rule leaves out, and the built-in ones.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileRules } from '../../../src/core/channel-rules.ts'

const NODE_LIMIT = 1_000

describe('rules', () => {
  test('the first that fits decides, all by itself', () => {
    const rules = compileRules(
      [
        { match: 'room-*', flushMs: 20 },
        { match: 'room-1', flushMs: 30, subscribe: 'nobody' },
      ],
      NODE_LIMIT,
      false,
    )
    assert.deepEqual(rules.ruleFor('room-1'), {
      subscribe: 'anyone',
      publish: 'nobody',
      presence: 'count',
      flushMs: 20,
      maxPublicationBytes: NODE_LIMIT,
      historySize: 0,
      historyBytes: 0,
      historyTtlMs: 0,
      durable: false,
      announce: false,
    })
  })

  test('a configured rule stands before the built-in ones', () => {
    const rules = compileRules([{ match: 'web_*', publish: 'nobody' }], NODE_LIMIT, false)
    assert.equal(rules.ruleFor('web_chat').publish, 'nobody')
    assert.equal(rules.ruleFor('webauth_chat').publish, 'user')
  })

  test('a rule fits user channels only when its glob names their mark', () => {
    // A rule for everything, written for its flushMs, let anyone subscribe to the messages of every user.
    const rules = compileRules(
      [{ match: '*', flushMs: 10 }, { match: '?7' }, { match: '@2*', presence: 'off', subscribe: 'nobody' }],
      NODE_LIMIT,
      true,
    )
    for (const channel of ['@17', '@7']) assert.equal(rules.ruleFor(channel).subscribe, 'nobody')
    assert.equal(rules.ruleFor('@17').flushMs, 0)
    assert.equal(rules.ruleFor('@21').presence, 'off')
    assert.equal(rules.ruleFor('a@17').flushMs, 10)
  })

  test('a rule can lower the size limit of the node and not raise it', () => {
    const rules = compileRules(
      [
        { match: 'small', maxPublicationBytes: 10 },
        { match: 'large', maxPublicationBytes: NODE_LIMIT + 1 },
        { match: 'zero', maxPublicationBytes: 0 },
      ],
      NODE_LIMIT,
      false,
    )
    assert.equal(rules.ruleFor('small').maxPublicationBytes, 10)
    assert.equal(rules.ruleFor('large').maxPublicationBytes, NODE_LIMIT)
    assert.equal(rules.ruleFor('zero').maxPublicationBytes, NODE_LIMIT)
  })

  test('the demo rule opens the channel demo and stands before all others', () => {
    const closed = [{ match: '*', publish: 'nobody' }] as const
    assert.equal(compileRules(closed, NODE_LIMIT, true).ruleFor('demo').publish, 'anyone')
    assert.equal(compileRules(closed, NODE_LIMIT, false).ruleFor('demo').publish, 'nobody')
    assert.equal(compileRules(closed, NODE_LIMIT, true).ruleFor('demo2').publish, 'nobody')
  })
})

describe('built-in rules', () => {
  const rules = compileRules([], NODE_LIMIT, false)
  const expected = [
    ['news', 'anyone', 'nobody', 'count'],
    ['web_chat', 'anyone', 'anyone', 'count'],
    ['webauth_chat', 'anyone', 'user', 'off'],
    ['private_7', 'user', 'nobody', 'off'],
    ['track_7', 'anyone', 'nobody', 'list'],
    ['trust_7', 'anyone', 'nobody', 'count'],
    ['@17', 'nobody', 'nobody', 'count'],
  ] as const
  for (const [channel, subscribe, publish, presence] of expected) {
    test(`on ${channel}: ${subscribe} subscribes, ${publish} publishes, presence ${presence}`, () => {
      const rule = rules.ruleFor(channel)
      assert.deepEqual([rule.subscribe, rule.publish, rule.presence], [subscribe, publish, presence])
    })
  }
})
