import type { KubeClient } from '#kube/client.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { eventually } from './server.ts'

/** Deletes the VolumeSnapshot that a backup has made of a claim, as soon as its content is kept; resolves when it is gone. */
export async function robSnapshotOf(kube: KubeClient, namespace: string, claim: string): Promise<void> {
  const name = await eventually(async () => {
    const { items } = await kube.list(VolumeSnapshots, { namespace })
    const { metadata, status } = items.find(({ spec }) => spec?.source?.persistentVolumeClaimName === claim) ?? {}
    const bound = status?.boundVolumeSnapshotContentName
    const content = bound === undefined ? undefined : await kube.find(VolumeSnapshotContents, bound)
    return content?.spec?.deletionPolicy === 'Retain' ? metadata?.name : undefined
  }, 60)
  await kube.delete(VolumeSnapshots, name, { namespace })
  await eventually(async () => (await kube.find(VolumeSnapshots, name, { namespace })) === undefined || undefined, 60)
}
