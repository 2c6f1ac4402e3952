import { claimsOf } from '../related.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Brings a pod's claims along. */
export const addClaimsOfPodAction: RestoreAction = {
  name: 'velero.io/add-pvc-from-pod',
  appliesTo: (resource) => resource === 'pods',
  execute: (pod) => ({ object: pod, related: claimsOf(pod) }),
}
