/**
 * What the parts of the parser do with tokens: words in any case, lists, nesting, names, and the words of errors.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import {
  MAX_NESTING,
  MAX_TOKENS,
  notImplemented,
  quotedName,
  Tokens,
  wordSet,
} from '../../../../src/cometql/sql/parse-tokens.ts'
import { letters } from '../../../support/read-statements.ts'

/** Takes one token, whatever it is, and gives what is in it. */
function take(tokens: Tokens): string {
  const inside = tokens.inside()
  tokens.next()
  return inside
}

test('tokens begin at the first one', () => {
  const tokens = new Tokens('  a')
  assert.equal(tokens.kind, 'word')
  assert.equal(tokens.inside(), 'a')
  assert.equal(tokens.start, 2)
})

test('tokens know a word in any case, and not by its beginning or its end', () => {
  for (const written of ['ORDER_BY2', 'order_by2', 'Order_bY2'])
    assert.ok(new Tokens(written).isWord('ORDER_BY2'))
  for (const written of ['ORDER', 'ORDER_BY', 'ORDER_BY22', 'XORDER_BY2', '`ORDER_BY2`', "'ORDER_BY2'", '']) {
    assert.ok(!new Tokens(written).isWord('ORDER_BY2'), written)
  }
})

test('tokens tell letters from others that differ in the bit of their case', () => {
  // Byte 0xC4 differs from 0xE4 as A does from a, and no keyword has either.
  assert.ok(!new Tokens('\xc4').isWord('D'))
  assert.ok(!new Tokens('\x01').isWord('!'))
  assert.ok(!new Tokens('a\x7f').isWord('A_'))
})

test('tokens find a word among many by its first letter', () => {
  const words = wordSet('AND OR ORDER NOT  NULL\n   XOR')
  for (const written of ['AND', 'and', 'Or', 'order', 'nOT', 'NULL', 'xor']) {
    assert.ok(new Tokens(written).isOneOf(words), written)
  }
  for (const written of ['AN', 'ANDY', 'ORDERS', 'name', 'x', '', '7', "'AND'", '`OR`', '\xc1nd', 'É', '(']) {
    assert.ok(!new Tokens(letters(written)).isOneOf(words), written)
  }
})

test('tokens are gone past only where they are what was asked for', () => {
  const tokens = new Tokens('select ( 7')
  assert.equal(tokens.takeWord('INSERT'), false)
  assert.equal(tokens.takeSymbol('('), false)
  assert.equal(tokens.takeWord('SELECT'), true)
  assert.equal(tokens.takeSymbol(')'), false)
  assert.equal(tokens.takeSymbol('('), true)
  assert.equal(tokens.is('number'), true)
  assert.equal(tokens.isStatementEnd(), false)
  tokens.next()
  assert.equal(tokens.isStatementEnd(), true)
})

test('tokens give a word in upper case, but none that is too long to mean anything', () => {
  assert.equal(new Tokens('Select').keyword(), 'SELECT')
  assert.equal(new Tokens('a'.repeat(32)).keyword(), 'A'.repeat(32))
  assert.equal(new Tokens('a'.repeat(33)).keyword(), '')
  for (const other of ['7', "'a'", '`a`', '?', '@a', '(', '']) assert.equal(new Tokens(other).keyword(), '')
})

test('tokens skip words as long as they are among those named', () => {
  const tokens = new Tokens('quick ignore QUICK from')
  tokens.skipWords(wordSet('QUICK IGNORE'))
  assert.ok(tokens.isWord('FROM'))
  tokens.skipWords(wordSet('QUICK IGNORE'))
  assert.ok(tokens.isWord('FROM'))
})

test('tokens skip a statement, and stop at its semicolon', () => {
  const tokens = new Tokens("set x = ';', (y) ; z")
  tokens.skipStatement()
  assert.ok(tokens.isSymbol(';'))
  tokens.next()
  tokens.skipStatement()
  assert.ok(tokens.is('end'))
})

