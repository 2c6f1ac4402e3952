import { labelKeys } from '#api/labels.ts'
import { Restores, type Restore, type RestoreSpec } from '#api/restore.ts'
import { restoreWishKeys, restoreWishes } from '#api/restore-wishes.ts'
import { apiVersionOf } from '#kube/object.ts'
import { exactNamespaces, safetyBackupName } from '#restore/safety-backup.ts'
import { command } from '../command.ts'
import { doorFlags, downloadFlags, openActingDoor, serverNamespace } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { exitCodeOfRun, OK, USAGE, UserError, type ExitCode } from '../exit.ts'
import { choice, duration, integer, list, map, orSelector, selector, text, toggle, type FlagValues } from '../flag.ts'
import { pluginFlags } from '../plugin-flags.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { restorePriorityFlags } from '../restore-priorities.ts'
import { backupNamed } from './backup-get.ts'
import { agreeToDeletions } from './agree-to-deletions.ts'
import { restoreColumns } from './restore-columns.ts'
import { printRestorePreview } from './restore-preview.ts'
import { follow, restoreSummary } from './run-summary.ts'

const flags = {
  ...doorFlags,
  ...downloadFlags,
  ...pluginFlags,
  'from-backup': text('the backup to restore', { metavar: 'NAME' }),
  'from-schedule': text('restore the newest completed backup of this schedule', { metavar: 'NAME' }),
  'allow-partially-failed': toggle('with --from-schedule: take a partially failed backup too'),
  'include-namespaces': list('namespaces to restore (default: all in the backup)', { metavar: 'NS,…' }),
  'exclude-namespaces': list('namespaces to leave out', { metavar: 'NS,…' }),
  'include-resources': list('types to restore, such as pods or deployments.apps', { metavar: 'TYPE,…' }),
  'exclude-resources': list('types to leave out', { metavar: 'TYPE,…' }),
  'namespace-mappings': map('restore into other namespaces: old:new', { separator: ':' }),
  labels: map('labels of the restore'),
  annotations: map('annotations of the restore'),
  selector: selector('only objects with these labels', { short: 'l' }),
  'or-selector': orSelector('only objects that match one of these selectors'),
  'include-cluster-resources': toggle('restore cluster-scoped objects: all with true, none with false'),
  'restore-volumes': toggle('restore volumes from snapshots'),
  'preserve-nodeports': toggle('keep the node ports of Services'),
  'write-sparse-files': toggle('write sparse files when volumes are restored'),
  'existing-resource-policy': choice(
    'what to do with objects that exist and differ; recreate deletes them and makes them anew',
    ['none', 'update', 'recreate'],
  ),
  'skip-gitops-managed': toggle('leave objects that Argo CD or Flux keep to them'),
  exact: toggle(
    'make the namespaces what the backup says: also delete what it does not have; needs --include-namespaces',
  ),
  'no-safety-backup': toggle('with --exact: do not back the namespaces up first'),
  yes: toggle('do not ask before objects are deleted', { short: 'y' }),
  'status-include-resources': list('types whose status is restored', { metavar: 'TYPE,…' }),
  'status-exclude-resources': list('types whose status is not restored', { metavar: 'TYPE,…' }),
  'item-operation-timeout': duration('how long to wait for asynchronous operations (default 4h)'),
  'resource-modifier-configmap': text('ConfigMap with resource modifiers', { metavar: 'NAME' }),
  'parallel-files-download': integer('files to download at once', 0),
  'dry-run': toggle('show what would become of every object, asking the API server about each; nothing is written'),
  ...restorePriorityFlags,
  wait: toggle('wait until the restore has ended; the exit code then says how', { short: 'w' }),
  ...tableFlags,
}
type Given = FlagValues<typeof flags>

export const restoreCreate = command({
  path: ['restore', 'create'],
  also: [['create', 'restore']],
  summary: 'Restore a backup',
  args: '[name]',
  flags,
  examples: [
    'lifeboat --store /backups restore create --from-backup monday',
    'lifeboat restore create --from-backup monday --include-namespaces shop --wait',
    'lifeboat restore create --from-backup monday --namespace-mappings shop:shop-copy',
    'lifeboat restore create --from-backup monday --existing-resource-policy update --dry-run',
    'lifeboat restore create --from-backup monday --include-namespaces shop --exact',
  ],
  async run({ args, flags: given, context }): Promise<ExitCode> {
    refuseContradictions(given)
    await using door = await openActingDoor(context, given)
    const spec = await pinBackup(door, restoreSpecFrom(given), given)
    const restore = restoreFrom(args[0], { spec, given, context })
    if (given['dry-run'] === true) return await dryRun(door, restore, { given, context })
    if (given.output !== undefined) {
      printObjects(context, [restore], {
        format: given.output,
        columns: [...restoreColumns(context), ...labelColumns<Restore>(given)],
        none: '',
      })
      return OK
    }
    await agreeToDeletions(door, restore, { yes: given.yes ?? false, context })
    if (restoreWishes(restore).safetyBackup) {
      const namespaces = exactNamespaces(restore).join(', ')
      note(context, `Safety backup ${safetyBackupName(restore)} of ${namespaces} is made first.`)
    }
    const followed = await follow(context, (onStanding) =>
      door.createRestore(restore, { wait: given.wait ?? false, signal: context.signal, onStanding }),
    )
    print(context, restoreSummary(followed, { door, context }))
    return exitCodeOfRun(followed.run.status?.phase)
  },
})

