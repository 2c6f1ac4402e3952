import type { KubeClient } from '#kube/client.ts'
import { Claims, make } from '../objects.ts'
import { csi, VolumeSnapshotContents, VolumeSnapshots } from './storage.ts'

/** What a claim of the driver's class asks for. */
export const claimSpec = {
  storageClassName: csi.storageClass,
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '16Mi' } },
} as const

/** Creates a claim of the driver's class, from a snapshot if one is named. */
export async function claim(
  kube: KubeClient,
  wish: { namespace: string; name: string; snapshot?: string; labels?: Record<string, string> },
): Promise<void> {
  const { namespace, name, labels = {} } = wish
  const dataSource = { apiGroup: VolumeSnapshots.group, kind: 'VolumeSnapshot', name: wish.snapshot }
  await make(kube, Claims, {
    name,
    namespace,
    metadata: { labels },
    spec: { ...claimSpec, ...(wish.snapshot !== undefined && { dataSource }) },
  })
}

/** Asks for a snapshot of a claim. */
export async function snapshot(
  kube: KubeClient,
  wish: { namespace: string; name: string; claim: string },
): Promise<void> {
  const source = { persistentVolumeClaimName: wish.claim }
  const spec = { source, volumeSnapshotClassName: csi.snapshotClass }
  await make(kube, VolumeSnapshots, { name: wish.name, namespace: wish.namespace, spec })
}

/** How a snapshot is by now; `handle` once it is ready. */
export async function snapshotStatus(
  kube: KubeClient,
  { namespace, name }: { namespace: string; name: string },
): Promise<{ ready: boolean; created?: string | undefined; error?: string | undefined; handle?: string | undefined }> {
  interface Status {
    readyToUse?: boolean
    creationTime?: string
    error?: { message?: string }
    boundVolumeSnapshotContentName?: string
  }
  const { status = {} } = (await kube.get(VolumeSnapshots, name, { namespace })) as { status?: Status }
  const content = status.boundVolumeSnapshotContentName
  const ready = status.readyToUse === true
  const found = content === undefined || !ready ? undefined : await kube.find(VolumeSnapshotContents, content)
  const { snapshotHandle } = (found as { status?: { snapshotHandle?: string } } | undefined)?.status ?? {}
  return { ready, created: status.creationTime, error: status.error?.message, handle: snapshotHandle }
}
