import { status } from '@grpc/grpc-js'
import { cut, deleteSnapshot, snapshotMessage, type Storage } from './controller.ts'
import { CsiError, required } from './csi-error.ts'
import { idOf, type SnapshotRecord } from './records.ts'

/** Cuts snapshots of several volumes, one right after the other. The same request again tells how they are by now. */
export async function createGroupSnapshot(
  storage: Storage,
  request: { name: string; sourceVolumeIds: string[] },
): Promise<object> {
  const name = required(request.name, 'name')
  const wanted = required(request.sourceVolumeIds, 'source volume ids').toSorted()
  const group = idOf('group', name)
  const known = await membersOf(storage, group)
  const volumes = known.map(({ volume }) => volume).toSorted()
  if (known.length > 0 && JSON.stringify(volumes) !== JSON.stringify(wanted)) {
    throw new CsiError(status.ALREADY_EXISTS, `group snapshot ${name} is there, of other volumes`)
  }
  const members = known.length > 0 ? known : await cutAll(storage, { name, group, wanted })
  return { groupSnapshot: await groupMessage(storage, { group, members }) }
}

/** All of them, or none. */
async function cutAll(
  storage: Storage,
  { name, group, wanted }: { name: string; group: string; wanted: readonly string[] },
): Promise<SnapshotRecord[]> {
  const members: SnapshotRecord[] = []
  try {
    for (const volume of wanted) members.push(await cut(storage, { name: `${name}/${volume}`, volume, group }))
    return members
  } catch (error) {
    for (const { id } of members) await deleteSnapshot(storage, { snapshotId: id })
    throw error
  }
}

/** Deletes a group with its snapshots; one that is not there is deleted already. */
export async function deleteGroupSnapshot(
  storage: Storage,
  request: { groupSnapshotId: string; snapshotIds: string[] },
): Promise<object> {
  const group = required(request.groupSnapshotId, 'group snapshot id')
  const members = await membersOf(storage, group)
  if (members.length > 0) requireMembers(members, request.snapshotIds)
  for (const { id } of members) await deleteSnapshot(storage, { snapshotId: id })
  return {}
}

/** How a group is by now. */
export async function getGroupSnapshot(
  storage: Storage,
  request: { groupSnapshotId: string; snapshotIds: string[] },
): Promise<object> {
  const group = required(request.groupSnapshotId, 'group snapshot id')
  const members = await membersOf(storage, group)
  if (members.length === 0) throw new CsiError(status.NOT_FOUND, `there is no group snapshot ${group}`)
  requireMembers(members, request.snapshotIds)
  return { groupSnapshot: await groupMessage(storage, { group, members }) }
}

async function membersOf({ snapshots }: Storage, group: string): Promise<SnapshotRecord[]> {
  return (await snapshots.list()).filter((record) => record.group === group)
}

function requireMembers(members: readonly SnapshotRecord[], named: readonly string[]): void {
  const ids = members.map(({ id }) => id).toSorted()
  if (JSON.stringify(ids) !== JSON.stringify(named.toSorted())) {
    throw new CsiError(status.INVALID_ARGUMENT, `the group has the snapshots ${ids.join(', ')}`)
  }
}

async function groupMessage(
  storage: Storage,
  { group, members }: { group: string; members: readonly SnapshotRecord[] },
): Promise<object> {
  const snapshots = (await Promise.all(members.map((record) => snapshotMessage(storage, record)))) as {
    creationTime: object
    readyToUse: boolean
  }[]
  return {
    groupSnapshotId: group,
    snapshots,
    creationTime: snapshots[0]?.creationTime,
    readyToUse: snapshots.every(({ readyToUse }) => readyToUse),
  }
}
