import type { Restore } from '#api/restore.ts'
import { restoreWishes } from '#api/restore-wishes.ts'
import { note, type CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { UserError } from '../exit.ts'
import { counted } from '../units.ts'
import { summarizePlan } from './restore-preview.ts'

/**
 * Has a person agree to what a restore would delete: shows its plan on standard error and asks. With `yes` nothing is planned
 * or asked. UserError when the answer is no, or when nobody is there to answer.
 */
export async function agreeToDeletions(
  door: Door,
  restore: Restore,
  { yes, context }: { yes: boolean; context: CliContext },
): Promise<void> {
  const { policy, exact } = restoreWishes(restore)
  if (yes || (!exact && policy !== 'recreate')) return
  await using preview = await door.previewRestore(restore, { signal: context.signal })
  const { text, deleted, recreated } = await summarizePlan(preview, context)
  // An exact restore overwrites on purpose: its plan is shown whatever it deletes.
  if (!exact && recreated === 0) return
  note(context, text)
  const stakes = `${counted(recreated, 'object')} would be deleted and made anew, ${counted(deleted, 'object')} deleted for good`
  if (!context.terminal.stdin) {
    throw new UserError(`nothing was restored: ${stakes}; add --yes to go ahead without a question`)
  }
  const answer = await context.ask(`${stakes}. Go ahead? (y/N) `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was restored')
}
