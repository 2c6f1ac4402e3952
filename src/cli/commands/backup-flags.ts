import type { BackupSpec } from '#api/backup.ts'
import { USAGE, UserError } from '../exit.ts'
import { duration, integer, list, orSelector, selector, slice, text, toggle, type FlagValues } from '../flag.ts'

/** Velero's flags that say what a backup holds (spec/cli.md §3.1). */
export const backupSpecFlags = {
  'include-namespaces': list('namespaces to take (default: all)', { metavar: 'NS,…' }),
  'exclude-namespaces': list('namespaces to leave out', { metavar: 'NS,…' }),
  'include-resources': list('types to take, such as pods or deployments.apps', { metavar: 'TYPE,…' }),
  'exclude-resources': list('types to leave out', { metavar: 'TYPE,…' }),
  'include-cluster-resources': toggle('take cluster-scoped objects: all with true, none with false'),
  'include-cluster-scoped-resources': list('cluster-scoped types to take', { metavar: 'TYPE,…' }),
  'exclude-cluster-scoped-resources': list('cluster-scoped types to leave out', { metavar: 'TYPE,…' }),
  'include-namespace-scoped-resources': list('namespaced types to take', { metavar: 'TYPE,…' }),
  'exclude-namespace-scoped-resources': list('namespaced types to leave out', { metavar: 'TYPE,…' }),
  selector: selector('only objects with these labels', { short: 'l' }),
  'or-selector': orSelector('only objects that match one of these selectors'),
  ttl: duration('how long to keep the backup (default 720h)'),
  'storage-location': text('backup location to write to', { metavar: 'NAME' }),
  'volume-snapshot-locations': slice('snapshot locations to use', { metavar: 'NAME,…' }),
  'snapshot-volumes': toggle('snapshot persistent volumes'),
  'snapshot-move-data': toggle('move the data of CSI snapshots to the backup location'),
  'data-mover': text('data mover to use', { metavar: 'NAME' }),
  'default-volumes-to-fs-backup': toggle('copy the files of pod volumes unless they opt out'),
  'ordered-resources': text('order inside a type: pods=ns1/a,ns1/b;persistentvolumes=x,y', { metavar: 'ORDER' }),
  'csi-snapshot-timeout': duration('how long to wait for a CSI snapshot (default 10m)'),
  'item-operation-timeout': duration('how long to wait for asynchronous operations (default 4h)'),
  'resource-policies-configmap': text('ConfigMap with resource policies', { metavar: 'NAME' }),
  'parallel-files-upload': integer('files to upload at once', 0),
}

/** The spec these flags describe; fields that no flag names stay unset, so that the server's defaults apply. */
export function backupSpecFrom(flags: FlagValues<typeof backupSpecFlags>): BackupSpec {
  const policies = flags['resource-policies-configmap']
  const parallel = flags['parallel-files-upload'] ?? 0
  const order = flags['ordered-resources']
  return {
    includedNamespaces: flags['include-namespaces'] ?? ['*'],
    excludedNamespaces: flags['exclude-namespaces'],
    includedResources: flags['include-resources'],
    excludedResources: flags['exclude-resources'],
    includeClusterResources: flags['include-cluster-resources'],
    includedClusterScopedResources: flags['include-cluster-scoped-resources'],
    excludedClusterScopedResources: flags['exclude-cluster-scoped-resources'],
    includedNamespaceScopedResources: flags['include-namespace-scoped-resources'],
    excludedNamespaceScopedResources: flags['exclude-namespace-scoped-resources'],
    labelSelector: flags.selector,
    orLabelSelectors: flags['or-selector'],
    ttl: flags.ttl,
    storageLocation: flags['storage-location'],
    volumeSnapshotLocations: flags['volume-snapshot-locations'],
    snapshotVolumes: flags['snapshot-volumes'],
    snapshotMoveData: flags['snapshot-move-data'],
    datamover: flags['data-mover'],
    defaultVolumesToFsBackup: flags['default-volumes-to-fs-backup'],
    orderedResources: order === undefined ? undefined : parseOrder(order),
    csiSnapshotTimeout: flags['csi-snapshot-timeout'],
    itemOperationTimeout: flags['item-operation-timeout'],
    resourcePolicy: policies === undefined ? undefined : { kind: 'configmap', name: policies },
    uploaderConfig: parallel > 0 ? { parallelFilesUpload: parallel } : undefined,
  }
}

/** `kind=ns/a,ns/b;kind2=c` as the map a Backup keeps (spec/cli.md §3.1). */
function parseOrder(text: string): Record<string, string> {
  const entries = text.split(';').map((entry) => entry.split('=').map((part) => part.trim()))
  const wrong = entries.find((entry) => entry.length !== 2 || entry.includes(''))
  if (wrong !== undefined) {
    throw new UserError(`--ordered-resources needs TYPE=NAME,…;TYPE=NAME,… but holds "${wrong.join('=')}"`, {
      exitCode: USAGE,
    })
  }
  return Object.fromEntries(entries) as Record<string, string>
}
