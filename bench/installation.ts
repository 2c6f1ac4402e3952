import { setTimeout as sleep } from 'node:timers/promises'
import { BackupStorageLocations, type BackupStorageLocationSpec } from '#api/backup-storage-location.ts'
import { allCrds, CustomResourceDefinitions } from '#api/crd.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject, type ResourceType, apiVersionOf } from '#kube/object.ts'

/** The namespace of the custom resources. */
export const serverNamespace = 'velero'
const Deployments: ResourceType = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
}

/** Puts into the cluster what a server wants to find there: definitions, its namespace, its Deployment, one location in place of any other. */
export async function install(
  kube: KubeClient,
  location: BackupStorageLocationSpec,
  signal: AbortSignal,
): Promise<void> {
  const namespace = serverNamespace
  for (const crd of allCrds()) await unlessThere(kube.create(CustomResourceDefinitions, crd, { signal }))
  await makeHome(kube, signal)
  const object = { ...named(BackupStorageLocations, 'default'), spec: location }
  await untilServed(() => kube.list(BackupStorageLocations, { namespace, limit: 1, signal }), signal)
  await kube.delete(BackupStorageLocations, 'default', { namespace, signal })
  await kube.create(BackupStorageLocations, object, { namespace, signal })
}

/** Makes the namespace of a server, with the Deployment in which the AWS plugin's restore action looks itself up. */
export async function makeHome(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const namespace = serverNamespace
  await unlessThere(kube.create(Namespaces, named(Namespaces, namespace), { signal }))
  await unlessThere(kube.create(Deployments, deployment(), { namespace, signal }))
}

/** Waits until the server of the cluster has found its location good. */
export async function untilAvailable(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + 120_000
  for (;;) {
    const { status } = await kube.get(BackupStorageLocations, 'default', { namespace: serverNamespace, signal })
    if (status?.phase === 'Available') return
    if (performance.now() > deadline) {
      throw new Error(
        `the location is not available after two minutes: ${status?.message ?? 'the server says nothing'}`,
      )
    }
    await sleep(200, undefined, { signal })
  }
}

function named(type: ResourceType<object>, name: string): KubeObject {
  const metadata = type.namespaced ? { name, namespace: serverNamespace } : { name }
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata }
}

function deployment(): KubeObject {
  const labels = { app: 'server' }
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'server', image: 'server.example.com/none' }] },
  }
  return { ...named(Deployments, serverNamespace), spec: { replicas: 0, selector: { matchLabels: labels }, template } }
}

async function unlessThere(create: Promise<unknown>): Promise<void> {
  try {
    await create
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
  }
}

async function untilServed(ask: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'not-found') throw error
      await sleep(100, undefined, { signal })
    }
  }
}
