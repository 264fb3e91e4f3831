/**
 * Prepared statements of a connection: their numbers, values that come in pieces, and what they may hold.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PreparedStatements } from '../../../src/cometql/prepared-statements.ts'
import { QueryError, queryCodes } from '../../../src/cometql/query-failure.ts'
import { MalformedPacket } from '../../../src/cometql/wire/fields.ts'
import { hex } from '../../support/hex.ts'
import { script } from '../../support/read-statements.ts'

const MAX_BYTES = 1_000
/** A piece counts as so many bytes more. */
const PIECE_BYTES = 128
const MOST_OF_A_PIECE = MAX_BYTES - PIECE_BYTES
const INSERT = script('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)')
const SELECT = script('SELECT * FROM users_auth WHERE id = ?')

/** COM_STMT_EXECUTE of a statement: no cursor, one iteration. */
function execute(id: number, ...values: readonly string[]): Buffer {
  return hex(`17 ${id.toString(16).padStart(2, '0')} 00 00 00`, '00', '01 00 00 00', ...values)
}

/** One parameter with its type, a text, and without. */
const SEVEN = ['00', '01', 'fd 00', "01 '7'"]
const EIGHT_UNTYPED = ['00', '00', "01 '8'"]

function texts(parameters: readonly (Buffer | null)[]): (string | undefined)[] {
  return parameters.map((one) => one?.toString())
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    assert.ok(thrown instanceof QueryError, String(thrown))
    return `${thrown.failure.code}: ${thrown.message}`
  }
  return 'not refused'
}

