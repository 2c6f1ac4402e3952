import type { ExtraKept } from '#items/extra.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import type { Target } from './apply-task.ts'
import { endsTheRun, refusal } from './create-object.ts'
import type { Settled } from './existing-object.ts'
import type { Place } from './live-objects.ts'
import type { Outcome } from './outcome.ts'
import { inParallel } from './parallel.ts'

/** A live object that is too much. */
export interface ExtraObject {
  readonly place: Place
  readonly object: KubeObject
  /** Why it stays all the same; undefined: it is deleted. */
  readonly kept: ExtraKept | undefined
}

/**
 * Deletes what is too much, and what it owns with it; gives what became of each. With `errors` before, everything stays: what an
 * incomplete restore leaves behind must not be less than what was there.
 */
export async function* removeExtras(
  extras: AsyncIterable<ExtraObject>,
  { target, errors }: { target: Target; errors: number },
): AsyncGenerator<Outcome, void, undefined> {
  const found = await Array.fromAsync(extras)
  let told = false
  const settle = async (extra: ExtraObject): Promise<Outcome> => {
    if (extra.kept !== undefined) return outcome(extra, { action: 'skipped', remarks: [], because: extra.kept })
    if (errors === 0) return outcome(extra, await remove(extra, target))
    const remarks = told ? [] : [{ severity: 'warning' as const, message: notDeleted }]
    told = true
    return outcome(extra, { action: 'skipped', remarks, because: 'kept-after-errors' })
  }
  yield* inParallel(found, settle, () => target.pace.width)
}

const notDeleted =
  'objects that the backup does not have were not deleted, since others could not be restored: see to the errors and restore again'

async function remove({ place, object }: ExtraObject, { kube, rehearsal, signal }: Target): Promise<Settled> {
  const { type, namespace, name } = place
  const unchecked = rehearsal?.unchecked(place)
  if (unchecked !== undefined) return { action: 'deleted', remarks: [], rehearsed: { unchecked } }
  try {
    await kube.delete(type, name, { namespace, uid: object.metadata.uid, propagation: 'Background', signal })
    return { action: 'deleted', remarks: [] }
  } catch (error) {
    if (!(error instanceof KubeError) || endsTheRun(error)) throw error
    const message = `error deleting ${resourceName(type)}/${namespace ?? ''}/${name}: ${refusal(error)}`
    return { action: 'failed', remarks: [{ severity: 'error', message }] }
  }
}

function outcome({ place: { type, namespace, name }, object }: ExtraObject, settled: Settled): Outcome {
  const { apiVersion, kind } = object
  // They are none of the objects that were to be restored.
  return { resource: resourceName(type), kind: { apiVersion, kind }, namespace, name, ...settled, counts: false }
}
