import { gzipSync } from 'node:zlib'
import { Backups, type Backup, type BackupSpec, type BackupStatus } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { PodVolumeBackups, type PodVolumeBackupStatus } from '#api/pod-volume-backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'
import { backupKey, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

/** Where the backups to be described are put. */
export interface Showroom {
  kube: KubeClient
  namespace: string
  store: ObjectStore
}

const started = '2026-11-27T10:00:00Z'
const ended = '2026-11-27T10:05:07Z'
const expiration = '2126-12-27T10:00:00Z'
const times = { startTimestamp: started, completionTimestamp: ended }

const exec = (command: string[], rest: object = {}): object => ({ exec: { command, ...rest } })

const hooks = {
  resources: [
    {
      name: 'first',
      includedNamespaces: ['x', 'y'],
      excludedNamespaces: ['z'],
      includedResources: ['pods'],
      labelSelector: { matchLabels: { a: 'b' } },
      pre: [
        exec(['/bin/sh', '-c', 'sync'], { container: 'main', onError: 'Fail', timeout: '90s' }),
        exec(['/bin/true']),
      ],
      post: [exec(['date'], { onError: 'Continue' })],
    },
    { name: 'second' },
  ],
}

/** Backups in every state and with everything a spec can say, by name. */
const backups: Record<string, { spec: unknown; status: BackupStatus }> = {
  rich: {
    spec: {
      includedNamespaces: ['*'],
      snapshotMoveData: true,
      datamover: 'mine',
      defaultVolumesToFsBackup: true,
      hooks,
      orderedResources: { pods: 'a/b,a/c', configmaps: 'x/y' },
      orLabelSelectors: [{ matchLabels: { a: 'b' } }, { matchExpressions: [{ key: 'c', operator: 'Exists' }] }],
      csiSnapshotTimeout: '90m',
      itemOperationTimeout: '4h0m0s',
    },
    status: {
      phase: 'Completed',
      version: 1,
      formatVersion: '1.1.0',
      ...times,
      progress: { totalItems: 12_345, itemsBackedUp: 12_345 },
      hookStatus: { hooksAttempted: 3, hooksFailed: 1 },
      backupItemOperationsAttempted: 2,
      backupItemOperationsCompleted: 1,
      backupItemOperationsFailed: 1,
    },
  },
  queued: {
    spec: {
      includedResources: ['pods'],
      excludedResources: ['secrets', 'configmaps'],
      includeClusterResources: false,
      labelSelector: {
        matchLabels: { tier: 'web' },
        matchExpressions: [{ key: 'app', operator: 'In', values: ['b', 'a'] }],
      },
    },
    status: { phase: 'Queued', queuePosition: 2 },
  },
  running: {
    spec: {
      includedNamespaces: ['a'],
      excludedNamespaces: ['b'],
      includedClusterScopedResources: ['nodes'],
      excludedNamespaceScopedResources: ['pods'],
      snapshotVolumes: true,
    },
    status: { phase: 'InProgress', startTimestamp: started, progress: { totalItems: 5000, itemsBackedUp: 1200 } },
  },
  refused: {
    spec: {
      includedResources: ['*'],
      includeClusterResources: true,
      resourcePolicy: { kind: 'configmap', name: 'policies' },
      uploaderConfig: { parallelFilesUpload: 7 },
    },
    status: { phase: 'FailedValidation', validationErrors: ['the first reason', 'the second reason'] },
  },
  failed: { spec: {}, status: { phase: 'Failed', ...times, errors: 2, warnings: 1 } },
  partial: { spec: { snapshotVolumes: false }, status: { phase: 'PartiallyFailed', ...times, errors: 3, warnings: 3 } },
  clustered: { spec: {}, status: { phase: 'PartiallyFailed', ...times, errors: 1 } },
  'nightly-20260101000000': { spec: {}, status: { phase: 'Completed', ...times, expiration: '2026-01-02T00:00:00Z' } },
  'nightly-20260102000000': { spec: {}, status: { phase: 'Completed', ...times } },
}

const item = (Group: string, Resource: string, Name: string): object => ({ Group, Resource, Namespace: 'x', Name })

const operations = [
  {
    spec: {
      backupName: 'rich',
      backupUID: 'u',
      backupItemAction: 'example.io/action',
      resourceIdentifier: item('', 'persistentvolumeclaims', 'data'),
      operationID: 'op-1',
      postOperationItems: [item('velero.io', 'datauploads', 'du-1'), item('', 'secrets', 's')],
    },
    status: {
      phase: 'Completed',
      nCompleted: 10,
      nTotal: 20,
      operationUnits: 'Bytes',
      description: 'half of it',
      created: started,
      started,
      updated: ended,
    },
  },
  {
    spec: {
      backupName: 'rich',
      backupUID: 'u',
      backupItemAction: 'example.io/action',
      resourceIdentifier: item('apps', 'deployments', 'web'),
      operationID: 'op-2',
    },
    status: { phase: 'Failed', error: 'it broke', created: started },
  },
]

const noVolumes = { 'volume-info': [] }

/** What is in the bucket of each backup. */
const files: Record<string, Partial<Record<BackupArtifact, unknown>>> = {
  rich: {
    'resource-list': { 'v1/Pod': ['a/b', 'a/c'], 'apps/v1/Deployment': ['x/y'], 'v1/Node': ['n'] },
    'item-operations': operations,
    'volume-info': [
      native('pv1', 'succeeded', { snapshotHandle: 'snap-1', volumeType: 'gp3', volumeAZ: 'eu-1a', iops: '3000' }),
      native('pv0', 'failed', { snapshotHandle: '', volumeType: 'gp3', volumeAZ: '', iops: '' }),
      {
        ...claim('c3'),
        backupMethod: 'CSISnapshot',
        snapshotDataMoved: true,
        result: 'succeeded',
        csiSnapshotInfo: { snapshotHandle: 'h3', vscName: 'vsc-3', operationID: 'unknown', driver: 'csi.example' },
        snapshotDataMovementInfo: {
          dataMover: 'velero',
          uploaderType: 'kopia',
          operationID: 'du-op',
          size: 2000,
          incrementalSize: 500,
        },
      },
      {
        ...claim('c2'),
        backupMethod: 'CSISnapshot',
        preserveLocalSnapshot: true,
        result: 'succeeded',
        csiSnapshotInfo: {
          snapshotHandle: 'h2',
          size: 1_073_741_824,
          driver: 'csi.example',
          vscName: 'vsc-2',
          operationID: 'op-9',
          ReadyToUse: true,
        },
      },
      { ...claim('c4'), skipped: true, skippedReason: 'csiSnapshot: no;' },
    ],
  },
  partial: {
    'resource-list': {},
    results: {
      warnings: { velero: ['w1'], cluster: ['w2', 'w3'], namespaces: { one: ['w4'] } },
      errors: { velero: [], cluster: ['e1'], namespaces: { one: ['e2', 'e3'] } },
    },
    ...noVolumes,
  },
  clustered: {
    'resource-list': { 'v1/Namespace': ['one'] },
    results: { warnings: {}, errors: { velero: [' resource: /pods name: /a message: /it broke'] } },
    ...noVolumes,
  },
  'nightly-20260101000000': noVolumes,
  'nightly-20260102000000': noVolumes,
}

function claim(name: string): object {
  return { pvcName: name, pvcNamespace: 'x', pvName: `pv-${name}`, snapshotDataMoved: false, skipped: false }
}

function native(pvName: string, result: string, nativeSnapshotInfo: object): object {
  return { ...claim(pvName), pvName, backupMethod: 'NativeSnapshot', result, nativeSnapshotInfo }
}

/** Copies of pod volumes in every state: pod, volume, status. */
const copies: [string, string, PodVolumeBackupStatus][] = [
  ['p1', 'a', { phase: 'Completed', progress: { totalBytes: 2_048_000, bytesDone: 1 }, incrementalBytes: 1024 }],
  ['p1', 'b', { phase: 'Completed', progress: { totalBytes: 5, bytesDone: 5 } }],
  ['p0', 'z', { phase: 'Completed', progress: { totalBytes: 5, bytesDone: 5 } }],
  ['p1', 'c', { phase: 'InProgress', progress: { totalBytes: 1000, bytesDone: 123 } }],
  ['p3', 'k', { phase: 'InProgress' }],
  ['p2', 'd', { phase: 'New' }],
  ['p2', 'e', { phase: 'Failed' }],
  ['p2', 'f', { phase: 'Canceled' }],
  ['p2', 'g', { phase: 'Canceling' }],
  ['p2', 'h', { phase: 'Prepared' }],
  ['p2', 'i', { phase: 'Accepted' }],
]

/** Puts all of them into the namespace and the bucket; gives their names. Nothing acts on them, so no server may work there. */
export async function furnishShowroom(room: Showroom): Promise<string[]> {
  for (const [name, { spec, status }] of Object.entries(backups)) {
    const made = await room.kube.create(Backups, backupOf(name, { spec, status }), { namespace: room.namespace })
    if (name === 'rich') await furnishRich(room, made)
  }
  for (const [name, artifacts] of Object.entries(files)) {
    for (const [artifact, content] of Object.entries(artifacts)) {
      await room.store.put(backupKey(name, artifact as BackupArtifact), gzipSync(JSON.stringify(content)))
    }
  }
  return Object.keys(backups)
}

function backupOf(name: string, { spec, status }: { spec: unknown; status: BackupStatus }): Backup {
  const labels = { team: 'blue', [`example.com/${name.slice(0, 3)}`]: 'yes' }
  return {
    apiVersion: apiVersionOf(Backups),
    kind: Backups.kind,
    metadata: { name, labels, ...(name === 'rich' ? { annotations: { b: '2', a: '1' } } : {}) },
    spec: { storageLocation: 'default', ttl: '720h0m0s', ...(spec as BackupSpec) },
    status: { expiration, ...status },
  }
}

async function furnishRich({ kube, namespace }: Showroom, backup: Backup): Promise<void> {
  const labels = { 'velero.io/backup-name': 'rich', 'velero.io/backup-uid': backup.metadata.uid ?? '' }
  const inRoom = (object: object, name: string): KubeObject =>
    ({ ...object, metadata: { name, namespace, labels } }) as unknown as KubeObject
  for (const [index, [pod, volume, status]] of copies.entries()) {
    const place = { node: 'n', backupStorageLocation: 'default', repoIdentifier: 'r', uploaderType: 'kopia' }
    const spec = { ...place, pod: { kind: 'Pod', namespace: 'x', name: pod }, volume }
    const type = { apiVersion: apiVersionOf(PodVolumeBackups), kind: PodVolumeBackups.kind }
    await kube.create<KubeObject>(PodVolumeBackups, inRoom({ ...type, spec, status }, `rich-${10 + index}`))
  }
  const type = { apiVersion: apiVersionOf(DeleteBackupRequests), kind: DeleteBackupRequests.kind }
  for (const [name, status] of Object.entries({
    'rich-a': { phase: 'Processed', errors: ['could not', 'also not'] },
    'rich-b': { phase: 'InProgress' },
  })) {
    await kube.create<KubeObject>(DeleteBackupRequests, inRoom({ ...type, spec: { backupName: 'rich' }, status }, name))
  }
}
