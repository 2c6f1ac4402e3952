import type { KubeObject } from '#kube/object.ts'
import { SnapshotError } from './snapshotter.ts'

/** The CSI driver for EBS volumes. */
export const ebsDriver = 'ebs.csi.aws.com'

/** The id of the EBS volume behind a PersistentVolume; undefined for others. SnapshotError 'invalid' for one that should have an id and has not. */
export function ebsVolumeId(volume: KubeObject): string | undefined {
  const { csi, awsElasticBlockStore } = sourcesOf(volume)
  if (csi?.['driver'] === ebsDriver) return idIn(csi['volumeHandle'], volume)
  // Volumes of other drivers are not ours, whatever else they say.
  return csi !== undefined || awsElasticBlockStore === undefined
    ? undefined
    : idIn(awsElasticBlockStore['volumeID'], volume)
}

/** `aws://us-east-1a/vol-1` and `vol-1` name the same volume. */
function idIn(text: unknown, { metadata }: KubeObject): string {
  const id = typeof text === 'string' ? /vol-.*/.exec(text)?.[0] : undefined
  if (id !== undefined) return id
  throw new SnapshotError('invalid', `PersistentVolume ${metadata.name} does not say which EBS volume it is`)
}

const oldZoneLabel = 'failure-domain.beta.kubernetes.io/zone'

/** Labels and node labels that say in which zone an EBS volume is. */
const zoneKeys: readonly string[] = ['topology.kubernetes.io/zone', oldZoneLabel, 'topology.ebs.csi.aws.com/zone']

/** The PersistentVolume with another EBS volume behind it; where it says a zone, that is `zone`, unless nobody knows it (''). */
export function withEbsVolume(volume: KubeObject, { id, zone }: { id: string; zone: string }): KubeObject {
  const { csi, awsElasticBlockStore } = sourcesOf(volume)
  const moved = zone === '' ? volume : inZone(volume, zone)
  if (csi?.['driver'] === ebsDriver) return withSpec(moved, { csi: { ...csi, volumeHandle: id } })
  const labelled = moved.metadata.labels?.[oldZoneLabel]
  const volumeID = labelled ? `aws://${labelled}/${id}` : id
  return withSpec(moved, { awsElasticBlockStore: { ...awsElasticBlockStore, volumeID } })
}

function inZone(volume: KubeObject, zone: string): KubeObject {
  const { labels } = volume.metadata
  const placed =
    labels &&
    Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, zoneKeys.includes(key) ? zone : value]))
  const metadata = placed === undefined ? volume.metadata : { ...volume.metadata, labels: placed }
  const { nodeAffinity } = (volume['spec'] ?? {}) as { nodeAffinity?: NodeAffinity }
  const terms = nodeAffinity?.required?.nodeSelectorTerms
  if (terms === undefined) return { ...volume, metadata }
  const required = { ...nodeAffinity?.required, nodeSelectorTerms: terms.map((term) => termInZone(term, zone)) }
  return withSpec({ ...volume, metadata }, { nodeAffinity: { ...nodeAffinity, required } })
}

interface Expression {
  readonly key?: string
  readonly operator?: string
  readonly values?: readonly string[]
}
interface Term {
  readonly matchExpressions?: readonly Expression[]
}
interface NodeAffinity {
  readonly required?: { readonly nodeSelectorTerms?: readonly Term[] }
}

function termInZone(term: Term, zone: string): Term {
  const matchExpressions = term.matchExpressions?.map((expression) =>
    zoneKeys.includes(expression.key ?? '') && expression.operator === 'In'
      ? { ...expression, values: [zone] }
      : expression,
  )
  return matchExpressions === undefined ? term : { ...term, matchExpressions }
}

function withSpec(volume: KubeObject, change: Record<string, unknown>): KubeObject {
  return { ...volume, spec: { ...(volume['spec'] as Record<string, unknown> | undefined), ...change } }
}

type Source = Readonly<Record<string, unknown>>

function sourcesOf(volume: KubeObject): { csi?: Source; awsElasticBlockStore?: Source } {
  return (volume['spec'] ?? {}) as { csi?: Source; awsElasticBlockStore?: Source }
}
