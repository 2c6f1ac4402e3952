import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { VolumeSnapshotContents, VolumeSnapshots } from '#volumes/snapshot-types.ts'
import { snapshot } from '../test/support/csi/claims.ts'

/** Claims of which snapshots are to be taken. */
export interface RawOrder {
  namespace: string
  claims: readonly string[]
  signal: AbortSignal
}

/** Asks for a VolumeSnapshot of each claim at once, with nothing of a backup around it; the seconds until all are ready. */
export async function rawSnapshots(kube: KubeClient, { namespace, claims, signal }: RawOrder): Promise<number> {
  const { resourceVersion } = await kube.list(VolumeSnapshots, { namespace, limit: 1, signal })
  const began = performance.now()
  const watching = new AbortController()
  const either = AbortSignal.any([signal, watching.signal])
  const untilReady = async (): Promise<void> => {
    const ready = new Set<string>()
    for await (const event of kube.watch(VolumeSnapshots, { namespace, resourceVersion, signal: either })) {
      if (event.type !== 'BOOKMARK' && event.object.status?.readyToUse === true) ready.add(event.object.metadata.name)
      if (ready.size === claims.length) return
    }
  }
  try {
    const asked = claims.map((claim) => snapshot(kube, { namespace, name: `raw-${claim}`, claim }))
    await Promise.all([untilReady(), ...asked])
    return (performance.now() - began) / 1000
  } finally {
    watching.abort()
  }
}

/** Deletes all snapshots that the cluster knows, and waits until it knows none, and the controllers have nothing to do. */
export async function clearSnapshots(
  kube: KubeClient,
  { namespace, signal }: Pick<RawOrder, 'namespace' | 'signal'>,
): Promise<void> {
  const { items } = await kube.list(VolumeSnapshots, { namespace, signal })
  for (const { metadata } of items) await kube.delete(VolumeSnapshots, metadata.name, { namespace, signal })
  await untilNoneKnown(kube, { namespace, signal })
  await sleep(REST_MS, undefined, { signal })
}

/** When the cluster knows none any more, a file system still frees what they held. */
const REST_MS = 3000

/** Waits until the cluster knows no snapshots. */
export async function untilNoneKnown(
  kube: KubeClient,
  { namespace, signal }: Pick<RawOrder, 'namespace' | 'signal'>,
): Promise<void> {
  const left = async (): Promise<number> => {
    const snapshots = (await kube.list(VolumeSnapshots, { namespace, signal })).items
    return snapshots.length + (await kube.list(VolumeSnapshotContents, { signal })).items.length
  }
  while ((await left()) > 0) await sleep(100, undefined, { signal })
}