async function dryRun(door: Door, restore: Restore, { given, context }: Asked): Promise<ExitCode> {
  await using preview = await door.previewRestore(restore, { signal: context.signal })
  return await printRestorePreview(preview, { restore, format: given.output, context })
}

interface Asked {
  readonly given: Given
  readonly context: CliContext
}

function refuseContradictions(given: Given): void {
  if ((given['from-backup'] === undefined) === (given['from-schedule'] === undefined)) {
    throw new UserError('say what to restore: --from-backup NAME or --from-schedule NAME (one of them)', {
      exitCode: USAGE,
    })
  }
  if (given.exact === true && (given['include-namespaces'] ?? []).length === 0) {
    throw new UserError('--exact deletes: say where, with --include-namespaces NS,…', { exitCode: USAGE })
  }
  if (given['no-safety-backup'] === true && given.exact !== true) {
    throw new UserError('--no-safety-backup belongs to --exact', { exitCode: USAGE })
  }
  if (given.selector !== undefined && given['or-selector'] !== undefined) {
    throw new UserError('use either --selector or --or-selector, not both', { exitCode: USAGE })
  }
}

/** The spec these flags describe (spec/cli.md §5.1). */
function restoreSpecFrom(given: Given): RestoreSpec {
  const modifiers = given['resource-modifier-configmap']
  const status = given['status-include-resources']
  const parallel = given['parallel-files-download'] ?? 0
  return {
    backupName: given['from-backup'],
    scheduleName: given['from-schedule'],
    includedNamespaces: given['include-namespaces'] ?? ['*'],
    excludedNamespaces: given['exclude-namespaces'],
    includedResources: given['include-resources'],
    excludedResources: given['exclude-resources'],
    namespaceMapping: given['namespace-mappings'],
    labelSelector: given.selector,
    orLabelSelectors: given['or-selector'],
    includeClusterResources: given['include-cluster-resources'],
    restorePVs: given['restore-volumes'],
    preserveNodePorts: given['preserve-nodeports'],
    existingResourcePolicy:
      given['existing-resource-policy'] === 'recreate' ? undefined : given['existing-resource-policy'],
    restoreStatus:
      status === undefined
        ? undefined
        : { includedResources: status, excludedResources: given['status-exclude-resources'] },
    itemOperationTimeout: given['item-operation-timeout'],
    resourceModifier: modifiers === undefined ? undefined : { apiGroup: '', kind: 'configmap', name: modifiers },
    uploaderConfig: {
      writeSparseFiles: given['write-sparse-files'] ?? false,
      ...(parallel > 0 ? { parallelFilesDownload: parallel } : {}),
    },
  }
}

/** Makes sure that what is asked for is there; with --allow-partially-failed chooses the backup here, as Velero's client does. */
async function pinBackup(door: Door, spec: RestoreSpec, given: Given): Promise<RestoreSpec> {
  if (spec.backupName !== undefined) {
    await backupNamed(door, spec.backupName)
    return spec
  }
  const schedule = spec.scheduleName ?? ''
  const backups = await door.backups(`${labelKeys.scheduleName}=${schedule}`)
  if (backups.length === 0) throw new UserError(`schedule "${schedule}" has no backups in ${door.place}`)
  if (given['allow-partially-failed'] !== true) return spec
  const usable = backups
    .filter(({ status }) => status?.phase === 'Completed' || status?.phase === 'PartiallyFailed')
    .toSorted((a, b) => String(a.status?.startTimestamp).localeCompare(String(b.status?.startTimestamp)))
  const newest = usable.at(-1)
  return newest === undefined ? spec : { ...spec, backupName: newest.metadata.name, scheduleName: undefined }
}

function restoreFrom(
  name: string | undefined,
  made: { spec: RestoreSpec; given: Given; context: CliContext },
): Restore {
  const { spec, given, context } = made
  const source = given['from-backup'] ?? given['from-schedule'] ?? ''
  return {
    apiVersion: apiVersionOf(Restores),
    kind: Restores.kind,
    metadata: {
      name: name ?? `${source}-${localStamp(context.now())}`,
      namespace: serverNamespace(context, given),
      ...(given.labels === undefined ? {} : { labels: given.labels }),
      ...annotationsFrom(given),
    },
    spec,
  }
}

/** Those that were asked for, and the wishes that Velero's spec has no words for. */
function annotationsFrom(given: Given): { annotations?: Record<string, string> } {
  const annotations: Record<string, string> = { ...given.annotations }
  if (given['existing-resource-policy'] === 'recreate') annotations[restoreWishKeys.existingResourcePolicy] = 'recreate'
  if (given.exact === true) annotations[restoreWishKeys.exact] = 'true'
  if (given['no-safety-backup'] === true) annotations[restoreWishKeys.safetyBackup] = 'false'
  if (given['skip-gitops-managed'] === true) annotations[restoreWishKeys.skipGitOpsManaged] = 'true'
  return Object.keys(annotations).length > 0 ? { annotations } : {}
}

/** `YYYYMMDDhhmmss` in local time, as Velero names restores. */
function localStamp(now: Date): string {
  const parts = [now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes(), now.getSeconds()]
  return String(now.getFullYear()) + parts.map((part) => String(part).padStart(2, '0')).join('')
}
