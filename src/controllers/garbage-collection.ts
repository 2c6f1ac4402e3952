import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { DeleteBackupRequests } from '#api/delete-backup-request.ts'
import { annotationKeys, labelKeys } from '#api/labels.ts'
import { Schedules, type Schedule } from '#api/schedule.ts'
import { deletionRequest } from '#backup/deletion-request.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { planAll } from '#schedule/retention-plan.ts'
import { garbageStep, type GarbageFailure } from './garbage-step.ts'
import { patchLasting } from './status-patch.ts'

export interface GarbageCollectionOptions {
  /** ms between two looks. */
  readonly period: number
  /** From `clusterIdentity`. */
  readonly cluster: string | undefined
}

/** Looks at all backups at once and then again and again, and asks for the deletion of those whose time is over, until the environment's signal is aborted. */
export async function collectGarbage(environment: Environment, options: GarbageCollectionOptions): Promise<void> {
  const { signal, log } = environment
  while (!signal.aborted) {
    try {
      await sweep(environment, options)
    } catch (error) {
      if (!signal.aborted) log.warn({ error: messageOf(error) }, 'cannot look for backups whose time is over')
    }
    await sleep(options.period, undefined, { signal }).catch(() => undefined)
  }
}

/** A backup to be deleted, and why. */
interface Garbage {
  readonly backup: Backup
  readonly because: string
}

async function sweep(environment: Environment, { cluster }: GarbageCollectionOptions): Promise<void> {
  const { kube, namespace, now, signal, log } = environment
  const [backups, schedules] = [await allBackups(environment), await allSchedules(environment)]
  const garbage: Garbage[] = planAll(backups, { schedules, cluster, now: now() }).flatMap(({ backup, verdict }) =>
    verdict.do === 'remove' ? [{ backup, because: verdict.because }] : [],
  )
  if (garbage.length === 0) return
  const requested = await openRequests(environment)
  const { items } = await kube.list(BackupStorageLocations, { namespace, signal })
  const locations = new Map(items.map((location) => [location.metadata.name, location]))
  for (const one of garbage) {
    const { name, uid = '' } = one.backup.metadata
    try {
      const location = locations.get(one.backup.spec.storageLocation ?? '')
      await act(one, { location, requested: requested.has(uid) || requested.has(name) }, environment)
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ backup: name, error: messageOf(error) }, 'backup whose time is over is left for now')
    }
  }
}

async function act(
  { backup, because }: Garbage,
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
      log.info({ backup: name, because }, 'deletion of a backup asked for')
      break
    }
    case 'mark':
      await mark(backup, step.failure, environment)
      break
    case 'leave':
      log.debug({ backup: name, because: step.because }, 'backup whose time is over is left for now')
      break
  }
}

/** Of each backup only what decides: there may be ten thousand. */
async function allBackups({ kube, namespace, signal }: Environment): Promise<Backup[]> {
  const backups: Backup[] = []
  for await (const { items } of kube.pages(Backups, { namespace, signal })) backups.push(...items.map(essence))
  return backups
}

function essence({ apiVersion, kind, metadata, spec, status = {} }: Backup): Backup {
  const { name, uid, labels, creationTimestamp, deletionTimestamp, annotations = {} } = metadata
  const { phase, expiration, startTimestamp } = status
  const { [annotationKeys.retention]: retention, [annotationKeys.scheduledIn]: scheduledIn } = annotations
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace: metadata.namespace,
      uid,
      labels,
      creationTimestamp,
      deletionTimestamp,
      annotations: {
        ...(retention === undefined ? {} : { [annotationKeys.retention]: retention }),
        ...(scheduledIn === undefined ? {} : { [annotationKeys.scheduledIn]: scheduledIn }),
      },
    },
    spec: { storageLocation: spec.storageLocation },
    status: { phase, expiration, startTimestamp },
  }
}

async function allSchedules({ kube, namespace, signal }: Environment): Promise<Schedule[]> {
  const schedules: Schedule[] = []
  for await (const { items } of kube.pages(Schedules, { namespace, signal })) schedules.push(...items)
  return schedules
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
