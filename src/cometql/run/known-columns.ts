/**
 * Columns that can't be told of every row.
 *
 * Owns the refusal of conditions on them: a place in a history is known where the history is read, and not of a row that is
 * found by its own id. A condition that asks for both would be true of other rows than it says. Pure.
 */
import { QueryError } from '../query-failure.ts'
import type { Condition } from '../sql/statement.ts'
import type { Table } from '../tables/table.ts'

/**
 * @param by the key by which rows will be found
 * @throws {QueryError} notImplemented: a column is asked about that rows found so do not tell
 */
export function checkKnown(condition: Condition | null, table: Table, by: string): void {
  const onlyBy = new Map(table.columns.map(({ name, onlyBy }) => [name, onlyBy]))
  const unknown =
    condition === null ? undefined : columnsOf(condition).find((one) => (onlyBy.get(one) ?? by) !== by)
  if (unknown === undefined) return
  const other = onlyBy.get(unknown) ?? ''
  const words = `\`${unknown}\` is known only of rows found by \`${other}\`, and these are found by \`${by}\``
  throw new QueryError('notImplemented', `${words}: leave out \`${unknown}\` or \`${by}\``)
}

/** May hold one several times, and columns that there are not. */
function columnsOf(condition: Condition): string[] {
  switch (condition.kind) {
    case 'constant':
      return []
    case 'not':
      return columnsOf(condition.part)
    case 'and':
    case 'or':
      return condition.parts.flatMap(columnsOf)
    default:
      return [condition.column]
  }
}