describe('prepared statements', () => {
  test('have numbers from 1 on that are never used again', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    assert.equal(statements.add(SELECT, 1), 1)
    assert.equal(statements.add(INSERT, 1), 2)
    statements.remove(1)
    statements.remove(2)
    assert.equal(statements.add(SELECT, 1), 3)
    statements.clear()
    assert.equal(statements.add(SELECT, 1), 4)
  })

  test('are executed with the values of the packet', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    const { statement, parameters } = statements.execution(id, execute(id, ...SEVEN))
    assert.equal(statement, SELECT.statements[0])
    assert.deepEqual(texts(parameters), ['7'])
  })

  test('keep the types of values for executions that do not send them', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    assert.throws(() => statements.execution(id, execute(id, ...EIGHT_UNTYPED)), MalformedPacket)
    statements.execution(id, execute(id, ...SEVEN))
    assert.deepEqual(texts(statements.execution(id, execute(id, ...EIGHT_UNTYPED)).parameters), ['8'])
  })

  test('that are empty have nothing to run', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(script('-- nothing'), 1)
    assert.equal(statements.execution(id, execute(id)).statement, null)
  })

  test('that are not there are refused by their number', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const words = '15: There is no prepared statement 9 on this connection'
    assert.equal(
      refusal(() => statements.execution(9, execute(9))),
      words,
    )
    assert.equal(
      refusal(() => statements.reset(9)),
      words,
    )
    statements.remove(9) // a client may close what it never had: nobody answers that
  })

  test('take values in pieces, in the place of those of the packet', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(INSERT, 1)
    statements.append(id, 2, Buffer.from('long '))
    statements.append(id, 2, Buffer.from('text'))
    const packet = execute(id, '00', '01', 'fd 00 fd 00 fc 00', "03 'web' 01 'e'")
    assert.deepEqual(texts(statements.execution(id, packet).parameters), ['web', 'e', 'long text'])
  })

  test('take a value in as many pieces as it has bytes, empty ones between them', () => {
    const statements = new PreparedStatements(5_000 * (PIECE_BYTES + 1))
    const id = statements.add(SELECT, 1)
    const value = Array.from({ length: 5_000 }, (_, n) => String(n % 10)).join('')
    for (const letter of value) {
      statements.append(id, 0, Buffer.from(letter))
      statements.append(id, 0, Buffer.alloc(0))
    }
    assert.deepEqual(texts(statements.execution(id, execute(id, '00', '01', 'fd 00')).parameters), [value])
  })

  test('take an empty piece for an empty value', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.append(id, 0, Buffer.alloc(0))
    assert.deepEqual(texts(statements.execution(id, execute(id, '00', '01', 'fd 00')).parameters), [''])
  })

  test('use pieces once', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.append(id, 0, Buffer.from('9'))
    statements.execution(id, execute(id, '00', '01', 'fd 00'))
    assert.deepEqual(texts(statements.execution(id, execute(id, ...SEVEN)).parameters), ['7'])
  })

  test('forget pieces when they are reset', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.append(id, 0, Buffer.from('9'))
    statements.reset(id)
    assert.deepEqual(texts(statements.execution(id, execute(id, ...SEVEN)).parameters), ['7'])
  })

  test('keep a copy of a piece', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    const piece = Buffer.from('9')
    statements.append(id, 0, piece)
    piece.fill('x')
    assert.deepEqual(texts(statements.execution(id, execute(id, '00', '01', 'fd 00')).parameters), ['9'])
  })

  test('ignore pieces for a statement or a parameter there is not', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.append(id, 1, Buffer.alloc(MOST_OF_A_PIECE))
    statements.append(id + 1, 0, Buffer.alloc(MOST_OF_A_PIECE))
    statements.append(id, 0, Buffer.alloc(MOST_OF_A_PIECE, 'a')) // nothing was kept of those above
    const [value] = statements.execution(id, execute(id, '00', '01', 'fd 00')).parameters
    assert.equal(value?.length, MOST_OF_A_PIECE)
  })

  test('refuse an execution whose pieces were more than allowed, once', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.append(id, 0, Buffer.alloc(MOST_OF_A_PIECE))
    statements.append(id, 0, Buffer.alloc(1))
    const words = `${queryCodes.tooLong}: Data is too long: values in pieces are above 1000 bytes (cometqlMaxQueryBytes)`
    assert.equal(
      refusal(() => statements.execution(id, execute(id, ...SEVEN))),
      words,
    )
    assert.deepEqual(texts(statements.execution(id, execute(id, ...SEVEN)).parameters), ['7'])
  })

  test('share the bound on pieces, and give back what is executed, reset, closed or cleared', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const ids = [statements.add(SELECT, 1), statements.add(SELECT, 1)] as const
    const fill = () => statements.append(ids[0], 0, Buffer.alloc(MOST_OF_A_PIECE))
    const isFull = () => {
      statements.append(ids[1], 0, Buffer.from('1'))
      const isRefused = refusal(() => statements.execution(ids[1], execute(ids[1], '00', '01', 'fd 00')))
      return isRefused.startsWith('11')
    }
    fill()
    assert.ok(isFull())
    statements.execution(ids[0], execute(ids[0], '00', '01', 'fd 00'))
    assert.ok(!isFull())
    fill()
    statements.reset(ids[0])
    assert.ok(!isFull())
    fill()
    statements.remove(ids[0])
    assert.ok(!isFull())
    const other = statements.add(SELECT, 1)
    statements.append(other, 0, Buffer.alloc(MOST_OF_A_PIECE))
    statements.clear()
    const last = statements.add(SELECT, 1)
    statements.append(last, 0, Buffer.alloc(MOST_OF_A_PIECE, 'a'))
    assert.equal(statements.execution(last, execute(last, '00', '01', 'fd 00')).parameters.length, 1)
  })

  test('may need eight megabytes together, texts and what they were read into', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const most = 8_388_608
    const need = (bytes: number, memoryBytes = 0) => statements.add({ ...SELECT, memoryBytes }, bytes)
    const first = need(most - 1_000)
    assert.equal(
      refusal(() => need(1_001)),
      `11: Prepared statements are too long together: they need more than ${most} bytes; close some`,
    )
    assert.match(
      refusal(() => need(700, 301)),
      /^11: /,
    )
    need(700, 300)
    statements.remove(first)
    need(0, most - 1_000)
    assert.match(
      refusal(() => need(0, 1)),
      /^11: /,
    )
    statements.clear()
    need(most)
  })

  test('may be as long as four of the longest queries, where those are long', () => {
    const statements = new PreparedStatements(4_000_000)
    statements.add({ ...SELECT, memoryBytes: 0 }, 16_000_000)
    assert.match(
      refusal(() => statements.add({ ...SELECT, memoryBytes: 0 }, 1)),
      /^11: /,
    )
  })

  test('may have as many question marks as the protocol can count', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    assert.match(
      refusal(() => statements.add({ ...SELECT, parameters: 65_536 }, 1)),
      /^11: Too many question marks: 65536 of at most 65535/,
    )
    statements.add({ ...SELECT, parameters: 65_535 }, 1)
  })

  test('refuse values that are not UTF-8', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    assert.match(
      refusal(() => statements.execution(id, execute(id, '00', '01', 'fd 00', '01 e9'))),
      /^12: A value is not UTF-8/,
    )
  })

  test('refuse an execution of whose value a piece was too large to be read', () => {
    const statements = new PreparedStatements(MAX_BYTES)
    const id = statements.add(SELECT, 1)
    statements.tooLong(id)
    statements.tooLong(id + 1)
    assert.match(
      refusal(() => statements.execution(id, execute(id, ...SEVEN))),
      /^11: Data is too long: values in pieces/,
    )
  })

  test('are at most 16,382', () => {
    const statements = new PreparedStatements(16_382)
    for (let left = 16_382; left > 0; left--) statements.add(SELECT, 1)
    assert.match(
      refusal(() => statements.add(SELECT, 1)),
      /^11: Too many prepared statements: 16382 of at most 16382/,
    )
    statements.remove(1)
    assert.equal(statements.add(SELECT, 1), 16_383)
  })
})
