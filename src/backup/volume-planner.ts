import type { Backup } from '#api/backup.ts'
import { claimNamesOf, volumeOf } from '#items/related.ts'
import { protectVolume, type VolumeProtection } from '#items/volume-protection.ts'
import type { Cut } from '#collect/cut.ts'
import { isFatal } from '#collect/start.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName, type KubeObject, type ResourceType } from '#kube/object.ts'
import type { VolumePolicy } from '#selection/resource-policies.ts'
import { VolumeSnapshotClasses, VolumeSnapshots } from '#volumes/snapshot-types.ts'

/** A volume of the backup and what becomes of its data. */
export interface PlannedVolume {
  /** Absent for a volume of which no claim is in the backup. */
  readonly claim: KubeObject | undefined
  /** The PersistentVolume, if there is one. */
  readonly volume: KubeObject | undefined
  /** Pods that mount the claim. */
  readonly pods: readonly KubeObject[]
  readonly protection: VolumeProtection
}

export interface VolumePlannerOptions {
  readonly kube: KubeClient
  readonly cut: Pick<Cut, 'types'>
  readonly backup: Backup
  readonly policies: readonly VolumePolicy[]
  readonly signal?: AbortSignal | undefined
}

/** Decides about volumes, and reads what the decisions rest on: each volume, class and namespace of pods once. */
export interface VolumePlanner {
  /** Whether the cluster serves CSI snapshots. */
  readonly servesSnapshots: boolean
  /** Spares reading a volume that has come by. */
  know(volume: KubeObject): void
  /** What cannot be read is a reason. Rejects when the API server is lost. */
  ofClaims(claims: readonly KubeObject[]): Promise<PlannedVolume[]>
  /** Of a volume without a claim in the backup. */
  ofVolume(volume: KubeObject): PlannedVolume
}

const Volumes: ResourceType = core('persistentvolumes', 'PersistentVolume', false)
export const Pods: ResourceType = core('pods', 'Pod', true)

/** Up to so many are asked for one by one; more by one list of all. */
const FEW = 16

export function volumePlanner({ kube, cut, backup, policies, signal }: VolumePlannerOptions): VolumePlanner {
  const servesSnapshots = cut.types.some((type) => resourceName(type) === resourceName(VolumeSnapshots))
  const volumes = new Map<string, KubeObject>()
  const podsIn = new Map<string, KubeObject[]>()
  let allPods = false
  let classes: Promise<KubeObject[]> | undefined

  const readVolumes = async (claims: readonly KubeObject[]): Promise<void> => {
    const wanted = claims.flatMap((claim) => volumeOf(claim)?.name ?? [])
    const names = new Set(wanted.filter((name) => !volumes.has(name)))
    if (names.size <= FEW) {
      const found = await Promise.all([...names].map((name) => kube.find(Volumes, name, { signal })))
      for (const volume of found) if (volume !== undefined) volumes.set(volume.metadata.name, volume)
      return
    }
    for await (const { items } of kube.pages(Volumes, { signal })) {
      for (const volume of items) if (names.has(volume.metadata.name)) volumes.set(volume.metadata.name, volume)
    }
  }
  const readPods = async (claims: readonly KubeObject[]): Promise<void> => {
    if (allPods) return
    const missing = new Set(claims.map(namespaceOf).filter((name) => !podsIn.has(name)))
    allPods = missing.size > FEW
    for (const namespace of allPods ? [undefined] : missing) {
      if (namespace !== undefined) podsIn.set(namespace, [])
      for await (const { items } of kube.pages(Pods, { namespace, signal })) {
        for (const pod of items.filter((one) => claimNamesOf(one).length > 0)) {
          const place = namespaceOf(pod)
          // A namespace that was read before comes again in a list of all.
          const known = podsIn.get(place) ?? []
          if (!known.some(({ metadata }) => metadata.name === pod.metadata.name)) podsIn.set(place, [...known, pod])
        }
      }
    }
  }
  const readClasses = async (): Promise<readonly KubeObject[] | undefined> => {
    if (!servesSnapshots) return undefined
    classes ??= Array.fromAsync(kube.pages(VolumeSnapshotClasses, { signal })).then((pages) =>
      pages.flatMap(({ items }) => items),
    )
    return await classes
  }
  const decide = (
    question: Pick<PlannedVolume, 'claim' | 'volume' | 'pods'>,
    snapshotClasses: readonly KubeObject[] | undefined,
  ): PlannedVolume => ({
    ...question,
    protection: protectVolume({ ...question, backup, policies, snapshotClasses }),
  })
  return {
    servesSnapshots,
    know: (volume) => void volumes.set(volume.metadata.name, volume),
    async ofClaims(claims) {
      if (claims.length === 0) return []
      let snapshotClasses: readonly KubeObject[] | undefined
      try {
        ;[snapshotClasses] = await Promise.all([readClasses(), readVolumes(claims), readPods(claims)])
      } catch (error) {
        if (await isFatal(error, { kube, signal })) throw error
        return claims.map((claim) => notKnown(claim, error as Error))
      }
      return claims.map((claim) => {
        const { name } = claim.metadata
        const pods = (podsIn.get(namespaceOf(claim)) ?? []).filter((pod) => claimNamesOf(pod).includes(name))
        const volume = volumes.get(volumeOf(claim)?.name ?? '')
        return decide({ claim, volume, pods }, snapshotClasses)
      })
    },
    ofVolume: (volume) => decide({ claim: undefined, volume, pods: [] }, undefined),
  }
}

function notKnown(claim: KubeObject, { message }: Error): PlannedVolume {
  const text = `what decides about it cannot be read: ${message}`
  const protection = { by: 'nothing', reason: 'not-known', approach: 'any', severity: 'error', text } as const
  return { claim, volume: undefined, pods: [], protection }
}

function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? ''
}

function core(plural: string, kind: string, namespaced: boolean): ResourceType {
  return { group: '', version: 'v1', plural, kind, namespaced }
}
