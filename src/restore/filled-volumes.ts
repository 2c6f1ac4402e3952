import type { Restore } from '#api/restore.ts'
import { labelKeys, labelValue } from '#api/labels.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'
import { PersistentVolumes } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import { followClaims, type FilledState } from '#volumes/filled-claims.ts'
import type { Filling } from './claimed-snapshots.ts'

export interface FilledVolumesOptions {
  readonly restore: Restore
  readonly kube: KubeClient
  /** Of the backup, by name of the PersistentVolume. */
  readonly volumes: ReadonlyMap<string, VolumeInfo>
  readonly log: RunLog
  /** How long a claim may take to be bound, in milliseconds; default ten minutes, as Velero. */
  readonly patience?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Told why the data of a claim have not come back. */
  readonly failed: (claim: Filling['claim'], reason: string) => void
}

const TEN_MINUTES_MS = 600_000

/**
 * Waits for the volumes of restored claims, and gives each the labels and the reclaim policy that its predecessor had (spec/restore §11). Gives
 * the entries of the restore's volume info. Rejects with KubeError when the cluster is lost, or with the signal's reason.
 */
export async function finishVolumes(
  fillings: readonly Filling[],
  options: FilledVolumesOptions,
): Promise<VolumeInfo[]> {
  if (fillings.length === 0) return []
  const { restore, kube, patience = TEN_MINUTES_MS, signal } = options
  const infos: VolumeInfo[] = []
  const byClaim = new Map(fillings.map((filling) => [keyOf(filling.claim), filling]))
  await followClaims(
    fillings.map(({ claim, snapshot }) => ({ ...claim, snapshot })),
    {
      kube,
      labelSelector: `${labelKeys.restoreName}=${labelValue(restore.metadata.name)}`,
      patienceMillis: patience,
      signal,
      onEnd: async (claim, state) => {
        const filling = byClaim.get(keyOf(claim))
        if (filling === undefined) return
        await endOf(filling, state, options)
        infos.push(infoOf(filling, state, options))
      },
    },
  )
  return infos
}

async function endOf(
  { claim, formerVolume }: Filling,
  state: FilledState,
  options: FilledVolumesOptions,
): Promise<void> {
  const { log, volumes, failed } = options
  const fields = { resource: 'persistentvolumeclaims', ...claim }
  switch (state.is) {
    case 'stuck':
      return failed(claim, `the data of persistentvolumeclaims/${keyOf(claim)} have not come back: ${state.reason}`)
    case 'unused':
      return log.info(
        'the volume is made when a pod uses the claim; labels and reclaim policy are those of its class',
        fields,
      )
    case 'bound':
      try {
        await likeBefore(state.volume, volumes.get(formerVolume ?? ''), options)
      } catch (error) {
        if (!(error instanceof KubeError) || error.problem === 'unreachable') throw error
        failed(claim, `volume ${state.volume} does not get the labels and reclaim policy it had: ${error.message}`)
      }
  }
}

async function likeBefore(
  name: string,
  former: VolumeInfo | undefined,
  { kube, signal }: FilledVolumesOptions,
): Promise<void> {
  const info = former?.['pvInfo'] as { reclaimPolicy?: string; labels?: Record<string, string> | null } | undefined
  if (info === undefined) return
  const live = await kube.get(PersistentVolumes, name, { signal })
  const patch = volumePatch(live, { reclaimPolicy: info.reclaimPolicy || undefined, labels: info.labels ?? {} })
  if (patch !== undefined) await kube.patch(PersistentVolumes, name, { merge: patch }, { signal })
}

/** What makes a volume carry exactly these labels and this policy; undefined when it does. */
function volumePatch(
  { metadata, ...rest }: KubeObject,
  { reclaimPolicy, labels }: { reclaimPolicy: string | undefined; labels: Readonly<Record<string, string>> },
): object | undefined {
  const live = metadata.labels ?? {}
  const gone = Object.keys(live).filter((key) => !(key in labels))
  const changed = Object.entries(labels).filter(([key, value]) => live[key] !== value)
  const change = Object.fromEntries([...gone.map((key) => [key, null]), ...changed])
  const policy = (rest['spec'] as { persistentVolumeReclaimPolicy?: string } | undefined)?.persistentVolumeReclaimPolicy
  const changesPolicy = reclaimPolicy !== undefined && reclaimPolicy !== policy
  if (Object.keys(change).length === 0 && !changesPolicy) return undefined
  return {
    metadata: { labels: change },
    ...(changesPolicy ? { spec: { persistentVolumeReclaimPolicy: reclaimPolicy } } : {}),
  }
}

/** One entry (spec/object-store §12). */
function infoOf(
  { claim, snapshot, formerVolume }: Filling,
  state: FilledState,
  { volumes }: FilledVolumesOptions,
): VolumeInfo {
  const former = volumes.get(formerVolume ?? '')?.['csiSnapshotInfo'] as Record<string, unknown> | undefined
  return {
    pvcName: claim.name,
    pvcNamespace: claim.namespace,
    ...(state.is === 'bound' ? { pvName: state.volume } : {}),
    restoreMethod: 'CSISnapshot',
    snapshotDataMoved: false,
    csiSnapshotInfo: {
      snapshotHandle: former?.['snapshotHandle'] ?? '',
      size: former?.['size'] ?? 0,
      driver: former?.['driver'] ?? '',
      vscName: snapshot,
      ReadyToUse: null,
    },
  }
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`
}
