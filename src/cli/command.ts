import type { CliContext } from './context.ts'
import type { ExitCode } from './exit.ts'
import type { Flags, FlagValues } from './flag.ts'

/** What a command gets to work with. */
export interface Input<F extends Flags> {
  readonly args: readonly string[]
  readonly flags: FlagValues<F>
  readonly context: CliContext
}

/** One command as data. The program, the help and the shell completions are made from these. */
export interface Command<F extends Flags = Flags> {
  /** The words that call it: `['backup', 'create']`. */
  readonly path: readonly string[]
  /** Other words for the same: Velero's verb-first forms. */
  readonly also?: readonly (readonly string[])[]
  readonly summary: string
  /** Positional arguments in help notation: `NAME`, `[NAME]`, `[NAMES...]`. */
  readonly args?: string
  readonly flags: F
  readonly examples?: readonly string[]
  /** Left out of the help and of completions. */
  readonly hidden?: boolean
  run(input: Input<F>): Promise<ExitCode>
}

/** Ties the type of `run`'s input to the table of flags; the result forgets it again so that commands fit into one list. */
export function command<F extends Flags>(definition: Command<F>): Command {
  return definition as unknown as Command
}
