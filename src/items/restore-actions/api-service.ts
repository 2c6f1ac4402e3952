import type { RestoreAction } from '../restore-action.ts'

/** Leaves out APIServices that the API server makes by itself for each CRD. */
export const apiServiceAction: RestoreAction = {
  name: 'velero.io/apiservice',
  appliesTo: (resource) => resource === 'apiservices.apiregistration.k8s.io',
  execute: (object) =>
    object.metadata.labels?.['kube-aggregator.kubernetes.io/automanaged'] === undefined
      ? { object }
      : { skip: 'automanaged-api-service' },
}
