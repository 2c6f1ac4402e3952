import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { patchLasting } from './status-patch.ts'

/** The names of the locations that have to stop being the default: all marked ones but the newest (spec/server.md §7). */
export function surplusDefaults(locations: readonly BackupStorageLocation[]): string[] {
  const made = ({ metadata }: BackupStorageLocation): number => Date.parse(metadata.creationTimestamp ?? '') || 0
  return locations
    .filter(({ spec }) => spec.default === true)
    .toSorted((a, b) => made(b) - made(a) || (a.metadata.name < b.metadata.name ? -1 : 1))
    .slice(1)
    .map(({ metadata }) => metadata.name)
}

/** Unmarks what `surplusDefaults` names. */
export async function keepOneDefault(environment: Environment): Promise<void> {
  for (const name of surplusDefaults(await allLocations(environment))) await mark(name, false, environment)
}

/** Marks the location `name` as default when it exists and none is marked. A failure is only logged: backups that name no location find it by its name too. */
export async function markDefault(name: string, environment: Environment): Promise<void> {
  try {
    const locations = await allLocations(environment)
    if (locations.some(({ spec }) => spec.default === true)) return
    if (locations.some(({ metadata }) => metadata.name === name)) await mark(name, true, environment)
  } catch (error) {
    environment.log.warn({ location: name, error: messageOf(error) }, 'cannot mark the default location')
  }
}

async function mark(name: string, isDefault: boolean, { kube, namespace, log }: Environment): Promise<void> {
  await patchLasting(kube, BackupStorageLocations, { name, namespace, change: { spec: { default: isDefault } } })
  log.info({ location: name, default: isDefault }, 'default location changed')
}

async function allLocations({ kube, namespace, signal }: Environment): Promise<BackupStorageLocation[]> {
  const locations: BackupStorageLocation[] = []
  for await (const { items } of kube.pages(BackupStorageLocations, { namespace, signal })) locations.push(...items)
  return locations
}
