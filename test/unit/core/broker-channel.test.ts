/**
 * Tests of src/core/broker-channel.ts: what is kept for whom, and what may be read of it.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChannelRule } from '../../../src/config/rules.ts'
import { BrokerChannel } from '../../../src/core/broker-channel.ts'
import { compileRules } from '../../../src/core/channel-rules.ts'
import { createRingMemory, ENTRY_OVERHEAD_BYTES, type RingLimits } from '../../../src/core/ring.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordingEdge } from '../../support/recording-edge.ts'

const SHORT: RingLimits = { size: 4, bytes: 0, maxAgeMs: 1_000 }

function setUp(rule: Omit<ChannelRule, 'match'> = {}, short: RingLimits = SHORT, maxBytes = 1_000_000) {
  const clock = new FakeClock()
  const shrunk: number[] = []
  const memory = createRingMemory(maxBytes, (entries) => void shrunk.push(entries))
  const rules = compileRules([{ match: 'a', ...rule }], 1_000, false)
  const channel = new BrokerChannel('a', 'k3', rules.ruleFor('a'), { memory, short, clock })
  /** Up to where the edge has sent to all its subscribers; null = everything. */
  let sent: number | null = null
  const attach = () => {
    channel.edges = [{ ...recordingEdge(), sentOffset: () => sent ?? channel.offset }]
  }
  const hold = (offset: number | null) => {
    sent = offset
  }
  /** As the broker publishes. */
  const publish = (count: number) => {
    const nowMs = clock.nowMs()
    for (let i = 0; i < count; i++) {
      channel.offset++
      if (channel.isRetaining) channel.retain(Buffer.from(`${channel.offset}`), nowMs)
    }
  }
  const held = () => {
    const offsets: number[] = []
    for (let offset = channel.firstRetained(); offset <= channel.offset; offset++) {
      assert.equal(channel.retained(offset)?.toString(), String(offset))
      offsets.push(offset)
    }
    assert.equal(channel.retained(channel.firstRetained() - 1), null)
    assert.equal(channel.retained(channel.offset + 1), null)
    return offsets
  }
  return { clock, channel, memory, attach, hold, publish, held, shrunk }
}

describe('channel without a history', () => {
  test('keeps nothing while no edge is attached', () => {
    const { channel, memory, publish, held } = setUp()
    assert.equal(channel.isRetaining, false)
    publish(5)
    assert.deepEqual(held(), [])
    assert.equal(channel.firstRetained(), 6)
    assert.deepEqual([channel.isEmpty, memory.bytes], [true, 0])
  })

  test('keeps the short ring for an edge, by number', () => {
    const { channel, attach, publish, held } = setUp()
    attach()
    publish(3)
    assert.deepEqual(held(), [1, 2, 3])
    publish(3)
    assert.deepEqual(held(), [3, 4, 5, 6])
    assert.equal(channel.firstInHistory(), 7, 'the short ring is no history')
  })

  test('keeps the short ring for an edge, by age', () => {
    const { clock, attach, publish, held } = setUp()
    attach()
    publish(2)
    clock.turn(600)
    publish(1)
    clock.turn(401)
    assert.deepEqual(held(), [3], 'without waiting for another publication')
    clock.turn(1_000)
    assert.deepEqual(held(), [])
    publish(1)
    assert.deepEqual(held(), [4])
  })

  test('keeps what the edge has not sent yet besides the short ring', () => {
    const { clock, attach, hold, publish, held } = setUp()
    attach()
    publish(6)
    hold(6)
    publish(10)
    clock.turn(5_000)
    assert.deepEqual(held(), [7, 8, 9, 10, 11, 12, 13, 14, 15, 16], 'however old it is')
    hold(null)
    assert.deepEqual(held(), [])
    hold(16)
    publish(9)
    hold(24)
    assert.deepEqual(held(), [21, 22, 23, 24, 25], 'one that waits, and the four of the ring')
  })

  test('lets the short ring go when the last edge has left', () => {
    const { channel, memory, attach, publish, held } = setUp()
    attach()
    publish(3)
    channel.edges = null
    channel.trim(0)
    assert.deepEqual(held(), [])
    assert.deepEqual([channel.isEmpty, memory.bytes], [true, 0])
  })

  test('has no hole between what was kept and what was published while nobody was there', () => {
    const { channel, attach, publish, held } = setUp()
    attach()
    publish(2)
    channel.edges = null
    publish(3)
    assert.deepEqual(held(), [], 'the latest are not held, so nothing is')
    attach()
    publish(2)
    assert.deepEqual(held(), [6, 7])
  })
})

