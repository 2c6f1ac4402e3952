import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { endGroups, type GroupEndOptions } from './group-end.ts'
import { VolumeSnapshotContents, VolumeSnapshots, type VolumeSnapshot } from './snapshot-types.ts'
import { endUnheard } from './unheard-content.ts'
import { unlessGone } from './unless-gone.ts'

/**
 * `keep-data`: the objects go, the snapshot stays in the storage, as Velero leaves it after a backup; `delete-data`: it goes too.
 */
export type SnapshotFate = 'keep-data' | 'delete-data'

/** A snapshot and what becomes of it. */
export interface EndedSnapshot {
  readonly snapshot: VolumeSnapshot
  readonly fate: SnapshotFate
}

/** Snapshots that are to go from the cluster, with the groups they are of. */
export interface EndOptions {
  readonly kube: KubeClient
  readonly labelSelector: string
  /** What becomes of one that has the labels; undefined for one that stays. */
  readonly fateOf: (snapshot: VolumeSnapshot) => SnapshotFate | undefined
  /** Absent where the cluster serves no groups. */
  readonly groups?: GroupEndOptions | undefined
  readonly signal?: AbortSignal | undefined
}

/** Gives each its fate; doing it twice is the same as once. The answer is what could not be done, a sentence for each. Rejects with KubeError when they cannot be listed. */
export async function endSnapshots(options: EndOptions): Promise<string[]> {
  const { kube, labelSelector, fateOf, groups, signal } = options
  const problems: string[] = []
  const ended: EndedSnapshot[] = []
  for await (const { items } of kube.pages(VolumeSnapshots, { labelSelector, signal })) {
    const ends = items.map(async (snapshot) => {
      const fate = fateOf(snapshot)
      if (fate === undefined) return undefined
      ended.push({ snapshot, fate })
      return await endSnapshot(fate, snapshot, { kube, signal })
    })
    problems.push(...(await Promise.all(ends)).filter((problem) => problem !== undefined))
  }
  // The cluster lets a member go after its group.
  if (groups !== undefined) problems.push(...(await endGroups(ended, { ...groups, kube, labelSelector, signal })))
  return problems
}

/** Ends one. Gives what went wrong; what is gone already is no problem. */
async function endSnapshot(
  fate: SnapshotFate,
  snapshot: VolumeSnapshot,
  { kube, signal }: Pick<EndOptions, 'kube' | 'signal'>,
): Promise<string | undefined> {
  const { namespace, name, uid } = snapshot.metadata
  // A content that is being made has its name already, though the snapshot does not say it yet.
  const content = snapshot.status?.boundVolumeSnapshotContentName ?? `snapcontent-${uid}`
  const merge = { spec: { deletionPolicy: fate === 'keep-data' ? 'Retain' : 'Delete' } }
  try {
    await unlessGone(kube.patch(VolumeSnapshotContents, content, { merge }, { signal }))
    // The content first: if we die in between, only by the snapshot can the next server find it. With the other fate the controllers delete
    // it, and before it what it stands for.
    if (fate === 'keep-data') await unlessGone(kube.delete(VolumeSnapshotContents, content, { signal }))
    await unlessGone(kube.delete(VolumeSnapshots, name, { namespace, uid, signal }))
    if (fate === 'delete-data') await endUnheard(content, { kube, signal })
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError)) throw error
    return `VolumeSnapshot ${namespace}/${name}: ${error.message}`
  }
}
