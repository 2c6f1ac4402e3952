import { clusterFlags } from '../connection.ts'
import { USAGE, UserError } from '../exit.ts'
import { choice, duration, integer, list, map, text, toggle, type Flag, type FlagValues, type Flags } from '../flag.ts'

const file = { metavar: 'FILE' }
const quantity = { metavar: 'QUANTITY' }

/** Flags of Velero's `install` for parts that Lifeboat does not have; each with the reason it is refused with. */
const refused = {
  'use-node-agent': 'copies of volume data are not there yet, so there is no node agent',
  'use-node-agent-windows': 'copies of volume data are not there yet, so there is no node agent',
  'default-volumes-to-fs-backup': 'copies of volume data are not there yet',
  'restore-only': 'make the location read-only instead: lifeboat backup-location set NAME --access-mode ReadOnly',
} as const

/** Flags of Velero's `install` that are taken and change nothing, since what they tune is not there. */
const idle = [
  'uploader-type',
  'item-block-worker-count',
  'label-columns',
  'pod-volume-operation-timeout',
  'default-repo-maintain-frequency',
  'backup-repository-configmap',
  'repo-maintenance-job-configmap',
  'keep-latest-maintenance-jobs',
  'maintenance-job-cpu-limit',
  'maintenance-job-cpu-request',
  'maintenance-job-mem-limit',
  'maintenance-job-mem-request',
  'node-agent-configmap',
  'node-agent-pod-cpu-limit',
  'node-agent-pod-cpu-request',
  'node-agent-pod-mem-limit',
  'node-agent-pod-mem-request',
  'node-agent-priority-class-name',
  'kubelet-root-dir',
] as const
const idleSwitches = [
  'disable-informer-cache',
  'csi-snapshot-early-frequent-polling',
  'privileged-node-agent',
  'node-agent-disable-host-path',
  'show-labels',
] as const

/** The flags of `install`. */
export const installFlags = {
  ...clusterFlags,
  namespace: text('namespace of the server (default: $VELERO_NAMESPACE, then velero)', { short: 'n', metavar: 'NAME' }),
  provider: text('provider of the default locations: aws, or lifeboat.dev/file', { metavar: 'NAME' }),
  bucket: text('bucket of the default backup location', { metavar: 'NAME' }),
  prefix: text('prefix inside the bucket', { metavar: 'PATH' }),
  'backup-location-config': map('settings of the backup location, as for backup-location create'),
  cacert: text('file with the CA certificates of the store', file),
  'no-default-backup-location': toggle('make no backup location'),
  'use-volume-snapshots': toggle('make a snapshot location too (default true)'),
  'snapshot-location-config': map('settings of the snapshot location'),
  'secret-file': text('file with the credentials, in the form of AWS', file),
  'no-secret': toggle('no credentials: the pod gets them from its account or its node'),
  image: text('image of the server (default lifeboat:VERSION)', { metavar: 'IMAGE' }),
  plugins: list('plug-ins of the server: modules in its image', { metavar: 'MODULE,…' }),
  'least-privilege': toggle('a role with what backups and restores need instead of cluster-admin'),
  'backup-only': toggle('with --least-privilege: no rights to restore'),
  'service-account-name': text('account of the server that is there already; no account and no rights are made', {
    metavar: 'NAME',
  }),
  'sa-annotations': map('annotations of the account that is made, such as the role of IRSA'),
  'pod-annotations': map('annotations of the pod'),
  'pod-labels': map('labels of the pod'),
  'velero-pod-cpu-request': text('processor time that is reserved (default 500m); 0 for none', quantity),
  'velero-pod-mem-request': text('memory that is reserved (default 128Mi); 0 for none', quantity),
  'velero-pod-cpu-limit': text('processor time at most (default 1000m); 0 for no limit', quantity),
  'velero-pod-mem-limit': text('memory at most (default 512Mi); 0 for no limit', quantity),
  'server-priority-class-name': text('priority class of the pod', { metavar: 'NAME' }),
  'garbage-collection-frequency': duration('how often expired backups are looked for'),
  'default-snapshot-move-data': toggle('move the data of CSI snapshots to the location'),
  'schedule-skip-immediately': toggle('new schedules leave out what is due already'),
  'concurrent-backups': integer('backups made at once', 0),
  adopt: toggle("take the place of Velero's server: its Deployment gets our image, and all else stays"),
  'crds-only': toggle('install the custom resource definitions and nothing else'),
  apply: toggle('bring what is there already to what it should be'),
  'dry-run': toggle('print what would be installed; change nothing'),
  wait: toggle('wait up to three minutes for the server to be available'),
  output: choice('how to print the objects', ['json', 'yaml'], { short: 'o' }),
  ...veleros(Object.keys(refused) as (keyof typeof refused)[], () => toggle('not in Lifeboat', { hidden: true })),
  ...veleros(idle, () => text('without effect', { hidden: true })),
  ...veleros(idleSwitches, () => toggle('without effect', { hidden: true })),
}

/** What was given to `install`. */
export type InstallFlags = FlagValues<typeof installFlags>

/** Refuses what makes no sense, in the order in which Velero does (spec/cli.md §12.1). Throws UserError. */
export function checkInstallFlags(given: InstallFlags): void {
  if (given['crds-only'] === true) return
  if (given.bucket?.startsWith('-') === true) wrong(`--bucket cannot begin with "-": "${given.bucket}"`)
  checkLocations(given)
  for (const [name, reason] of Object.entries(refused)) {
    if (given[name as keyof typeof refused] === true) wrong(`--${name} cannot be used: ${reason}`)
  }
  if ((given['secret-file'] === undefined) === (given['no-secret'] !== true))
    wrong('exactly one of --secret-file and --no-secret is needed')
  if (given['garbage-collection-frequency']?.startsWith('-') === true)
    wrong('--garbage-collection-frequency cannot be negative')
  if (given['backup-only'] === true && given['least-privilege'] !== true) wrong('--backup-only needs --least-privilege')
}

function checkLocations(given: InstallFlags): void {
  const hasBackups = given['no-default-backup-location'] !== true
  const hasSnapshots = given['use-volume-snapshots'] !== false
  if (hasBackups) {
    if (given.provider === undefined) wrong('--provider is needed, or --no-default-backup-location')
    if (given.bucket === undefined) wrong('--bucket is needed, or --no-default-backup-location')
  } else if ((given.bucket ?? given.prefix ?? given['backup-location-config'] ?? given.cacert) !== undefined) {
    wrong(
      '--bucket, --prefix, --backup-location-config and --cacert need a backup location: leave --no-default-backup-location out',
    )
  }
  if (hasSnapshots && given.provider === undefined) wrong('--provider is needed, or --use-volume-snapshots=false')
  if (!hasSnapshots && given['snapshot-location-config'] !== undefined)
    wrong('--snapshot-location-config needs --use-volume-snapshots')
  if (!hasBackups && !hasSnapshots && given.provider !== undefined)
    wrong('--provider has nothing to provide: no location is asked for')
}

function wrong(message: string): never {
  throw new UserError(message, { exitCode: USAGE })
}

function veleros<K extends string, T>(names: readonly K[], flag: () => Flag<T>): Record<K, Flag<T>> {
  return Object.fromEntries(names.map((name) => [name, flag()])) as Record<K, Flag<T>> satisfies Flags
}
