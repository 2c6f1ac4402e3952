import type { KubeClient } from '#kube/client.ts'
import { Namespaces } from '#kube/object.ts'
import { onceForEach, type NamespaceOptions, type Presence, type TargetNamespaces } from './namespaces.ts'

/** The namespaces of the target cluster as a run would make them. */
export interface RehearsedNamespaces extends TargetNamespaces {
  /** Why nothing can be in namespace `name` yet; undefined when it is there. */
  planned(name: string): string | undefined
  /** Why the server cannot be asked to make namespace `name`. */
  terminating(name: string): string | undefined
}

/** As `targetNamespaces`, but nothing is made and nothing waited for. `kube` must not write. */
export async function rehearsedNamespaces(
  kube: KubeClient,
  { manifest, signal }: Pick<NamespaceOptions, 'manifest' | 'signal'>,
): Promise<RehearsedNamespaces> {
  const present = new Set<string>()
  const terminating = new Set<string>()
  const planned = new Set<string>()

  const make = async (name: string): Promise<Presence> => {
    if (present.has(name)) return 'existing'
    if (!terminating.has(name)) await kube.create(Namespaces, await manifest(name), { signal })
    planned.add(name)
    return 'created'
  }
  for await (const { items } of kube.pages(Namespaces, { signal })) {
    for (const { metadata } of items) {
      const kept = metadata.deletionTimestamp === undefined ? present : terminating
      kept.add(metadata.name)
    }
  }
  const waits = (name: string): string | undefined =>
    terminating.has(name) ? `namespace ${name} is being deleted: the restore waits until it is gone` : undefined
  return {
    ...onceForEach(make),
    gate: () => undefined,
    // Nobody waits for what the cluster would put into it.
    isNew: () => false,
    planned: (name) => waits(name) ?? (planned.has(name) ? `namespace ${name} is only to be created` : undefined),
    terminating: waits,
  }
}
