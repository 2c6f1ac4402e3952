import { labelKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { without } from './json.ts'
import { resetObject } from './reset.ts'

/**
 * What of an object counts when it is compared with another: not what only its cluster knows, not its status, not who wrote
 * which field, and not the labels of backup and restore. An object without any labels and one with none left are the same.
 */
export function comparable(object: KubeObject): KubeObject {
  const settled = withoutHistory(object)
  const labels = without(settled.metadata.labels ?? {}, [labelKeys.backupName, labelKeys.restoreName])
  return { ...settled, metadata: { ...settled.metadata, labels } }
}

/** The object as a restore would write it: `comparable`, but with all of its labels. */
export function withoutHistory(object: KubeObject): KubeObject {
  const reset = resetObject(object)
  return { ...reset, metadata: without(reset.metadata, ['managedFields']) }
}
