/**
 * Tests of src/cometql/run/system-facts.ts: what is read from the kernel's files, what this machine says, and that what
 * is missing is left out.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { loadavg, uptime } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Fact,
  filesystemFacts,
  loadFacts,
  memoryFacts,
  uptimeFacts,
} from '../../../../src/cometql/run/system-facts.ts'
import { dataFolder } from '../../../support/data-folder.ts'

test('uptime is that of the machine, in whole seconds', () => {
  const before = Math.floor(uptime())
  const facts = uptimeFacts()
  assert.deepEqual(names(facts), ['os_uptime', 'os_idle'])
  const [upSeconds = -1, idleSeconds = -1] = facts.map(([, value]) => Number(value))
  assert.ok(upSeconds >= before && upSeconds <= uptime(), `up ${upSeconds} s`)
  assert.ok(Number.isInteger(idleSeconds) && idleSeconds >= 0, `idle ${idleSeconds} s`)
})

test('load averages are those of the machine, processes those the kernel counts', async (t) => {
  const file = await fileWith(t, '0.52 0.58 0.59 2/1083 27401\n')
  const facts = await loadFacts(file)
  assert.deepEqual(names(facts), [
    'load_avg_1',
    'load_avg_2',
    'load_avg_3',
    'running_processes',
    'total_processes',
  ])
  assert.deepEqual(facts.slice(3), [
    ['running_processes', '2'],
    ['total_processes', '1083'],
  ])
  for (const [at, average] of loadavg().entries()) {
    assert.match(facts[at]?.[1] ?? '', /^\d+\.\d\d$/)
    assert.ok(Math.abs(Number(facts[at]?.[1]) - average) < 1, `average ${at + 1}`)
  }
})

test('load averages stand alone where the kernel counts no processes', async (t) => {
  const averages = ['load_avg_1', 'load_avg_2', 'load_avg_3']
  assert.deepEqual(names(await loadFacts('/no/such/file')), averages)
  assert.deepEqual(names(await loadFacts(await fileWith(t, 'something else'))), averages)
})

test('memory is told line by line as the kernel does', async (t) => {
  const text = [
    'MemTotal:       16318052 kB',
    'MemFree:         1234567 kB',
    'Active(anon):     892416 kB',
    'HugePages_Total:       0',
    'a line without a colon',
    'Empty:',
    '',
  ].join('\n')
  assert.deepEqual(await memoryFacts(await fileWith(t, text)), [
    ['MemTotal', '16318052 kB'],
    ['MemFree', '1234567 kB'],
    ['Active(anon)', '892416 kB'],
    ['HugePages_Total', '0'],
  ])
})

test('memory of this machine is told where it has such a file, else nothing is', async () => {
  const facts = await memoryFacts()
  if (process.platform !== 'linux') return assert.deepEqual(facts, [])
  const total = facts.find(([name]) => name === 'MemTotal')?.[1]
  assert.match(total ?? '', /^\d+ kB$/)
  assert.deepEqual(await memoryFacts('/no/such/file'), [])
})

test('file system is told with sizes in bytes that add up', async () => {
  const facts = await filesystemFacts()
  assert.deepEqual(names(facts), ['filesystem', 'size', 'used', 'available', 'use'])
  const { filesystem, size, used, available, use } = Object.fromEntries(facts)
  assert.equal(filesystem, '/')
  assert.ok(Number(used) + Number(available) <= Number(size), `${used} + ${available} of ${size}`)
  assert.match(use ?? '', /^(100|\d{1,2})%$/)
  const share = (Number(used) / Math.max(1, Number(used) + Number(available))) * 100
  assert.equal(use, `${Math.ceil(share)}%`)
})

test('file system that there is not is not told', async () => {
  assert.deepEqual(await filesystemFacts('/no/such/folder'), [])
})

function names(facts: readonly Fact[]): string[] {
  return facts.map(([name]) => name)
}

async function fileWith(t: Parameters<typeof dataFolder>[0], text: string): Promise<string> {
  const file = join(dataFolder(t), 'file')
  await writeFile(file, text)
  return file
}
