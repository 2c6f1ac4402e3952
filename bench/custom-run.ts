import { setTimeout as sleep } from 'node:timers/promises'
import { Backups, type Backup, type BackupSpec } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { Restores, type Restore } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'
import { serverNamespace as namespace } from './installation.ts'

/** A Backup or Restore as it ended, and the seconds from its creation to that. */
export interface Ended<T> {
  object: T
  seconds: number
}

/** Asks the cluster's server for a backup, of everything unless `spec` says otherwise; rejects unless it is completed. */
export function customBackup(
  kube: KubeClient,
  { name, spec = {}, signal }: { name: string; spec?: BackupSpec; signal: AbortSignal },
): Promise<Ended<Backup>> {
  return run(kube, Backups, { object: objectOf(Backups, name, spec), signal })
}

/** Asks the cluster's server for a restore from a backup that it knows; rejects unless that is completed. */
export function customRestore(
  kube: KubeClient,
  { name, spec, signal }: { name: string; spec: { backupName: string }; signal: AbortSignal },
): Promise<Ended<Restore>> {
  return run(kube, Restores, { object: objectOf(Restores, name, spec), signal })
}

/** Waits until the server has found a backup in its location. */
export async function untilBackupKnown(kube: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + 180_000
  while ((await kube.find(Backups, name, { namespace, signal })) === undefined) {
    if (performance.now() > deadline) throw new Error(`the server has not found backup ${name} in three minutes`)
    await sleep(500, undefined, { signal })
  }
}

function objectOf<T extends Backup | Restore>(type: ResourceType<T>, name: string, spec: object): T {
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace }, spec } as T
}

async function run<T extends Backup | Restore>(
  kube: KubeClient,
  type: ResourceType<T>,
  { object, signal }: { object: T; signal: AbortSignal },
): Promise<Ended<T>> {
  const began = performance.now()
  const created = await kube.create(type, object, { namespace, signal })
  const { name, resourceVersion = '' } = created.metadata
  const fieldSelector = `metadata.name=${name}`
  for await (const event of kube.watch(type, { namespace, fieldSelector, resourceVersion, signal })) {
    if (event.type === 'BOOKMARK' || !hasEnded(event.object.status?.phase)) continue
    const seconds = (performance.now() - began) / 1000
    const { status } = event.object
    if (status?.phase === 'Completed') return { object: event.object, seconds }
    throw new Error(`${type.kind} ${name} ended as ${status?.phase}: ${JSON.stringify(status)}`)
  }
  throw new Error(`${type.kind} ${name} was deleted`)
}
