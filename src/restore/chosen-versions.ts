import type { ArchivedVersion, OpenArchive } from '#archive/open.ts'
import type { KubeClient } from '#kube/client.ts'
import { ConfigMaps } from '#kube/config-map.ts'
import { type ServedType, resourceName } from '#kube/object.ts'
import { chooseVersion, parseVersionPriorities } from '#selection/api-versions.ts'

export interface VersionChoice {
  readonly archive: OpenArchive
  /** What the target serves now. */
  readonly served: readonly ServedType[]
  /** Of the server, where users may say which versions they want. */
  readonly namespace: string | undefined
}

/** Archives of older formats have no version folders that could be chosen from. */
const LEAST_FORMAT = '1.1.0'

/**
 * The types that are better restored in another version than the one that the backup prefers, which is that of the unversioned copies
 * (spec/restore §2). Rejects with KubeError.
 */
export async function chosenVersions(
  kube: KubeClient,
  { archive, served, namespace }: VersionChoice,
): Promise<Map<string, ArchivedVersion>> {
  const chosen = new Map<string, ArchivedVersion>()
  if ((archive.formatVersion ?? '') < LEAST_FORMAT) return chosen
  const found = namespace && (await kube.find(ConfigMaps, 'enableapigroupversions', { namespace }))
  const wanted = parseVersionPriorities((found || undefined)?.data?.['restoreResourcesVersionPriority'] ?? '')
  for (const resource of archive.resources()) {
    const version = chooseVersion({
      archived: archive.versionsOf(resource),
      served: served.filter((type) => resourceName(type) === resource),
      wanted: wanted.get(resource),
    })
    if (version !== undefined && !version.preferred) chosen.set(resource, version)
  }
  return chosen
}
