import { pagesAt } from './at-version.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './error.ts'
import type { ResourceType } from './object.ts'
import { apiVersionOf } from './object.ts'

const apiServices: ResourceType = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  plural: 'apiservices',
  kind: 'APIService',
  namespaced: false,
}

/** Group-versions that extension API servers answer: `metrics.k8s.io/v1beta1`. Undefined without permission to ask. Rejects with KubeError. */
export async function readAggregated(
  kube: KubeClient,
  options: { version?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>()
  try {
    for await (const page of pagesAt(kube, apiServices, { version: undefined, ...options })) {
      for (const service of page.items) {
        const spec = service['spec'] as { service?: object | null; group?: string; version?: string } | undefined
        if (!spec?.service || spec.version === undefined) continue
        found.add(apiVersionOf({ group: spec.group ?? '', version: spec.version }))
      }
    }
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'forbidden') return undefined
    throw error
  }
  return found
}
