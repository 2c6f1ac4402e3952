import { labelKeys, labelValue } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { comparable, withoutHistory } from './comparable.ts'
import { equalJson, listOf, objectOf, textOf, without } from './json.ts'
import { mergePatch } from './merge.ts'

type MergePatch = Record<string, unknown>

/** What to do with an object that is there already (spec/restore §6.1). Patches are JSON merge patches. */
export type ExistingDecision =
  | { do: 'nothing'; because: 'equal' | 'service-account-has-all' | 'left-to-git' | 'kept-by-its-controller' }
  /** Not equal, and the policy says to leave it: `message` is Velero's warning. */
  | { do: 'warn'; message: string }
  /** `labelsOnly` is what to try when the API server refuses `patch`. */
  | { do: 'patch'; because: 'service-account' | 'policy-update'; patch: MergePatch; labelsOnly: MergePatch }
  /** Equal; under policy update the labels of backup and restore still go on. */
  | { do: 'label'; patch: MergePatch }
  /** Delete it and make it as it was backed up. */
  | { do: 'recreate' }

/** What the decision about one existing object rests on. */
export interface ExistingFacts {
  readonly live: KubeObject
  readonly desired: KubeObject
  /** `spec.existingResourcePolicy`, or our own `recreate`; empty and `none` mean the same but are worded differently. */
  readonly policy: string | null | undefined
  /** Set where Velero's rough comparison will not do, since more than a warning hangs on it (`sameAsRestored`). */
  readonly isSame?: ((live: KubeObject) => boolean) | undefined
}

/** Decides about one existing object. */
export function decideExisting({ live, desired, policy, isSame }: ExistingFacts): ExistingDecision {
  const labelsOnly: MergePatch = { metadata: { labels: ownLabels(desired) } }
  const equal = isSame?.(live) ?? (!alwaysDifferent.includes(desired.kind) && sameObject(live, desired))
  if (equal) {
    // Velero never labels a ServiceAccount that is there (golden a12).
    const labels = policy === 'update' && desired.kind !== 'ServiceAccount'
    return labels ? { do: 'label', patch: labelsOnly } : { do: 'nothing', because: 'equal' }
  }
  // Controllers write into every ServiceAccount; refusing to touch those that exist would lose pull secrets.
  if (desired.kind === 'ServiceAccount') {
    const patch = mergeServiceAccount(live, desired)
    if (patch === undefined) return { do: 'nothing', because: 'service-account-has-all' }
    return { do: 'patch', because: 'service-account', patch, labelsOnly }
  }
  // What is done to it would be undone, or done to its successor.
  if (isSame !== undefined && hasController(live)) return { do: 'nothing', because: 'kept-by-its-controller' }
  if (policy === 'update') {
    const patch = mergePatch(withoutHistory(live), withoutHistory(desired))
    return { do: 'patch', because: 'policy-update', patch, labelsOnly }
  }
  if (policy === 'recreate' && !holdsData(desired)) return { do: 'recreate' }
  const { name } = desired.metadata
  const object = policy === 'none' ? `${desired.kind} "${name}"` : `${desired.kind}:${name}`
  const message = `could not restore, ${object} already exists. Warning: the in-cluster version is different than the backed-up version`
  return {
    do: 'warn',
    message: policy === 'recreate' ? `${message}; it is not recreated, since data would be lost` : message,
  }
}

function hasController({ metadata }: KubeObject): boolean {
  return metadata.ownerReferences?.some(({ controller }) => controller === true) === true
}

/** Whether deleting an object deletes more than what its fields say: a volume's files, a namespace's or a type's objects. */
function holdsData({ apiVersion, kind }: KubeObject): boolean {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return dataHolders.includes(group === '' ? kind : `${kind}.${group}`)
}

const dataHolders: readonly string[] = [
  'Namespace',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition.apiextensions.k8s.io',
  'VolumeSnapshot.snapshot.storage.k8s.io',
  'VolumeSnapshotContent.snapshot.storage.k8s.io',
]

/**
 * Whether `live` (as read from the cluster) is what `desired` (from `prepareForRestore`) would make of it. The labels of backup
 * and restore do not count, nor, unlike in Velero, does `managedFields`: who wrote a field is no difference in what it says.
 */
export function sameObject(live: KubeObject, desired: KubeObject): boolean {
  return equalJson(comparable(live), comparable(desired))
}

/** One restore among all that ever had its name: `createdAt` is its `metadata.creationTimestamp`. */
export interface OwnRestore {
  readonly name: string
  readonly createdAt: string
}

/**
 * Whether `restore` itself made `live` in a run that was cut off: its label is on it, and it is not older than the restore.
 * Both times are the API server's. Other restores of the same name, long gone, have left older objects.
 */
export function madeByRestore(live: KubeObject, restore: OwnRestore): boolean {
  const { labels, creationTimestamp = '' } = live.metadata
  return labels?.[labelKeys.restoreName] === labelValue(restore.name) && creationTimestamp >= restore.createdAt
}

/** The field manager of everything that restores write into what is there already, labels alone excepted, and of the namespaces they make. */
export const restoreManager = 'lifeboat-restore'

/** Whether `restore` itself brought `live` to what it is in a run that was cut off: the API server notes who wrote last, and when. */
export function updatedByRestore(live: KubeObject, restore: Pick<OwnRestore, 'createdAt'>): boolean {
  return listOf(live.metadata.managedFields).some((entry) => {
    const { manager, operation, subresource = '', time } = objectOf(entry) ?? {}
    const ours = manager === restoreManager && operation === 'Update' && subresource === ''
    return ours && (textOf(time) ?? '') >= restore.createdAt
  })
}

/** The merge patch that adds to a live ServiceAccount the secrets, pull secrets, labels and annotations that the archived one has more; undefined when there is nothing to add. */
export function mergeServiceAccount(live: KubeObject, archived: KubeObject): MergePatch | undefined {
  const patch: MergePatch = {}
  for (const field of ['secrets', 'imagePullSecrets']) {
    const own = listOf(live[field])
    const names = new Set(own.map((reference) => objectOf(reference)?.['name']))
    const more = listOf(archived[field]).filter((reference) => !names.has(objectOf(reference)?.['name']))
    if (more.length > 0) patch[field] = [...own, ...more]
  }
  const metadata: MergePatch = {}
  for (const field of ['labels', 'annotations'] as const) {
    const own = live.metadata[field] ?? {}
    const wanted = without(archived.metadata[field] ?? {}, [labelKeys.backupName, labelKeys.restoreName])
    const more = Object.entries(wanted).filter(([key]) => !Object.hasOwn(own, key))
    if (more.length > 0) metadata[field] = Object.fromEntries(more)
  }
  if (Object.keys(metadata).length > 0) patch['metadata'] = metadata
  return Object.keys(patch).length > 0 ? patch : undefined
}

// Velero's actions pass these through typed structures, which leave empty fields behind, so it never finds them equal to what
// lives (golden a11). Results of the same restore by Velero and by us would otherwise disagree.
const alwaysDifferent: readonly string[] = [
  'Pod',
  'Service',
  'PersistentVolumeClaim',
  'Job',
  'CustomResourceDefinition',
]

function ownLabels(desired: KubeObject): Record<string, string | undefined> {
  const { labels } = desired.metadata
  return {
    [labelKeys.backupName]: labels?.[labelKeys.backupName],
    [labelKeys.restoreName]: labels?.[labelKeys.restoreName],
  }
}
