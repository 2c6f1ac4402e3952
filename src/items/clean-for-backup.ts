import type { Item, KubeObject } from '#kube/object.ts'

/** The object as it goes into the archive: as read, except claims and Velero's internal annotations (spec/backup §4.4). The item's object is never changed; it is returned itself when nothing is to be done. */
export function cleanForBackup(_item: Item, _options: { backupName: string }): KubeObject {
  throw new Error('being written')
}
