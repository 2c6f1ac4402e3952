import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { Definitions, make } from './objects.ts'

/** The cluster-scoped or namespaced custom type `plural` of the group `faults.lifeboat.test`, version v1. */
export function customType(plural: string, namespaced = true): ResourceType {
  return { group: 'faults.lifeboat.test', version: 'v1', plural, kind: `Kind${plural}`, namespaced }
}

/** Defines `type` with any fields and waits until it is discovered; `spec` changes its definition. */
export async function define(kube: KubeClient, type: ResourceType, spec: object = {}): Promise<void> {
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  await make(kube, Definitions, {
    name: resourceName(type),
    spec: {
      group: type.group,
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      names: { plural: type.plural, kind: type.kind },
      versions: [{ name: type.version, served: true, storage: true, schema: { openAPIV3Schema } }],
      ...spec,
    },
  })
  while ((await kube.discover()).types.every(({ plural }) => plural !== type.plural)) await pause(100)
}

/** Deletes the definition of `type` and waits until the server no longer knows the type. */
export async function undefine(kube: KubeClient, type: ResourceType): Promise<void> {
  await kube.delete(Definitions, resourceName(type))
  while ((await kube.find(Definitions, resourceName(type))) !== undefined) await pause(50)
  while (await isServed(kube, type)) await pause(50)
}

async function isServed(kube: KubeClient, type: ResourceType): Promise<boolean> {
  try {
    await kube.list(type, { limit: 1 })
    return true
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'not-found') return false
    throw error
  }
}
