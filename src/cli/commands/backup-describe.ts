import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { downloadFlags, doorFlags, openDoor } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import { renderDescription } from '../describe.ts'
import type { Door } from '../door.ts'
import { OK } from '../exit.ts'
import { choice, selector, toggle } from '../flag.ts'
import { toYaml } from '../output.ts'
import { backupDocument } from './backup-document.ts'
import { backupFacts, type BackupFacts } from './backup-facts.ts'
import { namedBackups } from './backup-get.ts'
import { backupLines } from './backup-lines.ts'

/** As Velero's client, which waits so long for each file it wants to show. */
const FILE_TIMEOUT_MS = 30_000

export const backupDescribe = command({
  path: ['backup', 'describe'],
  also: [
    ['describe', 'backup'],
    ['describe', 'backups'],
  ],
  summary: 'Show everything about backups',
  args: '[names...]',
  flags: {
    ...doorFlags,
    ...downloadFlags,
    selector: selector('only backups with these labels', { short: 'l' }),
    details: toggle('list every object, volume and type of the cut'),
    output: choice('how to print', ['plaintext', 'json', 'yaml'], { short: 'o' }),
  },
  async run({ args, flags, context }) {
    await using door = await openDoor(context, flags, { downloadTimeout: FILE_TIMEOUT_MS })
    const backups =
      args.length > 0
        ? await namedBackups(door, args)
        : await door.backups(flags.selector && formatSelector(flags.selector))
    const details = flags.details ?? false
    const described: BackupFacts[] = []
    for (const backup of backups) described.push(await facts(door, backup, { details, context }))
    if (flags.output === 'json' || flags.output === 'yaml') {
      const documents = described.map((one) => backupDocument(one, { details }))
      const document = documents.length === 1 ? documents[0] : documents
      print(context, flags.output === 'json' ? JSON.stringify(document, null, 4) : toYaml(document))
      return OK
    }
    const texts = described.map((one) => renderDescription(backupLines(one, { details, context })))
    if (texts.length > 0) print(context, texts.join('\n\n'))
    return OK
  },
})

async function facts(
  door: Door,
  backup: BackupFacts['backup'],
  { details, context }: { details: boolean; context: CliContext },
): Promise<BackupFacts> {
  const found = await backupFacts(door, backup, details)
  if (found.unreadable !== undefined) {
    note(context, `The files of backup ${backup.metadata.name} could not be read: ${found.unreadable}`)
  }
  return found
}
