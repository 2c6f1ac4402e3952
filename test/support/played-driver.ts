// The storage side of CSI, played on a real API server: what snapshot-controller, csi-snapshotter, csi-provisioner and a driver would
// write. The real ones are in test/node; here it is about what we do while they are slow, broken or gone.
import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { apiVersionOf, resourceName, type ResourceType } from '#kube/object.ts'
import {
  contentProtection,
  VolumeSnapshotClasses,
  VolumeSnapshotContents,
  VolumeSnapshots,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from '#volumes/snapshot-types.ts'
import type { GroupTypes } from '#volumes/group-types.ts'
import { Claims, Definitions, make, StorageClasses, Volumes } from './objects.ts'

export const driver = 'disk.lifeboat.test'

/**
 * How the driver treats the snapshots of a claim, by the claim's name, or of a volume group, by the value of its label: `slow` takes them late,
 * `late` takes them at once and has them ready later, `partial` takes one of a group alone.
 */
export type Mood = 'good' | 'slow' | 'late' | 'refusing' | 'never-ready' | 'silent' | 'partial'

export interface PlayedDriver extends AsyncDisposable {
  /** What is on each volume, by its handle; a test writes and reads here. */
  readonly volumes: Map<string, string>
  /** What is in each snapshot, by its handle. */
  readonly snapshots: Map<string, string>
  /** Handles of the members of each group, by its handle. */
  readonly groups: Map<string, string[]>
  readonly moods: Map<string, Mood>
}

/** Defines the types of snapshots and waits until they are served; makes the StorageClass `disk`. */
export async function defineSnapshots(kube: KubeClient): Promise<void> {
  for (const type of [VolumeSnapshots, VolumeSnapshotContents, VolumeSnapshotClasses]) await define(kube, type)
  const metadata = { name: 'disk' }
  const kind = StorageClasses.kind
  await kube.create(StorageClasses, { apiVersion: apiVersionOf(StorageClasses), kind, metadata, provisioner: driver })
}

/** Defines a type with any fields, and a status unless it is one of classes; resolves when it is served. */
export async function define(kube: KubeClient, type: ResourceType): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const subresources = type.kind.endsWith('Class') ? {} : { subresources: { status: {} } }
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

/** A claim of class `disk`, once it is bound; gives the handle of its volume. */
export async function makeDisk(kube: KubeClient, namespace: string, name: string): Promise<string> {
  const resources = { requests: { storage: '1Gi' } }
  await make(kube, Claims, {
    namespace,
    name,
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'disk', resources },
  })
  return await handleOf(kube, namespace, name)
}

/** The handle of the volume to which a claim is bound, as soon as it is. */
export async function handleOf(kube: KubeClient, namespace: string, name: string): Promise<string> {
  for (;;) {
    const claim = await kube.get(Claims, name, { namespace })
    const { phase } = (claim['status'] ?? {}) as { phase?: string }
    const { volumeName } = claim['spec'] as { volumeName?: string }
    if (phase === 'Bound' && volumeName !== undefined) {
      const volume = await kube.get(Volumes, volumeName)
      return (volume['spec'] as { csi: { volumeHandle: string } }).csi.volumeHandle
    }
    await pause(50)
  }
}

/** What a driver plays besides. */
export interface PlayedGroups {
  readonly types: GroupTypes
  /** One round for all groups. */
  readonly play: (stage: Stage) => Promise<void>
}

/** Plays until the end of the scope. */
export function playDriver(kube: KubeClient, playedGroups?: PlayedGroups): PlayedDriver {
  const groupTypes = playedGroups?.types
  const stage: Stage = {
    kube,
    groupTypes,
    volumes: new Map(),
    snapshots: new Map(),
    groups: new Map(),
    moods: new Map(),
  }
  const end = new AbortController()
  const play = async (): Promise<void> => {
    while (!end.signal.aborted) {
      const contents = (await kube.list(VolumeSnapshotContents, {})).items
      const snapshots = (await kube.list(VolumeSnapshots, {})).items
      for (const snapshot of snapshots) await playSnapshot(snapshot, contents, stage)
      for (const content of contents) await playContent(content, snapshots, stage)
      await playedGroups?.play(stage)
      for (const claim of (await kube.list(Claims, {})).items) await playClaim(claim, stage)
      for (const volume of (await kube.list(Volumes, {})).items) await playVolume(volume, stage)
      await pause(30)
    }
  }
  // The sidecar's first look at a content waits for nothing else of a round: Velero gives it two seconds.
  const answer = async (): Promise<void> => {
    while (!end.signal.aborted) {
      for (const content of (await kube.list(VolumeSnapshotContents, {})).items) await answerFor(content, stage)
      await pause(30)
    }
  }
  const playing = Promise.all([play(), answer()])
  return {
    ...stage,
    async [Symbol.asyncDispose]() {
      end.abort()
      await playing
    },
  }
}

