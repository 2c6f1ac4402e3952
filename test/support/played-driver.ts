// The storage side of CSI snapshots, played on a real API server: what snapshot-controller, csi-snapshotter and a driver would write.
// The real ones are in test/node; here it is about what we do while they are slow, broken or gone.
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { apiVersionOf, resourceName, type ResourceType } from '#kube/object.ts'
import {
  VolumeSnapshotClasses,
  VolumeSnapshotContents,
  VolumeSnapshots,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from '#volumes/snapshot-types.ts'
import { Claims, Definitions, make, Volumes } from './objects.ts'

export const driver = 'disk.lifeboat.test'
const bound = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection'

/** How the driver treats the snapshots of a claim, by the claim's name. */
export type Mood = 'good' | 'slow' | 'refusing' | 'never-ready' | 'silent'

export interface PlayedDriver extends AsyncDisposable {
  /** Handles of the snapshots in the storage. */
  readonly storage: ReadonlySet<string>
  readonly moods: Map<string, Mood>
}

/** Defines the types of snapshots and waits until they are served. */
export async function defineSnapshots(kube: KubeClient): Promise<void> {
  for (const type of [VolumeSnapshots, VolumeSnapshotContents, VolumeSnapshotClasses]) await define(kube, type)
}

async function define(kube: KubeClient, type: ResourceType): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const subresources = type === VolumeSnapshotClasses ? {} : { subresources: { status: {} } }
  const annotations = { 'api-approved.kubernetes.io': 'unapproved, for tests' }
  await kube.create(Definitions, {
    apiVersion: apiVersionOf(Definitions),
    kind: Definitions.kind,
    metadata: { name: resourceName(type), annotations },
    spec: {
      group: type.group,
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      names: { plural: type.plural, kind: type.kind },
      versions: [{ name: type.version, served: true, storage: true, schema, ...subresources }],
    },
  })
  while ((await kube.discover()).types.every(({ plural }) => plural !== type.plural)) await pause(100)
}

/** A class of the driver, `Delete` unless said otherwise. */
export async function makeClass(kube: KubeClient, name: string, labels: Record<string, string> = {}): Promise<void> {
  const { kind } = VolumeSnapshotClasses
  const object = { apiVersion: apiVersionOf(VolumeSnapshotClasses), kind, metadata: { name, labels } }
  await kube.create(VolumeSnapshotClasses, { ...object, driver, deletionPolicy: 'Delete' })
}

/** A claim that is bound to a volume of the driver. */
export async function makeDisk(kube: KubeClient, namespace: string, name: string): Promise<void> {
  const volumeName = `${namespace}-${name}`
  const size = { storage: '1Gi' }
  const modes = { accessModes: ['ReadWriteOnce'], storageClassName: '' }
  await make(kube, Volumes, {
    name: volumeName,
    spec: { ...modes, capacity: size, claimRef: { namespace, name }, csi: { driver, volumeHandle: volumeName } },
  })
  await make(kube, Claims, { namespace, name, spec: { ...modes, volumeName, resources: { requests: size } } })
  const isBound = (claim: KubeObject): boolean => (claim['status'] as { phase?: string })?.phase === 'Bound'
  while (!isBound(await kube.get(Claims, name, { namespace }))) await pause(50)
}

/** Plays until the end of the scope. */
export function playDriver(kube: KubeClient): PlayedDriver {
  const storage = new Set<string>()
  const moods = new Map<string, Mood>()
  const end = new AbortController()
  const play = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const contents = (await kube.list(VolumeSnapshotContents, {})).items
      const snapshots = (await kube.list(VolumeSnapshots, {})).items
      for (const snapshot of snapshots) await playSnapshot(kube, { snapshot, contents, storage, moods })
      for (const content of contents) await playContent(kube, { content, snapshots, storage })
      await pause(30)
    }
  }
  const playing = play()
  return {
    storage,
    moods,
    async [Symbol.asyncDispose]() {
      end.abort()
      await playing
    },
  }
}

async function playSnapshot(
  kube: KubeClient,
  stage: {
    snapshot: VolumeSnapshot
    contents: VolumeSnapshotContent[]
    storage: Set<string>
    moods: ReadonlyMap<string, Mood>
  },
): Promise<void> {
  const { snapshot, contents, storage, moods } = stage
  const { name, namespace, uid } = snapshot.metadata
  const claim = snapshot.spec?.source?.persistentVolumeClaimName
  if (claim === undefined || snapshot.status?.readyToUse === true) return
  const mood = moods.get(claim) ?? 'good'
  const age = Date.now() - Date.parse(snapshot.metadata.creationTimestamp ?? '')
  if (mood === 'silent' || (mood === 'slow' && age < 2000)) return
  const say = (status: object): Promise<unknown> =>
    kube
      .patch(VolumeSnapshots, name, { merge: { status } }, { namespace, subresource: 'status' })
      .catch(() => undefined)
  if (mood === 'refusing') {
    if (snapshot.status?.error?.message === undefined)
      await say({ readyToUse: false, error: { message: 'no room in the rack', time: new Date() } })
    return
  }
  const contentName = `snapcontent-${uid}`
  const handle = `snap-of-${claim}-${uid}`
  const creation = new Date()
  const readyToUse = mood !== 'never-ready'
  if (contents.every(({ metadata }) => metadata.name !== contentName)) {
    await kube.create(VolumeSnapshotContents, {
      apiVersion: apiVersionOf(VolumeSnapshotContents),
      kind: VolumeSnapshotContents.kind,
      metadata: { name: contentName, finalizers: [bound] },
      spec: {
        deletionPolicy: 'Delete',
        driver,
        source: { volumeHandle: `${namespace}-${claim}` },
        volumeSnapshotClassName: snapshot.spec?.volumeSnapshotClassName ?? '',
        volumeSnapshotRef: { kind: 'VolumeSnapshot', name, namespace, uid },
      },
    })
    storage.add(handle)
    const status = { snapshotHandle: handle, creationTime: creation.getTime() * 1e6, readyToUse, restoreSize: 2 ** 31 }
    await kube.patch(VolumeSnapshotContents, contentName, { merge: { status } }, { subresource: 'status' })
  }
  await say({
    boundVolumeSnapshotContentName: contentName,
    creationTime: creation,
    readyToUse,
    restoreSize: '2Gi',
    error: null,
  })
}

/** A content that is being deleted, or whose snapshot is gone, goes as its policy says. */
async function playContent(
  kube: KubeClient,
  stage: { content: VolumeSnapshotContent; snapshots: VolumeSnapshot[]; storage: Set<string> },
): Promise<void> {
  const { content, snapshots, storage } = stage
  const { name, deletionTimestamp } = content.metadata
  const uid = content.spec?.volumeSnapshotRef?.['uid']
  const orphaned = uid !== undefined && snapshots.every((one) => one.metadata.uid !== uid)
  const fresh = orphaned || deletionTimestamp !== undefined ? await kube.find(VolumeSnapshotContents, name) : undefined
  if (fresh === undefined) return
  if (orphaned && fresh.spec?.deletionPolicy === 'Delete') await kube.delete(VolumeSnapshotContents, name)
  else if (fresh.metadata.deletionTimestamp === undefined) return
  const handle = fresh.status?.snapshotHandle ?? fresh.spec?.source?.snapshotHandle
  if (fresh.spec?.deletionPolicy === 'Delete' && handle !== undefined) storage.delete(handle)
  await kube.patch(VolumeSnapshotContents, name, { merge: { metadata: { finalizers: null } } }).catch(() => undefined)
}
