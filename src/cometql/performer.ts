/**
 * What a client that is logged in may ask, and how each command is answered.
 *
 * Owns what the connection remembers: the database, prepared statements, what its client is told of transactions, whether
 * several statements may come in one query. Every command becomes work for the queue, which decides when it is done; the
 * packets of an answer are numbered on from the command's. Statements are read when they come, so that it is known which of
 * them only publish.
 */
import { isUtf8 } from 'node:buffer'
import type { Observer } from '../core/observer.ts'
import { errorText } from '../errors.ts'
import type { Answer } from './answer.ts'
import { done } from './answer.ts'
import { type AnswerForm, type Output, writeAnswer } from './answer-writer.ts'
import type { Work } from './command-queue.ts'
import {
  type ChosenDatabase,
  chooseDatabase,
  databaseOf,
  INFORMATION_SCHEMA,
  unknownDatabase,
} from './databases.ts'
import type { Login } from './login.ts'
import type { Pace } from './pace.ts'
import { PreparedStatements } from './prepared-statements.ts'
import { nodeFailure, QueryError, type QueryFailure, queryFailure } from './query-failure.ts'
import type { NodeFacts, RunContext } from './run/context.ts'
import type { Runner } from './run/run-statement.ts'
import { type ParseOptions, parse } from './sql/parse.ts'
import type { Script, Statement } from './sql/statement.ts'
import { Values } from './sql/values.ts'
import type { Tables } from './tables/all-tables.ts'
import type { TableContext } from './tables/table.ts'
import { createTransactionStatus } from './transaction-status.ts'
import { writeColumnDefinition, writeEof, writeFailure, writeOk, writePrepared } from './wire/answers.ts'
import { capabilities } from './wire/capabilities.ts'
import { type Command, readCommand } from './wire/commands.ts'
import { MalformedPacket } from './wire/fields.ts'

/** CppComet takes nothing shorter for a query. */
const MIN_QUERY_BYTES = 4

export interface PerformerDeps {
  readonly node: Omit<TableContext, 'tenant'>
  readonly facts: NodeFacts
  readonly runner: Runner
  readonly tables: Tables
  readonly observer: Observer
  readonly output: Output
  readonly pace: Pace
  readonly connectionId: number
  readonly login: { readonly address: string }
}

export interface PerformerLimits {
  readonly cometqlMaxQueryBytes: number
}

type Form = Omit<AnswerForm, 'status'>
type ExecuteCommand = Extract<Command, { kind: 'execute' }>
type OtherCommand = Exclude<Command, { kind: 'query' | 'execute' | 'quit' | 'changeUser' }>

export interface Performer {
  /** The client may only be here. */
  readonly isCheck: boolean
  /** A command as work. @param sequence of its packet @param bytes of it */
  work(command: Exclude<Command, { kind: 'quit' | 'changeUser' }>, sequence: number, bytes: number): Work
  /** Does a command that has no answer, when nothing is in front of it; false = it has one. */
  silently(command: Command): boolean
  /** A command that was larger than it may be: it gets its answer in turn. @param head its first bytes */
  tooLong(head: Buffer, bytes: number, sequence: number): Work
  /** Somebody else goes on with the connection: nothing is remembered. */
  changed(login: Login): void
}

