import { diffObjects } from '#items/diff.ts'
import { type ExistingDecision, restoreManager } from '#items/existing.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import type { Place } from './live-objects.ts'
import { notedPatch } from './managed-fields.ts'
import type { Outcome, Remark } from './outcome.ts'
import type { Rehearsal } from './rehearsal.ts'

export interface ExistingOptions {
  kube: KubeClient
  rehearsal?: Rehearsal | undefined
  signal?: AbortSignal | undefined
}

/** What became of an object that was there before: the part of its outcome that differs. */
export type Settled = Pick<Outcome, 'action' | 'remarks' | 'because' | 'rehearsed'>

/** A live object, what the backup wants it to be, and what to do about it. */
export interface Existing {
  live: KubeObject
  desired: KubeObject
  decision: Exclude<ExistingDecision, { do: 'recreate' }>
}

/** Does to a live object what was decided, and never more (spec/restore §6.1). Rejects only when the cluster cannot be reached. */
export async function settleExisting(place: Place, existing: Existing, options: ExistingOptions): Promise<Settled> {
  const { decision } = existing
  switch (decision.do) {
    case 'nothing':
      return { action: 'skipped', remarks: [], because: decision.because }
    case 'warn':
      return rehearsed(failed({ severity: 'warning', message: decision.message }), existing, options)
    case 'label': {
      if (options.rehearsal?.unchecked(place) !== undefined) return { action: 'skipped', remarks: [], because: 'equal' }
      const { refused } = await patch(place, decision.patch, options)
      if (refused === undefined) return { action: 'skipped', remarks: [], because: 'equal' }
      return failed({ severity: 'error', message: refused })
    }
    case 'patch':
      return await settleByPatch(place, { ...existing, decision }, options)
  }
}

type Patching = Existing & { decision: Extract<ExistingDecision, { do: 'patch' }> }

async function settleByPatch(place: Place, existing: Patching, options: ExistingOptions): Promise<Settled> {
  const { live, decision } = existing
  const unchecked = options.rehearsal?.unchecked(place)
  if (unchecked !== undefined) {
    return { action: 'updated', remarks: [], rehearsed: { unchecked, changes: diffObjects(live, existing.desired) } }
  }
  const noted = notedPatch(decision.patch, live, restoreManager)
  const { refused, patched = live } = await patch(place, noted, { ...options, fieldManager: restoreManager })
  if (refused === undefined) return rehearsed({ action: 'updated', remarks: [] }, { live, desired: patched }, options)
  const { refused: unlabelled } = await patch(place, decision.labelsOnly, options)
  const remarks: Remark[] = [{ severity: 'warning', message: refused }]
  if (unlabelled !== undefined) remarks.push({ severity: 'error', message: unlabelled })
  return rehearsed(failed(...remarks), existing, options)
}

function failed(...remarks: Remark[]): Settled {
  return { action: 'failed', remarks }
}

/** With the difference between the two objects, where somebody wants to see it. */
function rehearsed(
  settled: Settled,
  { live, desired }: { live: KubeObject; desired: KubeObject },
  { rehearsal }: ExistingOptions,
): Settled {
  if (rehearsal === undefined) return settled
  return { ...settled, rehearsed: { changes: diffObjects(live, desired) } }
}

/** The server's words when it refuses the patch, or the patched object; neither when there is nothing in the patch. */
async function patch(
  { type, namespace, name }: Place,
  change: Record<string, unknown>,
  { kube, fieldManager, signal }: ExistingOptions & { fieldManager?: string },
): Promise<{ refused?: string; patched?: KubeObject }> {
  if (Object.keys(change).length === 0) return {}
  try {
    return { patched: await kube.patch(type, name, { merge: change }, { namespace, fieldManager, signal }) }
  } catch (error) {
    if (error instanceof KubeError && error.problem !== 'unreachable') {
      return { refused: error.serverMessage || error.message }
    }
    throw error
  }
}
