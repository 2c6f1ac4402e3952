import { createHash } from 'node:crypto'
import { annotationKeys } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import { objectOf, textOf, without } from '../json.ts'
import type { ActionResult, RestoreAction } from '../restore-action.ts'
import type { RestoreContext } from '../restore-context.ts'

/** The types of CSI snapshots, as archives call them. */
export const snapshotResources = {
  snapshots: 'volumesnapshots.snapshot.storage.k8s.io',
  contents: 'volumesnapshotcontents.snapshot.storage.k8s.io',
  classes: 'volumesnapshotclasses.snapshot.storage.k8s.io',
} as const

/** What a restore has to know to bring volumes back from CSI snapshots. */
export interface SnapshotContext {
  /** Tells the snapshots of this restore from those of others; the same when it is taken up again. */
  readonly restoreId: string
  /** False when `spec.restorePVs` is: claims come back empty. */
  readonly wanted: boolean
  /** The first class of each driver in the target; undefined where CSI snapshots are not served. */
  readonly classes: ReadonlyMap<string, string> | undefined
}

/** The name under which a restore brings snapshot and content back, as Velero's (spec/volumes §1.2). */
export function restoredSnapshotName({ restoreId }: SnapshotContext, archived: string): string {
  return createHash('sha256').update(`${restoreId}/${archived}`).digest('hex')
}

/** The snapshot that holds the data of an archived claim. Undefined for one whose data lie elsewhere, or nowhere. */
export function snapshotOf(claim: KubeObject): string | undefined {
  const { annotations = {} } = claim.metadata
  // Velero keeps no snapshot of data that it has moved.
  return annotationKeys.dataUploadName in annotations ? undefined : annotations[annotationKeys.volumeSnapshotName]
}

/** Fills the volume of a claim from its snapshot. */
export const csiClaimAction: RestoreAction = {
  name: 'velero.io/csi-pvc-restorer',
  appliesTo: (resource) => resource === 'persistentvolumeclaims',
  execute(claim, { archived, context: { snapshots } }) {
    const spec = objectOf(claim['spec']) ?? {}
    const name = snapshotOf(archived)
    if (name === undefined || snapshots === undefined) return { object: claim }
    const unfilled = without(spec, ['volumeName', 'dataSource', 'dataSourceRef'])
    if (!snapshots.wanted) return { object: { ...claim, spec: unfilled } }
    if (snapshots.classes === undefined) {
      return { fail: `its data are in snapshot ${name}, and this cluster does not serve snapshot.storage.k8s.io` }
    }
    const source = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot' }
    const dataSource = { ...source, name: restoredSnapshotName(snapshots, name) }
    const related = [{ resource: snapshotResources.snapshots, namespace: archived.metadata.namespace, name }]
    return { object: { ...claim, spec: { ...unfilled, dataSource } }, related }
  },
}

/** Binds a snapshot to the content that comes back with it. */
export const csiSnapshotAction: RestoreAction = {
  name: 'velero.io/csi-volumesnapshot-restorer',
  appliesTo: (resource) => resource === snapshotResources.snapshots,
  execute(snapshot, { archived, context: { snapshots } }) {
    if (snapshots === undefined) return { object: snapshot }
    if (!snapshots.wanted) return { skip: 'snapshot-not-wanted' }
    const content = textOf(objectOf(archived['status'])?.['boundVolumeSnapshotContentName'])
    if (content === undefined) return { fail: 'it had no VolumeSnapshotContent when it was backed up' }
    const name = restoredSnapshotName(snapshots, archived.metadata.name)
    const { metadata } = snapshot
    const annotations = { ...metadata.annotations, [annotationKeys.volumeSnapshotContentDeletionPolicy]: 'Retain' }
    const object = {
      ...snapshot,
      metadata: { ...metadata, name, annotations },
      spec: { source: { volumeSnapshotContentName: name } },
    }
    return { object, related: [{ resource: snapshotResources.contents, namespace: undefined, name: content }] }
  },
}

/** Makes a content known to the target that stands for the snapshot in the storage, and never deletes it. */
export const csiContentAction: RestoreAction = {
  name: 'velero.io/csi-volumesnapshotcontent-restorer',
  appliesTo: (resource) => resource === snapshotResources.contents,
  execute(content, { archived, context }) {
    const { snapshots } = context
    if (snapshots === undefined) return { object: content }
    if (!snapshots.wanted) return { skip: 'snapshot-not-wanted' }
    return preProvisioned(content, { archived, context, snapshots })
  },
}

/** Classes of snapshots are for new ones; without volumes nobody asks for them. */
export const csiClassAction: RestoreAction = {
  name: 'velero.io/csi-volumesnapshotclass-restorer',
  appliesTo: (resource) => resource === snapshotResources.classes,
  execute: (object, { context }) =>
    context.snapshots?.wanted === false ? { skip: 'snapshot-not-wanted' } : { object },
}

function preProvisioned(
  content: KubeObject,
  { archived, context, snapshots }: { archived: KubeObject; context: RestoreContext; snapshots: SnapshotContext },
): ActionResult {
  const spec = objectOf(content['spec']) ?? {}
  const ref = objectOf(spec['volumeSnapshotRef']) ?? {}
  const handle = textOf(objectOf(archived['status'])?.['snapshotHandle'])
  const driver = textOf(spec['driver'])
  const snapshot = textOf(ref['name'])
  if (handle === undefined || driver === undefined || snapshot === undefined) {
    return { fail: 'it does not say which snapshot of which driver it stands for' }
  }
  const name = restoredSnapshotName(snapshots, snapshot)
  const namespace = targetNamespace(textOf(ref['namespace']) ?? '', context.namespaceMapping)
  const className = snapshots.classes?.get(driver)
  const object = {
    ...content,
    metadata: { ...content.metadata, name },
    spec: {
      ...without(spec, ['volumeSnapshotClassName']),
      deletionPolicy: 'Retain',
      source: { snapshotHandle: handle },
      volumeSnapshotRef: { ...without(ref, ['uid', 'resourceVersion']), name, namespace },
      ...(className === undefined ? {} : { volumeSnapshotClassName: className }),
    },
  }
  return { object }
}
