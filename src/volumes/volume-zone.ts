import type { KubeObject } from '#kube/object.ts'

const zoneLabels = ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone']

const gkeLabel = 'topology.gke.io/zone'

/** The labels of nodes by which drivers bind a volume to a zone. */
const nodeLabels: readonly (string | undefined)[] = [
  'topology.ebs.csi.aws.com/zone',
  'topology.disk.csi.azure.com/zone',
  gkeLabel,
  'topology.manila.csi.openstack.org/zone',
  'topology.cinder.csi.openstack.org/zone',
  ...zoneLabels,
]

interface Affinity {
  readonly required?: {
    readonly nodeSelectorTerms?: readonly {
      readonly matchExpressions?: readonly {
        readonly key?: string
        readonly operator?: string
        readonly values?: readonly string[]
      }[]
    }[]
  }
}

/** The zone of a PersistentVolume by its labels, else by the nodes that may use it (spec/backup §6.4); several of GKE's are joined by `__`. Empty when it says none. */
export function zoneOf(volume: KubeObject): string {
  const { labels = {} } = volume.metadata
  const labelled = zoneLabels.map((label) => labels[label]).find((zone) => zone)
  if (labelled !== undefined) return labelled
  const { nodeAffinity } = (volume['spec'] ?? {}) as { nodeAffinity?: Affinity }
  const expressions = (nodeAffinity?.required?.nodeSelectorTerms ?? [])
    .flatMap(({ matchExpressions = [] }) => matchExpressions)
    .filter(({ operator }) => operator === 'In')
  const zones: string[] = []
  for (const { key, values = [] } of expressions) {
    const [zone] = values
    if (zone === undefined || !nodeLabels.includes(key)) continue
    if (key !== gkeLabel) return zone
    zones.push(zone)
  }
  // A regional disk is in several zones, and its name says so.
  return zones.join('__')
}
