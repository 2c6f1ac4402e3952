import type { KubeClient } from '#kube/client.ts'
import type { GroupTypes, VolumeGroupSnapshot } from '#volumes/group-types.ts'
import { endSnapshots, type EndedSnapshot, type SnapshotFate } from '#volumes/snapshot-end.ts'
import type { VolumeSnapshotContent } from '#volumes/snapshot-types.ts'
import { placeOf } from './place.ts'
import { marksOf, marksOfContent, marksOn, type BackupIdentity, type SnapshotMarks } from './snapshot-items.ts'

/** Snapshots that a backup has made in the cluster, and what it has come to. */
export interface SnapshotClearing {
  readonly kube: KubeClient
  readonly identity: BackupIdentity
  /** Undefined where the cluster serves no groups. */
  readonly groupTypes: GroupTypes | undefined
  /** `namespace/name` of the VolumeSnapshots that a stored backup relies on; undefined when there is no such backup. */
  readonly kept?: ReadonlySet<string> | undefined
  /** Names of VolumeGroupSnapshots that are of no use. */
  readonly failedGroups?: ReadonlySet<string> | undefined
  /** Whether other runs for the same name in the same store have ended too. */
  readonly namesakes?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** All snapshots and groups of the backup leave the cluster; what is kept stays in the storage. Gives what could not be done. Rejects with KubeError. */
export async function clearSnapshots(clearing: SnapshotClearing): Promise<string[]> {
  const { kube, identity, groupTypes, signal } = clearing
  return await endSnapshots({
    kube,
    labelSelector: identity.labelSelector,
    fateOf: (snapshot) => fateOf(marksOf(snapshot), snapshot.metadata, clearing),
    kept: {
      labelSelector: identity.contentSelector,
      fateOf: (content) => fateOf(marksOfContent(content), snapshotOf(content), clearing),
    },
    groups: groupTypes && {
      types: groupTypes,
      fateOf: (group, members) => fateOfGroup(group, members, clearing),
    },
    signal,
  })
}

/** Of the VolumeSnapshot at `place` and its content, by the marks on the one or the other. */
function fateOf(
  marks: SnapshotMarks | undefined,
  place: Parameters<typeof placeOf>[0],
  clearing: SnapshotClearing,
): SnapshotFate | undefined {
  const { kept } = clearing
  switch (whose(marks, clearing)) {
    case 'ours':
      return kept?.has(placeOf(place)) === true ? 'keep-data' : 'delete-data'
    // Of runs that were killed, or cannot be stored any more.
    case 'namesake':
      return 'delete-data'
    case 'not-ours':
      return undefined
  }
}

/** What a content is bound to. */
function snapshotOf({ spec }: VolumeSnapshotContent): { namespace: string; name: string } {
  const { namespace, name } = (spec?.volumeSnapshotRef ?? {}) as { namespace?: string; name?: string }
  return { namespace: namespace ?? '', name: name ?? '' }
}

function fateOfGroup(
  group: VolumeGroupSnapshot,
  members: readonly EndedSnapshot[],
  clearing: SnapshotClearing,
): SnapshotFate | undefined {
  const { kept, failedGroups } = clearing
  switch (whose(marksOn(group), clearing)) {
    case 'ours':
      if (kept === undefined || failedGroups?.has(group.metadata.name) === true) return 'delete-data'
      if (members.some(({ fate }) => fate === 'keep-data')) return 'keep-data'
      // Members that an earlier attempt has let go were kept, as far as anybody knows.
      return members.length > 0 ? 'delete-data' : 'keep-data'
    case 'namesake':
      return 'delete-data'
    case 'not-ours':
      return undefined
  }
}

function whose(
  marks: SnapshotMarks | undefined,
  { identity, namesakes = false }: SnapshotClearing,
): 'ours' | 'namesake' | 'not-ours' {
  if (marks?.backup !== identity.backup) return 'not-ours'
  if (marks.run === identity.run) return 'ours'
  return namesakes ? 'namesake' : 'not-ours'
}
