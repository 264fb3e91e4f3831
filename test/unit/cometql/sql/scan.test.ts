/**
 * The scanner by itself: which tokens a text comes to, what is passed over, and where tokens stand.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scanner, type TokenKind } from '../../../../src/cometql/sql/scan.ts'

type Token = readonly [kind: TokenKind, inside: string]

function tokens(text: string): Token[] {
  const scanner = new Scanner(text)
  const found: Token[] = []
  for (;;) {
    scanner.next()
    if (scanner.kind === 'end') return found
    const sign = scanner.isNegative ? '-' : ''
    const inside = scanner.kind === 'symbol' ? scanner.symbol : sign + text.slice(scanner.from, scanner.to)
    found.push([scanner.kind, inside])
  }
}

const word = (inside: string): Token => ['word', inside]
const text = (inside: string): Token => ['text', inside]
const number = (inside: string): Token => ['number', inside]
const symbol = (inside: string): Token => ['symbol', inside]
const variable = (inside: string): Token => ['variable', inside]
const name = (inside: string): Token => ['name', inside]

const cases: readonly (readonly [subject: string, query: string, expected: readonly Token[]])[] = [
  ['nothing for a text without letters', '', []],
  ['nothing for blanks of every kind', ' \t\r\n\v\f\0', []],
  ['words apart at blanks', 'select a\tb\nc', [word('select'), word('a'), word('b'), word('c')]],
  ['letters of words: digits, underscores, dollars', 'a1_$b', [word('a1_$b')]],
  ['a word of bytes of UTF-8', '\xc3\xa9t\xc3\xa9', [word('\xc3\xa9t\xc3\xa9')]],
  [
    'parentheses and commas without blanks',
    'a(b,c)d',
    [word('a'), symbol('('), word('b'), symbol(','), word('c'), symbol(')'), word('d')],
  ],
  ['a string in single quotes', "'a b'", [text('a b')]],
  ['a string in double quotes', '"a b"', [text('a b')]],
  ['an empty string', "''", [text('')]],
  ['a name in backticks', '`a b`', [name('a b')]],
  ['the other quote inside a string', `'a"b' "c'd"`, [text('a"b'), text("c'd")]],
  ['a doubled quote as part of a string', "'it''s'", [text("it''s")]],
  ['a doubled double quote', '"a""b"', [text('a""b')]],
  ['doubled backticks', '`a``b`', [name('a``b')]],
  ['an escaped quote as part of a string', "'it\\'s'", [text("it\\'s")]],
  ['a backslash that is escaped itself before the end', "'a\\\\' b", [text('a\\\\'), word('b')]],
  ['three backslashes before a quote', "'a\\\\\\'b'", [text("a\\\\\\'b")]],
  ['a backslash in backticks as any letter', '`a\\` b', [name('a\\'), word('b')]],
  ['a string with line breaks', "'a\nb\r\nc'", [text('a\nb\r\nc')]],
  ['marks of comments inside strings as text', "'-- # /* */'", [text('-- # /* */')]],
  ['only quotes in a string', "''''", [text("''")]],
  ['strings side by side', `'a'"b"`, [text('a'), text('b')]],
  ['a string right behind a word', "_utf8'x'", [word('_utf8'), text('x')]],
  ['whole numbers', '0 7 0012', [number('0'), number('7'), number('0012')]],
  ['fractions', '1.5 .25', [number('1.5'), number('.25')]],
  ['exponents', '1e5 1E+5 2.5e-3', [number('1e5'), number('1E+5'), number('2.5e-3')]],
  ['an exponent without digits as a word', '1e', [word('1e')]],
  ['digits that letters follow as a word', '7abc 0x41', [word('7abc'), word('0x41')]],
  ['a fraction apart from letters behind it', '1.5abc', [number('1.5'), word('abc')]],
  ['letters behind a fraction without digits before', '.5x', [number('.5'), word('x')]],
  ['a minus as part of the number', '-5', [number('-5')]],
  ['a plus as nothing', '+5', [number('5')]],
  ['a minus with blanks behind it', '-  5', [number('-5')]],
  ['a minus with a comment behind it', '-/* five */5', [number('-5')]],
  ['the last of several signs', '--5 +-7', [number('-5'), number('-7')]],
  ['a minus before a word as nothing', '- a 5', [word('a'), number('5')]],
  ['a minus before a stray letter as nothing', '-~5', [number('5')]],
  ['a dot between names', 'p.name', [word('p'), symbol('.'), word('name')]],
  ['a dot between quoted names', '`p`."name"', [name('p'), symbol('.'), text('name')]],
  ['a dot behind a name though digits follow', 'p.5', [word('p'), symbol('.'), number('5')]],
  ['question marks', '?,?', [['parameter', '?'], symbol(','), ['parameter', '?']]],
  ['a variable', '@x', [variable('x')]],
  ['a variable of the system', '@@version_comment', [variable('version_comment')]],
  ['a variable with a scope', '@@session.autocommit', [variable('session.autocommit')]],
  ['at-marks without a name as nothing', '@ @@ @@@', []],
  [
    'comparisons',
    '= <> != < > <= >= <=>',
    [
      symbol('='),
      symbol('<>'),
      symbol('<>'),
      symbol('<'),
      symbol('>'),
      symbol('<='),
      symbol('>='),
      symbol('='),
    ],
  ],
  ['comparisons without blanks', 'a<=1', [word('a'), symbol('<='), number('1')]],
  ['a comparison with a sign behind it', 'a>-1', [word('a'), symbol('>'), number('-1')]],
  ['assignments', ':= =', [symbol(':='), symbol('=')]],
  ['signs for AND and OR', '&& ||', [symbol('&&'), symbol('||')]],
  ['an exclamation mark', '!(', [symbol('!'), symbol('(')]],
  ['a star and semicolons', '*;;', [symbol('*'), symbol(';'), symbol(';')]],
  ['nothing of stray letters', ': ~ ^ % \\ { } [ ] & | / \x7f', []],
  ['a comment between marks', "a/* b; ' */c", [word('a'), word('c')]],
  ['a comment that is empty', 'a/**/b', [word('a'), word('b')]],
  ['a hint as a comment', 'a/*+ b */c', [word('a'), word('c')]],
  [
    'a comment that is to be read',
    '/*!40101 SET NAMES utf8 */;',
    [word('SET'), word('NAMES'), word('utf8'), symbol(';')],
  ],
  ["MariaDB's comment that is to be read", '/*M!100100 a */ b', [word('a'), word('b')]],
  ['a comment that is to be read without a number', '/*! a */b', [word('a'), word('b')]],
  ['a star before the end of a comment that is read', '/*! a* */b', [word('a'), symbol('*'), word('b')]],
  ['a star and a slash outside of comments', 'a */ b', [word('a'), symbol('*'), word('b')]],
  ['a comment without an end as a symbol', 'a /* b', [word('a'), symbol('/*')]],
  ['a comment to the end of the line', 'a -- b\nc', [word('a'), word('c')]],
  ['a comment to the end of the line with no blank but the break', 'a --\nc', [word('a'), word('c')]],
  ['a comment to the end of the text', 'a -- b', [word('a')]],
  ['two signs at the end as a comment', 'a --', [word('a')]],
  ['two signs with a letter behind as signs', 'a --b', [word('a'), word('b')]],
  ['a comment behind a hash', 'a # b\nc#d', [word('a'), word('c')]],
  ['a quote without an end as nothing', "a ' b", [word('a'), word('b')]],
  ['a quote at the end as nothing', "a;'", [word('a'), symbol(';')]],
  ['a double quote without an end as nothing', 'a " b', [word('a'), word('b')]],
  ['a backtick without an end as nothing', 'a ` b', [word('a'), word('b')]],
  ['a quote whose end is escaped as nothing', "'a\\' b", [word('a'), word('b')]],
  ['a string behind a quote of the other kind without an end', `" 'a'`, [text('a')]],
  ['no string behind a quote of the same kind without an end', "'a''b", [word('a'), word('b')]],
]