/** What is played on. */
export interface Stage extends Pick<PlayedDriver, 'volumes' | 'snapshots' | 'groups' | 'moods'> {
  readonly kube: KubeClient
  readonly groupTypes: GroupTypes | undefined
}

/** What somebody else has changed or deleted meanwhile is looked at again in the next round. */
export async function unlessChanged(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined)
}

async function say({ kube }: Stage, snapshot: VolumeSnapshot, status: object): Promise<void> {
  const { name, namespace } = snapshot.metadata
  const where = { namespace, subresource: 'status' }
  await unlessChanged(kube.patch(VolumeSnapshots, name, { merge: { status } }, where))
}

async function playSnapshot(snapshot: VolumeSnapshot, contents: VolumeSnapshotContent[], stage: Stage): Promise<void> {
  const claim = snapshot.spec?.source?.persistentVolumeClaimName
  if (snapshot.status?.readyToUse === true || snapshot.metadata.deletionTimestamp !== undefined) return
  if (claim === undefined) return await bindToContent(snapshot, contents, stage)
  // A member of a group is the group's.
  if (snapshot.metadata.ownerReferences !== undefined || snapshot.status?.volumeGroupSnapshotName !== undefined) return
  const mood = stage.moods.get(claim) ?? 'good'
  const age = Date.now() - Date.parse(snapshot.metadata.creationTimestamp ?? '')
  if (mood === 'silent' || (mood === 'slow' && age < 2000)) return
  const readyToUse = mood !== 'never-ready' && !(mood === 'late' && age < 1200)
  if (mood !== 'refusing') return await takeSnapshot(snapshot, { claim, contents, readyToUse }, stage)
  if (snapshot.status?.error?.message === undefined)
    await say(stage, snapshot, { readyToUse: false, error: { message: 'no room in the rack', time: new Date() } })
}

async function takeSnapshot(
  snapshot: VolumeSnapshot,
  { claim, contents, readyToUse }: { claim: string; contents: VolumeSnapshotContent[]; readyToUse: boolean },
  stage: Stage,
): Promise<void> {
  const { kube, volumes, snapshots } = stage
  const { name, namespace = '', uid } = snapshot.metadata
  const contentName = `snapcontent-${uid}`
  const handle = `snap-of-${claim}-${uid}`
  if (contents.every(({ metadata }) => metadata.name !== contentName)) {
    const volumeHandle = await handleOf(kube, namespace, claim)
    snapshots.set(handle, volumes.get(volumeHandle) ?? '')
    await kube.create(VolumeSnapshotContents, {
      apiVersion: apiVersionOf(VolumeSnapshotContents),
      kind: VolumeSnapshotContents.kind,
      metadata: { name: contentName, finalizers: [contentProtection] },
      spec: {
        deletionPolicy: 'Delete',
        driver,
        source: { volumeHandle },
        volumeSnapshotClassName: snapshot.spec?.volumeSnapshotClassName ?? '',
        volumeSnapshotRef: { kind: 'VolumeSnapshot', name, namespace, uid },
      },
    })
  }
  const creation = new Date()
  const status = { snapshotHandle: handle, creationTime: creation.getTime() * 1e6, readyToUse, restoreSize: 2 ** 31 }
  await unlessChanged(kube.patch(VolumeSnapshotContents, contentName, { merge: { status } }, { subresource: 'status' }))
  const bind = { boundVolumeSnapshotContentName: contentName, restoreSize: '2Gi', error: null }
  await say(stage, snapshot, { ...bind, creationTime: creation, readyToUse })
}

/** One of a restore: its content says what it stands for. */
async function bindToContent(snapshot: VolumeSnapshot, contents: VolumeSnapshotContent[], stage: Stage): Promise<void> {
  const name = snapshot.spec?.source?.volumeSnapshotContentName
  const handle = contents.find(({ metadata }) => metadata.name === name)?.spec?.source?.snapshotHandle
  if (handle === undefined || !(await groupIsKnown(handle, stage))) return
  if (stage.snapshots.has(handle)) {
    await say(stage, snapshot, {
      boundVolumeSnapshotContentName: name,
      creationTime: new Date(),
      readyToUse: true,
      error: null,
    })
  } else if (snapshot.status?.error?.message === undefined) {
    await say(stage, snapshot, { readyToUse: false, error: { message: `no snapshot ${handle}`, time: new Date() } })
  }
}