/** @param clientCapabilities what the client said it can do */
export function createPerformer(
  { node, facts, runner, tables, observer, output, pace, connectionId, login: { address } }: PerformerDeps,
  { cometqlMaxQueryBytes: maxQueryBytes }: PerformerLimits,
  first: Login,
  clientCapabilities: number,
): Performer {
  const { writer } = output
  const statements = new PreparedStatements(maxQueryBytes)
  const last = { insertId: 0, affected: 0, rows: 0 }
  const transaction = createTransactionStatus()
  const isWanted = () => output.isOpen
  let login = first
  let { isCheck } = login
  let context = contextOf(login)
  let isMulti = (clientCapabilities & capabilities.multiStatements) !== 0

  /** Of who begins anew. */
  function contextOf({ user, ownTenant, tenant, database }: Login): RunContext {
    const place = { ownTenant, tenant, database, isAutocommit: true }
    return { ...node, ...place, user, address, connectionId, facts, isWanted, last }
  }

  function forget(): void {
    statements.clear()
    transaction.reset()
    Object.assign(last, { insertId: 0, affected: 0, rows: 0 })
  }

  function work(command: Parameters<Performer['work']>[0], sequence: number, bytes: number): Work {
    if (isCheck && !CHECK_COMMANDS.has(command.kind)) return alone(sequence, bytes, () => fail(accessDenied))
    // What is read from now on is read so, whenever this is answered.
    if (command.kind === 'setOption') isMulti = command.multiStatements
    if (command.kind === 'query') return queryWork(command.text, sequence, bytes)
    if (command.kind === 'execute') return executeWork(command, sequence, bytes)
    return alone(sequence, bytes, () => perform(command))
  }

  /** Whatever happens, there is an answer. */
  function alone(sequence: number, bytes: number, run: () => void | Promise<void>): Work {
    return {
      bytes,
      publish: null,
      async run() {
        writer.sequence = sequence + 1
        try {
          await run()
        } catch (thrown) {
          fail(failureOf(thrown))
        }
      },
    }
  }

  function failureOf(thrown: unknown): QueryFailure {
    if (!(thrown instanceof MalformedPacket)) return runner.failureOf(thrown)
    return nodeFailure({ failed: 'BAD_MESSAGE', message: `Malformed packet: ${errorText(thrown)}` })
  }

  function fail(failure: QueryFailure): void {
    observer.commandFailed(failure.name)
    writeFailure(writer, failure)
  }

  function ok(): void {
    writeOk(writer, { affected: 0, insertId: 0, status: transaction.bits })
  }

  function queryWork(text: Buffer, sequence: number, bytes: number): Work {
    let script: Script
    try {
      script = read(text, { isMulti })
      if (script.parameters > 0) throw unprepared()
    } catch (thrown) {
      return alone(sequence, bytes, () => fail(failureOf(thrown)))
    }
    const [first] = script.statements
    const work = alone(sequence, bytes + script.memoryBytes, () => runAll(script))
    if (script.statements.length !== 1 || first === undefined || !runner.isPublish(first)) return work
    const begin = () => run(first, new Values(), script.tenant)
    return { ...work, publish: () => publishing(begin, sequence, { isBinary: false, hasMore: false }) }
  }

  function executeWork({ id, payload }: ExecuteCommand, sequence: number, bytes: number): Work {
    const begin = () => {
      const { statement, tenant, parameters } = statements.execution(id, payload)
      return run(statement, new Values(parameters), tenant)
    }
    const form = { isBinary: true, hasMore: false }
    const work = alone(sequence, bytes, async () => void (await write(await begin(), form)))
    const prepared = statements.statement(id)
    if (prepared === null || !runner.isPublish(prepared)) return work
    return { ...work, publish: () => publishing(begin, sequence, form) }
  }

  /** @throws {QueryError} */
  function read(bytes: Buffer, options: ParseOptions): Script {
    if (bytes.length < MIN_QUERY_BYTES) {
      const bounds = `${bytes.length} of at least ${MIN_QUERY_BYTES} bytes`
      throw new QueryError('tooShort', `Data is too short: ${bounds}`)
    }
    if (!isUtf8(bytes)) {
      throw new QueryError('invalid', 'The statement is not UTF-8: say SET NAMES utf8mb4 and send it so')
    }
    return parse(bytes.toString('latin1'), options)
  }

  /** Begins a publish; what it returns answers it. */
  function publishing(
    begin: () => Answer | Promise<Answer>,
    sequence: number,
    form: Form,
  ): () => Promise<void> {
    let answered: Answer | Promise<Answer>
    try {
      answered = begin()
    } catch (thrown) {
      answered = { kind: 'failed', failure: failureOf(thrown) }
    }
    return async () => {
      const answer = await answered
      writer.sequence = sequence + 1
      await write(answer, form)
    }
  }

  async function runAll({ statements: all, tenant }: Script): Promise<void> {
    const list = all.length === 0 ? [null] : all
    for (const [at, statement] of list.entries()) {
      await pace.rest()
      const answer = await run(statement, new Values(), at === 0 ? tenant : null)
      const failure = await write(answer, { isBinary: false, hasMore: at < list.length - 1 })
      if (failure !== null || !output.isOpen) return
    }
  }

  /** Never rejects. @param statement null = it was empty @param tenant whose it is from now on; null = as before */
  async function run(statement: Statement | null, values: Values, tenant: number | null): Promise<Answer> {
    if (tenant !== null) goTo(databaseOf(tenant))
    if (statement === null) return done
    observer.ran()
    switch (statement.kind) {
      case 'use':
        return choose(statement.database)
      case 'transaction':
        transaction.change(statement.change)
        context = { ...context, isAutocommit: transaction.isAutocommit }
        return done
      default: {
        const answer = await runner.run(statement, context, values)
        if (answer.kind !== 'failed' && isOfRows(statement, context.database)) transaction.touched()
        return answer
      }
    }
  }

  function choose(name: string): Answer {
    const chosen = chooseDatabase(name)
    if (chosen === null) return { kind: 'failed', failure: unknownDatabase }
    goTo(chosen)
    return done
  }

  function goTo({ name, tenant }: ChosenDatabase): void {
    context = { ...context, database: name, tenant: tenant ?? login.ownTenant }
  }

  async function write(answer: Answer, form: Form): Promise<QueryFailure | null> {
    const now = { ...form, status: transaction.bits }
    const { failure, rows } = await writeAnswer(output, answer, now, failureOf)
    if (failure !== null) observer.commandFailed(failure.name)
    last.rows = rows
    last.affected = answer.kind === 'done' ? answer.affected : -1
    // Of the last INSERT that had one: nothing else has.
    if (answer.kind === 'done' && answer.insertId > 0) last.insertId = answer.insertId
    return failure
  }

  /** Commands other than queries. */
  async function perform(command: OtherCommand): Promise<void> {
    switch (command.kind) {
      case 'ping':
        return ok()
      case 'initDb':
        await write(choose(command.database), { isBinary: false, hasMore: false })
        return
      case 'setOption':
        return writeEof(writer, transaction.bits)
      case 'resetConnection':
        forget()
        context = contextOf(login)
        return ok()
      case 'fieldList':
        return listFields(command.table)
      case 'statistics':
        return tellStatistics()
      case 'prepare':
        return prepare(command.text)
      case 'longData':
        return statements.append(command.id, command.parameter, command.bytes)
      case 'closeStatement':
        return statements.remove(command.id)
      case 'resetStatement':
        statements.reset(command.id)
        return ok()
      case 'processInfo':
        return runAll(processList)
      case 'fetch':
        throw new QueryError('notImplemented', 'Cursors are not implemented: results come as a whole')
      case 'unknown':
        return fail(nodeFailure({ failed: 'UNKNOWN_COMMAND', message: `Unknown command ${command.code}` }))
    }
  }

  function listFields(name: string): void {
    const table = tables.find({ schema: '', name }, context.database)
    for (const column of table.columns) writeColumnDefinition(writer, column, true)
    writeEof(writer, transaction.bits)
  }

  async function tellStatistics(): Promise<void> {
    const { uptimeSeconds } = await facts.stats()
    writer.begin()
    writer.text(`Uptime: ${Math.floor(uptimeSeconds)}  Threads: ${facts.connections()}`)
    writer.finish()
  }

  /** What it gives is found out by running it as far as the header of its result. */
  async function prepare(text: Buffer): Promise<void> {
    const script = read(text, { isMulti: false })
    const [statement] = script.statements
    const hasRows = statement?.kind === 'select' || statement?.kind === 'show'
    const answer = hasRows ? await runner.run(statement, context, Values.unknown(script.parameters)) : done
    if (answer.kind === 'failed') return fail(answer.failure)
    const columns = answer.kind === 'rows' ? answer.columns : []
    const id = statements.add(script, text.length)
    writePrepared(writer, { id, columns, parameters: script.parameters, status: transaction.bits })
  }

  return {
    work,
    get isCheck() {
      return isCheck
    },
    silently(command) {
      if (command.kind === 'closeStatement') statements.remove(command.id)
      else if (command.kind === 'longData') statements.append(command.id, command.parameter, command.bytes)
      else return false
      return true
    },
    tooLong(head, bytes, sequence) {
      const statement = longDataOf(head)
      if (statement === null) return alone(sequence, 0, () => fail(tooLongQuery(bytes, maxQueryBytes)))
      return alone(sequence, 0, () => statements.tooLong(statement)) // it has no answer: the execution tells
    },
    changed(other) {
      login = other
      forget()
      isCheck = login.isCheck
      context = contextOf(login)
    },
  }
}

