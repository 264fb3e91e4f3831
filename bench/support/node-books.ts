/**
 * The books of a node (GET /api/books): what its subscribers were owed, and what became of it.
 *
 * Owns the asking and the checks a scenario makes of the answer. One request each; a node without a key.
 */
export interface NodeBooks {
  readonly due: number
  readonly asked: number
  readonly delivered: number
  readonly deferred: number
  readonly lagging: number
  readonly lost: { readonly gap: number; readonly ended: number; readonly unsubscribed: number }
  readonly balance: number
}

/** @throws {Error} when the node does not answer with its books */
export async function readBooks(server: { readonly internalPort: number }): Promise<NodeBooks> {
  const answer = await fetch(`http://127.0.0.1:${server.internalPort}/api/books`)
  const books: unknown = await answer.json()
  if (!isBooks(books)) throw new Error(`The node answered ${answer.status} instead of its books`)
  return books
}

/** Problems of books that do not balance; none where they do. */
export function imbalance(books: NodeBooks): string[] {
  return books.balance === 0 ? [] : [`the books of the node are out of balance by ${books.balance}`]
}

/** Deliveries due between two readings that the subscriber fetched by itself, as a share of all of them. */
export function deferredShare(before: NodeBooks, after: NodeBooks): number {
  const due = after.due - before.due
  return due === 0 ? 0 : (after.deferred - before.deferred) / due
}

function isBooks(value: unknown): value is NodeBooks {
  return typeof value === 'object' && value !== null && 'balance' in value && 'lost' in value
}
