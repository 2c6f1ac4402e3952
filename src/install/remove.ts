import { setTimeout as sleep } from 'node:timers/promises'
import { serverService } from '#api/download-request.ts'
import { installedKinds } from '#api/kinds.ts'
import { Pods } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'
import { InstallError } from './error.ts'
import {
  ClusterRoleBindings,
  ClusterRoles,
  clusterWideName,
  Definitions,
  Deployments,
  installedLabel,
  Namespaces,
  RoleBindings,
  Roles,
  Secrets,
  serverName,
  ServiceAccounts,
  Services,
} from './installation.ts'

const LABEL = `component=${installedLabel.component}`

/** What an uninstallation is going to take away. */
export interface Removal {
  readonly namespace: string
  /** Whether the namespace goes: only one that an installer made, with all that is in it. */
  readonly wholeNamespace: boolean
  /** Namespaces of other installations, which need the custom resources: these stay then. */
  readonly others: readonly string[]
}

export interface RemoveOptions {
  readonly signal: AbortSignal
  /** How long each step may take. */
  readonly seconds: number
  /** Told of each step, once it is done. */
  readonly onRemoved: (what: string) => void
}

/** Looks at what is there; changes nothing. Rejects with KubeError. */
export async function planRemoval(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<Removal> {
  const found = await kube.find(Namespaces, namespace, { signal })
  const { items } = await kube.list(Deployments, { labelSelector: LABEL, signal })
  const others = new Set(items.map(({ metadata }) => metadata.namespace ?? '').filter((name) => name !== namespace))
  return {
    namespace,
    wholeNamespace: found?.metadata.labels?.['component'] === installedLabel.component,
    others: [...others].toSorted(),
  }
}

/**
 * Takes an installation away, ours or Velero's. The server goes first and the objects after it, so that nobody takes a deleted object for the
 * wish to delete files: stores are left as they are. What is gone already is no error. Rejects with InstallError 'timeout' or KubeError.
 */
export async function removeInstallation(kube: KubeClient, removal: Removal, options: RemoveOptions): Promise<void> {
  const { namespace, others, wholeNamespace } = removal
  const steps: Step = { kube, options }
  await removeOne(steps, Deployments, { name: serverName, namespace })
  await untilGone(steps, `the pods of ${namespace}/${serverName}`, async () => {
    const { items } = await kube.list(Pods, { namespace, labelSelector: 'deploy=velero', signal: options.signal })
    return items.length === 0
  })
  await letGo(steps, namespace)
  if (wholeNamespace) await removeOne(steps, Namespaces, { name: namespace })
  else await removeFrom(steps, namespace)
  const name = clusterWideName(namespace)
  for (const type of [ClusterRoleBindings, ClusterRoles]) await removeOne(steps, type, { name, labelled: true })
  if (others.length > 0) return
  for (const kind of installedKinds) {
    await removeOne(steps, Definitions, { name: resourceName(kind), labelled: true })
  }
}

interface Step {
  readonly kube: KubeClient
  readonly options: RemoveOptions
}

/** Removes the finalizers of our kinds: the server that would have answered to them is gone. */
async function letGo({ kube, options }: Step, namespace: string): Promise<void> {
  const where = { namespace, signal: options.signal }
  for (const kind of installedKinds) {
    for (const { metadata } of await allOf(kube, kind, where)) {
      if ((metadata.finalizers ?? []).length === 0) continue
      await kube.patch(kind, metadata.name, { merge: { metadata: { finalizers: null } } }, where)
    }
  }
}

/** What an installer made in a namespace that it did not make, and all objects of our kinds. */
async function removeFrom(step: Step, namespace: string): Promise<void> {
  const { kube, options } = step
  for (const kind of installedKinds) {
    const objects = await allOf(kube, kind, { namespace, signal: options.signal })
    for (const { metadata } of objects) await kube.delete(kind, metadata.name, { namespace, signal: options.signal })
    if (objects.length > 0) options.onRemoved(`${objects.length} ${resourceName(kind)}`)
  }
  const names: [ResourceType, string][] = [
    [RoleBindings, serverName],
    [Roles, serverName],
    [ServiceAccounts, serverName],
    [Services, serverService.name],
    [Secrets, 'cloud-credentials'],
    [Secrets, 'lifeboat-links'],
  ]
  for (const [type, name] of names) await removeOne(step, type, { name, namespace, labelled: true })
}

/** None where the type is not served. */
export async function allOf<T extends KubeObject>(
  kube: KubeClient,
  type: ResourceType<T>,
  where: { namespace: string; signal: AbortSignal },
): Promise<T[]> {
  try {
    return (await Array.fromAsync(kube.pages(type, where))).flatMap(({ items }) => items)
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'not-found') return []
    throw error
  }
}

/** Deletes and waits until it is gone; with `labelled`, only what an installer made. */
async function removeOne(
  step: Step,
  type: ResourceType,
  { name, namespace, labelled = false }: { name: string; namespace?: string; labelled?: boolean },
): Promise<void> {
  const { kube, options } = step
  const where = { namespace, signal: options.signal }
  const before = await kube.find(type, name, where)
  if (before === undefined || (labelled && before.metadata.labels?.['component'] !== installedLabel.component)) return
  await kube.delete(type, name, { ...where, uid: before.metadata.uid, propagation: 'Foreground' })
  await untilGone(step, `${type.kind} ${name}`, async () => {
    const now = await kube.find(type, name, where)
    return now?.metadata.uid !== before.metadata.uid
  })
  options.onRemoved(`${type.kind}/${name}`)
}

async function untilGone({ options }: Step, what: string, gone: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(options.seconds * 1000)
  while (!(await gone())) {
    if (deadline.aborted) {
      const problem = `${what} is still there ${options.seconds} s after it was deleted`
      throw new InstallError('timeout', `${problem}: find out what holds it (finalizers), then run the same again`)
    }
    await sleep(200, undefined, { signal: options.signal })
  }
}
