import { annotationKeys } from '#api/labels.ts'
import { entryPath } from '#archive/entry-path.ts'
import type { OpenArchive } from '#archive/open.ts'
import { objectOf, textOf } from '#items/json.ts'
import { volumeOf } from '#items/related.ts'
import { snapshotOf, snapshotResources, type SnapshotContext } from '#items/restore-actions/csi-snapshot.ts'
import { CsiDrivers, StorageClasses } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName, type KubeObject, type ResourceType, type ServedType } from '#kube/object.ts'
import { groupTypesOf, type GroupTypes } from '#volumes/group-types.ts'
import { VolumeSnapshotClasses, VolumeSnapshots } from '#volumes/snapshot-types.ts'

/** What the target says about bringing volumes back from CSI snapshots. */
export interface SnapshotTarget {
  readonly context: SnapshotContext
  /** Provisioners by the name of the StorageClass; it grows with those that are restored. Undefined when they may not be read. */
  readonly provisioners: Map<string, string> | undefined
  /** Drivers that the cluster knows. Undefined when they may not be read. */
  readonly drivers: ReadonlySet<string> | undefined
  /** Undefined where snapshots of groups are not served. */
  readonly groupTypes: GroupTypes | undefined
}

export interface SnapshotTargetOptions {
  readonly kube: KubeClient
  readonly archive: OpenArchive
  readonly served: readonly ServedType[]
  readonly restoreId: string
  /** `spec.restorePVs` is not false. */
  readonly wanted: boolean
  readonly signal?: AbortSignal | undefined
}

/** Asks the target, when the backup has CSI snapshots; undefined when it has none. Rejects with KubeError when the cluster is lost. */
export async function readSnapshotTarget(options: SnapshotTargetOptions): Promise<SnapshotTarget | undefined> {
  const { kube, archive, served, restoreId, wanted, signal } = options
  if (!archive.resources().includes(snapshotResources.snapshots)) return undefined
  const isServed = served.some((type) => resourceName(type) === resourceName(VolumeSnapshots))
  if (!wanted || !isServed) {
    const context = { restoreId, wanted, classes: undefined }
    return { context, provisioners: undefined, drivers: undefined, groupTypes: undefined }
  }
  const classes = await listed(kube, VolumeSnapshotClasses, signal)
  const provisioners = await listed(kube, StorageClasses, signal)
  const drivers = await listed(kube, CsiDrivers, signal)
  const byDriver = new Map<string, string>()
  for (const { metadata, driver } of classes ?? []) {
    if (typeof driver === 'string' && !byDriver.has(driver)) byDriver.set(driver, metadata.name)
  }
  return {
    context: { restoreId, wanted, classes: byDriver },
    provisioners: provisioners && new Map(provisioners.map((one) => [one.metadata.name, provisionerOf(one)])),
    // Not every driver registers an object; one that has a class is meant to be there.
    drivers: drivers && new Set([...drivers.map(({ metadata }) => metadata.name), ...byDriver.keys()]),
    groupTypes: groupTypesOf(served),
  }
}

/** The provisioner of a StorageClass. */
export function provisionerOf(storageClass: KubeObject): string {
  return textOf(storageClass['provisioner']) ?? ''
}

/** What keeps the data of a claim from coming back, or `fails`: it must not be made at all. */
export type ClaimProblem = { readonly fails: boolean; readonly text: string } | undefined

/**
 * Looks at a claim that is to be filled from a snapshot: `archived` as it was, `desired` as it will be made. Rejects with ArchiveError.
 */
export async function claimProblem(
  { archived, desired }: { archived: KubeObject; desired: KubeObject },
  { archive, target }: { archive: OpenArchive; target: SnapshotTarget | undefined },
): Promise<ClaimProblem> {
  const name = snapshotOf(archived)
  if (name === undefined || target?.context.wanted === false) return undefined
  const { namespace } = archived.metadata
  const place = { resource: snapshotResources.snapshots, namespace, name }
  const entry = archive.find(entryPath({ ...place, version: undefined, preferred: false }))
  if (entry === undefined || target === undefined) {
    return { fails: true, text: `its data are in snapshot ${namespace}/${name}, which is not in the backup` }
  }
  const driver = (await archive.read(entry)).metadata.annotations?.[annotationKeys.csiDriverName]
  const text = driver === undefined ? undefined : targetProblem(driver, desired, target)
  return text === undefined ? undefined : { fails: false, text }
}

/** What the target lacks; the claim waits for it, and so do its pods. */
function targetProblem(driver: string, desired: KubeObject, target: SnapshotTarget): string | undefined {
  const { provisioners, drivers } = target
  if (drivers !== undefined && !drivers.has(driver)) {
    return `its snapshot is of CSI driver ${driver}, which is not in this cluster; it stays pending until it is`
  }
  const storageClass = textOf(objectOf(desired['spec'])?.['storageClassName'])
  if (provisioners === undefined || storageClass === undefined) return undefined
  const provisioner = provisioners.get(storageClass)
  if (provisioner === driver) return undefined
  if (provisioner !== undefined) {
    return `its snapshot is of CSI driver ${driver}, but its StorageClass ${storageClass} makes volumes of ${provisioner}; map it to a class of ${driver}`
  }
  const which = storageClass === '' ? 'it has no StorageClass' : `its StorageClass ${storageClass} does not exist`
  return `${which}, so no volume can be made of its snapshot; it stays pending, or map it to a class of ${driver}`
}

/** Undefined when they may not be listed. */
async function listed(
  kube: KubeClient,
  type: ResourceType,
  signal: AbortSignal | undefined,
): Promise<KubeObject[] | undefined> {
  try {
    return (await Array.fromAsync(kube.pages(type, { signal }))).flatMap(({ items }) => items)
  } catch (error) {
    if (!(error instanceof KubeError) || (error.problem !== 'forbidden' && error.problem !== 'not-found')) throw error
    return undefined
  }
}

/** A claim that the cluster fills from a snapshot. */
export interface Filling {
  /** Where it comes. */
  readonly claim: { readonly namespace: string; readonly name: string }
  /** The VolumeSnapshot beside it. */
  readonly snapshot: string
  /** The PersistentVolume it had, as the backup calls it. */
  readonly formerVolume: string | undefined
}

/** Undefined for a claim, or another object, that is not filled. */
export function fillingOf(archived: KubeObject, desired: KubeObject): Filling | undefined {
  const { namespace = '', name } = desired.metadata
  const source = objectOf(objectOf(desired['spec'])?.['dataSource'])
  const snapshot = textOf(source?.['name'])
  if (source?.['kind'] !== VolumeSnapshots.kind || snapshot === undefined) return undefined
  return { claim: { namespace, name }, snapshot, formerVolume: volumeOf(archived)?.name }
}
