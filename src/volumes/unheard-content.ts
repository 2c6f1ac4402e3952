import type { KubeClient } from '#kube/client.ts'
import { contentProtection, VolumeSnapshotContents, type VolumeSnapshotContent } from './snapshot-types.ts'
import { unlessGone } from './unless-gone.ts'

/** The sidecar of a driver puts it on before it asks the driver for a snapshot, and takes it off when the driver has answered. */
const beingCreated = 'snapshot.storage.kubernetes.io/volumesnapshot-being-created'

const ATTEMPTS = 5

/** Whether a driver knows, or may know, of the snapshot that a content stands for. */
export function isHeard({ metadata, spec, status }: VolumeSnapshotContent): boolean {
  return (
    status !== undefined || spec?.source?.snapshotHandle !== undefined || beingCreated in (metadata.annotations ?? {})
  )
}

/**
 * Takes away a content for which no driver has done anything yet. Where a driver is gone and its class is not, nobody else ever would: the content
 * would be Terminating for ever. One that a driver has heard of is left to it, also when that happens meanwhile. Rejects with KubeError.
 */
export async function endUnheard(
  name: string,
  { kube, signal }: { kube: KubeClient; signal?: AbortSignal | undefined },
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const content = await kube.find(VolumeSnapshotContents, name, { signal })
    if (content === undefined || isHeard(content)) return
    const { uid, resourceVersion, deletionTimestamp, finalizers = [] } = content.metadata
    if (deletionTimestamp === undefined) {
      await unlessGone(kube.delete(VolumeSnapshotContents, name, { uid, signal }))
      continue
    }
    if (!finalizers.includes(contentProtection)) return
    const rest = finalizers.filter((one) => one !== contentProtection)
    // As it was seen, or not at all: a sidecar that begins now changes it first.
    const merge = { metadata: { resourceVersion, finalizers: rest } }
    await unlessGone(kube.patch(VolumeSnapshotContents, name, { merge }, { signal }))
  }
}
