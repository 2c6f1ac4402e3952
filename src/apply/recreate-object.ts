import { setTimeout as sleep } from 'node:timers/promises'
import { diffObjects } from '#items/diff.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import {
  type CreateOptions,
  type Creation,
  createObject,
  reasonOf,
  refusal,
  restoreFailure,
  saysItExists,
} from './create-object.ts'
import type { Settled } from './existing-object.ts'
import type { Place } from './live-objects.ts'
import type { Rehearsal } from './rehearsal.ts'

export interface RecreateOptions extends CreateOptions {
  rehearsal?: Rehearsal | undefined
  /** How long an object may take to be gone after it was deleted, in milliseconds. */
  deletionPatience: number
}

const FIRST_POLL_MS = 50
const SLOWEST_POLL_MS = 1_000

/**
 * Deletes `live` and makes the object of `creation` in its place. It is deleted only when the API server says that it would take the new one,
 * and what it owns is let go instead of deleted with it, to be adopted by the new one. Gives the object as `createObject` does, or what
 * became of it otherwise. Rejects only with what ends the run.
 */
export async function recreateObject(
  place: Place,
  { live, creation }: { live: KubeObject; creation: Creation },
  options: RecreateOptions,
): Promise<{ made: KubeObject } | { settled: Settled }> {
  const desired = creation.object
  const changes = diffObjects(live, desired)
  const failed = (reason: string): { settled: Settled } => {
    const message = restoreFailure(resourceName(place.type), place, reason)
    return { settled: { action: 'failed', remarks: [{ severity: 'error', message }], rehearsed: { changes } } }
  }
  const { rehearsal } = options
  const planned = (unchecked?: string): { settled: Settled } => ({
    settled: { action: 'recreated', remarks: [], rehearsed: { changes, unchecked } },
  })
  const unchecked = rehearsal?.unchecked(place)
  if (unchecked !== undefined) return planned(unchecked)
  const refused = await reasonOf(() => wouldBeTaken(place, desired, options))
  if (refused !== undefined) {
    const excuse = rehearsal?.excuse(desired)
    return excuse === undefined ? failed(`${refusal(refused)}; it was left as it is`) : planned(excuse)
  }
  const kept = await reasonOf(() => remove(place, live, options))
  if (kept !== undefined) return failed(`${refusal(kept)}; it was left as it is`)
  if (rehearsal !== undefined) return planned()
  const still = await untilGone(place, live, options)
  if (still !== undefined) return failed(stillThere(still, options.deletionPatience))
  let made: KubeObject | undefined
  const lost = await reasonOf(async () => {
    made = await createObject(place, creation, options)
  })
  if (made !== undefined) return { made }
  return failed(`it was deleted to be made anew, and is missing now: ${lost && refusal(lost)}; restore it again`)
}

/** Asks for a dry run. That the name is taken is the answer wanted: it comes after validation and admission have agreed. */
async function wouldBeTaken(place: Place, object: KubeObject, { kube, signal }: CreateOptions): Promise<void> {
  try {
    await kube.create(place.type, object, { namespace: place.namespace, dryRun: true, signal })
  } catch (error) {
    if (!(error instanceof KubeError) || !saysItExists(error, place)) throw error
  }
}

async function remove(place: Place, live: KubeObject, { kube, signal }: CreateOptions): Promise<void> {
  const { type, namespace, name } = place
  await kube.delete(type, name, { namespace, uid: live.metadata.uid, propagation: 'Orphan', signal })
}

/** Undefined when `live` is gone, the object as it still is when it did not go in time. */
async function untilGone(
  { type, namespace, name }: Place,
  live: KubeObject,
  { kube, deletionPatience, signal }: RecreateOptions,
): Promise<KubeObject | undefined> {
  const deadline = Date.now() + deletionPatience
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, SLOWEST_POLL_MS)) {
    const still = await kube.find(type, name, { namespace, signal })
    if (still === undefined || still.metadata.uid !== live.metadata.uid) return undefined
    if (Date.now() >= deadline) return still
    await sleep(pause, undefined, { signal })
  }
}

function stillThere({ metadata: { finalizers = [] } }: KubeObject, patience: number): string {
  const holders = finalizers.length === 0 ? '' : ` (finalizers: ${finalizers.join(', ')})`
  return `it was deleted to be made anew, but is not gone after ${Math.round(patience / 1_000)} s${holders}; see to it that it goes, and restore it again`
}
