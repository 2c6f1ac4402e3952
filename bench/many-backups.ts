import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backup } from '#api/backup.ts'
import { encodeBackupMetadata } from '#archive/backup-metadata.ts'
import { backupKey, backupPrefix, type BackupArtifact } from '#store/layout.ts'
import { forEachParallel } from './parallel.ts'

/** What a backup of objects consists of besides its marker; looking through a location never reads them. */
const siblings: readonly BackupArtifact[] = ['contents', 'logs', 'results', 'resource-list', 'volume-info', 'manifest']

/** At the same time. */
const WRITERS = 16

/** Puts finished backups of schedules into the folder of a store, as files. */
export async function makeManyBackups(folder: string, count: number, signal: AbortSignal): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i)
  await forEachParallel(numbers, WRITERS, async (number) => {
    signal.throwIfAborted()
    const backup = backupNumber(number)
    const { name } = backup.metadata
    await mkdir(join(folder, backupPrefix(name)), { recursive: true })
    for (const artifact of siblings) await writeFile(join(folder, backupKey(name, artifact)), 'not read')
    await writeFile(join(folder, backupKey(name, 'metadata')), encodeBackupMetadata(backup))
  })
}

const MINUTE_MS = 60_000

/** With everything that a server writes into one. */
function backupNumber(number: number): Backup {
  const schedule = `schedule-${number % 50}`
  const started = new Date(Date.now() - number * MINUTE_MS)
  const time = (after: number): string => new Date(started.getTime() + after).toISOString().replace(/\.\d+/, '')
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: {
      name: `${schedule}-${time(0).replaceAll(/\D/g, '')}`,
      namespace: 'velero',
      labels: { team: 'night', 'velero.io/schedule-name': schedule, 'velero.io/storage-location': 'default' },
      annotations: {
        'velero.io/resource-timeout': '10m0s',
        'velero.io/source-cluster-k8s-gitversion': 'v1.36.3',
        'velero.io/source-cluster-k8s-major-version': '1',
        'velero.io/source-cluster-k8s-minor-version': '36',
      },
    },
    spec: {
      metadata: {},
      includedNamespaces: ['shop', 'shop-staging'],
      excludedClusterScopedResources: ['volumesnapshotcontents.snapshot.storage.k8s.io'],
      excludedNamespaceScopedResources: ['volumesnapshots.snapshot.storage.k8s.io'],
      ttl: '8760h0m0s',
      volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
      hooks: {},
      storageLocation: 'default',
      volumeSnapshotLocations: ['default'],
      defaultVolumesToFsBackup: false,
      csiSnapshotTimeout: '10m0s',
      itemOperationTimeout: '4h0m0s',
      snapshotMoveData: false,
    },
    status: {
      version: 1,
      formatVersion: '1.1.0',
      phase: 'Completed',
      expiration: time(365 * 24 * 60 * MINUTE_MS),
      startTimestamp: time(0),
      completionTimestamp: time(20_000),
      progress: { totalItems: 1250, itemsBackedUp: 1250 },
      hookStatus: {},
    },
  }
}
