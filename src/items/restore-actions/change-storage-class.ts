import type { JsonObject } from '../json.ts'
import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'
import type { StorageClassRules } from '../restore-context.ts'

/** Gives claims, volumes and StatefulSets' claim templates the StorageClass that the user's mapping names, which must exist. */
export const changeStorageClassAction: RestoreAction = {
  name: 'velero.io/change-storage-class',
  appliesTo: (resource) => ['persistentvolumeclaims', 'persistentvolumes', 'statefulsets.apps'].includes(resource),
  execute(object, { resource, context: { storageClasses } }) {
    const spec = objectOf(object['spec'])
    if (storageClasses === undefined || spec === undefined) return { object }
    if ('problem' in storageClasses) return { fail: storageClasses.problem }
    const rules = storageClasses.is
    const missing = missingClass(claimsIn(spec, resource), rules)
    if (missing !== undefined) return { fail: `there is no StorageClass ${missing}, to which it is to be changed` }
    if (resource !== 'statefulsets.apps') return { object: { ...object, spec: remapped(spec, rules) } }
    if (spec['volumeClaimTemplates'] === undefined) return { object }
    const volumeClaimTemplates = listOf(spec['volumeClaimTemplates']).map((template) => {
      const claim = objectOf(template) ?? {}
      return { ...claim, spec: remapped(objectOf(claim['spec']) ?? {}, rules) }
    })
    return { object: { ...object, spec: { ...spec, volumeClaimTemplates } } }
  },
}

/** The specs that name a class. */
function claimsIn(spec: JsonObject, resource: string): JsonObject[] {
  if (resource !== 'statefulsets.apps') return [spec]
  return listOf(spec['volumeClaimTemplates']).map((template) => objectOf(objectOf(template)?.['spec']) ?? {})
}

function missingClass(claims: readonly JsonObject[], { mapping, existing }: StorageClassRules): string | undefined {
  return claims.map((claim) => newClass(claim, mapping)).find((name) => name !== undefined && !existing.has(name))
}

function remapped(spec: JsonObject, { mapping }: StorageClassRules): JsonObject {
  const name = newClass(spec, mapping)
  return name === undefined ? spec : { ...spec, storageClassName: name }
}

function newClass(spec: JsonObject, mapping: StorageClassRules['mapping']): string | undefined {
  const name = textOf(spec['storageClassName'])
  return name && Object.hasOwn(mapping, name) ? mapping[name] : undefined
}
