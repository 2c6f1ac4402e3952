import type { RunLog } from '#archive/run-log.ts'
import type { Cut } from '#collect/cut.ts'
import { isFatal } from '#collect/start.ts'
import { crdOfType } from '#items/related.ts'
import { Secrets } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'
import { takesCrdsOfItems, type BackupScope } from '#selection/backup-scope.ts'
import { VolumeSnapshotClasses, VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { storedContent, storedSnapshot, type TakenSnapshot } from './snapshot-items.ts'

/** An object that goes into a backup with the snapshots. */
export interface Companion {
  readonly type: ResourceType
  readonly object: KubeObject
}

export interface CompanionOptions {
  readonly backupName: string
  readonly kube: KubeClient
  readonly cut: Pick<Cut, 'types'>
  readonly scope: BackupScope
  readonly log: RunLog
  readonly signal?: AbortSignal | undefined
}

/** Keys of annotations that name a secret; the namespace is under the second. Those of classes and of contents (spec/volumes §1.1). */
const secretKeys = [
  ['csi.storage.k8s.io/snapshotter-secret-name', 'csi.storage.k8s.io/snapshotter-secret-namespace'],
  ['csi.storage.k8s.io/snapshotter-list-secret-name', 'csi.storage.k8s.io/snapshotter-list-secret-namespace'],
  ['snapshot.storage.kubernetes.io/deletion-secret-name', 'snapshot.storage.kubernetes.io/deletion-secret-namespace'],
] as const

/** Everything that a restore from `taken` needs besides the claims, whatever the filters say: snapshots, contents, their classes and secrets, the definitions of these types. Rejects with KubeError when the API server is lost. */
export async function* snapshotCompanions(
  taken: readonly TakenSnapshot[],
  options: CompanionOptions,
): AsyncGenerator<Companion, void, void> {
  if (taken.length === 0) return
  for (const one of taken) {
    yield { type: VolumeSnapshots, object: storedSnapshot(one) }
    yield { type: VolumeSnapshotContents, object: storedContent(one, options.backupName) }
  }
  const classNames = new Set(taken.flatMap(({ snapshot }) => snapshot.spec?.volumeSnapshotClassName ?? []))
  const [classes, definitions] = await Promise.all([
    readAllNow(
      [...classNames].map((name) => ({ type: VolumeSnapshotClasses, name })),
      options,
    ),
    readAllNow(definitionNames(options), options),
  ])
  yield* classes
  const secrets = secretsOf([...classes.map(({ object }) => object), ...taken.map(({ content }) => content)])
  yield* await readAllNow(
    secrets.map((ref) => ({ type: Secrets, ...ref })),
    options,
  )
  yield* definitions
}

interface WantedObject {
  readonly type: ResourceType
  readonly namespace?: string
  readonly name: string
}

/** Those that can be had, in the same order. */
async function readAllNow(wanted: readonly WantedObject[], options: CompanionOptions): Promise<Companion[]> {
  const found = await Promise.all(
    wanted.map(async (one) => (await readNow(one, options)).map((object) => ({ type: one.type, object }))),
  )
  return found.flat()
}

/** One that is gone, or may not be read, is said to be; the snapshots are there without it. */
async function readNow(
  { type, namespace, name }: WantedObject,
  { kube, log, signal }: CompanionOptions,
): Promise<KubeObject[]> {
  const fields = { resource: resourceName(type), namespace: namespace ?? '', name }
  try {
    const object = await kube.find(type, name, { namespace, signal })
    if (object === undefined) log.warning('An object that a snapshot needs does not exist', fields)
    return object === undefined ? [] : [object]
  } catch (error) {
    if (await isFatal(error, { kube, signal })) throw error
    log.warning('An object that a snapshot needs cannot be read', { ...fields, error: (error as Error).message })
    return []
  }
}

function secretsOf(objects: readonly KubeObject[]): { namespace: string; name: string }[] {
  const secrets = new Map<string, { namespace: string; name: string }>()
  for (const { metadata } of objects) {
    for (const [nameKey, namespaceKey] of secretKeys) {
      const [name, namespace] = [metadata.annotations?.[nameKey], metadata.annotations?.[namespaceKey]]
      if (name && namespace) secrets.set(`${namespace}/${name}`, { namespace, name })
    }
  }
  return [...secrets.values()]
}

/** As those of all types with items; the types of snapshots came too late for the collection to bring theirs. */
function definitionNames({ cut, scope }: CompanionOptions): WantedObject[] {
  if (!takesCrdsOfItems(scope)) return []
  return [VolumeSnapshots, VolumeSnapshotContents, VolumeSnapshotClasses].flatMap((one) => {
    const ref = crdOfType(one)
    const type = cut.types.find((served) => served.preferred && resourceName(served) === ref?.resource)
    return ref === undefined || type === undefined ? [] : [{ type, name: ref.name }]
  })
}
