import { readAll, type CollectOptions } from '#collect/collect.ts'
import type { Relations } from '#collect/relations.ts'
import { crdOfType, indexBindings, relatedItems, type BindingIndex } from '#items/related.ts'
import type { ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'

const roleBindings = 'clusterrolebindings.rbac.authorization.k8s.io'

/** What `relatedItems` can point at. */
const targets: ReadonlySet<string> = new Set([
  'pods',
  'persistentvolumeclaims',
  'persistentvolumes',
  'priorityclasses.scheduling.k8s.io',
  roleBindings,
  'clusterroles.rbac.authorization.k8s.io',
])

/** What belongs to what in the cluster at the cut. `failure`: why the role bindings of service accounts could not be read. */
export async function readRelations(
  options: Pick<CollectOptions, 'kube' | 'cut' | 'scope' | 'signal'> & { volumeGroupLabel: string | undefined },
): Promise<{ relations: Relations; failure: string | undefined }> {
  const { bindings, failure } = await readBindings(options)
  const { volumeGroupLabel } = options
  return {
    failure,
    relations: {
      targets,
      relatedTo: (item, neighbours) => relatedItems(item, { bindings, ...neighbours, volumeGroupLabel }),
      crdOf: crdOfType,
    },
  }
}

/** Only the index stays in memory. It is not needed when no service account goes in, or all bindings go in anyway. */
async function readBindings(
  options: Pick<CollectOptions, 'kube' | 'cut' | 'scope' | 'signal'>,
): Promise<{ bindings: BindingIndex; failure: string | undefined }> {
  const { scope, cut } = options
  const listed = (resource: string): boolean => scope.types.some((type) => resourceName(type) === resource)
  const allListed = listed(roleBindings) && scope.selectors.length === 0
  const type = cut.types.find((type: ServedType) => type.preferred && resourceName(type) === roleBindings)
  if (!listed('serviceaccounts') || allListed || type === undefined) return { bindings: new Map(), failure: undefined }
  const { objects, reading } = await readAll(type, options)
  return { bindings: indexBindings(objects), failure: reading.failure }
}
