import type { Backup } from '#api/backup.ts'
import { VolumeSnapshotLocations, type VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { volumePlanner, type PlannedVolume } from '#backup/volume-planner.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { volumeFacts } from '#selection/volume-policies.ts'
import { ebsVolumeId } from '#volumes/ebs-pv.ts'

/** One claim, and what a backup with Velero's defaults would make of its data. */
export interface ExaminedVolume {
  readonly namespace: string
  readonly claim: string
  /** Bound, Pending or Lost. */
  readonly phase: string
  readonly storageClass: string
  /** Name of the PersistentVolume; empty when there is none. */
  readonly volume: string
  /** The CSI driver, or the kind of a volume that has none. */
  readonly driver: string
  readonly size: string
  readonly protectedBy: 'csi-snapshot' | 'native-snapshot' | 'nothing'
  /** Where nothing protects it. */
  readonly whyNot?: string
}

export interface ExamineVolumesOptions {
  /** Where the server's snapshot locations would be. */
  readonly installedIn: string
  /** No names to include are all. */
  readonly namespaces: { readonly include: readonly string[]; readonly exclude: readonly string[] }
  readonly labelSelector: string | undefined
  readonly now: Date
  readonly signal: AbortSignal
}

interface Claim extends KubeObject {
  spec?: { storageClassName?: string; resources?: { requests?: { storage?: string } } }
  status?: { phase?: string; capacity?: { storage?: string } }
}

const Claims: ResourceType<Claim> = {
  group: '',
  version: 'v1',
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
}

/** Reads the claims of the cluster and what decides about them, by namespace and name. Rejects with KubeError. */
export async function examineVolumes(kube: KubeClient, options: ExamineVolumesOptions): Promise<ExaminedVolume[]> {
  const { installedIn, namespaces, labelSelector, now, signal } = options
  const { include, exclude } = namespaces
  const claims: Claim[] = []
  for await (const { items } of kube.pages(Claims, { labelSelector, signal })) {
    const wanted = ({ metadata: { namespace = '' } }: Claim): boolean =>
      (include.length === 0 || include.includes(namespace)) && !exclude.includes(namespace)
    claims.push(...items.filter(wanted))
  }
  const snapshotLocations = await locationsIn(kube, { namespace: installedIn, signal })
  const asked: Backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'any' }, spec: {} }
  const facts = await readClusterFacts(kube, { signal })
  const backup = defaultBackup(asked, { facts, now, settings: { snapshotLocations } })
  const cut = await kube.discover({ signal })
  const planned = await volumePlanner({ kube, cut, backup, policies: [], signal }).ofClaims(claims)
  return planned.map((one, index) => examined(one, claims[index]!)).toSorted(byPlace)
}

/** None where there is no installation, or nobody may see it. */
async function locationsIn(
  kube: KubeClient,
  options: { namespace: string; signal: AbortSignal },
): Promise<VolumeSnapshotLocation[]> {
  try {
    return (await kube.list(VolumeSnapshotLocations, options)).items
  } catch (error) {
    if (error instanceof KubeError && (error.problem === 'not-found' || error.problem === 'forbidden')) return []
    throw error
  }
}

function examined({ volume, protection }: PlannedVolume, claim: Claim): ExaminedVolume {
  const { namespace = '', name } = claim.metadata
  const { storageClassName = '', resources } = claim.spec ?? {}
  const { driver, volumeType } = kindOf(volume)
  return {
    namespace,
    claim: name,
    phase: claim.status?.phase ?? '',
    storageClass: storageClassName,
    volume: volume?.metadata.name ?? '',
    driver: driver ?? volumeType,
    size: claim.status?.capacity?.storage ?? resources?.requests?.storage ?? '',
    ...protectionOf({ volume, protection }),
  }
}

function kindOf(volume: KubeObject | undefined): { driver: string | undefined; volumeType: string } {
  const { csi } = (volume?.['spec'] ?? {}) as { csi?: { driver?: string } }
  return { driver: csi?.driver, volumeType: volume === undefined ? '' : volumeFacts({ volume }).volumeType }
}

function protectionOf({
  volume,
  protection,
}: Pick<PlannedVolume, 'volume' | 'protection'>): Pick<ExaminedVolume, 'protectedBy' | 'whyNot'> {
  if (protection.by === 'nothing') return { protectedBy: 'nothing', whyNot: protection.text }
  if (protection.by !== 'native-snapshot' || volume === undefined || isKnown(volume))
    return { protectedBy: protection.by }
  return { protectedBy: 'nothing', whyNot: 'no VolumeSnapshotLocation is of a provider that knows its kind of volume' }
}

/** Whether a provider that there is code for takes snapshots of it. */
function isKnown(volume: KubeObject): boolean {
  try {
    return ebsVolumeId(volume) !== undefined
  } catch {
    return false
  }
}

function byPlace(a: ExaminedVolume, b: ExaminedVolume): number {
  const [one, other] = [`${a.namespace}/${a.claim}`, `${b.namespace}/${b.claim}`]
  return one < other ? -1 : one > other ? 1 : 0
}
