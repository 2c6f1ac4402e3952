import type { CliContext } from './context.ts'
import { USAGE, UserError } from './exit.ts'

/** UserError unless exactly one of names, `--all` and `--selector` says which objects are meant. */
export function assertOneChoice(
  names: readonly string[],
  flags: { all?: boolean | undefined; selector?: unknown },
): void {
  const ways = [names.length > 0, flags.all === true, flags.selector !== undefined].filter(Boolean).length
  if (ways !== 1)
    throw new UserError('say which: names, --all, or --selector (exactly one of them)', { exitCode: USAGE })
}

/** Asks a yes-or-no question; UserError when the answer is no or nobody is there to answer. */
export async function confirm(context: CliContext, question: string): Promise<void> {
  const answer = (await context.ask(`${question} (y/N) `)).trim()
  if (/^y(es)?$/i.test(answer)) return
  if (answer !== '' || context.terminal.stdin) throw new UserError('nothing was deleted')
  throw new UserError('nothing was deleted: add --confirm to go ahead without a question')
}
