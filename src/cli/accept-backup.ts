import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { missingNamespaces } from '#backup/missing-namespaces.ts'
import { readPolicies } from '#backup/policies.ts'
import { validateBackup } from '#backup/validation.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourcePolicies } from '#selection/resource-policies.ts'
import { UserError } from './exit.ts'

/** What a backup is accepted for. */
export interface Acceptance {
  readonly kube: KubeClient
  readonly now: () => Date
  readonly signal: AbortSignal
  /** Where a server's locations are, which then have to be in order; undefined without installation. */
  readonly installedIn?: string | undefined
}

/** The backup with its defaults, and the policies it names; UserError with everything that is wrong with it. Rejects with KubeError. */
export async function acceptBackup(
  asked: Backup,
  { kube, now, signal, installedIn }: Acceptance,
): Promise<{ backup: Backup; policies: ResourcePolicies | undefined }> {
  const places = installedIn === undefined ? {} : await readPlaces(kube, { namespace: installedIn, signal })
  const facts = await readClusterFacts(kube, { signal })
  const backup = defaultBackup(asked, { facts, now: now(), settings: places })
  const { policies, problems: policyProblems } = await readPolicies(kube, backup, { signal })
  const missing = await missingNamespaces(kube, backup.spec, { signal })
  refuse(Backups.kind, asked.metadata.name, [
    ...validateBackup(backup, { ...places, policyProblems }),
    ...missing.map((name) => `there is no namespace "${name}" at ${kube.server}`),
  ])
  return { backup, policies }
}

async function readPlaces(kube: KubeClient, options: { namespace: string; signal: AbortSignal }) {
  const [locations, snapshotLocations] = await Promise.all([
    kube.list(BackupStorageLocations, options),
    kube.list(VolumeSnapshotLocations, options),
  ])
  return { locations: locations.items, snapshotLocations: snapshotLocations.items }
}

/** UserError that names the object and lists its problems, if there are any. */
export function refuse(kind: string, name: string, problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new UserError(`${kind} "${name}" cannot run:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
}
