import { Backups, type Backup } from '#api/backup.ts'
import { apiVersionOf } from '#kube/object.ts'
import { command } from '../command.ts'
import { doorFlags, openDoor, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { exitCodeOfRun, OK, UserError, USAGE, type ExitCode } from '../exit.ts'
import { map, toggle, type FlagValues } from '../flag.ts'
import { outputFlag, printObjects } from '../output.ts'
import { printPreview } from './backup-preview.ts'
import { backupColumns } from './backup-columns.ts'
import { backupSpecFlags, backupSpecFrom } from './backup-flags.ts'
import { backupSummary, follow } from './run-summary.ts'

const flags = {
  ...doorFlags,
  ...backupSpecFlags,
  labels: map('labels of the backup'),
  annotations: map('annotations of the backup'),
  'dry-run': toggle('show what would go in and why the rest stays out; nothing is written'),
  wait: toggle('wait until the backup has ended; the exit code then says how', { short: 'w' }),
  output: outputFlag(),
}

export const backupCreate = command({
  path: ['backup', 'create'],
  also: [['create', 'backup']],
  summary: 'Back up a cluster, or part of it',
  args: '<name>',
  flags,
  examples: [
    'lifeboat --store /backups backup create monday',
    'lifeboat backup create shop --include-namespaces shop --wait',
    'lifeboat backup create no-secrets --exclude-resources secrets --ttl 48h',
    'lifeboat backup create shop --include-namespaces shop --dry-run',
  ],
  async run({ args, flags: given, context }): Promise<ExitCode> {
    const backup = backupFrom(args[0] ?? '', given, context)
    if (given['dry-run'] === true) return await dryRun(backup, given, context)
    if (given.output !== undefined) {
      printObjects(context, [backup], { format: given.output, columns: backupColumns(context), none: '' })
      return OK
    }
    await using door = await openDoor(context, given)
    const followed = await follow(context, (onStanding) =>
      door.createBackup(backup, { wait: given.wait ?? false, signal: context.signal, onStanding }),
    )
    print(context, backupSummary(followed, { door, context }))
    return exitCodeOfRun(followed.run.status?.phase)
  },
})

async function dryRun(backup: Backup, given: FlagValues<typeof flags>, context: CliContext): Promise<ExitCode> {
  await using door = await openDoor(context, given)
  await using preview = await door.previewBackup(backup, { signal: context.signal })
  await printPreview(preview, { backup, format: given.output, context })
  return OK
}

function backupFrom(name: string, given: FlagValues<typeof flags>, context: CliContext): Backup {
  if (given.selector !== undefined && given['or-selector'] !== undefined) {
    throw new UserError('use either --selector or --or-selector, not both', { exitCode: USAGE })
  }
  return {
    apiVersion: apiVersionOf(Backups),
    kind: Backups.kind,
    metadata: {
      name,
      namespace: serverNamespace(context, given),
      ...(given.labels === undefined ? {} : { labels: given.labels }),
      ...(given.annotations === undefined ? {} : { annotations: given.annotations }),
    },
    spec: backupSpecFrom(given),
  }
}
