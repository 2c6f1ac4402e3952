import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { VolumeSnapshotContents, VolumeSnapshots, type VolumeSnapshotContent } from './snapshot-types.ts'
import type { StoredSnapshot } from './stored-snapshots.ts'
import { unlessGone } from './unless-gone.ts'

export interface SpentOptions {
  readonly kube: KubeClient
  /** Finds the contents that restores have made, by labels; without it none are looked for. */
  readonly restored?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Deletes what restores have left in the cluster of snapshots that are `gone` from the storage: VolumeSnapshots and contents that stand for
 * nothing any more, in any namespace. Gives what could not be done, a sentence for each. Rejects with KubeError when they cannot be listed, or the signal's reason.
 */
export async function endSpentContents(
  gone: readonly StoredSnapshot[],
  { kube, restored, signal }: SpentOptions,
): Promise<string[]> {
  if (gone.length === 0 || restored === undefined) return []
  const spent = new Set(gone.map(({ driver, handle }) => `${driver}/${handle}`))
  const problems: string[] = []
  for await (const { items } of kube.pages(VolumeSnapshotContents, { labelSelector: restored, signal })) {
    for (const content of items) {
      const { driver, source, deletionPolicy } = content.spec ?? {}
      if (deletionPolicy !== 'Retain' || !spent.has(`${driver}/${source?.snapshotHandle}`)) continue
      const problem = await endSpent(content, { kube, signal })
      if (problem !== undefined) problems.push(problem)
    }
  }
  return problems
}

async function endSpent(
  { metadata, spec }: VolumeSnapshotContent,
  { kube, signal }: Pick<SpentOptions, 'kube' | 'signal'>,
): Promise<string | undefined> {
  const { name = '', namespace } = (spec?.volumeSnapshotRef ?? {}) as { name?: string; namespace?: string }
  try {
    const snapshot = await kube.find(VolumeSnapshots, name, { namespace, signal })
    if (snapshot?.spec?.source?.volumeSnapshotContentName === metadata.name)
      await unlessGone(kube.delete(VolumeSnapshots, name, { namespace, uid: snapshot.metadata.uid, signal }))
    await unlessGone(kube.delete(VolumeSnapshotContents, metadata.name, { uid: metadata.uid, signal }))
    return undefined
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof KubeError) || error.problem === 'unreachable') throw error
    return `VolumeSnapshotContent ${metadata.name}, which a restore has made: ${error.message}`
  }
}
