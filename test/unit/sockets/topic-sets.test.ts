/**
 * Tests of src/sockets/topic-sets.ts: who is on a topic, and that nobody is left on one.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HubChannel, topicOf } from '../../../src/core/hub-channel.ts'
import { FIRST_PLACE, LAGGING, Session } from '../../../src/core/session.ts'
import { createTopicSets } from '../../../src/sockets/topic-sets.ts'
import { hubRule } from '../../support/core-parts.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const fanOut = recordingFanOut()
let lastNumber = 0
const open = () => new Session(++lastNumber, fanOut, '')

describe('topic sets', () => {
  test('topic sets hold the sessions of a topic in the order they came, each once', () => {
    const topics = createTopicSets()
    const [first, second, elsewhere] = [open(), open(), open()]
    for (const session of [first, second, first]) topics.subscribe(session, 'news')
    topics.subscribe(elsewhere, 'chat')
    assert.deepEqual([...topics.on('news')], [first, second])
    assert.deepEqual([topics.subscribers('news'), topics.subscribers('chat')], [2, 1])
  })

  test('topic sets have nobody on a topic that nobody came to, or that all have left', () => {
    const topics = createTopicSets()
    const session = open()
    topics.subscribe(session, 'news')
    topics.unsubscribe(session, 'news')
    for (const topic of ['news', 'chat']) {
      assert.equal(topics.on(topic).size, 0)
      assert.equal(topics.subscribers(topic), 0)
    }
  })

  test('topic sets keep the others on a topic when one leaves it, or one leaves who was not on it', () => {
    const topics = createTopicSets()
    const [stays, leaves, stranger] = [open(), open(), open()]
    for (const session of [stays, leaves]) topics.subscribe(session, 'news')
    topics.unsubscribe(leaves, 'news')
    topics.unsubscribe(stranger, 'news')
    topics.unsubscribe(stranger, 'chat')
    assert.deepEqual([...topics.on('news')], [stays])
  })

  test('topic sets forget a session on the topics of its places, and leave it where it lags alone', () => {
    const topics = createTopicSets()
    const session = open()
    const places = [FIRST_PLACE, 3, LAGGING]
    const names = ['a', 'b', 'c']
    for (const [at, name] of names.entries()) {
      session.addChannel(new HubChannel(name, hubRule()), places[at] ?? assert.fail())
    }
    const other = open()
    const held = [topicOf('a', FIRST_PLACE), topicOf('b', 3)]
    for (const topic of held) for (const one of [session, other]) topics.subscribe(one, topic)
    topics.forget(session)
    for (const topic of held) assert.deepEqual([...topics.on(topic)], [other])
  })
})
