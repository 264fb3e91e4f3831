/**
 * Whether a connection is in a transaction, as far as its client is told.
 *
 * Owns two switches, which drivers read off every answer and ask before they commit: autocommit, and being in a
 * transaction. They change as MariaDB's do, and nothing else changes with them: each statement takes effect at once.
 * Must not look at statements beyond what they say of transactions.
 */
import type { TransactionChange } from './sql/statement.ts'
import { status } from './wire/capabilities.ts'

export interface TransactionStatus {
  readonly isAutocommit: boolean
  /** Of `status` in wire/capabilities.ts */
  readonly bits: number
  change(change: TransactionChange): void
  /** A statement read or wrote rows: without autocommit a transaction begins with it. */
  touched(): void
  /** As after a login. */
  reset(): void
}

export function createTransactionStatus(): TransactionStatus {
  let isAutocommit = true
  let isOpen = false

  /** What is open goes on when autocommit goes off, and ends when it comes back. */
  function setAutocommit(isOn: boolean): void {
    if (isOn && !isAutocommit) isOpen = false
    isAutocommit = isOn
  }

  return {
    get isAutocommit() {
      return isAutocommit
    },
    get bits() {
      return (isAutocommit ? status.autocommit : 0) | (isOpen ? status.inTransaction : 0)
    },
    change(change) {
      switch (change) {
        case 'begin':
          isOpen = true
          return
        case 'end':
          isOpen = false
          return
        case 'autocommitOn':
          setAutocommit(true)
          return
        case 'autocommitOff':
          setAutocommit(false)
      }
    },
    touched() {
      if (!isAutocommit) isOpen = true
    },
    reset() {
      isAutocommit = true
      isOpen = false
    },
  }
}
