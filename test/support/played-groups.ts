// Volume groups of the played driver: what snapshot-controller and csi-snapshotter 8 write for a VolumeGroupSnapshot, and what they refuse.
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf, type KubeObject } from '#kube/object.ts'
import { isMemberOf } from '#volumes/group-order.ts'
import {
  groupSnapshotGroup,
  groupTypesOf,
  memberHandles,
  type GroupTypes,
  type VolumeGroupSnapshot,
  type VolumeGroupSnapshotContent,
} from '#volumes/group-types.ts'
import {
  contentProtection as snapshotProtection,
  VolumeSnapshotContents,
  VolumeSnapshots,
  type VolumeSnapshot,
} from '#volumes/snapshot-types.ts'
import { Claims } from './objects.ts'
import { define, driver, handleOf, unlessChanged, type PlayedGroups, type Stage } from './played-driver.ts'

const groupProtection = 'groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection'
const contentProtection = 'groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection'
const memberProtection = 'snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection'

/** Defines the types of group snapshots in one version, and waits until they are served. */
export async function defineGroups(kube: KubeClient, version: string): Promise<GroupTypes> {
  const base = { group: groupSnapshotGroup, version }
  await define(kube, { ...base, plural: 'volumegroupsnapshots', kind: 'VolumeGroupSnapshot', namespaced: true })
  const content = { plural: 'volumegroupsnapshotcontents', kind: 'VolumeGroupSnapshotContent', namespaced: false }
  await define(kube, { ...base, ...content })
  const ofClass = { plural: 'volumegroupsnapshotclasses', kind: 'VolumeGroupSnapshotClass', namespaced: false }
  await define(kube, { ...base, ...ofClass })
  const types = groupTypesOf((await kube.discover()).types)
  if (types === undefined) throw new Error('the types of groups are defined and not served')
  return types
}

/** A class of the driver that Velero takes, unless `labels` say otherwise. */
export async function makeGroupClass(
  kube: KubeClient,
  { classes: type }: GroupTypes,
  { name, labels = { 'velero.io/csi-volumegroupsnapshot-class': 'true' } }: { name: string; labels?: object },
): Promise<void> {
  const metadata = { name, labels: labels as Record<string, string> }
  await kube.create(type, {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata,
    driver,
    deletionPolicy: 'Delete',
  })
}

/** For `playDriver`. */
export function playedGroups(types: GroupTypes): PlayedGroups {
  return { types, play: (stage) => playRound(stage, types) }
}

async function playRound(stage: Stage, types: GroupTypes): Promise<void> {
  const { kube } = stage
  const snapshots = (await kube.list(VolumeSnapshots, {})).items
  const groups = (await kube.list(types.snapshots, {})).items
  for (const group of groups) {
    const members = snapshots.filter((snapshot) => isMemberOf(snapshot, group.metadata))
    if (group.metadata.deletionTimestamp === undefined) await playGroup(group, stage, types)
    else await endGroup(group, members, { stage, types })
  }
  const named = new Set(groups.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))
  for (const snapshot of snapshots) await letMemberGo(snapshot, named, stage)
  for (const content of (await kube.list(types.contents, {})).items) await playContent(content, stage, types)
}

