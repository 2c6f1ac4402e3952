import type { BackupSpec } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces } from '#kube/object.ts'
import { isGlob } from '#selection/globs.ts'

/**
 * The namespaces that `spec` includes by name and the cluster does not have. A server reports them in the backup, as Velero
 * does; a person at a terminal has mistyped and wants to hear of it before anything is made. Rejects with KubeError.
 */
export async function missingNamespaces(
  kube: KubeClient,
  spec: BackupSpec,
  options: { signal?: AbortSignal | undefined },
): Promise<string[]> {
  const named = (spec.includedNamespaces ?? []).filter((name) => !isGlob(name))
  const missing = await Promise.all(named.map((name) => isMissing(kube, name, options)))
  return named.filter((_name, index) => missing[index])
}

/** Who may not look up namespaces cannot be told; the run itself will say what is not allowed. */
async function isMissing(
  kube: KubeClient,
  name: string,
  options: { signal?: AbortSignal | undefined },
): Promise<boolean> {
  try {
    return (await kube.find(Namespaces, name, options)) === undefined
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'forbidden') return false
    throw error
  }
}
