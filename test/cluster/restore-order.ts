import type { Restore, RestoreSpec } from '#api/restore.ts'
import { type ResourceList, decodeResourceList } from '#archive/resource-list.ts'
import { decodeResults } from '#archive/results.ts'
import type { Results } from '#archive/results.ts'
import type { KubeClient } from '#kube/client.ts'
import type { ResourceType } from '#kube/object.ts'
import { type RestoreRun, runRestore } from '#restore/run.ts'
import { defaultRestore } from '#restore/validation.ts'
import { restoreKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { Namespaces } from '../support/objects.ts'

export interface RestoreOrder extends Partial<Omit<RestoreRun, 'restore' | 'kube' | 'store'>> {
  kube: KubeClient
  store: ObjectStore
  name?: string
  /** The server's namespace, where ConfigMaps for restores are; default `velero`. */
  home?: string
  spec?: RestoreSpec
  annotations?: Record<string, string>
}

export interface RestoreEnd {
  restore: Restore
  results: Results
  resourceList: ResourceList
}

/** Runs one restore of the backup `nightly` unless told otherwise, as every door does. Rejects with RestoreError. */
export async function bringBack(order: RestoreOrder): Promise<RestoreEnd> {
  const { kube, store, name = 'again', spec: _spec, annotations: _annotations, home: _home, ...run } = order
  const asked = restoreOf(order)
  const restore = await runRestore({ now: () => new Date(), ...run, restore: asked, kube, store })
  return {
    restore,
    results: await decodeResults(await store.get(restoreKey(name, 'results'))),
    resourceList: await decodeResourceList(await store.get(restoreKey(name, 'resource-list'))),
  }
}

/** The Restore that an order asks for. */
export function restoreOf({
  name = 'again',
  spec,
  annotations = {},
  home = 'velero',
}: Omit<RestoreOrder, 'kube' | 'store'>): Restore {
  return defaultRestore({
    apiVersion: 'velero.io/v1',
    kind: 'Restore',
    metadata: { name, namespace: home, annotations },
    spec: { backupName: 'nightly', ...spec },
  })
}

/** Deletes a namespace and waits until it is gone. */
export async function removeNamespace(kube: KubeClient, name: string): Promise<void> {
  await kube.delete(Namespaces, name)
  await eventually(async () => (await kube.find(Namespaces, name)) === undefined, `namespace ${name} gone`)
}

/** Names of the objects of one type in a namespace, sorted. */
export async function namesIn(kube: KubeClient, type: ResourceType, namespace: string): Promise<string[]> {
  const pages = await Array.fromAsync(kube.pages(type, { namespace }))
  return pages.flatMap(({ items }) => items.map(({ metadata }) => metadata.name)).toSorted()
}

/** Asks until the answer is true; fails after 30 s with `what` was waited for. */
export async function eventually(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited 30 s for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
