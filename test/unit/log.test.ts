/**
 * Tests of src/log.ts: the levels, and the limit on repeated warnings.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LogFields, type Logger, limitRepeats, logLevels, silentLogger } from '../../src/log.ts'

test('log levels are ordered from most to least', () => {
  assert.deepEqual(logLevels, ['trace', 'debug', 'info', 'warn', 'error', 'silent'])
})

test('silent logger says nothing, and neither do its children', () => {
  assert.equal(silentLogger.child({ a: 1 }), silentLogger)
  for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
    assert.equal(silentLogger[level]('x'), undefined)
  }
})

test('a repeated warning is let through once per span and counted into the next', () => {
  const warnings: [message: string, fields: LogFields | undefined][] = []
  const log: Logger = { ...silentLogger, warn: (message, fields) => void warnings.push([message, fields]) }
  let nowMs = 0
  const warn = limitRepeats(log, 1_000, () => nowMs)

  for (let i = 0; i < 5; i++) warn('Reader is slow', { i })
  warn('Disk is full', {})
  nowMs = 999
  warn('Reader is slow', { i: 5 })
  assert.deepEqual(warnings, [
    ['Reader is slow', { i: 0 }],
    ['Disk is full', {}],
  ])

  nowMs = 1_000
  warn('Reader is slow', { i: 6 })
  warn('Disk is full', {})
  nowMs = 2_000
  warn('Reader is slow', { i: 7 })
  assert.deepEqual(warnings.slice(2), [
    ['Reader is slow', { i: 6, repeated: 5 }],
    ['Disk is full', {}],
    ['Reader is slow', { i: 7 }],
  ])
})
