import { listOf, objectOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Says "keep unknown fields" the way v1 allows it: a definition that came from v1beta1 says so in a field that the API server no longer takes. */
export const crdPreserveFieldsAction: RestoreAction = {
  name: 'velero.io/crd-preserve-fields',
  appliesTo: (resource) => resource === 'customresourcedefinitions.apiextensions.k8s.io',
  execute(definition) {
    const spec = objectOf(definition['spec'])
    if (definition.apiVersion !== 'apiextensions.k8s.io/v1' || spec?.['preserveUnknownFields'] !== true) {
      return { object: definition }
    }
    const versions = listOf(spec['versions']).map((entry) => {
      const version = objectOf(entry) ?? {}
      const schema = objectOf(version['schema']) ?? {}
      const openAPIV3Schema = {
        ...objectOf(schema['openAPIV3Schema']),
        'x-kubernetes-preserve-unknown-fields': true,
      }
      return { ...version, schema: { ...schema, openAPIV3Schema } }
    })
    return { object: { ...definition, spec: { ...spec, preserveUnknownFields: false, versions } } }
  },
}
