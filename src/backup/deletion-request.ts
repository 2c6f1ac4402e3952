import type { Backup } from '#api/backup.ts'
import { DeleteBackupRequests, type DeleteBackupRequest } from '#api/delete-backup-request.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import { apiVersionOf } from '#kube/object.ts'

const LONGEST_NAME = 253

/** Asks the server to delete `backup` (spec/server.md §8, §10). `suffix` makes the name unique; by the labels the request is found again, and meets no later backup of the same name. */
export function deletionRequest({ metadata }: Backup, suffix: string): DeleteBackupRequest {
  const { name, namespace, uid } = metadata
  const stem = name.slice(0, LONGEST_NAME - suffix.length - 1).replace(/[-.]+$/, '')
  return {
    apiVersion: apiVersionOf(DeleteBackupRequests),
    kind: DeleteBackupRequests.kind,
    metadata: {
      name: `${stem}-${suffix}`,
      namespace,
      labels: {
        [labelKeys.backupName]: labelValue(name),
        ...(uid === undefined ? {} : { [labelKeys.backupUid]: uid }),
      },
    },
    spec: { backupName: name },
  }
}
