import type { JsonObject } from '../json.ts'
import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Gives claims, volumes and StatefulSets' claim templates the StorageClass that the user's mapping names. That it exists is the caller's to check. */
export const changeStorageClassAction: RestoreAction = {
  name: 'velero.io/change-storage-class',
  appliesTo: (resource) => ['persistentvolumeclaims', 'persistentvolumes', 'statefulsets.apps'].includes(resource),
  execute(object, { resource, context: { storageClasses } }) {
    const spec = objectOf(object['spec'])
    if (storageClasses === undefined || spec === undefined) return { object }
    if (resource !== 'statefulsets.apps') return { object: { ...object, spec: remapped(spec, storageClasses) } }
    if (spec['volumeClaimTemplates'] === undefined) return { object }
    const volumeClaimTemplates = listOf(spec['volumeClaimTemplates']).map((template) => {
      const claim = objectOf(template) ?? {}
      return { ...claim, spec: remapped(objectOf(claim['spec']) ?? {}, storageClasses) }
    })
    return { object: { ...object, spec: { ...spec, volumeClaimTemplates } } }
  },
}

function remapped(spec: JsonObject, classes: Readonly<Record<string, string>>): JsonObject {
  const name = textOf(spec['storageClassName'])
  if (name === undefined || !Object.hasOwn(classes, name)) return spec
  return { ...spec, storageClassName: classes[name] }
}
