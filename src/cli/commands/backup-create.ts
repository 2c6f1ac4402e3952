import { Backups, type Backup } from '#api/backup.ts'
import { backupFromSchedule } from '#backup/from-schedule.ts'
import { apiVersionOf } from '#kube/object.ts'
import { command } from '../command.ts'
import { doorFlags, openActingDoor, serverNamespace } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { exitCodeOfRun, OK, UserError, USAGE, type ExitCode } from '../exit.ts'
import { pluginFlags } from '../plugin-flags.ts'
import { map, text, toggle, type FlagValues } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { printPreview } from './backup-preview.ts'
import { backupColumns } from './backup-columns.ts'
import { backupSpecFlags, backupSpecFrom } from './backup-flags.ts'
import { backupSummary, follow } from './run-summary.ts'

const flags = {
  ...doorFlags,
  ...backupSpecFlags,
  'from-schedule': text('take what this schedule takes; other filters are passed over', { metavar: 'NAME' }),
  labels: map('labels of the backup'),
  annotations: map('annotations of the backup'),
  ...pluginFlags,
  'dry-run': toggle('show what would go in and why the rest stays out; plug-ins are not asked, nothing is written'),
  wait: toggle('wait until the backup has ended; the exit code then says how', { short: 'w' }),
  ...tableFlags,
}

export const backupCreate = command({
  path: ['backup', 'create'],
  also: [['create', 'backup']],
  summary: 'Back up a cluster, or part of it',
  args: '[name]',
  flags,
  examples: [
    'lifeboat --store /backups backup create monday',
    'lifeboat backup create shop --include-namespaces shop --wait',
    'lifeboat backup create no-secrets --exclude-resources secrets --ttl 48h',
    'lifeboat backup create shop --include-namespaces shop --dry-run',
  ],
  async run({ args, flags: given, context }): Promise<ExitCode> {
    if (given['from-schedule'] === undefined && given.output !== undefined && given['dry-run'] !== true) {
      return show(backupFrom(args[0], given, context), given, context)
    }
    await using door = await openActingDoor(context, given)
    const backup = await requested(door, { name: args[0], given, context })
    if (given['dry-run'] === true) return await dryRun(door, backup, { given, context })
    if (given.output !== undefined) return show(backup, given, context)
    const followed = await follow(context, (onStanding) =>
      door.createBackup(backup, { wait: given.wait ?? false, signal: context.signal, onStanding }),
    )
    print(context, backupSummary(followed, { door, context }))
    return exitCodeOfRun(followed.run.status?.phase)
  },
})

interface Request {
  readonly name: string | undefined
  readonly given: FlagValues<typeof flags>
  readonly context: CliContext
}

/** Prints what would be posted, without asking anybody. */
function show(backup: Backup, given: Request['given'], context: CliContext): ExitCode {
  printObjects(context, [backup], {
    format: given.output,
    columns: [...backupColumns(context), ...labelColumns<Backup>(given)],
    none: '',
  })
  return OK
}

/** The backup of the flags, or that of a schedule with the name, labels and annotations of the flags. */
async function requested(door: Door, { name, given, context }: Request): Promise<Backup> {
  const from = given['from-schedule']
  if (from === undefined) return backupFrom(name, given, context)
  const schedule = from === '' ? undefined : await door.schedule(from)
  if (schedule === undefined) throw new UserError(`there is no schedule "${from}" in ${door.place}`)
  const { metadata, ...backup } = backupFromSchedule(schedule, context.now())
  if (Object.keys(given).some((flag) => flag in backupSpecFlags && given[flag as keyof typeof given] !== undefined)) {
    note(context, `The backup takes what schedule ${from} takes; the other filters are passed over.`)
  }
  const { labels, annotations } = given
  return {
    ...backup,
    metadata: {
      ...metadata,
      name: name ?? metadata.name,
      labels: { ...metadata.labels, ...labels },
      ...(annotations === undefined ? {} : { annotations: { ...metadata.annotations, ...annotations } }),
    },
  }
}

async function dryRun(
  door: Door,
  backup: Backup,
  { given, context }: Pick<Request, 'given' | 'context'>,
): Promise<ExitCode> {
  await using preview = await door.previewBackup(backup, { signal: context.signal })
  await printPreview(preview, { backup, format: given.output, context })
  return OK
}

function backupFrom(name: string | undefined, given: FlagValues<typeof flags>, context: CliContext): Backup {
  if (name === undefined) {
    throw new UserError('name the backup: lifeboat backup create NAME', { exitCode: USAGE })
  }
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
