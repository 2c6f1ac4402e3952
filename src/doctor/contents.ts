import type { ResourceList } from '#archive/resource-list.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'

/** The namespaces that a backup with this resource list holds something of, in order, and the number of its Secrets. */
export function contentsOf(list: ResourceList | undefined): { namespaces: string[] | undefined; secrets: number } {
  if (list === undefined) return { namespaces: undefined, secrets: 0 }
  const namespaces = new Set(list['v1/Namespace'] ?? [])
  for (const names of Object.values(list)) {
    for (const name of names) if (name.includes('/')) namespaces.add(name.slice(0, name.indexOf('/')))
  }
  return { namespaces: [...namespaces].toSorted(), secrets: (list['v1/Secret'] ?? []).length }
}

/** The volumes of which a backup holds the objects and not the data: those of claims as `namespace/claim`, others by name. */
export function volumesWithoutData(list: ResourceList, volumes: readonly VolumeInfo[]): string[] {
  const bare: string[] = []
  const told = new Set<string>()
  for (const info of volumes) {
    const { pvName, pvcName, pvcNamespace, backupMethod } = info
    if (pvName !== undefined) told.add(pvName)
    const isThere = backupMethod !== undefined && info['skipped'] !== true && info['result'] !== 'failed'
    if (!isThere) bare.push(pvcName === undefined ? (pvName ?? 'a volume') : `${pvcNamespace ?? ''}/${pvcName}`)
  }
  return [...bare, ...(list['v1/PersistentVolume'] ?? []).filter((name) => !told.has(name))]
}
