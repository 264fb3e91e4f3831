/**
 * Who is on one channel, where its rule says `list`.
 *
 * Owns the sessions by their public id, and the changes since they were last told. A session whose connection broke is
 * away: it stays a member until its time is over, so that coming back, on whichever transport, is neither a leave nor a
 * join. A session that came and went between two tellings is not told at all. Memory: one entry per member.
 */
import type { Present } from '../protocol/messages.ts'
import type { PresenceChange } from './broker.ts'
import type { Session } from './session.ts'

interface Member {
  readonly present: Present
  /** Null while it is away. */
  session: Session | null
  /** Monotonic time at which it leaves unless it comes back; 0 = it is here. */
  awayUntilMs: number
}

export class Members {
  readonly #byId = new Map<string, Member>()
  readonly #joined = new Map<string, Present>()
  readonly #left = new Map<string, Present>()
  /** Members that are away, those who went first in front. */
  readonly #away = new Map<string, Member>()

  get count(): number {
    return this.#byId.size
  }

  /** Members that are neither here nor gone. */
  get awayCount(): number {
    return this.#away.size
  }

  came(id: string, session: Session): void {
    const known = this.#byId.get(id)
    if (known !== undefined) {
      known.session = session
      known.awayUntilMs = 0
      this.#away.delete(id)
      return
    }
    const present = { session: id, user: session.user }
    this.#byId.set(id, { present, session, awayUntilMs: 0 })
    if (!this.#left.delete(id)) this.#joined.set(id, present)
  }

  /** Does nothing when the id has gone on with another session. */
  left(id: string, session: Session): void {
    if (this.#byId.get(id)?.session === session) this.#remove(id)
  }

  /** Like `left`, but it may come back until `untilMs`. */
  wentAway(id: string, session: Session, untilMs: number): void {
    const member = this.#byId.get(id)
    if (member?.session !== session) return
    member.session = null
    member.awayUntilMs = untilMs
    this.#away.set(id, member)
  }

  /** Those whose time is over leave. */
  expire(nowMs: number): void {
    for (const [id, member] of this.#away) {
      if (member.awayUntilMs > nowMs) break
      this.#remove(id)
    }
  }

  /** What changed since the last call; null = nothing. */
  takeChange(): PresenceChange | null {
    if (this.#joined.size === 0 && this.#left.size === 0) return null
    const change = { join: [...this.#joined.values()], leave: [...this.#left.values()] }
    this.#joined.clear()
    this.#left.clear()
    return change
  }

  /** At most `limit` members, those who came first. */
  list(limit: number): Present[] {
    const list: Present[] = []
    for (const { present } of this.#byId.values()) {
      if (list.length === limit) break
      list.push(present)
    }
    return list
  }

  #remove(id: string): void {
    const member = this.#byId.get(id)
    if (member === undefined) return
    this.#byId.delete(id)
    this.#away.delete(id)
    if (!this.#joined.delete(id)) this.#left.set(id, member.present)
  }
}
