import { allKinds } from '#api/kinds.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'

/** Files by name. What could not be had is the content of `errors.txt`. */
export type DebugFiles = Map<string, string>

const core = (plural: string, kind: string): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
})
const apps = (plural: string, kind: string): ResourceType => ({ ...core(plural, kind), group: 'apps' })
const Pods = core('pods', 'Pod')

/** What says how the server is doing. Neither Secrets nor ConfigMaps: the file is sent to others. */
const surroundings = [apps('deployments', 'Deployment'), apps('daemonsets', 'DaemonSet'), Pods, core('events', 'Event')]

/** Everything in `namespace` that helps to find a fault: our custom resources, what runs there, and what it wrote. Never rejects for a part that cannot be had. */
export async function debugFiles(
  kube: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<DebugFiles> {
  const files: DebugFiles = new Map()
  const listed = await Promise.all(
    [...allKinds, ...surroundings].map((type) =>
      orError(files, resourceName(type), async () => {
        const pages = await Array.fromAsync(kube.pages<KubeObject>(type, { namespace, signal }))
        const items = pages.flatMap(({ items }) => items)
        files.set(`objects/${resourceName(type)}.json`, `${JSON.stringify(items, null, 2)}\n`)
        return type === Pods ? items : []
      }),
    ),
  )
  for (const pod of listed.flatMap((items) => items ?? [])) await addLogs(files, kube, { pod, signal })
  return files
}

async function addLogs(
  files: DebugFiles,
  kube: KubeClient,
  { pod, signal }: { pod: KubeObject; signal: AbortSignal },
): Promise<void> {
  const { name, namespace } = pod.metadata
  const { containers } = pod['spec'] as { containers: { name: string }[] }
  const { containerStatuses = [] } = (pod['status'] ?? {}) as {
    containerStatuses?: { name: string; restartCount: number }[]
  }
  for (const { name: container } of containers) {
    const restarts = containerStatuses.find((status) => status.name === container)?.restartCount ?? 0
    for (const previous of restarts > 0 ? [false, true] : [false]) {
      const file = `logs/${name}-${container}${previous ? '-before' : ''}.log`
      await orError(files, file, async () => {
        files.set(file, await kube.podLog(name, { namespace, container, previous, signal }))
      })
    }
  }
}

/** Runs `get`; what goes wrong with the cluster is told in `errors.txt`. */
export async function orError<T>(files: DebugFiles, what: string, get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get()
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    files.set('errors.txt', `${files.get('errors.txt') ?? ''}${what}: ${error.message}\n`)
    return undefined
  }
}
