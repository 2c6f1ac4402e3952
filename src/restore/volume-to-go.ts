import { setTimeout as sleep } from 'node:timers/promises'
import { claimedBy } from '#items/related.ts'
import { PersistentVolumeClaims, PersistentVolumes } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { type KubeObject, Namespaces } from '#kube/object.ts'

/** `in-use`: it stays. `gone`: its name is free now. `fault`: it is neither, and that will not change by itself. */
export type VolumeEnd = 'in-use' | 'gone' | { readonly fault: string }

export interface VolumeToGoOptions {
  readonly kube: KubeClient
  /** How long it may take to be gone, in milliseconds; default ten minutes, as Velero. */
  readonly patience?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const TEN_MINUTES_MS = 600_000

/** Waits for a live PersistentVolume whose claim is going or gone (spec/restore §8.2). Rejects with KubeError or the signal's reason. */
export async function volumeToGo(
  live: KubeObject,
  { kube, patience = TEN_MINUTES_MS, signal }: VolumeToGoOptions,
): Promise<VolumeEnd> {
  const deadline = performance.now() + patience
  const { name } = live.metadata
  for (let current: KubeObject | undefined = live; ;) {
    const { status = {}, spec = {} } = current as { status?: { phase?: string }; spec?: Record<string, unknown> }
    const isReleased = status.phase === 'Released' || status.phase === 'Failed'
    const isDeleted = current.metadata.deletionTimestamp !== undefined
    if (!isDeleted && !isReleased && !(await claimGoes(current, { kube, signal }))) return 'in-use'
    if (!isDeleted && isReleased && spec['persistentVolumeReclaimPolicy'] === 'Retain') {
      return {
        fault: `volume ${name} is still there, without its claim and kept by its reclaim policy: delete it, and restore again`,
      }
    }
    if (performance.now() > deadline) {
      return {
        fault: `volume ${name} is still there, ${isDeleted ? 'though it was deleted' : `in phase ${status.phase}`}: it was waited for in vain`,
      }
    }
    await sleep(1000, undefined, { signal })
    current = await kube.find(PersistentVolumes, name, { signal })
    if (current === undefined) return 'gone'
  }
}

async function claimGoes(volume: KubeObject, { kube, signal }: VolumeToGoOptions): Promise<boolean> {
  const owner = claimedBy(volume)
  if (owner?.namespace === undefined) return false
  const { namespace, name } = owner
  const home = await kube.find(Namespaces, namespace, { signal })
  if (home === undefined || home.metadata.deletionTimestamp !== undefined) return true
  const claim = await kube.find(PersistentVolumeClaims, name, { namespace, signal })
  return claim === undefined || claim.metadata.deletionTimestamp !== undefined
}
