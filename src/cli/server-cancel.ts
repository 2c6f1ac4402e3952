import type { Backup } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import type { Restore } from '#api/restore.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ResourceType } from '#kube/object.ts'

interface SelfSubjectReview {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly status?: { readonly userInfo?: { readonly username?: string } }
}

const SelfSubjectReviews: ResourceType<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
}

/** Asks the server to end a backup or restore, in the name of the user of the kubeconfig. Resolves to a sentence for that user. */
export async function requestCancel<T extends Backup | Restore>(
  kube: KubeClient,
  type: ResourceType<T>,
  { object, namespace, signal }: { object: T; namespace: string; signal: AbortSignal },
): Promise<string> {
  const { name } = object.metadata
  const annotations = { [annotationKeys.cancel]: await userName(kube, signal) }
  await kube.patch(type, name, { merge: { metadata: { annotations } } }, { namespace, signal })
  const kind = type.kind.toLowerCase()
  return `Request to cancel ${kind} "${name}" submitted successfully.\nIt ends as Failed within seconds; see: lifeboat ${kind} describe ${name}`
}

/** What the API server takes the user for; `true` where it does not say. */
async function userName(kube: KubeClient, signal: AbortSignal): Promise<string> {
  const { group, version, kind } = SelfSubjectReviews
  const asked: SelfSubjectReview = { apiVersion: `${group}/${version}`, kind, metadata: { name: '' } }
  try {
    const { status } = await kube.create(SelfSubjectReviews, asked, { signal })
    return status?.userInfo?.username ?? 'true'
  } catch (error) {
    // A server before Kubernetes 1.28, or one that keeps it to itself.
    if (error instanceof KubeError) return 'true'
    throw error
  }
}
