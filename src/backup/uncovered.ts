import type { BackupSpec } from '#api/backup.ts'
import { annotationKeys } from '#api/labels.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { Item } from '#kube/object.ts'
import { metadataOf, resourceName } from '#kube/object.ts'

/** Counts what a backup was asked to do and this version cannot: the data of volumes. Nobody may take such a backup for a whole one. */
export interface Uncovered {
  see(item: Item): void
  /** An error for what was asked for and not done, a warning for data that Velero's defaults would not have taken either. */
  report(log: RunLog): void
}

/** Looks at the items of a backup with this `spec` as they pass. */
export function openUncovered(spec: BackupSpec): Uncovered {
  const count = { copies: 0, volumes: 0 }
  const asked = [spec.snapshotVolumes, spec.snapshotMoveData, spec.defaultVolumesToFsBackup].includes(true)
  return {
    see(item) {
      const resource = resourceName(item.type)
      if (resource === 'persistentvolumes') count.volumes += 1
      if (resource !== 'pods') return
      const { annotations = {} } = metadataOf(item)
      if (annotations[annotationKeys.backupVolumes]) count.copies += 1
    },
    report(log) {
      if (count.copies > 0) {
        log.error(`Files of volumes are not copied by this version of Lifeboat: asked for by ${count.copies} pods`)
      }
      if (count.volumes === 0) return
      const sentence = `The data of ${count.volumes} persistent volumes is not in this backup: this version of Lifeboat takes objects only`
      if (asked) log.error(sentence)
      else log.warning(sentence)
    },
  }
}