async function playGroup(group: VolumeGroupSnapshot, stage: Stage, types: GroupTypes): Promise<void> {
  const { kube, moods } = stage
  const { namespace, name } = group.metadata
  if (group.status?.boundVolumeGroupSnapshotContentName !== undefined) return
  const labels = Object.entries(group.spec?.source?.selector?.matchLabels ?? {})
  const mood = labels.map(([, value]) => moods.get(value)).find((one) => one !== undefined) ?? 'good'
  const age = Date.now() - Date.parse(group.metadata.creationTimestamp ?? '')
  if (mood === 'silent' || (mood === 'slow' && age < 2000)) return
  const say = async (status: object): Promise<void> =>
    await unlessChanged(kube.patch(types.snapshots, name, { merge: { status } }, { namespace, subresource: 'status' }))
  if (mood === 'refusing') return await say({ error: { message: 'this rack knows no groups', time: new Date() } })
  const claims = (await kube.list(Claims, { namespace, labelSelector: labels.map((pair) => pair.join('=')).join() }))
    .items
  const taken = mood === 'partial' ? claims.slice(0, 1) : claims
  const contentName = await cut(group, taken, { stage, types, readyToUse: mood !== 'never-ready' })
  const bound = { boundVolumeGroupSnapshotContentName: contentName, error: null }
  await say({ ...bound, creationTime: new Date(), readyToUse: mood !== 'never-ready' })
}

interface Cutting {
  stage: Stage
  types: GroupTypes
  readyToUse: boolean
}

async function cut(group: VolumeGroupSnapshot, claims: readonly KubeObject[], cutting: Cutting): Promise<string> {
  const { stage, types, readyToUse } = cutting
  const { kube, groups } = stage
  const { namespace = '', name, uid = '' } = group.metadata
  const merge = { metadata: { finalizers: [groupProtection] } }
  await kube.patch(types.snapshots, name, { merge }, { namespace })
  const handle = `group-${uid}`
  const contentName = `groupsnapcontent-${uid}`
  const members = claims.map((claim) => ({
    claim: claim.metadata.name,
    handle: `snap-of-${claim.metadata.name}-${uid}`,
  }))
  groups.set(
    handle,
    members.map((one) => one.handle),
  )
  const type = types.contents
  await kube.create(type, {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name: contentName, finalizers: [contentProtection] },
    spec: { deletionPolicy: 'Delete', driver, volumeGroupSnapshotRef: { namespace, name, uid } },
  })
  const list = members.map((one) => ({ snapshotHandle: one.handle }))
  const key = type.version === 'v1beta1' ? 'volumeSnapshotHandlePairList' : 'volumeSnapshotInfoList'
  const status = { volumeGroupSnapshotHandle: handle, readyToUse, [key]: list }
  await kube.patch(type, contentName, { merge: { status } }, { subresource: 'status' })
  for (const member of members) await cutMember(member, { ...cutting, group, groupHandle: handle })
  return contentName
}

async function cutMember(
  { claim, handle }: { claim: string; handle: string },
  { stage, types, readyToUse, group, groupHandle }: Cutting & { group: VolumeGroupSnapshot; groupHandle: string },
): Promise<void> {
  const { kube, volumes, snapshots } = stage
  const { namespace = '', name: groupName, uid = '' } = group.metadata
  const volumeHandle = await handleOf(kube, namespace, claim)
  snapshots.set(handle, volumes.get(volumeHandle) ?? '')
  const contentName = `snapcontent-${claim}-${uid}`
  const name = `snapshot-${claim}-${uid}`
  const owner = { apiVersion: apiVersionOf(types.snapshots), kind: 'VolumeGroupSnapshot', name: groupName, uid }
  const snapshot = await kube.create(VolumeSnapshots, {
    apiVersion: apiVersionOf(VolumeSnapshots),
    kind: VolumeSnapshots.kind,
    metadata: { name, namespace, ownerReferences: [owner], finalizers: [memberProtection] },
    spec: { source: { persistentVolumeClaimName: claim } },
  })
  await kube.create(VolumeSnapshotContents, {
    apiVersion: apiVersionOf(VolumeSnapshotContents),
    kind: VolumeSnapshotContents.kind,
    metadata: { name: contentName, finalizers: [snapshotProtection] },
    spec: {
      deletionPolicy: 'Delete',
      driver,
      source: { volumeHandle },
      volumeSnapshotRef: { kind: 'VolumeSnapshot', name, namespace, uid: snapshot.metadata.uid },
    },
  })
  const creation = new Date()
  const times = { creationTime: creation.getTime() * 1e6, restoreSize: 2 ** 31 }
  const ofContent = { snapshotHandle: handle, volumeGroupSnapshotHandle: groupHandle, readyToUse, ...times }
  await kube.patch(VolumeSnapshotContents, contentName, { merge: { status: ofContent } }, { subresource: 'status' })
  const status = {
    boundVolumeSnapshotContentName: contentName,
    volumeGroupSnapshotName: groupName,
    creationTime: creation,
    restoreSize: '2Gi',
    readyToUse,
  }
  await kube.patch(VolumeSnapshots, name, { merge: { status } }, { namespace, subresource: 'status' })
}

