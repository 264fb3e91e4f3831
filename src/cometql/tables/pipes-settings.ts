/**
 * pipes_settings: how many messages of a pipe are kept.
 *
 * Owns CppComet's table of that. Without a length as many are kept as a page reads at once there. A DELETE goes back to what
 * the rule of a pipe says, and forgets what was kept so far even where the rule goes on keeping.
 */
import { ruleFields } from '../../config/rules.ts'
import { inBatches } from '../../core/batches.ts'
import type { Broker } from '../../core/broker.ts'
import type { ChannelSettings } from '../../core/stored-forms.ts'
import { scoped } from '../../core/tenants.ts'
import { QueryError } from '../query-failure.ts'
import type { GivenRow } from '../sql/values.ts'
import { textIn } from './given.ts'
import { forEach, lookup, rowsFrom } from './lookup.ts'
import { checkedPipe, isPipe } from './names.ts'
import type { Table } from './table.ts'

const DEFAULT_LENGTH = 99

const MAX_LENGTH = ruleFields.historySize.max

export const pipesSettings: Table = {
  name: 'pipes_settings',
  columns: [
    { name: 'name', type: 'text', sqlType: 'varchar(64)', isRequired: true },
    { name: 'length', type: 'text', isNumber: true, sqlType: 'int(11)' },
  ],
  keys: ['name'],
  identity: 'name',
  find: (keys, { broker, tenant }) =>
    lookup(keys, async (pipe) => {
      const settings = isPipe(pipe) ? await broker.settings(scoped(tenant, pipe)) : null
      return settings === null ? [] : [[pipe, String(settings.historySize)]]
    }),
  all: ({ broker, tenant }) =>
    rowsFrom(broker.configuredChannels(tenant), ({ channel, settings }) =>
      isPipe(channel) ? [channel, String(settings.historySize)] : null,
    ),
  async insert(rows, { broker, tenant }) {
    const lengths = new Map<string, Settings>()
    await forEach(rows, (row) => {
      const pipe = checkedPipe(textIn(row, 'name'))
      lengths.set(scoped(tenant, pipe), { historySize: checkedLength(row) })
    })
    await configure(broker, lengths)
    return { affected: rows.length, insertId: 0 }
  },
  async update({ keys }, sets, { broker, tenant }) {
    const settings = { historySize: checkedLength(sets) }
    const lengths = new Map<string, Settings>()
    await forEach(keys, (pipe) => void lengths.set(scoped(tenant, pipe), settings))
    await configure(broker, lengths)
    return keys.length
  },
  async remove({ keys }, { broker, tenant }) {
    const pipes = keys.filter(isPipe).map((pipe) => scoped(tenant, pipe))
    const settings = new Map<string, Settings>()
    await forEach(pipes, async (pipe) => {
      if ((await broker.settings(pipe)) !== null) settings.set(pipe, null) // no channel is opened for others
    })
    await configure(broker, settings)
    await forEach(pipes, (pipe) => broker.clearHistory(pipe)) // its rule may keep one as well
  },
}

/** Null = as the rule says. */
type Settings = ChannelSettings | null

/** All that are set together are set or none; very many are set in parts. */
async function configure(broker: Broker, settings: ReadonlyMap<string, Settings>): Promise<void> {
  let done = 0
  for await (const part of inBatches(settings)) {
    const refused = await broker.configureAll(new Map(part))
    if (refused === null) done += part.length
    else if (done === 0) throw new QueryError(refused)
    else {
      const message = `${refused.message}; the first ${done} of ${settings.size} pipes are set`
      throw new QueryError({ failed: refused.failed, message })
    }
  }
}

function checkedLength(row: GivenRow): number {
  if (!row.has('length')) return DEFAULT_LENGTH
  const text = textIn(row, 'length')
  const length = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (length <= MAX_LENGTH) return length
  const shown = JSON.stringify(text.slice(0, 40))
  throw new QueryError(
    'invalid',
    `field \`length\` must be a whole number from 0 to ${MAX_LENGTH}: it is ${shown}`,
  )
}
