import { entryPath } from '#archive/entry-path.ts'
import { ArchiveError } from '#archive/error.ts'
import type { OpenArchive } from '#archive/open.ts'
import { type GitOpsOwner, gitOpsOwner } from '#items/gitops.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, OwnerReference, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'

/** Who keeps the objects of an archive by Git. */
export interface GitOpsOwners {
  /** Names of the Argo CD Applications that the archive or the cluster has. */
  readonly applications: ReadonlySet<string>
  /** Who keeps an archived object, by itself or through the workload that controls it; undefined for nobody. */
  ownerOf(archived: KubeObject): Promise<GitOpsOwner | undefined>
}

const Applications: ResourceType = {
  group: 'argoproj.io',
  version: 'v1alpha1',
  plural: 'applications',
  kind: 'Application',
  namespaced: true,
}

/** The controllers of built-in kinds whose objects carry no mark of their own: pods, replica sets, jobs. */
const controllers: Readonly<Record<string, string>> = {
  ReplicaSet: 'replicasets.apps',
  Deployment: 'deployments.apps',
  StatefulSet: 'statefulsets.apps',
  DaemonSet: 'daemonsets.apps',
  Job: 'jobs.batch',
  CronJob: 'cronjobs.batch',
  ReplicationController: 'replicationcontrollers',
  Service: 'services',
}

/** Reads which Applications there are. Rejects with KubeError only when the cluster cannot be reached. */
export async function gitOpsOwners(
  archive: OpenArchive,
  { kube, signal }: { kube: KubeClient; signal?: AbortSignal | undefined },
): Promise<GitOpsOwners> {
  const applications = await liveApplications(kube, signal)
  for (const { name } of archive.entriesOf(resourceName(Applications))) applications.add(name)
  const known = new Map<string, Promise<GitOpsOwner | undefined>>()

  const read = async (namespace: string, { kind, name, uid }: OwnerReference): Promise<GitOpsOwner | undefined> => {
    const resource = controllers[kind]
    if (resource === undefined) return undefined
    const entry = archive.find(entryPath({ resource, namespace, name, version: undefined, preferred: false }))
    const owner = entry && (await readable(() => archive.read(entry)))
    return owner?.metadata.uid === uid ? await ownerOf(owner) : undefined
  }
  const ownerOf = async (object: KubeObject): Promise<GitOpsOwner | undefined> => {
    const own = gitOpsOwner(object, applications)
    const { ownerReferences, namespace } = object.metadata
    const controller = ownerReferences?.find((reference) => reference.controller === true)
    if (own !== undefined || controller === undefined || namespace === undefined) return own
    // A workload has many pods: each is read once.
    const asked = known.get(controller.uid) ?? read(namespace, controller)
    known.set(controller.uid, asked)
    return await asked
  }
  return { applications, ownerOf }
}

/** Where Argo CD is not installed, or nobody may look, there are none to know of. */
async function liveApplications(kube: KubeClient, signal: AbortSignal | undefined): Promise<Set<string>> {
  const names = new Set<string>()
  try {
    for await (const { items } of kube.pages(Applications, { signal })) {
      for (const { metadata } of items) names.add(metadata.name)
    }
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem === 'unreachable') throw error
  }
  return names
}

async function readable(read: () => Promise<KubeObject>): Promise<KubeObject | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof ArchiveError) return undefined
    throw error
  }
}
