import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import type { BareApi } from './api-server.ts'

/** Who measured programs are for the API server: it counts requests by flow schema, and this user has one of its own. */
const user = 'lifeboat-bench'
const schemaName = 'lifeboat-bench'

const FlowSchemas: ResourceType = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  plural: 'flowschemas',
  kind: 'FlowSchema',
  namespaced: false,
}

const ClusterRoleBindings: ResourceType = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
}

const everyRight: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: user },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
}

const flowSchema: KubeObject = {
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name: schemaName },
  spec: {
    // The next after that of administrators, who are therefore counted together and of whom this user cannot be one.
    matchingPrecedence: 2,
    priorityLevelConfiguration: { name: 'exempt' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: user } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
        nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      },
    ],
  },
}

/**
 * Makes a user of its own for measured programs, with every right and without any limit, and gives its kubeconfig, which
 * lies beside that of the administrator. Resolves when the API server counts its requests apart from all others.
 */
export async function measuredUser(
  { kube, api, kubeconfigPath }: { kube: KubeClient; api: BareApi; kubeconfigPath: string },
  signal: AbortSignal,
): Promise<string> {
  const path = `${kubeconfigPath}.bench`
  await writeFile(path, impersonating(await readFile(kubeconfigPath, 'utf8')), { mode: 0o600 })
  await kube.create(ClusterRoleBindings, everyRight, { signal })
  await kube.create(FlowSchemas, flowSchema, { signal })
  const client = connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig: path }))
  try {
    while ((await countRequests(api)) === 0) {
      await client.version({ signal })
      await sleep(100, undefined, { signal })
    }
  } finally {
    await client.close()
  }
  return path
}

function impersonating(kubeconfig: string): string {
  const config = parse(kubeconfig) as { users: { user: object }[] }
  const users = config.users.map((entry) => ({ ...entry, user: { ...entry.user, as: user } }))
  return stringify({ ...config, users })
}

/** How many requests of measured programs the API server has taken since it began, by its own count. */
export async function countRequests(api: BareApi): Promise<number> {
  // Prometheus' text format; JSON is not on offer.
  const { text } = await api.request('/metrics')
  return text
    .split('\n')
    .filter((line) => line.startsWith(`apiserver_flowcontrol_dispatched_requests_total{flow_schema="${schemaName}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
