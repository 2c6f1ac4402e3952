import type { KubeObject } from '#kube/object.ts'

interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
}

/** Who owns fields of the object outside of its subresources: those entries do not outlive a create, the others do. */
function owners(object: KubeObject): ManagedFields[] {
  const entries = (object.metadata.managedFields ?? []) as ManagedFields[]
  return entries.filter((entry) => !isOfSubresource(entry))
}

function isOfSubresource({ subresource }: ManagedFields): boolean {
  return subresource !== undefined && subresource !== ''
}

/**
 * The name under which an object has to be created so that it ends up with the owner it had: the API server gives every
 * field of a create to its sender, whatever managedFields say (measured: docs/decisions, managed fields). Undefined when
 * there is no such name.
 */
export function creatingManager(object: KubeObject): string | undefined {
  const [owner, ...others] = owners(object)
  return others.length === 0 && owner?.operation === 'Update' ? owner.manager : undefined
}

/**
 * True when a create cannot give the object its owners back, and they have to be written in a second call. With fields in
 * wrong hands the next server-side apply of a true owner is a conflict, or removes what others had set.
 */
export function needsExactManagers(object: KubeObject): boolean {
  return owners(object).length > 0 && creatingManager(object) === undefined
}

/**
 * The object as it is best sent in a create: the entries of owners, which that create overwrites or a second call brings, are
 * dead weight that the API server would have to read. Those of subresources outlive it.
 */
export function sentObject(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata
  if (managedFields === undefined) return object
  const kept = needsExactManagers(object) ? [] : (managedFields as ManagedFields[]).filter(isOfSubresource)
  return { ...object, metadata: kept.length === 0 ? metadata : { ...metadata, managedFields: kept } }
}

/**
 * A merge patch to `live` of which the API server will note that `manager` wrote it. By itself it notes nothing about an object
 * that has no notes yet, such as the ServiceAccount that the cluster makes in each namespace.
 */
export function notedPatch(patch: Record<string, unknown>, live: KubeObject, manager: string): Record<string, unknown> {
  if ((live.metadata.managedFields ?? []).length > 0) return patch
  const first = { manager, operation: 'Update', apiVersion: live.apiVersion, fieldsType: 'FieldsV1', fieldsV1: {} }
  return { ...patch, metadata: { ...(patch['metadata'] as object | undefined), managedFields: [first] } }
}
