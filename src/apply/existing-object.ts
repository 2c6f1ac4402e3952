import { decideExisting } from '#items/existing.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import type { Place } from './live-objects.ts'
import type { Action, Remark } from './outcome.ts'

export interface ExistingOptions {
  kube: KubeClient
  /** `spec.existingResourcePolicy`. */
  policy: string | undefined
  signal?: AbortSignal | undefined
}

/** What became of an object that was there before: the part of its outcome that differs. */
export interface Settled {
  action: Action
  remarks: readonly Remark[]
}

/** Does to a live object what the policy says, and never more (spec/restore §6.1). Rejects only when the cluster cannot be reached. */
export async function settleExisting(
  place: Place,
  { live, desired }: { live: KubeObject; desired: KubeObject },
  options: ExistingOptions,
): Promise<Settled> {
  const decision = decideExisting({ live, desired, policy: options.policy })
  switch (decision.do) {
    case 'nothing':
      return { action: 'skipped', remarks: [] }
    case 'warn':
      return { action: 'failed', remarks: [{ severity: 'warning', message: decision.message }] }
    case 'label': {
      const refused = await patchRefused(place, decision.patch, options)
      if (refused === undefined) return { action: 'skipped', remarks: [] }
      return { action: 'failed', remarks: [{ severity: 'error', message: refused }] }
    }
    case 'patch': {
      const refused = await patchRefused(place, decision.patch, options)
      if (refused === undefined) return { action: 'updated', remarks: [] }
      const unlabelled = await patchRefused(place, decision.labelsOnly, options)
      const remarks: Remark[] = [{ severity: 'warning', message: refused }]
      if (unlabelled !== undefined) remarks.push({ severity: 'error', message: unlabelled })
      return { action: 'failed', remarks }
    }
  }
}

/** The server's words when it refuses the patch; undefined when it takes it, or when there is nothing in it. */
async function patchRefused(
  { type, namespace, name }: Place,
  patch: Record<string, unknown>,
  { kube, signal }: ExistingOptions,
): Promise<string | undefined> {
  if (Object.keys(patch).length === 0) return undefined
  try {
    await kube.patch(type, name, { merge: patch }, { namespace, signal })
    return undefined
  } catch (error) {
    if (error instanceof KubeError && error.problem !== 'unreachable') return error.serverMessage || error.message
    throw error
  }
}
