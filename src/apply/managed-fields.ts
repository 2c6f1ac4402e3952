import type { KubeObject } from '#kube/object.ts'

interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  fieldsV1?: object
}

function entriesOf(object: KubeObject): ManagedFields[] {
  return (object.metadata.managedFields ?? []) as ManagedFields[]
}

/**
 * The name under which an object has to be created so that it ends up with the managers it had: the API server keeps the
 * managedFields of a create, and adds the creator as owner of every field. Undefined when the object names no manager.
 * docs/decisions says what was measured.
 */
export function creatingManager(object: KubeObject): string | undefined {
  let widest: { manager: string; size: number } | undefined
  for (const { manager, operation, subresource, fieldsV1 } of entriesOf(object)) {
    if (manager === undefined || operation !== 'Update' || (subresource ?? '') !== '') continue
    const size = JSON.stringify(fieldsV1 ?? {}).length
    if (widest === undefined || size > widest.size) widest = { manager, size }
  }
  return widest?.manager
}

/**
 * True when the managers must be written back exactly: with a server-side-apply manager among them, a field that two
 * managers own makes its next apply a conflict.
 */
export function needsExactManagers(object: KubeObject): boolean {
  return entriesOf(object).some(({ operation }) => operation === 'Apply')
}
