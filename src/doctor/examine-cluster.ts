import { BackupRepositories, type BackupRepository } from '#api/backup-repository.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { isDuration, parseDuration } from '#api/duration.ts'
import { Schedules } from '#api/schedule.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject, type ResourceType } from '#kube/object.ts'
import type { ClusterFacts, RepositoryFacts } from './facts.ts'

/** Kubernetes makes them itself, and a server's own objects are the store's to know. */
const ofTheSystem = new Set(['kube-system', 'kube-public', 'kube-node-lease'])

/** Looks through a cluster with a server in `namespace`, or with none; writes nothing. Rejects with KubeError. */
export async function examineCluster(
  kube: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<ClusterFacts> {
  const names = (await allOf(kube, Namespaces, { signal })).map(({ metadata }) => metadata.name)
  const schedules = await allOf(kube, Schedules, { namespace, signal })
  const locations = await allOf(kube, BackupStorageLocations, { namespace, signal })
  const repositories = await allOf(kube, BackupRepositories, { namespace, signal })
  const readOnly = new Set(
    locations.filter(({ spec }) => spec.accessMode === 'ReadOnly').map(({ metadata }) => metadata.name),
  )
  return {
    server: kube.server,
    namespaces: names.filter((name) => !ofTheSystem.has(name) && name !== namespace).toSorted(),
    schedules: schedules.length,
    repositories: repositories.map((repository) =>
      repositoryFacts(repository, { isMaintained: !readOnly.has(repository.spec.backupStorageLocation ?? '') }),
    ),
    unavailable: locations
      .filter(({ status }) => status?.phase === 'Unavailable')
      .map(({ metadata, status }) => ({ name: metadata.name, why: status?.message || 'the server found it unusable' })),
    idleSchedules: schedules.flatMap(({ metadata, spec, status }) => {
      const refused = status?.phase === 'FailedValidation' ? (status.validationErrors ?? []).join('; ') : undefined
      const why = refused ?? (spec.paused === true ? 'it is paused' : undefined)
      return why === undefined ? [] : [{ name: metadata.name, why }]
    }),
  }
}

function repositoryFacts(
  { metadata, spec, status }: BackupRepository,
  { isMaintained }: { isMaintained: boolean },
): RepositoryFacts {
  const time = (text: unknown): Date | undefined => (typeof text === 'string' ? new Date(text) : undefined)
  const { maintenanceFrequency } = spec
  const last = status?.recentMaintenance?.at(-1)
  return {
    name: metadata.name,
    phase: status?.phase ?? 'New',
    message: status?.message ?? '',
    created: time(metadata.creationTimestamp),
    frequency: isDuration(maintenanceFrequency) ? parseDuration(maintenanceFrequency) : 0,
    lastMaintenance: time(status?.lastMaintenanceTime),
    lastFailure: last?.result === 'Failed' ? (last.message ?? '') : undefined,
    isMaintained,
  }
}

/** None where the type is not served. */
async function allOf<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  where: { namespace?: string; signal: AbortSignal },
): Promise<T[]> {
  try {
    return (await Array.fromAsync(kube.pages(type, where))).flatMap(({ items }) => items)
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'not-found') return []
    throw error
  }
}
