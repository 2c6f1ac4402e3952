import { gzipSync } from 'node:zlib'
import { Backups } from '#api/backup.ts'
import { Restores, type Restore, type RestoreSpec, type RestoreStatus } from '#api/restore.ts'
import { apiVersionOf } from '#kube/object.ts'
import { restoreKey, type RestoreArtifact } from '#store/layout.ts'
import type { Showroom } from './described-backups.ts'

const times = { startTimestamp: '2026-11-27T10:00:00Z', completionTimestamp: '2026-11-27T10:05:07Z' }

/** Restores in every state and with everything a spec can say, by name. */
const restores: Record<string, { spec: RestoreSpec; status: RestoreStatus }> = {
  plain: {
    spec: { includedNamespaces: ['*'], itemOperationTimeout: '240m' },
    status: { phase: 'Completed', ...times, progress: { totalItems: 12_345, itemsRestored: 12_345 } },
  },
  rich: {
    spec: {
      includedNamespaces: ['shop', 'bar'],
      excludedNamespaces: ['kube-system'],
      includedResources: ['pods', 'secrets'],
      excludedResources: ['nodes'],
      includeClusterResources: false,
      namespaceMapping: { shop: 'copy', bar: 'copy' },
      orLabelSelectors: [{ matchLabels: { a: 'b' } }, { matchExpressions: [{ key: 'c', operator: 'Exists' }] }],
      restorePVs: false,
      existingResourcePolicy: 'update',
      itemOperationTimeout: '90m',
      preserveNodePorts: true,
      resourceModifier: { apiGroup: '', kind: 'configmap', name: 'rules' },
      uploaderConfig: { writeSparseFiles: true, parallelFilesDownload: 4 },
    },
    status: {
      phase: 'PartiallyFailed',
      ...times,
      warnings: 4,
      errors: 3,
      progress: { totalItems: 7, itemsRestored: 7 },
      restoreItemOperationsAttempted: 2,
      restoreItemOperationsCompleted: 1,
      restoreItemOperationsFailed: 1,
      hookStatus: { hooksAttempted: 3, hooksFailed: 1 },
    },
  },
  running: {
    spec: {
      includeClusterResources: true,
      restorePVs: true,
      preserveNodePorts: false,
      labelSelector: {
        matchLabels: { tier: 'web' },
        matchExpressions: [{ key: 'app', operator: 'In', values: ['b', 'a'] }],
      },
      uploaderConfig: {},
    },
    status: {
      phase: 'InProgress',
      startTimestamp: times.startTimestamp,
      progress: { totalItems: 5000, itemsRestored: 1200 },
    },
  },
  refused: {
    spec: { existingResourcePolicy: 'Update' },
    status: { phase: 'FailedValidation', validationErrors: ['the first reason', 'the second reason'] },
  },
  fresh: { spec: {}, status: {} },
}

const operation = (name: string, status: object): object => ({
  spec: {
    restoreName: 'rich',
    restoreUID: 'u',
    restoreItemAction: 'example.io/action',
    resourceIdentifier: { Group: '', Resource: 'persistentvolumeclaims', Namespace: 'x', Name: name },
    operationID: `op-${name}`,
  },
  status: { created: times.startTimestamp, ...status },
})

/** What is in the bucket of each restore. */
const files: Record<string, Partial<Record<RestoreArtifact, unknown>>> = {
  plain: { 'resource-list': { 'v1/Pod': ['a/b(created)'] }, 'volume-info': [] },
  rich: {
    'resource-list': {
      'v1/Pod': ['a/b(created)', 'a/c(failed)'],
      'apps/v1/Deployment': ['x/y(updated)'],
      'v1/Node': ['n(skipped)'],
    },
    results: {
      warnings: { velero: ['w1'], cluster: ['w2', 'w3'], namespaces: { one: ['w4'] } },
      errors: { cluster: ['e1'], namespaces: { one: ['e2', 'e3'] } },
    },
    'item-operations': [
      operation('data', {
        phase: 'Completed',
        nCompleted: 10,
        nTotal: 20,
        operationUnits: 'Bytes',
        description: 'half of it',
        started: times.startTimestamp,
        updated: times.completionTimestamp,
      }),
      operation('web', { phase: 'Failed', error: 'it broke' }),
    ],
    'volume-info': [
      { pvcName: 'c1', pvcNamespace: 'x', restoreMethod: 'PodVolumeRestore', snapshotDataMoved: false },
      {
        pvcName: 'c2',
        pvcNamespace: 'x',
        restoreMethod: 'CSISnapshot',
        snapshotDataMoved: true,
        snapshotDataMovementInfo: { dataMover: 'velero', uploaderType: 'kopia', operationID: 'dd-op' },
      },
      {
        pvcName: 'c3',
        pvcNamespace: 'x',
        restoreMethod: 'CSISnapshot',
        snapshotDataMoved: false,
        csiSnapshotInfo: { snapshotHandle: 'h3', size: 5, driver: 'csi.example', vscName: 'vsc-3' },
      },
    ],
  },
}

/** Puts all of them, of one backup, into the namespace and the bucket; gives their names. Nothing acts on them, so no server may work there. */
export async function furnishWithRestores({ kube, namespace, store }: Showroom): Promise<string[]> {
  const backup = { apiVersion: apiVersionOf(Backups), kind: Backups.kind, metadata: { name: 'monday' } }
  await kube.create(
    Backups,
    { ...backup, spec: { storageLocation: 'default' }, status: { phase: 'Completed' } },
    { namespace },
  )
  for (const [name, { spec, status }] of Object.entries(restores)) {
    const labels = { team: 'blue', [`example.com/${name.slice(0, 3)}`]: 'yes' }
    const annotations = name === 'rich' ? { b: '2', a: '1' } : undefined
    const restore: Restore = {
      apiVersion: apiVersionOf(Restores),
      kind: Restores.kind,
      metadata: { name, labels, ...(annotations === undefined ? {} : { annotations }) },
      spec: { backupName: 'monday', ...spec },
      status,
    }
    await kube.create(Restores, restore, { namespace })
  }
  for (const [name, artifacts] of Object.entries(files)) {
    for (const [artifact, content] of Object.entries(artifacts)) {
      await store.put(restoreKey(name, artifact as RestoreArtifact), gzipSync(JSON.stringify(content)))
    }
  }
  return Object.keys(restores)
}