/** The controller says nothing about a member of a group as long as no content stands for the group. */
async function groupIsKnown(snapshot: string, { kube, groups, groupTypes }: Stage): Promise<boolean> {
  const group = [...groups].find(([, members]) => members.includes(snapshot))?.[0]
  if (group === undefined || groupTypes === undefined) return true
  const contents = (await kube.list(groupTypes.contents, {})).items
  return contents.some(({ status }) => status?.volumeGroupSnapshotHandle === group)
}

/** A content that is being deleted, or whose snapshot is gone, goes as its policy says. */
async function playContent(content: VolumeSnapshotContent, seen: VolumeSnapshot[], stage: Stage): Promise<void> {
  const { kube, snapshots } = stage
  const { name, deletionTimestamp } = content.metadata
  const uid = content.spec?.volumeSnapshotRef?.['uid']
  const orphaned = uid !== undefined && seen.every((one) => one.metadata.uid !== uid)
  const fresh = orphaned || deletionTimestamp !== undefined ? await kube.find(VolumeSnapshotContents, name) : undefined
  if (fresh === undefined) return
  const deletes = fresh.spec?.deletionPolicy === 'Delete'
  if (orphaned && deletes) await kube.delete(VolumeSnapshotContents, name)
  else if (fresh.metadata.deletionTimestamp === undefined) return
  // csi-snapshotter goes by the status alone: a content that it sees too late it lets go. A member of a group goes with its group alone.
  const handle = fresh.status?.snapshotHandle
  const grouped = [...stage.groups.values()].some((members) => members.includes(handle ?? ''))
  if (deletes && handle !== undefined && !grouped) snapshots.delete(handle)
  const patch = { merge: { metadata: { finalizers: null } } }
  await unlessChanged(kube.patch(VolumeSnapshotContents, name, patch))
}

/** As the sidecar: a content that stands for a snapshot is looked at once. */
async function answerFor({ metadata, spec, status }: VolumeSnapshotContent, stage: Stage): Promise<void> {
  const snapshotHandle = spec?.source?.snapshotHandle
  // One that is bound gets its answer with its VolumeSnapshot.
  if (spec?.volumeSnapshotRef?.['uid'] !== undefined || metadata.deletionTimestamp !== undefined) return
  if (status !== undefined || snapshotHandle === undefined) return
  const found = stage.snapshots.has(snapshotHandle)
  const merge = { status: found ? { snapshotHandle, readyToUse: true } : { error: { message: 'no such snapshot' } } }
  await unlessChanged(stage.kube.patch(VolumeSnapshotContents, metadata.name, { merge }, { subresource: 'status' }))
}

interface ClaimSpec {
  storageClassName?: string
  volumeName?: string
  accessModes: string[]
  dataSource?: { kind: string; name: string }
}

/** Makes the volume of a claim, from its snapshot if it has one. */
async function playClaim(claim: KubeObject, stage: Stage): Promise<void> {
  const { kube, volumes, snapshots } = stage
  const { name, namespace, uid } = claim.metadata
  const spec = claim['spec'] as ClaimSpec
  if (spec.storageClassName !== 'disk' || spec.volumeName !== undefined || claim.metadata.deletionTimestamp) return
  const volumeName = `pvc-${uid}`
  if ((await kube.find(Volumes, volumeName)) !== undefined) return
  const source = spec.dataSource && (await kube.find(VolumeSnapshots, spec.dataSource.name, { namespace }))
  if (spec.dataSource !== undefined && source?.status?.readyToUse !== true) return
  const contentName = source?.status?.boundVolumeSnapshotContentName ?? ''
  const content = source && (await kube.find(VolumeSnapshotContents, contentName))
  volumes.set(`vol-${uid}`, snapshots.get(content?.spec?.source?.snapshotHandle ?? '') ?? '')
  await make(kube, Volumes, {
    name: volumeName,
    spec: {
      accessModes: spec.accessModes,
      capacity: { storage: '2Gi' },
      storageClassName: 'disk',
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      csi: { driver, volumeHandle: `vol-${uid}` },
    },
  })
}

/** Deletes a volume that was let go of. */
async function playVolume(volume: KubeObject, { kube, volumes }: Stage): Promise<void> {
  const spec = volume['spec'] as {
    csi?: { driver: string; volumeHandle: string }
    persistentVolumeReclaimPolicy?: string
  }
  const { phase } = (volume['status'] ?? {}) as { phase?: string }
  if (spec.csi?.driver !== driver || phase !== 'Released' || spec.persistentVolumeReclaimPolicy !== 'Delete') return
  volumes.delete(spec.csi.volumeHandle)
  await unlessChanged(kube.delete(Volumes, volume.metadata.name))
}
