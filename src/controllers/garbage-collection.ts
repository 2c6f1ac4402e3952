import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { labelKeys } from '#api/labels.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { garbageStep, hasExpired, type GarbageFailure } from './garbage-step.ts'
import { patchLasting } from './status-patch.ts'

/** Looks at all backups at once and then every `period` ms, and asks for the deletion of those whose time is over, until the environment's signal is aborted. */
export async function collectGarbage(environment: Environment, period: number): Promise<void> {
  const { signal, log } = environment
  while (!signal.aborted) {
    try {
      await sweep(environment)
    } catch (error) {
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'cannot look for expired backups')
    }
    await sleep(period, undefined, { signal }).catch(() => undefined)
  }
}

async function sweep(environment: Environment): Promise<void> {
  const { kube, namespace, signal, log } = environment
  const backups = await expiredBackups(environment)
  if (backups.length === 0) return
  const requested = await openRequests(environment)
  const { items } = await kube.list(BackupStorageLocations, { namespace, signal })
  const locations = new Map(items.map((location) => [location.metadata.name, location]))
  for (const backup of backups) {
    const { name, uid = '' } = backup.metadata
    try {
      const location = locations.get(backup.spec.storageLocation ?? '')
      await act(backup, { location, requested: requested.has(uid) || requested.has(name) }, environment)
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ backup: name, error: messageOf(error) }, 'expired backup is left for now')
    }
  }
}

async function act(
  backup: Backup,
  facts: { location: BackupStorageLocation | undefined; requested: boolean },
  environment: Environment,
): Promise<void> {
  const { kube, namespace, signal, log } = environment
  const { name } = backup.metadata
  const step = garbageStep(backup, facts)
  switch (step.do) {
    case 'request': {
      await mark(backup, null, environment)
      const request = deletionRequest(backup, randomUUID().slice(0, 8))
      await kube.create(DeleteBackupRequests, request, { namespace, signal })
      log.info({ backup: name, expiration: backup.status?.expiration }, 'backup has expired')
      break
    }
    case 'mark':
      await mark(backup, step.failure, environment)
      break
    case 'leave':
      log.debug({ backup: name, because: step.because }, 'expired backup is left for now')
      break
  }
}

async function expiredBackups({ kube, namespace, now, signal }: Environment): Promise<Backup[]> {
  const expired: Backup[] = []
  for await (const { items } of kube.pages(Backups, { namespace, signal })) {
    expired.push(...items.filter((backup) => hasExpired(backup, now())))
  }
  return expired
}

/** What open requests are about: the uid of a backup, or the name where somebody wrote no label. One that ended with errors is over, and is repeated. */
async function openRequests({ kube, namespace, signal }: Environment): Promise<Set<string>> {
  const open = new Set<string>()
  for await (const { items } of kube.pages(DeleteBackupRequests, { namespace, signal })) {
    for (const { metadata, spec, status } of items) {
      if (status?.phase !== 'Processed') open.add(metadata.labels?.[labelKeys.backupUid] ?? spec.backupName)
    }
  }
  return open
}

/** Writes, or takes away, the label that says why the backup stays. */
async function mark(backup: Backup, failure: GarbageFailure | null, { kube, namespace }: Environment): Promise<void> {
  const { name, labels } = backup.metadata
  if ((labels?.[labelKeys.gcFailure] ?? null) === failure) return
  const change = { metadata: { labels: { [labelKeys.gcFailure]: failure } } }
  await patchLasting(kube, Backups, { name, namespace, change })
}
