/**
 * Tests of src/cometql/sql/parse-set.ts: autocommit in every spelling and place, and everything else gone past. What is
 * taken for what was compared with MariaDB 10.11.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, script, statement } from '../../../support/read-statements.ts'

const off = { kind: 'transaction', change: 'autocommitOff' }
const on = { kind: 'transaction', change: 'autocommitOn' }
const nothing = { kind: 'nothing' }

const VALUE_WORDS = 'autocommit is 0 or 1, OFF or ON: give the value itself'

test('SET takes autocommit by each of its names', () => {
  for (const name of [
    'autocommit',
    'AUTOCOMMIT',
    '`autocommit`',
    'SESSION autocommit',
    'local autocommit',
    '@@autocommit',
    '@@session.autocommit',
    '@@LOCAL.AutoCommit',
  ]) {
    assert.deepEqual(statement(`SET ${name}=0`), off, name)
    assert.deepEqual(statement(`SET ${name} = 1`), on, name)
    assert.deepEqual(statement(`SET ${name}:=0;`), off, name)
  }
})

test('SET takes on and off in each of their spellings', () => {
  for (const value of ['0', 'OFF', 'off', 'FALSE', "'OFF'", '"off"', '`off`', '0 -- off']) {
    assert.deepEqual(statement(`SET autocommit = ${value}`), off, value)
  }
  for (const value of ['1', 'ON', 'on', 'TRUE', "'ON'", '"on"', 'DEFAULT', '1 /* on */']) {
    assert.deepEqual(statement(`SET autocommit = ${value}`), on, value)
  }
})

test('SET finds autocommit among other assignments', () => {
  for (const query of [
    'SET NAMES utf8mb4, autocommit=0',
    'SET autocommit=0, NAMES utf8mb4',
    "SET sql_mode='a,b', SESSION autocommit=0, @x=5",
    'SET @x := (SELECT 1, 2), autocommit=0',
    "SET sql_mode = CONCAT(@@sql_mode, ',STRICT'), time_zone = '+00:00', @@autocommit = 0",
    'SET SESSION wait_timeout=100, autocommit=0',
    'SET GLOBAL wait_timeout=100, @@autocommit=0',
    'SET GLOBAL wait_timeout=100, SESSION autocommit=0',
  ]) {
    assert.deepEqual(statement(query), off, query)
  }
  assert.deepEqual(statement('SET autocommit=1, autocommit=0'), off, 'the last one counts')
  assert.deepEqual(statement('SET autocommit=0, @@autocommit=1'), on, 'the last one counts')
})

test('SET of anything else changes nothing, nor does the autocommit of other connections', () => {
  for (const query of [
    'SET GLOBAL autocommit=0',
    'SET @@global.autocommit=0',
    'SET PERSIST autocommit=0',
    'SET GLOBAL wait_timeout=100, autocommit=0',
    'SET @autocommit=0',
    'SET @x = autocommit, @y = (1, autocommit=0)',
    "SET sql_mode = 'autocommit=0'",
    'SET NAMES autocommit',
    'SET autocommits=0',
    'SET x.autocommit=0',
    // CppComet takes these words for a SET.
    'SET autocommit 0',
    'SET @@autocommit 0',
    'SET autocommit',
    'SET',
    'SET ,',
    'SET )',
  ]) {
    assert.deepEqual(statement(query), nothing, query)
  }
})

test('SET refuses other values of autocommit, and those that would have to be worked out', () => {
  for (const value of [
    ...['2', '-1', '1.0', '10', 'NULL', 'no', "''", '0x0', '?', '@x', '@@autocommit', '(0)', '1 + 0', '0 1'],
    ...['', 'constructor'],
  ]) {
    refused(`SET autocommit = ${value}`, 'invalid', VALUE_WORDS)
    refused(`SET autocommit = ${value}, @x = 1`, 'invalid', VALUE_WORDS)
  }
})

test('SET STATEMENT is refused, as the statement in it would not be run', () => {
  refused(
    "SET STATEMENT max_statement_time=1 FOR INSERT INTO users_auth (id, hash) VALUES (7, 'a')",
    'notImplemented',
    'SET STATEMENT is not implemented: send the statement by itself',
  )
})

test('SET ends with its statement', () => {
  const { statements } = script("SET autocommit=0; SELECT 1; SET x = ';,', autocommit = 1; SET (; SELECT 2")
  assert.deepEqual(
    statements.map((one) => (one.kind === 'transaction' ? one.change : one.kind)),
    ['autocommitOff', 'select', 'autocommitOn', 'nothing', 'select'],
  )
})