const processList: Script = {
  tenant: null,
  statements: [{ kind: 'show', what: 'processList', isFull: false, like: null }],
  parameters: 0,
  memoryBytes: 0,
}

/** Whether a statement reads or writes rows, other than those that tell of the tables. */
function isOfRows(statement: Statement, database: string): boolean {
  if (statement.kind === 'select') {
    const { from } = statement
    return from !== null && chooseDatabase(from.schema || database)?.name !== INFORMATION_SCHEMA
  }
  return statement.kind === 'insert' || statement.kind === 'update' || statement.kind === 'delete'
}

/** What somebody who only looks whether the node is there may do. */
const CHECK_COMMANDS: ReadonlySet<Command['kind']> = new Set(['ping', 'initDb', 'closeStatement', 'longData'])

const accessDenied = queryFailure('accessDenied', 'Access denied')

function unprepared(): QueryError {
  return new QueryError(
    'syntax',
    'Syntax error in query: a question mark stands for a value in prepared statements only',
  )
}

/** The statement that a piece of a value is for; null when these bytes begin something else. */
function longDataOf(head: Buffer): number | null {
  try {
    const command = readCommand(head)
    return command.kind === 'longData' ? command.id : null
  } catch {
    return null // too short for that
  }
}

/** A query that was not taken in at all, in CppComet's words. */
function tooLongQuery(bytes: number, maxBytes: number): QueryFailure {
  return queryFailure(
    'tooLong',
    `Data is too long: ${bytes} of at most ${maxBytes} bytes (cometqlMaxQueryBytes)`,
  )
}
