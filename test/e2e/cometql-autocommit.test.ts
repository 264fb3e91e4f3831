/**
 * PDO without autocommit against a real node: `commit()` throws unless the node says that a transaction has begun.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import { features, needsPhp } from '../support/mysql-clients.ts'

test('PDO without autocommit', { skip: needsPhp }, async (t) => {
  const node = await startCometNode(t)
  const place = { host: '127.0.0.1', port: node.cometqlPort }
  const login = { ...place, user: '1', password: PASSWORD, database: 'CometQL_v1' }
  for (const way of ['emulated', 'native']) {
    await t.test(`commits and rolls back what it inserted, ${way}`, async () => {
      const outcome = await features('pdo', { do: 'autocommit', way, login })
      // MariaDB 10.11 answers the same program so, but for `insertId`: it tells ids there that it gave itself.
      assert.deepEqual(outcome, {
        ok: {
          login: false,
          'insert, commit': [true, true, false],
          'insert, rollBack': [true, true, false],
          insertId: 62,
          select: true,
          'on again': [false, 1],
          insert: false,
        },
      })
    })
  }
})
