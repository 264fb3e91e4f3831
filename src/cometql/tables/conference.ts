/**
 * `conference` and `conference_members`: CppComet's tables for video calls, which are not part of Encke. And `dialogs`, which
 * CppComet never had, but speaks of.
 *
 * Owns that applications which look there find nothing, that there is nothing to end, and that those which would begin a
 * call are told so plainly. The calls themselves were made by another program that CppComet told of them.
 */
import { QueryError } from '../query-failure.ts'
import type { Table, TableColumn } from './table.ts'

export const conference: Table = {
  name: 'conference',
  columns: [
    textColumn('name', 64),
    numberColumn('user_id'),
    textColumn('caller_id', 64),
    textColumn('message', 1024),
    textColumn('profile', 64),
    textColumn('stream', 255),
    textColumn('node', 255),
  ],
  keys: ['name'],
  // There are no rows. A call is ended by its name and a user.
  identity: 'name',
  find: () => [],
  insert: () => Promise.reject(noCalls()),
  remove: () => Promise.resolve(),
}

export const conferenceMembers: Table = {
  name: 'conference_members',
  columns: [
    textColumn('name', 64),
    numberColumn('user_id'),
    numberColumn('join_time'),
    numberColumn('last_talking'),
  ],
  keys: ['name'],
  find: () => [],
  insert: () => Promise.reject(notReady('insert into `conference_members`')),
  remove: () => Promise.reject(notReady('delete from `conference_members`')),
}

/** @throws {QueryError} readOnly: an INSERT into `dialogs`; anything else that is asked of it finds no such table */
export function refuseDialogs(table: string): void {
  if (table === 'dialogs') throw notReady('insert into dialogs')
}

function textColumn(name: string, letters: number): TableColumn {
  return { name, type: 'text', sqlType: `varchar(${letters})` }
}

function numberColumn(name: string): TableColumn {
  return { name, type: 'text', isNumber: true, sqlType: 'int(11)' }
}

function noCalls(): QueryError {
  return new QueryError(
    'internal',
    'Video calls are not part of Encke: it has no FreeSWITCH to make them with',
  )
}

/** CppComet's words. */
function notReady(what: string): QueryError {
  return new QueryError('readOnly', `${what} is not ready yet`)
}
