import type { RestoreAction } from './restore-action.ts'
import { addClaimsOfPodAction } from './restore-actions/add-claims-of-pod.ts'
import { apiServiceAction } from './restore-actions/api-service.ts'
import { changeImageNameAction } from './restore-actions/change-image-name.ts'
import { changeStorageClassAction } from './restore-actions/change-storage-class.ts'
import { claimAction } from './restore-actions/claim.ts'
import { csiClaimAction, csiClassAction, csiContentAction, csiSnapshotAction } from './restore-actions/csi-snapshot.ts'
import { crdPreserveFieldsAction } from './restore-actions/custom-resource-definition.ts'
import { initHookAction } from './restore-actions/init-hook.ts'
import { jobAction } from './restore-actions/job.ts'
import { podVolumeRestoreAction } from './restore-actions/pod-volume-restore.ts'
import { podAction } from './restore-actions/pod.ts'
import { roleBindingAction } from './restore-actions/role-binding.ts'
import { secretAction } from './restore-actions/secret.ts'
import { serviceAccountAction } from './restore-actions/service-account.ts'
import { serviceAction } from './restore-actions/service.ts'
import { webhookConfigurationAction } from './restore-actions/webhook-configuration.ts'

/** Velero's restore item actions in the order in which it runs them (spec/restore §9). */
export const restoreActions: readonly RestoreAction[] = [
  jobAction,
  podAction,
  podVolumeRestoreAction,
  initHookAction,
  serviceAction,
  serviceAccountAction,
  addClaimsOfPodAction,
  changeStorageClassAction,
  changeImageNameAction,
  roleBindingAction,
  crdPreserveFieldsAction,
  claimAction,
  apiServiceAction,
  webhookConfigurationAction,
  secretAction,
  csiClaimAction,
  csiSnapshotAction,
  csiContentAction,
  csiClassAction,
]
