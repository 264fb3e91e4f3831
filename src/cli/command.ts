/**
 * What a command is: its words as data, and what it does.
 *
 * Owns the shapes that tie the files of this folder together. The arguments are read (parse-args.ts) and explained
 * (help.ts) from the same data, so the two can not disagree.
 */
import type { ExitCode } from './exit.ts'

export interface Flag {
  /** A `switch` takes no value and has a `--no-` form; `text` and `number` take one. */
  readonly kind: 'text' | 'number' | 'switch'
  /** One or two sentences; unit, bounds and meaning of zero belong here. */
  readonly describe: string
  /** Heading in the help; undefined = Flags */
  readonly group?: string
  /** What stands in for the value when the flag is not given, as the help shows it. */
  readonly defaultText?: string
  /** May be given several times. */
  readonly isList?: true
}

export interface Positional {
  readonly name: string
  readonly describe: string
  readonly isOptional?: true
  /** Takes everything that follows, at least one; only the last may. */
  readonly isList?: true
}

/** The arguments of a command, as typed; nothing is converted yet. */
export interface Args {
  /** By name without dashes. A switch holds 'true' or 'false'. */
  readonly flags: Readonly<Record<string, readonly string[]>>
  readonly positionals: readonly string[]
}

export interface Command {
  readonly name: string
  readonly describe: string
  readonly positionals: readonly Positional[]
  /** By name without dashes, in the order of the help. */
  readonly flags: Readonly<Record<string, Flag>>
  /** [what follows the name of the program, what it does] */
  readonly examples: readonly (readonly [line: string, does: string])[]
  /** Paragraphs of the help, below the flags. */
  readonly notes?: readonly string[]
  /**
   * Does the work and resolves to the exit code.
   *
   * @throws anything: `endingOf` makes an exit code and a message of it
   */
  run(args: Args): Promise<ExitCode>
}
