/**
 * The checks of books: of single readers, and of a node. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferredShare, imbalance, type NodeBooks } from '../../../bench/support/node-books.ts'
import { areCaughtUp, faultsOf, unexplained } from '../../../bench/support/reader-books.ts'
import type { Books, ReaderBooks } from '../../../bench/support/reports.ts'

const sound: ReaderBooks = { firstOffset: 10, lastOffset: 30, received: 15, gapped: 5, isOpen: true }

function booksOf(readers: readonly ReaderBooks[], beside: Partial<Books> = {}): Books {
  return { readers, breaks: 0, closed: 0, reasons: {}, ...beside }
}

function nodeBooks(beside: Partial<NodeBooks>): NodeBooks {
  const lost = { gap: 0, ended: 0, unsubscribed: 0 }
  return { due: 0, asked: 0, delivered: 0, deferred: 0, lagging: 0, lost, balance: 0, ...beside }
}

test('unexplained is what a reader neither got nor was told of', () => {
  assert.equal(unexplained(sound), 0)
  assert.equal(unexplained({ ...sound, received: 14 }), 1)
  assert.equal(unexplained({ ...sound, gapped: 6 }), -1)
})

test('faultsOf finds none in books that add up', () => {
  assert.deepEqual(faultsOf(booksOf([sound, sound]), 30, false), [])
})

test('faultsOf names one loss even where another reader got as many too many', () => {
  const books = booksOf([
    { ...sound, received: 14 },
    { ...sound, received: 16 },
  ])
  assert.deepEqual(faultsOf(books, 30, false), ['2 publications neither came nor were said to be missing'])
})

test('faultsOf names breaks, readers that stayed behind and readers that were closed', () => {
  const reasons = { 'closed by the server with 3002': 1 }
  const books = booksOf([sound], { breaks: 3, closed: 1, reasons })
  assert.deepEqual(faultsOf(books, 31, false), [
    '3 times a message did not begin where the one before ended',
    '1 readers never caught up',
    '1 readers were closed: {"closed by the server with 3002":1}',
  ])
})

test('faultsOf lets readers be ended where they may be, and owes them nothing after it', () => {
  const books = booksOf([{ ...sound, isOpen: false }], { closed: 1 })
  assert.deepEqual(faultsOf(books, 500, true), [])
})

test('areCaughtUp waits for those that are open, and for no others', () => {
  assert.equal(areCaughtUp(booksOf([sound, { ...sound, lastOffset: 12, isOpen: false }]), 30), true)
  assert.equal(areCaughtUp(booksOf([sound, { ...sound, lastOffset: 29 }]), 30), false)
})

test('imbalance is silent about books that balance and names the difference of others', () => {
  assert.deepEqual(imbalance(nodeBooks({})), [])
  assert.deepEqual(imbalance(nodeBooks({ balance: -4 })), ['the books of the node are out of balance by -4'])
})

test('deferredShare is of what was due between two readings', () => {
  const before = nodeBooks({ due: 100, deferred: 50 })
  assert.equal(deferredShare(before, nodeBooks({ due: 300, deferred: 60 })), 0.05)
  assert.equal(deferredShare(before, before), 0)
})
