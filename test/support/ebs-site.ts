import { setTimeout as pause } from 'node:timers/promises'
import { VolumeSnapshotLocations } from '#api/volume-snapshot-location.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { region } from './moto.ts'
import { Claims, make, Volumes } from './objects.ts'

/** A claim and the PersistentVolume behind it, which stands for an EBS volume. */
export interface EbsClaim {
  readonly namespace: string
  readonly name: string
  readonly volumeId: string
  /** By the field of the old driver in Kubernetes itself instead of the CSI driver. */
  readonly inTree?: boolean
  readonly zone?: string
}

/** Makes claim and volume (`namespace-name`), which the controllers bind. */
export async function makeEbsClaim(kube: KubeClient, claim: EbsClaim): Promise<void> {
  const { namespace, name, volumeId, inTree = false, zone = `${region}a` } = claim
  const size = { storage: '8Gi' }
  const source = inTree
    ? { awsElasticBlockStore: { volumeID: `aws://${zone}/${volumeId}`, fsType: 'ext4' } }
    : { csi: { driver: 'ebs.csi.aws.com', volumeHandle: volumeId, fsType: 'ext4' } }
  const key = inTree ? 'topology.kubernetes.io/zone' : 'topology.ebs.csi.aws.com/zone'
  const volumeName = `${namespace}-${name}`
  await make(kube, Volumes, {
    name: volumeName,
    spec: {
      capacity: size,
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'gp3',
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace, name },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [zone] }] }] },
      },
      ...source,
    },
  })
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: 'gp3', volumeName, resources: { requests: size } }
  await make(kube, Claims, { namespace, name, spec })
  await bound(kube, { namespace, name })
}

/** Waits until the claim is bound, and gives its volume. */
export async function bound(
  kube: KubeClient,
  { namespace, name }: { namespace: string; name: string },
): Promise<KubeObject> {
  for (;;) {
    const claim = await kube.get(Claims, name, { namespace })
    const { phase } = (claim['status'] ?? {}) as { phase?: string }
    const { volumeName } = (claim['spec'] ?? {}) as { volumeName?: string }
    if (phase === 'Bound' && volumeName !== undefined) return await kube.get(Volumes, volumeName)
    await pause(100)
  }
}

/** The id of the EBS volume that a PersistentVolume stands for. */
export function volumeIdOf({ spec }: KubeObject): string {
  const { csi, awsElasticBlockStore } = spec as {
    csi?: { volumeHandle: string }
    awsElasticBlockStore?: { volumeID: string }
  }
  return csi?.volumeHandle ?? awsElasticBlockStore?.volumeID ?? ''
}

/** Deletes volumes by name, whoever may still claim them. */
export async function deleteVolumes(kube: KubeClient, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await kube.delete(Volumes, name)
    // The controller that would take it off waits for the claim.
    await kube.patch(Volumes, name, { merge: { metadata: { finalizers: null } } }).catch(() => undefined)
    while ((await kube.find(Volumes, name)) !== undefined) await pause(100)
  }
}

/** Tells the server of a location for EBS snapshots. */
export async function makeSnapshotLocation(
  kube: KubeClient,
  namespace: string,
  {
    name = 'ebs',
    annotations,
    ...spec
  }: { name?: string; annotations?: Record<string, string>; config?: object; credential?: object } = {},
): Promise<void> {
  const location = {
    apiVersion: 'velero.io/v1',
    kind: 'VolumeSnapshotLocation',
    metadata: { name, ...(annotations && { annotations }) },
    spec: { provider: 'aws', config: { region }, ...spec },
  }
  await kube.create(VolumeSnapshotLocations, location as never, { namespace })
}
