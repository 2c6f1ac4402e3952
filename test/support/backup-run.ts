import { tmpdir } from 'node:os'
import type { Backup, BackupSpec } from '#api/backup.ts'
import { openManifest, type ManifestTrailer } from '#archive/manifest.ts'
import { openArchive } from '#archive/open.ts'
import { verifyArchive, type Verification } from '#archive/verify.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { runBackup, type BackupRun } from '#backup/run.ts'
import { validateBackup } from '#backup/validation.ts'
import type { KubeClient } from '#kube/client.ts'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { backupKey, type BackupArtifact } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'

export interface BackupOrder extends Partial<Omit<BackupRun, 'backup' | 'kube' | 'store'>> {
  kube: KubeClient
  store: ObjectStore
  name?: string
  spec?: BackupSpec
  /** When a server accepted it. */
  startTimestamp?: string
}

/** Accepts and runs one backup, as every door does. Rejects with BackupError. */
export async function backUp(order: BackupOrder): Promise<Backup> {
  const { kube, store, name = 'nightly', spec = {}, startTimestamp, ...run } = order
  const now = run.now ?? ((): Date => new Date())
  const asked: Backup = {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name, namespace: 'velero' },
    spec,
    status: { startTimestamp },
  }
  const backup = defaultBackup(asked, { facts: await readClusterFacts(kube), now: now() })
  const problems = validateBackup(backup)
  if (problems.length > 0) throw new Error(problems.join('; '))
  return await runBackup({ ...run, backup, kube, store, now })
}

/** What a stored backup holds. */
export interface StoredContents {
  /** By unversioned path: `resources/configmaps/namespaces/shop/prices.json`. */
  objects: Map<string, KubeObject>
  trailer: ManifestTrailer
  verification: Verification
}

/** Reads a whole backup and compares its archive with its manifest. */
export async function readBackup(store: ObjectStore, name = 'nightly'): Promise<StoredContents> {
  const bytes = (artifact: BackupArtifact): Promise<AsyncIterable<Uint8Array>> => store.get(backupKey(name, artifact))
  await using archive = await openArchive(await bytes('contents'), { spoolDir: tmpdir(), parse: parseJson })
  const manifest = await openManifest(await bytes('manifest'))
  const verification = await verifyArchive(archive, manifest)
  const trailer = await manifest.trailer()
  const objects = new Map<string, KubeObject>()
  for (const entry of archive.entries()) objects.set(entry.path, await archive.read(entry))
  return { objects, trailer, verification }
}

/** Names in the archive of one resource, as `namespace/name` or `name`, sorted. */
export function namesOf({ objects }: StoredContents, resource: string): string[] {
  return [...objects]
    .filter(([path]) => path.startsWith(`resources/${resource}/`))
    .map(([, { metadata }]) =>
      metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`,
    )
    .toSorted()
}
