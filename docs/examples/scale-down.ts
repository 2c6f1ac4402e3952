// Brings workloads back asleep: Deployments and StatefulSets are restored with no replicas, and an annotation says how many they had.
import type { Plugin, RestoreItemAction } from 'lifeboat/plugin'

const scaleDown: RestoreItemAction = {
  name: 'example.com/scale-down',
  appliesTo: { includedResources: ['deployments.apps', 'statefulsets.apps'] },
  execute(workload) {
    const spec = (workload['spec'] ?? {}) as { replicas?: number }
    const annotations = { ...workload.metadata.annotations, 'example.com/replicas': String(spec.replicas ?? 1) }
    return { item: { ...workload, metadata: { ...workload.metadata, annotations }, spec: { ...spec, replicas: 0 } } }
  },
}

export default { restoreItemActions: [scaleDown] } satisfies Plugin
