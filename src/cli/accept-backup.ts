import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { VolumeSnapshotLocations, type VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { missingNamespaces } from '#backup/missing-namespaces.ts'
import { readPolicies } from '#backup/policies.ts'
import { validateBackup } from '#backup/validation.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ResourcePolicies } from '#selection/resource-policies.ts'
import { UserError } from './exit.ts'

/** What a backup is accepted for. */
export interface Acceptance {
  readonly kube: KubeClient
  readonly now: () => Date
  readonly signal: AbortSignal
  /** Where a server's locations are, which then have to be in order; undefined without installation. */
  readonly installedIn?: string | undefined
  /** Without installation: where there may be snapshot locations all the same. */
  readonly besides?: string | undefined
}

/** The backup with its defaults, the policies it names, and as of which resourceVersion of the cluster it was accepted; UserError with everything that is wrong with it. Rejects with KubeError. */
export async function acceptBackup(
  asked: Backup,
  { kube, now, signal, installedIn, besides }: Acceptance,
): Promise<{ backup: Backup; policies: ResourcePolicies | undefined; version: string | undefined }> {
  const places =
    installedIn === undefined
      ? await readSnapshotPlaces(kube, { namespace: besides, signal })
      : await readPlaces(kube, { namespace: installedIn, signal })
  const facts = await readClusterFacts(kube, { signal })
  const backup = defaultBackup(asked, { facts, now: now(), settings: places })
  const { policies, problems: policyProblems } = await readPolicies(kube, backup, { signal })
  const missing = await missingNamespaces(kube, backup.spec, { signal })
  refuse(Backups.kind, asked.metadata.name, [
    ...validateBackup(backup, { ...places, policyProblems }),
    ...missing.map((name) => `there is no namespace "${name}" at ${kube.server}`),
  ])
  return { backup, policies, version: facts.resourceVersion }
}

async function readPlaces(kube: KubeClient, options: { namespace: string; signal: AbortSignal }) {
  const [locations, snapshotLocations] = await Promise.all([
    kube.list(BackupStorageLocations, options),
    kube.list(VolumeSnapshotLocations, options),
  ])
  return { locations: locations.items, snapshotLocations: snapshotLocations.items }
}

/** The snapshot locations of a namespace, should it have some, and may somebody see them. */
async function readSnapshotPlaces(
  kube: KubeClient,
  { namespace, signal }: { namespace: string | undefined; signal: AbortSignal },
): Promise<{ snapshotLocations?: VolumeSnapshotLocation[] }> {
  if (namespace === undefined) return {}
  try {
    const { items } = await kube.list(VolumeSnapshotLocations, { namespace, signal })
    return items.length === 0 ? {} : { snapshotLocations: items }
  } catch (error) {
    if (error instanceof KubeError && (error.problem === 'not-found' || error.problem === 'forbidden')) return {}
    throw error
  }
}

/** UserError that names the object and lists its problems, if there are any. */
export function refuse(kind: string, name: string, problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new UserError(`${kind} "${name}" cannot run:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
}
