import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { atMost } from './at-most.ts'
import { endGroups, type GroupEndOptions } from './group-end.ts'
import {
  VolumeSnapshotContents,
  VolumeSnapshots,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from './snapshot-types.ts'
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
  /** Contents that are kept (`SnapshotOrder.keeping`), and what becomes of one whose VolumeSnapshot is gone. */
  readonly kept: {
    readonly labelSelector: string
    readonly fateOf: (content: VolumeSnapshotContent) => SnapshotFate | undefined
  }
  /** Absent where the cluster serves no groups. */
  readonly groups?: GroupEndOptions | undefined
  readonly signal?: AbortSignal | undefined
}

type Cluster = Pick<EndOptions, 'kube' | 'signal'>

/** So many go at a time: more calls at once would only open more connections. */
const AT_ONCE = 16

/** Gives each its fate; doing it twice is the same as once. The answer is what could not be done, a sentence for each. Rejects with KubeError when they cannot be listed. */
export async function endSnapshots(options: EndOptions): Promise<string[]> {
  const { kube, labelSelector, fateOf, groups, signal } = options
  const inTurn = atMost(AT_ONCE)
  const ended: EndedSnapshot[] = []
  const ends: Promise<string | undefined>[] = []
  // Before the snapshots: one that is not among these afterwards has been deleted.
  const kept = await keptContents(options)
  for await (const { items } of kube.pages(VolumeSnapshots, { labelSelector, signal })) {
    for (const snapshot of items) {
      const content = kept.get(contentNameOf(snapshot))
      kept.delete(contentNameOf(snapshot))
      const fate = fateOf(snapshot)
      if (fate === undefined) continue
      ended.push({ snapshot, fate })
      ends.push(inTurn(() => endSnapshot(fate, { snapshot, content }, { kube, signal })))
    }
  }
  for (const content of kept.values()) {
    const fate = options.kept.fateOf(content)
    if (fate !== undefined) ends.push(inTurn(() => endContent(fate, content, { kube, signal })))
  }
  const problems = (await Promise.all(ends)).filter((problem) => problem !== undefined)
  // The cluster lets a member go after its group.
  if (groups !== undefined) problems.push(...(await endGroups(ended, { ...groups, kube, labelSelector, signal })))
  return problems
}

/** By name. */
async function keptContents({ kube, kept, signal }: EndOptions): Promise<Map<string, VolumeSnapshotContent>> {
  const found = new Map<string, VolumeSnapshotContent>()
  const { labelSelector } = kept
  try {
    for await (const { items } of kube.pages(VolumeSnapshotContents, { labelSelector, signal }))
      for (const content of items) found.set(content.metadata.name, content)
  } catch (error) {
    // Who may not list them ends them by their snapshots.
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
  }
  return found
}

/** A content that is being made has its name already, though the snapshot does not say it yet. */
function contentNameOf({ metadata, status }: VolumeSnapshot): string {
  return status?.boundVolumeSnapshotContentName ?? `snapcontent-${metadata.uid}`
}

/** Ends one, with its content, which is given when it is kept. Gives what went wrong; what is gone already is no problem. */
async function endSnapshot(
  fate: SnapshotFate,
  { snapshot, content }: { snapshot: VolumeSnapshot; content: VolumeSnapshotContent | undefined },
  { kube, signal }: Cluster,
): Promise<string | undefined> {
  const { namespace, name, uid } = snapshot.metadata
  const contentName = contentNameOf(snapshot)
  return await problemOf(`VolumeSnapshot ${namespace}/${name}`, signal, async () => {
    if (content?.spec?.deletionPolicy !== policyOf(fate)) {
      const merge = { spec: { deletionPolicy: policyOf(fate) } }
      await unlessGone(kube.patch(VolumeSnapshotContents, contentName, { merge }, { signal }))
    }
    // The content first: one that is not marked can be found only by its snapshot, should we die in between. With the other fate the controllers
    // delete it, and before it what it stands for.
    if (fate === 'keep-data') await unlessGone(kube.delete(VolumeSnapshotContents, contentName, { signal }))
    await unlessGone(kube.delete(VolumeSnapshots, name, { namespace, uid, signal }))
    if (fate === 'delete-data') await endUnheard(contentName, { kube, signal })
  })
}

/** The snapshot controller puts it on when the VolumeSnapshot is deleted; a sidecar waits for it before it does what the policy says. */
const beingDeleted = 'snapshot.storage.kubernetes.io/volumesnapshot-being-deleted'

/** Ends a content whose VolumeSnapshot is gone. */
async function endContent(
  fate: SnapshotFate,
  { metadata: { name, uid } }: VolumeSnapshotContent,
  { kube, signal }: Cluster,
): Promise<string | undefined> {
  return await problemOf(`VolumeSnapshotContent ${name}`, signal, async () => {
    const merge = { metadata: { annotations: { [beingDeleted]: 'yes' } }, spec: { deletionPolicy: policyOf(fate) } }
    await unlessGone(kube.patch(VolumeSnapshotContents, name, { merge }, { signal }))
    await unlessGone(kube.delete(VolumeSnapshotContents, name, { uid, signal }))
  })
}

function policyOf(fate: SnapshotFate): 'Retain' | 'Delete' {
  return fate === 'keep-data' ? 'Retain' : 'Delete'
}

async function problemOf(
  what: string,
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError)) throw error
    return `${what}: ${error.message}`
  }
}