/** As the controller: the members that it owns go with it, and its content if the policy says so. */
async function endGroup(
  group: VolumeGroupSnapshot,
  members: readonly VolumeSnapshot[],
  { stage: { kube }, types }: { stage: Stage; types: GroupTypes },
): Promise<void> {
  const { namespace, name } = group.metadata
  const contentName = group.status?.boundVolumeGroupSnapshotContentName ?? ''
  const content = await kube.find(types.contents, contentName)
  for (const { metadata } of members.filter((one) => one.metadata.ownerReferences !== undefined))
    await unlessChanged(kube.delete(VolumeSnapshots, metadata.name, { namespace }))
  if (content?.spec?.deletionPolicy === 'Delete') return await unlessChanged(kube.delete(types.contents, contentName))
  await unlessChanged(kube.patch(types.snapshots, name, { merge: { metadata: { finalizers: null } } }, { namespace }))
}

/** A member that is to go stays as long as its group. */
async function letMemberGo(snapshot: VolumeSnapshot, groups: ReadonlySet<string>, { kube }: Stage): Promise<void> {
  const { namespace, name, finalizers, deletionTimestamp } = snapshot.metadata
  if (deletionTimestamp === undefined || finalizers?.includes(memberProtection) !== true) return
  if (groups.has(`${namespace}/${snapshot.status?.volumeGroupSnapshotName}`)) return
  await unlessChanged(kube.patch(VolumeSnapshots, name, { merge: { metadata: { finalizers: null } } }, { namespace }))
}

/** As the sidecar: a group goes only as a whole. */
async function playContent(content: VolumeGroupSnapshotContent, stage: Stage, types: GroupTypes): Promise<void> {
  const { kube, groups, snapshots } = stage
  const { name, deletionTimestamp } = content.metadata
  if (deletionTimestamp === undefined) {
    const given = content.spec?.source?.groupSnapshotHandles
    if (content.status !== undefined || given === undefined) return
    // Few drivers answer for a group that is not told whole.
    const isWhole = groups.get(given.volumeGroupSnapshotHandle)?.length === given.volumeSnapshotHandles.length
    const known = { volumeGroupSnapshotHandle: given.volumeGroupSnapshotHandle, readyToUse: true }
    const merge = { status: isWhole ? known : { error: { message: 'no such group' } } }
    return await unlessChanged(kube.patch(types.contents, name, { merge }, { subresource: 'status' }))
  }
  const handle = content.status?.volumeGroupSnapshotHandle
  const members = groups.get(handle ?? '')
  if (content.spec?.deletionPolicy === 'Delete' && members !== undefined && handle !== undefined) {
    const given = [
      ...memberHandles(content),
      ...(content.spec.source?.groupSnapshotHandles?.volumeSnapshotHandles ?? []),
    ]
    if (given.toSorted().join() !== members.toSorted().join()) {
      const status = { error: { message: `the group has ${members.join()}, not ${given.join()}` } }
      return await unlessChanged(kube.patch(types.contents, name, { merge: { status } }, { subresource: 'status' }))
    }
    for (const member of members) snapshots.delete(member)
    groups.delete(handle)
  }
  await unlessChanged(kube.patch(types.contents, name, { merge: { metadata: { finalizers: null } } }))
}