test('tokens read a list up to what is no comma', () => {
  const tokens = new Tokens('a, b ,c d')
  assert.deepEqual(tokens.list(take), ['a', 'b', 'c'])
  assert.equal(tokens.inside(), 'd')
})

test('tokens number question marks', () => {
  const tokens = new Tokens('? ? ?')
  assert.deepEqual([tokens.parameter(), tokens.parameter(), tokens.parameter()], [0, 1, 2])
  assert.equal(tokens.parameters, 3)
  assert.ok(tokens.is('end'))
})

test('tokens give what was written, without the blanks around it', () => {
  const tokens = new Tokens(letters(' COUNT( * ) , "é"'))
  const first = tokens.start
  for (let left = 4; left > 0; left--) tokens.next()
  assert.equal(tokens.written(first), 'COUNT( * )')
  tokens.next()
  const second = tokens.start
  tokens.next()
  assert.equal(tokens.written(second), '"é"')
})

test('tokens know the quote, the sign and the marks that a token has', () => {
  assert.equal(new Tokens("'a'").quote(), "'")
  assert.equal(new Tokens('"a"').quote(), '"')
  assert.equal(new Tokens('- 7').isNegative, true)
  assert.equal(new Tokens('7').isNegative, false)
  assert.equal(new Tokens('@a').isSystemVariable, false)
  assert.equal(new Tokens('@@a').isSystemVariable, true)
})

test('tokens know whether anything stands between two of them', () => {
  const tokens = new Tokens("x'a' 'b'/**/'c'")
  const seen: boolean[] = []
  for (let left = 3; left > 0; left--) {
    tokens.next()
    seen.push(tokens.isAdjacent)
  }
  assert.deepEqual(seen, [true, false, false])
})

test('tokens nest to their limit, and come back from it', () => {
  const tokens = new Tokens('')
  const dive = (levels: number): number => (levels === 0 ? 0 : 1 + tokens.nested(() => dive(levels - 1)))
  assert.equal(dive(MAX_NESTING), MAX_NESTING)
  assert.equal(dive(MAX_NESTING), MAX_NESTING)
  assert.throws(() => dive(MAX_NESTING + 1), /^QueryError: Syntax error in query: nested more than 100 deep$/)
})

test('tokens that are expected are gone past, any other is an error', () => {
  const tokens = new Tokens('from (')
  tokens.expectWord('FROM')
  assert.throws(() => tokens.expectSymbol(')'), /expected \) near "\("$/)
  assert.throws(() => tokens.expectWord('FROM'), /expected FROM near "\("$/)
  tokens.expectSymbol('(')
  assert.throws(() => tokens.expectWord('FROM'), /expected FROM at its end$/)
})

test('error of a token shows it with its sign and its quote', () => {
  assert.equal(new Tokens("'a' b").unexpected('x').message, `Syntax error in query: expected x near "'a' b"`)
  assert.equal(new Tokens('- 7').unexpected('x').message, 'Syntax error in query: expected x near "- 7"')
})

test('names in quotes lose their escapes, each kind its own', () => {
  assert.equal(quotedName('a``b', '`'), 'a`b')
  assert.equal(quotedName('a\\nb', '`'), 'a\\nb')
  assert.equal(quotedName("it''s", "'"), "it's")
  assert.equal(quotedName("it\\'s", "'"), "it's")
  assert.equal(quotedName(letters('é""'), '"'), 'é"')
})

test('refusal says what is not implemented, and what can be done', () => {
  const refusal = notImplemented('XOR', 'use OR')
  assert.ok(refusal instanceof QueryError)
  assert.equal(refusal.message, 'XOR is not implemented: use OR')
  assert.equal(refusal.failure.code, 2)
})

test('a query has a bound on its words, values and signs', () => {
  const most = new Tokens('1,'.repeat(MAX_TOKENS / 2 - 1))
  while (!most.is('end')) most.next()
  assert.equal(most.count, MAX_TOKENS - 2)
  const more = new Tokens(','.repeat(MAX_TOKENS + 1))
  const words = `Query is too long: more than ${MAX_TOKENS} words, values and signs; send it in parts`
  assert.throws(() => more.skipStatement(), { message: words })
})
