import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import type { Item, KubeObject } from '#kube/object.ts'
import { metadataOf, resourceName, withObject } from '#kube/object.ts'
import type { JsonObject } from './json.ts'
import { objectOf, without } from './json.ts'
import { volumeOf } from './related.ts'

const internalAnnotations = [annotationKeys.mustIncludeAdditionalItems, annotationKeys.skippedNoCsiPv]

/**
 * The item as it goes into the archive: as read, except bound claims and Velero's internal annotations (spec/backup §4.4).
 * The item's object is never changed; the item is returned itself when nothing is to be done.
 */
export function cleanForBackup<T extends Item>(item: T, options: { backupName: string }): T {
  const { annotations = {} } = metadataOf(item)
  const isClaim = resourceName(item.type) === 'persistentvolumeclaims'
  // Nothing else is worth having the object parsed for.
  if (!isClaim && !internalAnnotations.some((key) => key in annotations)) return item
  const object = withoutInternalAnnotations(item.object)
  return withObject(item, isClaim && volumeOf(object) !== undefined ? cleanClaim(object, options.backupName) : object)
}

/** The object without the annotations by which actions speak to a backup; itself when it has none. */
export function withoutInternalAnnotations(object: KubeObject): KubeObject {
  return withoutAnnotations(object, internalAnnotations)
}

// A bound claim has its data: where they once came from, and which volume would have done, must not be asked for again.
function cleanClaim(claim: KubeObject, backupName: string): KubeObject {
  const spec = objectOf(claim['spec']) ?? {}
  const sourceless = without(cleanSelector(spec), ['dataSource', 'dataSourceRef'])
  const labels = claim.metadata.labels ?? {}
  const stale: string[] = [
    labelKeys.restoreName,
    annotationKeys.mustIncludeAdditionalItems,
    labelKeys.volumeSnapshotName,
  ]
  // Claims of volume group snapshots carry the name of the backup that is being made; others one of an earlier restore.
  const ofBackup = labels[labelKeys.backupName]
  if (ofBackup !== backupName && ofBackup !== labelValue(backupName)) stale.push(labelKeys.backupName)
  const kept = without(labels, stale)
  if (sourceless === spec && kept === labels) return claim
  return {
    ...claim,
    metadata: kept === labels ? claim.metadata : { ...claim.metadata, labels: kept },
    spec: sourceless,
  }
}

// With an empty class the selector is how the claim finds its volume, so only what an earlier restore added goes.
function cleanSelector(spec: JsonObject): JsonObject {
  const selector = objectOf(spec['selector'])
  if (selector === undefined) return spec
  if (spec['storageClassName'] !== '') return without(spec, ['selector'])
  const matchLabels = objectOf(selector['matchLabels'])
  if (matchLabels === undefined) return spec
  const kept = without(
    matchLabels,
    Object.keys(matchLabels).filter((key) => key.startsWith('velero.io/')),
  )
  return kept === matchLabels ? spec : { ...spec, selector: { ...selector, matchLabels: kept } }
}

function withoutAnnotations(object: KubeObject, keys: readonly string[]): KubeObject {
  const annotations = object.metadata.annotations ?? {}
  const kept = without(annotations, keys)
  return kept === annotations ? object : { ...object, metadata: { ...object.metadata, annotations: kept } }
}
