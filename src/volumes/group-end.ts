import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { isMemberOf } from './group-order.ts'
import type { GroupTypes, VolumeGroupSnapshot } from './group-types.ts'
import type { EndedSnapshot, SnapshotFate } from './snapshot-end.ts'
import { unlessGone } from './unless-gone.ts'

/** Which groups go with their snapshots. */
export interface GroupEndOptions {
  readonly types: GroupTypes
  /** What becomes of one that has the labels, by what becomes of those of its members that have them; undefined for one that stays. */
  readonly fateOf: (group: VolumeGroupSnapshot, members: readonly EndedSnapshot[]) => SnapshotFate | undefined
}

/**
 * Gives each group its fate, after its members got theirs: the data of a group go as a whole, or stay. Doing it twice is the same as once. The
 * answer is what could not be done, a sentence for each. Rejects with KubeError when they cannot be listed.
 */
export async function endGroups(
  ended: readonly EndedSnapshot[],
  options: GroupEndOptions & {
    readonly kube: KubeClient
    readonly labelSelector: string
    readonly signal?: AbortSignal | undefined
  },
): Promise<string[]> {
  const { kube, types, labelSelector, fateOf, signal } = options
  const problems: string[] = []
  for await (const { items } of kube.pages(types.snapshots, { labelSelector, signal })) {
    for (const group of items) {
      const members = ended.filter(({ snapshot }) => isMemberOf(snapshot, group.metadata))
      const fate = fateOf(group, members)
      const problem = fate === undefined ? undefined : await endGroup(fate, group, options)
      if (problem !== undefined) problems.push(problem)
    }
  }
  return problems
}

/** Ends one. Gives what went wrong; what is gone already is no problem. */
async function endGroup(
  fate: SnapshotFate,
  group: VolumeGroupSnapshot,
  { kube, types, signal }: { kube: KubeClient; types: GroupTypes; signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  const { namespace, name, uid } = group.metadata
  // A content that is being made has its name already, though the group does not say it yet.
  const content = group.status?.boundVolumeGroupSnapshotContentName ?? `groupsnapcontent-${uid}`
  const merge = { spec: { deletionPolicy: fate === 'keep-data' ? 'Retain' : 'Delete' } }
  try {
    await unlessGone(kube.patch(types.contents, content, { merge }, { signal }))
    await unlessGone(kube.delete(types.snapshots, name, { namespace, uid, signal }))
    // With the other fate the controllers delete it, and first what it stands for.
    if (fate === 'keep-data') await unlessGone(kube.delete(types.contents, content, { signal }))
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError)) throw error
    return `VolumeGroupSnapshot ${namespace}/${name}: ${error.message}`
  }
}