describe('channel with a history', () => {
  test('keeps what its rule promises, attached or not', () => {
    const { channel, attach, publish, held } = setUp({ historySize: 3 })
    publish(5)
    assert.deepEqual(held(), [3, 4, 5])
    assert.equal(channel.firstInHistory(), 3)
    attach()
    publish(2)
    assert.deepEqual(held(), [4, 5, 6, 7], 'the short ring claims one more')
    assert.equal(channel.firstInHistory(), 5, 'and the history does not show it')
  })

  test('keeps the longer of the two claims', () => {
    const { channel, attach, publish, held } = setUp({ historySize: 10 })
    attach()
    publish(12)
    assert.deepEqual(held(), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    channel.edges = null
    channel.trim(5_000)
    assert.equal(held().length, 10)
  })

  test('lets go of what is older than its rule says', () => {
    const { clock, channel, publish, held } = setUp({ historySize: 10, historyTtlMs: 500 })
    publish(2)
    clock.turn(400)
    publish(2)
    clock.turn(101)
    assert.equal(channel.firstInHistory(), 3, 'before anything is trimmed')
    channel.trim(501)
    assert.deepEqual(held(), [3, 4])
    channel.trim(901)
    assert.deepEqual(held(), [])
    assert.equal(channel.isEmpty, true)
    clock.turn(400)
    assert.equal(channel.firstInHistory(), 5)
  })

  test('lets go of what its rule has no bytes for', () => {
    const { publish, held } = setUp({ historySize: 100, historyBytes: 600 })
    publish(50)
    const kept = held()
    assert.ok(kept.length > 2 && kept.length < 12, `${kept.length} are held`)
    assert.equal(kept.at(-1), 50)
  })

  test('holds less than it promises when all histories together are too large, and says so', () => {
    const { channel, memory, publish, held, shrunk } = setUp({ historySize: 1_000 }, SHORT, 4_000)
    publish(500)
    assert.ok(memory.bytes <= 4_000)
    assert.ok(held().length > 0 && channel.firstInHistory() > 1)
    assert.equal(
      shrunk.reduce((all, one) => all + one, 0),
      channel.firstRetained() - 1,
    )
  })

  test('lets go of single publications, and has the others where they were', () => {
    const { channel, memory, publish } = setUp({ historySize: 5 })
    publish(7)
    const { bytes } = memory
    channel.remove([1, 3, 5, 7, 8])
    assert.deepEqual([channel.offset, channel.firstInHistory(), channel.firstRetained()], [7, 4, 4])
    const held = [3, 4, 5, 6, 7].map((offset) => channel.retained(offset)?.toString())
    assert.deepEqual(held, [undefined, '4', undefined, '6', undefined])
    assert.equal(memory.bytes, bytes - 3 - ENTRY_OVERHEAD_BYTES, 'the place of the oldest is gone as well')
    publish(1)
    assert.deepEqual([channel.retained(8)?.toString(), channel.firstRetained()], ['8', 4])
  })

  test('that lost all its publications one by one still goes on counting, and costs nothing in the end', () => {
    const { clock, channel, memory, publish, held } = setUp({ historySize: 5, historyTtlMs: 500 })
    publish(3)
    channel.remove([1, 2, 3])
    publish(1)
    assert.deepEqual([channel.offset, channel.retained(4)?.toString()], [4, '4'])
    clock.turn(501)
    assert.deepEqual(held(), [])
    assert.equal(memory.bytes, 0)
  })

  test('lets go of everything at the end', () => {
    const { channel, memory, publish, held } = setUp({ historySize: 5 })
    publish(5)
    channel.clear()
    assert.deepEqual(held(), [])
    assert.equal(memory.bytes, 0)
  })
})

test('channel that keeps nothing has nothing to remove', () => {
  const { channel, publish } = setUp()
  channel.remove([1])
  publish(1)
  channel.remove([1])
  assert.deepEqual([channel.isEmpty, channel.offset], [true, 1])
})

test('channel without a short ring and a history keeps nothing, attached or not', () => {
  const none = { ...SHORT, size: 0 }
  const { attach, publish, held } = setUp({}, none)
  attach()
  publish(3)
  assert.deepEqual(held(), [])
})