for (const [subject, query, expected] of cases) {
  test(`scanner finds ${subject}`, () => {
    assert.deepEqual(tokens(query), expected)
  })
}

test('scanner tells where a token stands, quotes and signs included', () => {
  const scanner = new Scanner("a 'b c' - 5 @@d")
  const places: (readonly [number, number])[] = []
  for (;;) {
    scanner.next()
    if (scanner.kind === 'end') break
    places.push([scanner.start, scanner.end])
  }
  assert.deepEqual(places, [
    [0, 1],
    [2, 7],
    [8, 11],
    [12, 15],
  ])
})

test('scanner tells where the token before ended', () => {
  const scanner = new Scanner('COUNT( * ) ,')
  const ends: number[] = []
  for (let left = 5; left > 0; left--) {
    scanner.next()
    ends.push(scanner.endBefore)
  }
  assert.deepEqual(ends, [0, 5, 6, 8, 10])
})

test('scanner stays at the end', () => {
  const scanner = new Scanner('a')
  for (let left = 4; left > 0; left--) scanner.next()
  assert.equal(scanner.kind, 'end')
  assert.equal(scanner.symbol, '')
  assert.deepEqual([scanner.start, scanner.end], [1, 1])
})

test('scanner leaves nothing of a token in the next one', () => {
  const scanner = new Scanner('( -5 6 a')
  scanner.next()
  assert.equal(scanner.symbol, '(')
  scanner.next()
  assert.deepEqual([scanner.kind, scanner.symbol, scanner.isNegative], ['number', '', true])
  scanner.next()
  assert.deepEqual([scanner.kind, scanner.isNegative], ['number', false])
  scanner.next()
  assert.deepEqual([scanner.kind, scanner.from, scanner.to], ['word', 7, 8])
})

test('scanner finds every one of the letters from 0 to 255 in a string', () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code))
  const inside = all.replace("'", '').replace('\\', '')
  assert.deepEqual(tokens(`a '${inside}' b`), [word('a'), text(inside), word('b')])
})

test('scanner finds a long string as one token', () => {
  const long = '{"a":"'.padEnd(100_000, 'x')
  const found = tokens(`('${long}')`)
  assert.equal(found.length, 3)
  assert.equal(found[1]?.[1].length, 100_000)
})
