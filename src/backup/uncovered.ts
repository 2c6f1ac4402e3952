import { annotationKeys } from '#api/labels.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { Item } from '#kube/object.ts'
import { metadataOf, resourceName } from '#kube/object.ts'

/** Counts what pods asked for and this version cannot do: copies of files. Nobody may take such a backup for a whole one. */
export interface Uncovered {
  see(item: Item): void
  /** An error for what was asked for and not done. */
  report(log: RunLog): void
}

/** Looks at the items of a backup as they pass. */
export function openUncovered(): Uncovered {
  let copies = 0
  return {
    see(item) {
      if (resourceName(item.type) !== 'pods') return
      const { annotations = {} } = metadataOf(item)
      if (annotations[annotationKeys.backupVolumes]) copies += 1
    },
    report(log) {
      if (copies > 0) {
        log.error(`Files of volumes are not copied by this version of Lifeboat: asked for by ${copies} pods`)
      }
    },
  }
}
