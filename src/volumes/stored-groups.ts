import { createHash } from 'node:crypto'
import { annotationKeys } from '#api/labels.ts'
import { apiVersionOf } from '#kube/object.ts'
import type { GroupTypes, VolumeGroupSnapshotContent } from './group-types.ts'
import type { VolumeSnapshotContent } from './snapshot-types.ts'
import type { StoredSnapshot } from './stored-snapshots.ts'

/** A group in the storage of which a snapshot is a member. */
export interface StoredGroup {
  readonly handle: string
  /** Handles of all members, as far as they are known. */
  readonly members: readonly string[]
}

/** The group that a stored content is of; undefined for a snapshot by itself. */
export function storedGroupOf({ metadata, status }: VolumeSnapshotContent): StoredGroup | undefined {
  const handle = status?.volumeGroupSnapshotHandle
  if (handle === undefined) return undefined
  // Velero takes no note of the others.
  const own = status?.snapshotHandle === undefined ? [] : [status.snapshotHandle]
  return { handle, members: handlesIn(metadata.annotations?.[annotationKeys.groupMembers]) ?? own }
}

function handlesIn(text: string | undefined): string[] | undefined {
  try {
    const handles: unknown = JSON.parse(text ?? '')
    return Array.isArray(handles) && handles.every((one) => typeof one === 'string') ? handles : undefined
  } catch {
    return undefined
  }
}

/** A group of a driver, with all its members: drivers do not part them. */
export interface DriverGroup extends StoredGroup {
  readonly driver: string
  /** Of the contents as they were; they name the secrets that the driver may need. */
  readonly annotations: Readonly<Record<string, string>>
}

/** The groups of `snapshots`, each once, and the snapshots that are of none. */
export function partGroups(snapshots: readonly StoredSnapshot[]): { singles: StoredSnapshot[]; groups: DriverGroup[] } {
  const byGroup = Map.groupBy(
    snapshots.filter(({ group }) => group !== undefined),
    ({ driver, group }) => `${driver}/${group?.handle ?? ''}`,
  )
  const groups = [...byGroup.values()].map((members): DriverGroup => {
    const [first] = members
    const handles = members.flatMap(({ handle, group }) => [handle, ...(group?.members ?? [])])
    return {
      driver: first?.driver ?? '',
      handle: first?.group?.handle ?? '',
      members: [...new Set(handles)],
      annotations: first?.annotations ?? {},
    }
  })
  return { singles: snapshots.filter(({ group }) => group === undefined), groups }
}

const protection = 'groupsnapshot.storage.kubernetes.io/volumegroupsnapshotcontent-bound-protection'
const secretOfMember = 'snapshot.storage.kubernetes.io/deletion-secret-'
const secretOfGroup = 'groupsnapshot.storage.kubernetes.io/deletion-secret-'

/** A VolumeGroupSnapshotContent with policy Delete that stands for a stored group; the driver's sidecar deletes what it stands for when its status says so. */
export function contentToDelete(group: DriverGroup, types: GroupTypes): VolumeGroupSnapshotContent {
  const id = createHash('sha256').update(`${group.driver}/${group.handle}`).digest('hex').slice(0, 20)
  const content = contentFor(group, types, { deletionPolicy: 'Delete', ref: { name: id, namespace: 'default' } })
  return { ...content, metadata: { ...content.metadata, name: `lifeboat-delete-${id}`, finalizers: [protection] } }
}

/** Where a group stands while its members are restored. */
export interface GroupStub {
  readonly restoreId: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

/** What the snapshot controller wants to see before it says anything about members of a group; named as Velero's (spec/volumes §1.2). */
export function stubContent(
  group: DriverGroup,
  types: GroupTypes,
  { restoreId, namespace, labels }: GroupStub,
): VolumeGroupSnapshotContent {
  const name = createHash('sha256').update(`${restoreId}/${group.handle}`).digest('hex')
  const ref = { name: `stub-vgs-${name.slice(0, 8)}`, namespace }
  const content = contentFor(group, types, { deletionPolicy: 'Retain', ref })
  return { ...content, metadata: { ...content.metadata, name, labels } }
}

/** Nobody makes the VolumeGroupSnapshot that it refers to. */
function contentFor(
  { driver, handle, members, annotations }: DriverGroup,
  { contents: type }: GroupTypes,
  { deletionPolicy, ref }: { deletionPolicy: string; ref: { name: string; namespace: string } },
): VolumeGroupSnapshotContent {
  const secrets = ['name', 'namespace'].flatMap((key) => {
    const value = annotations[`${secretOfMember}${key}`]
    return value === undefined ? [] : [[`${secretOfGroup}${key}`, value] as const]
  })
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name: '', annotations: Object.fromEntries(secrets) },
    spec: {
      deletionPolicy,
      driver,
      source: { groupSnapshotHandles: { volumeGroupSnapshotHandle: handle, volumeSnapshotHandles: [...members] } },
      volumeGroupSnapshotRef: { apiVersion: apiVersionOf(type), kind: 'VolumeGroupSnapshot', ...ref },
    },
  }
}
