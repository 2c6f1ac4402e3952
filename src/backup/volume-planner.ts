import type { Backup } from '#api/backup.ts'
import { claimNamesOf, volumeOf } from '#items/related.ts'
import { protectVolume, type VolumeProtection } from '#items/volume-protection.ts'
import type { Cut } from '#collect/cut.ts'
import { isFatal } from '#collect/start.ts'
import { allAt, pagesAt } from '#kube/at-version.ts'
import { PersistentVolumes, Pods } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { resourceName, withoutManagedFields, type KubeObject } from '#kube/object.ts'
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
  /** What decides is read at the cut where that can be had. */
  readonly cut: Pick<Cut, 'types'> & { readonly resourceVersion?: string | undefined }
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

/** Up to so many are asked for one by one; more by one list of all. */
const FEW = 16

export function volumePlanner(options: VolumePlannerOptions): VolumePlanner {
  return new Planner(options)
}

class Planner implements VolumePlanner {
  readonly servesSnapshots: boolean
  readonly #options: VolumePlannerOptions
  readonly #volumes = new Map<string, KubeObject>()
  /** Pods that mount claims, of the namespaces that were read. */
  readonly #pods = new Map<string, KubeObject[]>()
  #allPodsRead = false
  #classes: Promise<KubeObject[]> | undefined

  constructor(options: VolumePlannerOptions) {
    this.#options = options
    this.servesSnapshots = options.cut.types.some((type) => resourceName(type) === resourceName(VolumeSnapshots))
  }

  know(volume: KubeObject): void {
    this.#volumes.set(volume.metadata.name, volume)
  }

  async ofClaims(claims: readonly KubeObject[]): Promise<PlannedVolume[]> {
    if (claims.length === 0) return []
    const { kube, signal } = this.#options
    let snapshotClasses: readonly KubeObject[] | undefined
    try {
      ;[snapshotClasses] = await Promise.all([this.#readClasses(), this.#readVolumes(claims), this.#readPods(claims)])
    } catch (error) {
      if (await isFatal(error, { kube, signal })) throw error
      return claims.map((claim) => notKnown(claim, error as Error))
    }
    return claims.map((claim) => {
      const { name } = claim.metadata
      const pods = (this.#pods.get(namespaceOf(claim)) ?? []).filter((pod) => claimNamesOf(pod).includes(name))
      const volume = this.#volumes.get(volumeOf(claim)?.name ?? '')
      return this.#decided({ claim, volume, pods }, snapshotClasses)
    })
  }

  ofVolume(volume: KubeObject): PlannedVolume {
    return this.#decided({ claim: undefined, volume, pods: [] }, undefined)
  }

  #decided(
    question: Pick<PlannedVolume, 'claim' | 'volume' | 'pods'>,
    snapshotClasses: readonly KubeObject[] | undefined,
  ): PlannedVolume {
    const { backup, policies } = this.#options
    return { ...question, protection: protectVolume({ ...question, backup, policies, snapshotClasses }) }
  }

  async #readClasses(): Promise<readonly KubeObject[] | undefined> {
    const { kube, cut, signal } = this.#options
    if (!this.servesSnapshots) return undefined
    this.#classes ??= allAt(kube, VolumeSnapshotClasses, { version: cut.resourceVersion, signal })
    return await this.#classes
  }

  async #readVolumes(claims: readonly KubeObject[]): Promise<void> {
    const { kube, cut, signal } = this.#options
    const wanted = new Set(claims.flatMap((claim) => volumeOf(claim)?.name ?? []))
    const missing = (): string[] => [...wanted].filter((name) => !this.#volumes.has(name))
    // A claim that a hook has asked for may be newer than the cut.
    for (const version of [cut.resourceVersion, undefined]) {
      if (missing().length <= FEW) break
      for await (const { items } of pagesAt(kube, PersistentVolumes, { version, signal }))
        for (const volume of items) if (wanted.has(volume.metadata.name)) this.know(withoutManagedFields(volume))
    }
    if (missing().length > FEW) return
    const found = await Promise.all(missing().map((name) => kube.find(PersistentVolumes, name, { signal })))
    for (const volume of found) if (volume !== undefined) this.know(withoutManagedFields(volume))
  }

  async #readPods(claims: readonly KubeObject[]): Promise<void> {
    const missing = new Set(claims.map(namespaceOf).filter((name) => !this.#pods.has(name)))
    if (this.#allPodsRead || missing.size === 0) return
    this.#allPodsRead = missing.size > FEW
    // With a list of all, those that were read before come again.
    if (this.#allPodsRead) this.#pods.clear()
    for (const namespace of this.#allPodsRead ? [undefined] : missing) await this.#readPodsIn(namespace)
  }

  async #readPodsIn(namespace: string | undefined): Promise<void> {
    const { kube, cut, signal } = this.#options
    if (namespace !== undefined) this.#pods.set(namespace, [])
    for await (const { items } of pagesAt(kube, Pods, { version: cut.resourceVersion, namespace, signal })) {
      for (const pod of items.filter((one) => claimNamesOf(one).length > 0)) {
        const known = this.#pods.get(namespaceOf(pod)) ?? []
        known.push(withoutManagedFields(pod))
        this.#pods.set(namespaceOf(pod), known)
      }
    }
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
