// items/ holds the steps on one object: what belongs to it, what is taken off, changed or put on, and in which order types go.
// It is pure: facts from elsewhere are arguments. It must never know how objects are read, written or stored.
import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import type { KubeObject } from '#kube/object.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import type { ItemRef } from './item-ref.ts'
import { objectOf, textOf } from './json.ts'
import { modify } from './modify.ts'
import { resetObject } from './reset.ts'
import { restoreActions } from './restore-actions.ts'
import type { RestoreContext } from './restore-context.ts'
import { rebindClaim } from './restore-actions/claim.ts'
import { restoreVolume } from './restore-actions/volume.ts'

export type { RestoreContext } from './restore-context.ts'
export type { VolumeDecision } from './volume-decision.ts'

/** An object of the archive on its way into the cluster. */
export interface RestoreItem {
  /** `pods`, `deployments.apps`. */
  resource: string
  object: KubeObject
  /** Of a PersistentVolume: there is a disk with its data behind it. */
  refilled?: boolean | undefined
}

/** Why an object that was selected is not restored all the same. */
export type RestoreStepSkip =
  | 'finished'
  | 'place-taken'
  | 'mirror-pod'
  | 'provisioned-anew'
  | 'needs-native-snapshot'
  | 'token-of-live-service-account'
  | 'automanaged-api-service'
  | 'left-out-by-plug-in'
  | 'snapshot-not-wanted'

/** An object after our own steps and actions, before those of plug-ins and the modifiers. */
export interface BegunRestore {
  readonly do: 'go-on'
  readonly object: KubeObject
  /** As `related` of what is prepared. */
  readonly related: readonly ItemRef[]
}

/** What to do with an archived object. */
export type Prepared =
  | {
      do: 'create'
      /** In its target namespace, with the labels of backup and restore. */
      object: KubeObject
      /** To be written after the creation; absent when it is not to be restored. */
      status?: unknown
      /** Restored before this one, also when labels leave them out; namespaces as in the archive. */
      related: readonly ItemRef[]
      /** Changes that were asked for and cannot be made to this object. */
      problems: readonly string[]
      /** Changes that a test of theirs stopped. */
      stopped: readonly string[]
    }
  | { do: 'skip'; reason: RestoreStepSkip }
  /** It cannot be restored as the user wants it. */
  | { do: 'fail'; message: string }

/** What to send to the API server for one archived object (spec/restore §6, steps 2 and 4-10). `item.object` is not changed. Not for Namespaces (`prepareNamespace`). */
export function prepareForRestore(item: RestoreItem, context: RestoreContext): Prepared {
  const begun = beginRestore(item, context)
  return begun.do === 'go-on' ? finishRestore(item, begun, context) : begun
}

/** The first half of `prepareForRestore`, up to Velero's own actions. */
export function beginRestore(
  item: RestoreItem,
  context: RestoreContext,
): BegunRestore | Exclude<Prepared, { do: 'create' }> {
  const { resource, object: archived } = item
  const reason = ownReason(item) ?? volumeReason(item, context)
  if (reason !== undefined) return { do: 'skip', reason }
  let object = resetObject(archived)
  if (resource === 'persistentvolumes') object = restoreVolume(object, context)
  const related: ItemRef[] = []
  for (const action of restoreActions) {
    if (!action.appliesTo(resource)) continue
    const result = action.execute(object, { archived, resource, context })
    if ('skip' in result) return { do: 'skip', reason: result.skip }
    if ('fail' in result) return { do: 'fail', message: result.fail }
    object = result.object
    related.push(...(result.related ?? []))
  }
  return { do: 'go-on', object, related }
}

/** The second half of `prepareForRestore`: modifiers, the target namespace, labels. */
export function finishRestore(
  item: RestoreItem,
  begun: Pick<BegunRestore, 'object' | 'related'>,
  context: RestoreContext,
): Prepared {
  const { resource, object: archived } = item
  const object = resource === 'persistentvolumeclaims' ? rebindClaim(begun.object, context) : begun.object
  const { namespace } = archived.metadata
  const { object: modified, ...notes } = modify(object, context.modifiers ?? [], { resource, namespace })
  const placedObject = placed(modified, namespace, context)
  const prepared: Prepared = { do: 'create', object: placedObject, related: begun.related, ...notes }
  return keepsStatus(item, context) ? { ...prepared, status: archived['status'] } : prepared
}

/** A Namespace to be made for `name`: the archived object of its source namespace made anew, or a bare one (spec/restore §5). No labels are added. */
export function prepareNamespace(name: string, archived: KubeObject | undefined): KubeObject {
  const { labels, annotations } = archived?.metadata ?? {}
  const spec = archived?.['spec']
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      // The API server keeps this label equal to the name; the archived value is that of the source.
      ...(labels === undefined ? {} : { labels: { ...labels, 'kubernetes.io/metadata.name': name } }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    ...(spec === undefined ? {} : { spec }),
  }
}

function ownReason({ resource, object }: RestoreItem): RestoreStepSkip | undefined {
  const status = objectOf(object['status'])
  if (resource === 'pods') {
    if (status?.['phase'] === 'Succeeded' || status?.['phase'] === 'Failed') return 'finished'
    // The kubelet of some node makes it from a file; the API server only mirrors it.
    if (object.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 'mirror-pod'
  }
  return resource === 'jobs.batch' && textOf(status?.['completionTime']) !== undefined ? 'finished' : undefined
}

function volumeReason(
  { resource, object, refilled = false }: RestoreItem,
  context: RestoreContext,
): RestoreStepSkip | undefined {
  if (resource !== 'persistentvolumes') return undefined
  switch (context.volumes.get(object.metadata.name) ?? 'as-is') {
    case 'provision-anew':
      return 'provisioned-anew'
    case 'from-native-snapshot':
      return refilled ? undefined : 'needs-native-snapshot'
    case 'as-is':
      return undefined
  }
}

/** The object where it belongs: a modifier may change its name, but not its namespace. */
function placed(object: KubeObject, namespace: string | undefined, context: RestoreContext): KubeObject {
  const { namespace: _, labels, ...metadata } = object.metadata
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(namespace === undefined ? {} : { namespace: targetNamespace(namespace, context.namespaceMapping) }),
      labels: {
        ...labels,
        [labelKeys.backupName]: labelValue(context.backupName),
        [labelKeys.restoreName]: labelValue(context.restoreName),
      },
    },
  }
}

function keepsStatus({ resource, object }: RestoreItem, context: RestoreContext): boolean {
  if (object['status'] === undefined) return false
  const own = object.metadata.annotations?.[annotationKeys.restoreStatus]?.toLowerCase()
  return own === 'true' || (own !== 'false' && context.restoresStatus(resource))
}
